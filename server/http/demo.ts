import { readFile } from 'node:fs/promises';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { slugOf } from '../../shared/source.js';
import type { LiveDirectory } from '../domain/directory.js';
import { Refusal } from '../domain/errors.js';
import { spell } from '../domain/phone-numbers.js';
import type { PoolReport } from '../domain/pool-report.js';
import type { JoinedCall, PhoneNumber } from '../domain/ports.js';
import { nameOfSource } from '../domain/report-words.js';
import { playgroundRoutes } from './playground.js';
import { drawPool } from './pool-picture.js';

export interface DemoParts {
  directory: LiveDirectory;
  /** Rejects who may not see it. */
  insiders: (request: FastifyRequest) => Promise<void>;
  /** How a company's pool fares; null: it has none. */
  poolReport: (companyId: string) => Promise<PoolReport | null>;
  /** Plays a call to a number of the demo company and answers how it was joined; null: no simulator token. */
  placeCall: ((companyId: string, from: PhoneNumber, to: PhoneNumber) => Promise<JoinedCall | null>) | null;
}

const FILES = new URL('./demo/', import.meta.url);

const HERE = `calltrk runs here: website call tracking. It serves the script on your pages, takes reports about calls, and has an
API under /v3, which /openapi.json describes.
`;

/**
 * A pretend business with the script on it, and a button that calls it: for loopback peers or with an API key. Everybody
 * else is told at the front door what runs here.
 */
export async function demoRoutes(app: FastifyInstance, parts: DemoParts): Promise<void> {
  const seesDemo = (request: FastifyRequest) =>
    parts.insiders(request).then(
      () => parts.directory.current().companies.some(({ demo, active }) => demo && active),
      () => false,
    );
  app.get(
    '/',
    {
      schema: {
        tags: ['demo'],
        summary: 'Says what runs here; leads who may see the demo there',
        response: {
          200: { description: 'Text.', content: { 'text/plain': { schema: Type.String() } } },
          302: Type.Null(),
        },
      },
    },
    async (request, reply) => {
      // Relative: a proxy may have taken a path away.
      if (await seesDemo(request)) return reply.redirect('demo');
      return reply.type('text/plain; charset=utf-8').send(HERE);
    },
  );
  await app.register(demoPages, parts);
}

async function demoPages(scope: FastifyInstance, parts: DemoParts): Promise<void> {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const read = (name: string) => readFile(new URL(name, FILES), 'utf8');
  const [page, css, js] = await Promise.all([read('index.html'), read('demo.css'), read('demo.js')]);
  app.addHook('preHandler', async (request) => parts.insiders(request));

  const company = () => {
    const found = parts.directory.current().companies.find(({ demo }) => demo);
    if (!found) {
      throw new Refusal(
        'not_found',
        'There is no demo company here: it is made with a new database, and only where HOST is a loopback address.',
      );
    }
    if (!found.active) {
      throw new Refusal('not_found', 'The demo company was disabled: its script shows no numbers any more.');
    }
    return found;
  };
  const scriptUrl = () => {
    const { numericId, scriptKey } = company();
    return `/companies/${numericId}/${scriptKey}/12/swap.js`;
  };
  const file = (type: string, what: string) => ({
    tags: ['demo'],
    summary: what,
    response: { 200: { description: what, content: { [type]: { schema: Type.String() } } } },
  });

  app.get(
    '/demo',
    { schema: file('text/html', 'A pretend business with the script on it') },
    async (_request, reply) => {
      const html = page.replace('{{script_url}}', scriptUrl);
      return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(html);
    },
  );
  app.get('/demo/demo.css', { schema: file('text/css', 'Its style') }, async (_request, reply) =>
    reply.type('text/css; charset=utf-8').send(css),
  );
  app.get('/demo/demo.js', { schema: file('text/javascript', 'Its script') }, async (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(js),
  );

  const trackers = () => {
    const { companyId } = company();
    const all = parts.directory.current().trackers.filter((one) => one.companyId === companyId);
    return all.map(({ trackerId: id, name, type, numbers }) => ({ id, name, type, numbers }));
  };
  await app.register(playgroundRoutes, { scriptUrl, trackers });

  app.get(
    '/demo/pool.svg',
    {
      schema: {
        ...file('image/svg+xml', 'How full its pool is, as a picture'),
        querystring: Type.Object({ shape: Type.Optional(Type.Literal('tall')) }),
      },
    },
    async (request, reply) => {
      const report = await parts.poolReport(company().companyId);
      if (!report) throw new Refusal('not_found', 'The demo company has no pool any more.');
      return reply
        .type('image/svg+xml; charset=utf-8')
        .header('cache-control', 'no-store')
        .send(drawPool(report, request.query.shape));
    },
  );

  app.post(
    '/demo/call',
    {
      schema: {
        tags: ['demo'],
        summary: 'Simulate a call to a number of the demo company',
        body: Type.Object({ number: Type.String({ pattern: '^\\+[1-9][0-9]{6,14}$' }) }),
        response: { 200: Type.Object({}, { additionalProperties: true }) },
      },
    },
    async (request) => {
      const { companyId } = company();
      if (!parts.placeCall) {
        throw new Refusal(
          'forbidden',
          'The simulator is off: TWILIO_AUTH_TOKEN is set, so only Twilio may report calls.',
        );
      }
      const from = randomCaller();
      const call = await parts.placeCall(companyId, from, request.body.number);
      if (!call)
        throw new Refusal('unavailable', 'The call was played but its record is not there yet. Try again.');
      return {
        id: call.callId,
        caller: spell(from).national,
        number: spell(call.trackingNumber).national,
        state: call.state,
        duration: call.duration,
        source: sourceNameOf(call),
        attribution: call.attribution,
        /** Each once, the likeliest first. */
        candidates: [...new Set(call.attribution.candidates.map(({ source }) => nameOfSource(source)))],
        visit: call.visit,
      };
    },
  );
}

/** Null: it is not known. */
function sourceNameOf({ visit, trackerName, attribution }: JoinedCall): string | null {
  if (visit) return visit.sourceName;
  if (attribution.source === null) return null;
  // A tracker for what no network stands for gives its name to the source.
  return slugOf(trackerName ?? '') === attribution.source ? trackerName : nameOfSource(attribution.source);
}

/** Another caller each time, so that one call does not make the next one a known caller's. */
function randomCaller(): PhoneNumber {
  const two = String(Math.floor(Math.random() * 100)).padStart(2, '0');
  const area = 201 + Math.floor(Math.random() * 700);
  return `+1${area}55501${two}`;
}
