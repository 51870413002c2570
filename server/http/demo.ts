import { readFile } from 'node:fs/promises';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify';
import { Type } from 'typebox';
import type { LiveDirectory } from '../domain/directory.js';
import { Refusal } from '../domain/errors.js';
import { spell } from '../domain/phone-numbers.js';
import type { PoolReport } from '../domain/pool-report.js';
import type { JoinedCall, PhoneNumber } from '../domain/ports.js';
import { playgroundRoutes } from './playground.js';
import { drawPool } from './pool-picture.js';

export interface DemoParts {
  directory: LiveDirectory;
  insiders: preHandlerAsyncHookHandler;
  /** How a company's pool fares; null: it has none. */
  poolReport: (companyId: string) => Promise<PoolReport | null>;
  /** Plays a call to a number of the demo company and answers how it was joined; null: no simulator token. */
  placeCall: ((companyId: string, from: PhoneNumber, to: PhoneNumber) => Promise<JoinedCall | null>) | null;
}

const FILES = new URL('./demo/', import.meta.url);

/** A pretend business with the script on it, and a button that calls it. For loopback peers or with an API key. */
export async function demoRoutes(scope: FastifyInstance, parts: DemoParts): Promise<void> {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const read = (name: string) => readFile(new URL(name, FILES), 'utf8');
  const [page, css, js] = await Promise.all([read('index.html'), read('demo.css'), read('demo.js')]);
  app.addHook('preHandler', parts.insiders);

  const company = () => {
    const found = parts.directory.current().companies.find(({ demo }) => demo);
    if (!found) {
      throw new Refusal(
        'not_found',
        'There is no demo company here: it is made with a new database, and only where HOST is a loopback address.',
      );
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

  // Who opens the address of the ready line in a browser wants to see something.
  app.get(
    '/',
    { schema: { tags: ['demo'], summary: 'Leads to the demo page', response: { 302: Type.Null() } } },
    async (_request, reply) => reply.redirect('/demo'),
  );
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

  await app.register(playgroundRoutes, { scriptUrl });

  app.get(
    '/demo/pool.svg',
    { schema: file('image/svg+xml', 'How full its pool is, as a picture') },
    async (_request, reply) => {
      const report = await parts.poolReport(company().companyId);
      if (!report) throw new Refusal('not_found', 'The demo company has no pool any more.');
      return reply
        .type('image/svg+xml; charset=utf-8')
        .header('cache-control', 'no-store')
        .send(drawPool(report));
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
        source: call.visit?.sourceName ?? call.trackerName,
        attribution: call.attribution,
        visit: call.visit,
      };
    },
  );
}

/** Another caller each time, so that one call does not make the next one a known caller's. */
function randomCaller(): PhoneNumber {
  const two = String(Math.floor(Math.random() * 100)).padStart(2, '0');
  const area = 201 + Math.floor(Math.random() * 700);
  return `+1${area}55501${two}`;
}
