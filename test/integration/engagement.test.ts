/** How engaged a visit was, from what its pages tell to the history that a call is joined by. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callJudge } from '../../server/domain/calls.js';
import type { CallHistory, Change, RecordEntry } from '../../server/domain/ports.js';
import {
  applyMigration,
  knownMigrations,
  makeMigrationTable,
  migrate,
} from '../../server/storage/postgres/migrate.js';
import { createRecordStore } from '../../server/storage/postgres/record-store.js';
import { DEMO_NUMBER, type DemoCompany, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { insert, seedSession, seedVisit } from '../support/seed.js';
import { type RunningServer, removeDataDir, report, startServer, visitor } from '../support/server.js';

let postgres: TestPostgres;
let redis: TestRedis;
let servers: [RunningServer, RunningServer];
let demo: DemoCompany;
let pool: pg.Pool;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const url = await postgres.createDatabase();
  const env = { DATABASE_URL: url, REDIS_URL: redis.url, CALLTRK_API_KEY: 'k'.repeat(40) };
  servers = await Promise.all([startServer({ env }), startServer({ env })]);
  demo = await demoCompany(servers[0]);
  pool = new pg.Pool({ connectionString: url });
});
afterAll(async () => {
  await Promise.all((servers ?? []).map((server) => server.end()));
  await pool?.end();
  await Promise.all([postgres?.close(), redis?.close()]);
  for (const { dataDir } of servers ?? []) removeDataDir(dataDir);
});

const uuid = (): string => crypto.randomUUID();
const seconds = (some: number) => new Promise((done) => setTimeout(done, some * 1000));
const page = (id: string = uuid()) => ({ page: { id, url: 'https://bluebird.example/', title: 'Home' } });

/** What the record has of a session's one visit. */
async function recorded(session: string): Promise<{ pages: number; active: number; length: number }> {
  const { rows } = await pool.query(
    `SELECT pages, active_seconds AS active, extract(epoch FROM last_seen - started_at)::float8 AS length
     FROM visits WHERE session_id = $1`,
    [session],
  );
  expect(rows).toHaveLength(1);
  return rows[0];
}

test('a visit has its pages, and the time from its first sign of life to the leave of its last page', async () => {
  const someone = visitor(servers[0], demo.scriptKey);
  await someone.swap();
  expect(await recorded(someone.session)).toEqual({ pages: 1, active: 0, length: 0 });
  await seconds(2);
  await someone.swap();
  // However soon it comes, a page view is not lost.
  const soon = await recorded(someone.session);
  expect(soon).toMatchObject({ pages: 2, active: Math.floor(soon.length) });
  expect(soon.active).toBeGreaterThanOrEqual(2);
  await someone.send({ type: 'page_view', url: 'https://bluebird.example/2' });
  await seconds(3.5);
  await someone.send({ type: 'ping' });
  const pinged = await recorded(someone.session);
  expect(pinged).toMatchObject({ pages: 3, active: Math.floor(pinged.length) });
  expect(pinged.active).toBeGreaterThanOrEqual(5);
  await seconds(5.2);
  await someone.send({ type: 'leave' });
  const left = await recorded(someone.session);
  expect(left).toMatchObject({ pages: 3, active: Math.floor(left.length) });
  expect(left.active).toBeGreaterThanOrEqual(10);
});

test('the routes of a page that never loads anew are pages of its visit, and the call knows on which it came', async () => {
  const someone = visitor(servers[0], demo.scriptKey);
  const { body } = await someone.swap();
  const number = body.numbers[DEMO_NUMBER].e164;
  await seconds(1);
  const route = (path: string, at: number) => ({
    type: 'page_view',
    url: `https://bluebird.example${path}`,
    title: path.slice(1),
    at,
  });
  const now = Date.now();
  // Both in one request, as they are after a bad network, and in the wrong order.
  await someone.send(route('/contact', now), route('/prices', now - 5000));
  const { rows } = await pool.query(
    `SELECT url, title, visit_id FROM page_views WHERE session_id = $1 ORDER BY viewed_at, client_at`,
    [someone.session],
  );
  const visit_id = body.visit;
  expect(rows).toEqual([
    { url: 'https://bluebird.example/', title: 'Home', visit_id },
    { url: 'https://bluebird.example/prices', title: 'prices', visit_id },
    { url: 'https://bluebird.example/contact', title: 'contact', visit_id },
  ]);
  const told = await recorded(someone.session);
  expect(told.pages).toBe(3);
  expect(told.length).toBeGreaterThanOrEqual(1);
  await someone.send({ type: 'tap', number, target: DEMO_NUMBER });
  await twilioWebhook(servers[0], '/v1/telephony/twilio/voice', incoming(number));
  const call = await until(
    async () => {
      const { calls } = await report(servers[0], 'calls.json?fields=last_requested_url,attribution');
      return calls.find(({ attribution }: any) => attribution.visit === visit_id);
    },
    { what: 'the joined call' },
  );
  expect(call.last_requested_url).toBe('https://bluebird.example/contact');
  const { candidates } = await report(servers[0], `calls/${call.id}/attribution.json`);
  expect(candidates[0]).toMatchObject({ visit: visit_id, pages: 3 });
});

test('a page that is told again counts once, also by another server', async () => {
  const session = uuid();
  const [here, there] = servers.map((server) => visitor(server, demo.scriptKey, session));
  const first = page();
  for (const who of [here, here, there, there, here]) expect((await who?.swap(first))?.status).toBe(200);
  expect(await recorded(session)).toMatchObject({ pages: 1 });
  const id = uuid();
  for (const who of [there, here])
    await who?.send({ id, type: 'page_view', url: 'https://bluebird.example/2' });
  expect(await recorded(session)).toMatchObject({ pages: 2 });
});

test('two servers count the pages of one visit together, also those that come at once', async () => {
  const session = uuid();
  const both = servers.map((server) => visitor(server, demo.scriptKey, session));
  for (let round = 0; round < 3; round++) await Promise.all([...both, ...both].map((who) => who.swap()));
  await seconds(1.2);
  for (const who of both) await who.swap();
  const { pages, active, length } = await recorded(session);
  expect(pages).toBe(14);
  expect(active).toBeGreaterThanOrEqual(1);
  expect(active).toBeLessThanOrEqual(length);
});

test('what waits in a journal while the record is away counts once when it is back', async () => {
  const someone = visitor(servers[0], demo.scriptKey);
  await someone.swap();
  const blocker = await pool.connect();
  await blocker.query('BEGIN; LOCK TABLE visits IN ACCESS EXCLUSIVE MODE');
  const again = page();
  for (const view of [page(), again, again]) expect((await someone.swap(view)).status).toBe(200);
  await blocker.query('ROLLBACK');
  blocker.release();
  await until(async () => ((await recorded(someone.session)).pages >= 3 ? true : undefined));
  await someone.swap();
  expect(await recorded(someone.session)).toMatchObject({ pages: 4 });
});

const AT = 1_800_000_000_000;
const COMPANY = 'COM1';

/** A visit of 2027, straight into the record. */
function past() {
  const [sessionId, visitId] = [uuid(), uuid()];
  const entry = (...changes: Change[]): RecordEntry => ({
    companyId: COMPANY,
    eventId: null,
    changes,
  });
  const visit = { visitId, landing: 'x', referrer: 'direct', startedAt: AT, lastSeen: AT };
  const source = { source: 'google_paid', name: 'Google Ads', medium: 'CPC', campaign: 'drains' };
  return {
    sessionId,
    visitId,
    entry,
    /** A new object each time, as a journal's lines are. */
    opening: () =>
      entry(
        { type: 'session', sessionId, device: 'mobile', at: AT },
        {
          type: 'visit',
          sessionId,
          device: 'mobile',
          visit,
          source: { ...source, term: null, content: null, clickIds: {} },
        },
      ),
    view: (eventId: string, activeSeconds: number): RecordEntry => ({
      ...entry({
        type: 'page_view',
        eventId,
        sessionId,
        visitId,
        url: 'x',
        title: null,
        at: AT + activeSeconds * 1000,
        activeSeconds,
        clientAt: null,
      }),
      eventId,
    }),
    seen: (activeSeconds: number) =>
      entry({ type: 'visit_seen', visitId, at: AT + activeSeconds * 1000, activeSeconds, left: false }),
  };
}
const records = () => createRecordStore({ pool, callPool: pool, writePool: pool });

test('entries count once, in whatever commits they come and come again, and the longest activity holds', async () => {
  const { commit } = records();
  const { sessionId, opening, view, seen, entry, visitId } = past();
  const [first, second] = [uuid(), uuid()];
  await commit([opening(), opening(), view(first, 0), view(uuid(), 2)]);
  expect(await recorded(sessionId)).toEqual({ pages: 2, active: 2, length: 2 });
  await commit([opening(), view(first, 0), view(second, 4), view(second, 4)]);
  expect(await recorded(sessionId)).toEqual({ pages: 3, active: 4, length: 4 });
  await commit([view(second, 4), view(uuid(), 9), seen(12), seen(11)]);
  expect(await recorded(sessionId)).toEqual({ pages: 4, active: 12, length: 12 });
  await commit([seen(12), seen(3), opening()]);
  expect(await recorded(sessionId)).toEqual({ pages: 4, active: 12, length: 12 });

  // A journal of before knows no activity.
  const old = view(uuid(), 20);
  for (const change of old.changes) delete (change as { activeSeconds?: number }).activeSeconds;
  await commit([old, entry({ type: 'visit_seen', visitId, at: AT + 30_000 } as Change)]);
  expect(await recorded(sessionId)).toEqual({ pages: 5, active: 12, length: 30 });
});

test('visits of before get their pages and their device when the schema learns of them', async () => {
  const older = new pg.Pool({ connectionString: await postgres.createDatabase() });
  const client = await older.connect();
  await makeMigrationTable(client);
  for (const name of await knownMigrations()) if (name < '0006') await applyMigration(client, name);
  const sessionId = await seedSession(older, COMPANY, { device: 'mobile' });
  const visitId = await seedVisit(older, COMPANY, sessionId, new Date(AT));
  for (let view = 0; view < 3; view++) {
    await insert(older, 'page_views', {
      company_id: COMPANY,
      page_view_id: uuid(),
      session_id: sessionId,
      visit_id: visitId,
      url: 'x',
      viewed_at: new Date(AT),
    });
  }
  await seedVisit(older, COMPANY, await seedSession(older, COMPANY, { device: null }), new Date(AT + 1));
  client.release();
  await migrate(older);
  const { rows } = await older.query('SELECT pages, active_seconds, device FROM visits ORDER BY started_at');
  expect(rows).toEqual([
    { pages: 3, active_seconds: 0, device: 'mobile' },
    { pages: 0, active_seconds: 0, device: null },
  ]);
  await older.end();
});

test('a call is joined by the engagement of each who held its number', async () => {
  const { commit, recordCall, currentVisits } = records();
  const { sessionId, visitId, opening, view, seen, entry } = past();
  const number = '+13055550177';
  const lease = { leaseId: uuid(), trackerId: 'TRK1', number, sessionId, visitId, at: AT, holdSeconds: 1200 };
  await commit([
    opening(),
    entry({ type: 'lease', ...lease, shared: false }),
    view(uuid(), 0),
    view(uuid(), 8),
  ]);
  await commit([seen(68)]);
  expect(await currentVisits([{ companyId: COMPANY, sessionId }])).toMatchObject([
    { visitId, pages: 2, activeSeconds: 68, lastSeen: AT + 68_000 },
  ]);

  let history: CallHistory | undefined;
  const at = AT + 100_000;
  const event = {
    kind: 'ringing',
    key: 'ringing',
    at,
    provider: 'twilio',
    providerCallId: `CA${uuid()}`,
    trackingNumber: number,
    caller: { number: '+14155550123', raw: '+14155550123' },
    place: null,
    callerName: null,
    status: 'ringing',
    seconds: null,
    destinationNumber: null,
    recordingUrl: null,
  } as const;
  await recordCall(
    { companyId: COMPANY, trackerId: null, event },
    {
      ...callJudge,
      attribute(facts, given, tracker) {
        history = given;
        return callJudge.attribute(facts, given, tracker);
      },
    },
  );
  expect(history?.leases).toEqual([
    {
      sessionId,
      visitId,
      source: 'google_paid',
      campaign: 'drains',
      device: 'mobile',
      from: AT,
      until: AT + 68_000 + 1_200_000,
      shared: false,
      pages: 2,
      activeSeconds: 68,
      visitStartedAt: AT,
      lastSeen: AT + 68_000,
      left: false,
    },
  ]);
});
