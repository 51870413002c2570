/** Global Privacy Control: the session is marked in the record, for good, and reports say so where its call is told. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { DEMO_NUMBER, type DemoCompany, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/processes.js';
import { type RunningServer, removeDataDir, report, startServer, visitor } from '../support/server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const AGENT = 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36';

let postgres: TestPostgres;
let proxy: TcpProxy;
let server: RunningServer;
let demo: DemoCompany;
let record: pg.Pool;
beforeAll(async () => {
  postgres = await startPostgres();
  proxy = await startTcpProxy({ port: postgres.port });
  const url = await postgres.createDatabase();
  server = await startServer({
    env: {
      DATABASE_URL: url.replace(`:${postgres.port}/`, `:${proxy.port}/`),
      CALLTRK_API_KEY: 'k'.repeat(40),
    },
  });
  demo = await demoCompany(server);
  record = new pg.Pool({ connectionString: url, max: 2 });
});
afterEach(() => proxy.heal());
afterAll(async () => {
  await server?.end();
  await record?.end();
  await proxy?.close();
  await postgres?.close();
  removeDataDir(server.dataDir);
});

const isMarked = async (session: string): Promise<boolean | undefined> =>
  (await record.query('SELECT gpc FROM sessions WHERE session_id = $1', [session])).rows[0]?.gpc;
const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'user-agent': AGENT, ...headers },
    body: JSON.stringify({ key: demo.scriptKey, ...body }),
  });
  expect(response.status).toBe(200);
};
const swapBody = (session: string) => ({
  session,
  visit: { landing: 'https://x.example/?gclid=a', referrer: 'direct' },
  page: null,
  targets: [],
});

test('a session is marked by its first request or a later one, by the page or by the header, and stays so', async () => {
  const first = visitor(server, demo.scriptKey);
  await first.swap({ gpc: true });
  expect(await isMarked(first.session)).toBe(true);
  await first.swap({ gpc: false });
  await first.swap();
  expect(await isMarked(first.session)).toBe(true);

  const later = visitor(server, demo.scriptKey);
  await later.swap();
  await later.swap({ gpc: false });
  expect(await isMarked(later.session)).toBe(false);
  await later.swap({ gpc: true });
  expect(await isMarked(later.session)).toBe(true);

  const session = crypto.randomUUID();
  await post('/v1/swap', swapBody(session), { 'sec-gpc': '0' });
  expect(await isMarked(session)).toBe(false);
  await post('/v1/swap', swapBody(session), { 'sec-gpc': '1' });
  expect(await isMarked(session)).toBe(true);

  const sender = visitor(server, demo.scriptKey);
  await sender.swap();
  const events = [{ id: crypto.randomUUID(), type: 'ping' }];
  await post('/v1/events', { session: sender.session, events }, { 'sec-gpc': '1' });
  expect(await isMarked(sender.session)).toBe(true);
});

test('a mark that is given while Postgres is away is in the record afterwards', async () => {
  const known = visitor(server, demo.scriptKey);
  await known.swap();
  proxy.refuse();
  proxy.cut();
  const fresh = visitor(server, demo.scriptKey);
  for (const { swap } of [known, fresh]) expect((await swap({ gpc: true })).status).toBe(200);
  await fresh.swap();
  expect(await isMarked(known.session)).toBe(false);
  proxy.heal();
  await until(async () => ((await isMarked(fresh.session)) && (await isMarked(known.session))) || undefined, {
    what: 'the marks in the record',
  });
});

test('reports say of a call and of a form whether their session is marked', async () => {
  for (const gpc of [true, false]) {
    const someone = visitor(server, demo.scriptKey);
    const number = (await someone.swap({ gpc })).body.numbers[DEMO_NUMBER].e164;
    await someone.send(
      { type: 'tap', number, target: DEMO_NUMBER },
      { type: 'form', url: 'https://x.example/', fields: { Name: 'Ann Example' } },
    );
    await twilioWebhook(
      server,
      '/v1/telephony/twilio/voice',
      incoming(number, { From: gpc ? '+14155550171' : '+14155550172' }),
    );
    const find = async (list: string) => {
      const body = await report(server, `${list}.json?fields=attribution`);
      return body[list].find(({ attribution }: any) => attribution.session === someone.session);
    };
    const call = await until(() => find('calls'), { what: 'the joined call' });
    expect(call.attribution).toMatchObject({ method: 'tap', gpc });
    expect((await find('form_submissions')).attribution).toMatchObject({ gpc });
    expect((await report(server, `calls/${call.id}/attribution.json`)).attribution).toMatchObject({ gpc });
  }
});
