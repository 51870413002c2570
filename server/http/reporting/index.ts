import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { notFound } from '../../domain/errors.js';
import type { ReportStore, User } from '../../domain/reports.js';
import type { Auth } from '../auth.js';
import { accounts } from './accounts.js';
import { callAttribution } from './call-attribution.js';
import { calls } from './calls.js';
import { companies } from './companies.js';
import { formSubmissions } from './form-submissions.js';
import type { Frame } from './frame.js';
import { pageViews } from './page-views.js';
import { persons } from './persons.js';
import { pools } from './pools.js';
import { summaries } from './summaries.js';
import { trackers } from './trackers.js';
import { users } from './users.js';

export interface ReportingParts {
  reports: ReportStore;
  auth: Auth;
  /** Companies, trackers or numbers have changed; resolves when this server serves the change. */
  onDirectoryChange: () => Promise<void>;
  /** `PUBLIC_URL`, where an operator has set it. */
  publicUrl: string | undefined;
  now?: () => number;
}

/** The reporting API: CallRail's v3 under `/v3`. To be registered as a plugin, since its hooks are its own. */
export async function reportingRoutes(app: FastifyInstance, parts: ReportingParts): Promise<void> {
  const asking = new WeakMap<FastifyRequest, User>();

  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const user = await parts.auth.authenticate(request);
    const { account } = request.params as { account?: string };
    if (account !== undefined && account !== user.accountId && account !== user.accountNumericId) {
      throw notFound('account', account);
    }
    if (request.method === 'GET' && hasBody(request)) {
      throw notAcceptable('The parameters of a GET belong into its URL, not into a body.');
    }
    asking.set(request, user);
  });
  readJsonOnly(app);
  // The frame reads paths and queries itself: a repeated or unknown parameter must not fail a request.
  app.setValidatorCompiler((part) =>
    part.httpPart === 'body' ? TypeBoxValidatorCompiler(part as never) : () => true,
  );
  // What is answered depends on `fields`: the tables of the resources are the filter, the schemas describe.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));

  const frame: Frame = {
    app,
    reports: parts.reports,
    userOf: (request) => asking.get(request) as User,
    publicUrl: parts.publicUrl,
    now: parts.now ?? Date.now,
    async directoryChanged() {
      // The change is kept: a server that hears of it later is no reason to tell the client otherwise.
      await parts
        .onDirectoryChange()
        .catch((err: unknown) => app.log.error({ err }, 'directory not reloaded'));
    },
  };
  for (const register of [
    accounts,
    users,
    companies,
    trackers,
    pools,
    calls,
    summaries,
    pageViews,
    callAttribution,
    formSubmissions,
    persons,
  ])
    register(frame);
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function notAcceptable(problem: string): Error {
  return Object.assign(new Error(problem), { statusCode: 406 });
}

/**
 * Bodies are JSON, whatever a client calls them (curl calls every body a form). What is none is answered 406, and an
 * empty one is no body, also where a client names a type for it.
 */
function readJsonOnly(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('remove', 'remove');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parseJson(request, body as string, done);
  });
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined);
    parseJson(request, body as string, (error, value) => {
      if (error)
        done(notAcceptable('Parameters are to be sent as JSON, with Content-Type: application/json.'));
      else done(null, value);
    });
  });
}
