import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_NUMBER, type DemoCompany, demoCompany } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { exitOf, until } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type RunningServer, removeDataDir, spawnServer, startServer, visitor } from '../support/server.js';

const KEY = 'k'.repeat(40);

let postgres: TestPostgres;
let redis: TestRedis;
let env: { DATABASE_URL: string; REDIS_URL: string; CALLTRK_API_KEY: string };
let servers: [RunningServer, RunningServer];
let demo: DemoCompany;
let record: pg.Pool;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  env = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url, CALLTRK_API_KEY: KEY };
  // At once, as a supervisor starts them: one makes the schema and the demo, the other finds them.
  servers = await Promise.all([startServer({ env }), startServer({ env })]);
  demo = await demoCompany(servers[0]);
  record = new pg.Pool({ connectionString: env.DATABASE_URL, max: 2 });
});
afterAll(async () => {
  await Promise.all((servers ?? []).map((server) => server.end()));
  await record?.end();
  await Promise.all([postgres?.close(), redis?.close()]);
  for (const { dataDir } of servers ?? []) removeDataDir(dataDir);
});

const call = async (server: RunningServer, method: string, path: string, body?: object) => {
  const response = await fetch(`${server.url}/v3/a/${server.account}/${path}`, {
    method,
    headers: { authorization: `Token token="${KEY}"`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as any;
};

/** A pool of its own for a target of its own. */
const createPool = (target: string, numbers: string[]) =>
  call(servers[0], 'POST', 'trackers.json', {
    name: `Pool for ${target}`,
    type: 'session',
    company_id: demo.id,
    call_flow: { type: 'basic', destination_number: target },
    source: 'all',
    swap_targets: [target],
    tracking_numbers: numbers,
  });

const numberOn = async (server: RunningServer, target: string, session?: string) => {
  const { status, body } = await visitor(server, demo.scriptKey, session).swap({ targets: [target] });
  expect(status).toBe(200);
  return body.numbers[target] as { e164: string; shared: boolean } | null;
};

test('a session that goes from one server to the other keeps its number and its visit', async () => {
  const session = crypto.randomUUID();
  const seen = [];
  for (let round = 0; round < 12; round++) {
    const { status, body } = await visitor(servers[round % 2 ? 1 : 0], demo.scriptKey, session).swap();
    seen.push([status, body.visit, body.numbers[DEMO_NUMBER].e164, body.numbers[DEMO_NUMBER].shared]);
  }
  expect(new Set(seen.map((one) => one.join(' '))).size).toBe(1);
  const { rows } = await record.query(
    `SELECT (SELECT count(*) FROM leases WHERE session_id = $1)::int AS leases,
            (SELECT count(*) FROM visits WHERE session_id = $1)::int AS visits`,
    [session],
  );
  expect(rows[0]).toEqual({ leases: 1, visits: 1 });
});

test('a session whose first pages reach both servers at once gets one number, one visit and one lease', async () => {
  for (let round = 0; round < 10; round++) {
    const session = crypto.randomUUID();
    const answers = await Promise.all(
      [...servers, ...servers].map((server) => visitor(server, demo.scriptKey, session).swap()),
    );
    expect(new Set(answers.map(({ body }) => body.numbers[DEMO_NUMBER].e164)).size).toBe(1);
    expect(new Set(answers.map(({ body }) => body.visit)).size).toBe(1);
    const { rows } = await record.query('SELECT number, started_at FROM leases WHERE session_id = $1', [
      session,
    ]);
    expect(rows).toHaveLength(1);
  }
});

test('a change made on one server is on both within five seconds', async () => {
  const target = '+13055550161';
  const { id } = await createPool(target, ['+14045550161', '+14045550162']);
  const changed = performance.now();
  const both = (is: (number: unknown) => boolean) =>
    until(
      async () => {
        const numbers = await Promise.all(servers.map((server) => numberOn(server, target)));
        return numbers.every(is) ? true : undefined;
      },
      { timeoutMs: 5000, what: 'the change on both servers' },
    );
  await both((number) => number !== null);
  console.log(`a change was on both servers after ${Math.round(performance.now() - changed)} ms`);
  await call(servers[1], 'DELETE', `trackers/${id}.json`).catch(() =>
    call(servers[1], 'PUT', `trackers/${id}.json`, { status: 'disabled' }),
  );
  await both((number) => number === null);
});

describe('two thousand first visits over both servers', () => {
  test('give nobody a number that somebody else has without saying so, in answers and in the record', async () => {
    const target = '+13055550171';
    const numbers = Array.from({ length: 50 }, (_, at) => `+1404556${String(at).padStart(4, '0')}`);
    await createPool(target, numbers);
    await until(async () => (await numberOn(servers[1], target)) ?? undefined);
    await until(async () => (await numberOn(servers[0], target)) ?? undefined);

    const sessions = Array.from({ length: 2000 }, () => crypto.randomUUID());
    const given = new Map<string, { e164: string; shared: boolean }>();
    const left = [...sessions.entries()];
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: 200 }, async () => {
        for (let next = left.pop(); next; next = left.pop()) {
          const [at, session] = next;
          const number = await numberOn(servers[at % 2 ? 1 : 0], target, session);
          expect(number).not.toBeNull();
          if (number) given.set(session, number);
        }
      }),
    );
    console.log(`2,000 first visits over two servers took ${Math.round(performance.now() - begun)} ms`);

    const alone = [...given.values()].filter(({ shared }) => !shared).map(({ e164 }) => e164);
    expect(new Set(alone).size).toBe(alone.length);
    const { rows: twice } = await record.query(
      `SELECT number FROM leases WHERE number = ANY($1) AND NOT shared AND ended_at IS NULL
       GROUP BY number HAVING count(*) > 1
         OR count(*) < (SELECT count(*) FROM leases o WHERE o.number = leases.number AND o.ended_at IS NULL)`,
      [numbers],
    );
    expect(twice).toEqual([]);
    const { rows } = await record.query(
      `SELECT session_id, array_agg(number) AS numbers FROM leases WHERE session_id = ANY($1) GROUP BY 1`,
      [sessions],
    );
    expect(rows).toHaveLength(2000);
    for (const { session_id, numbers } of rows) expect(numbers).toEqual([given.get(session_id)?.e164]);
    // The other server says the same.
    for (const [at, session] of sessions.slice(0, 50).entries()) {
      const number = await numberOn(servers[at % 2 ? 0 : 1], target, session);
      expect(number?.e164).toBe(given.get(session)?.e164);
    }
  });
});

test('a server that would keep leases in its memory is refused beside them, and told why', async () => {
  const { DATABASE_URL, CALLTRK_API_KEY } = env;
  const refused = spawnServer({ env: { DATABASE_URL, CALLTRK_API_KEY } });
  expect(await exitOf(refused.child)).toBe(1);
  expect(refused.said()).toMatch(/another calltrk server .* uses this database.*Several need one REDIS_URL/);
  removeDataDir(refused.dataDir);
});

test('a server with Redis is refused beside one that keeps leases in its memory, and told why', async () => {
  const { REDIS_URL, CALLTRK_API_KEY } = env;
  const DATABASE_URL = await postgres.createDatabase();
  const alone = await startServer({ env: { DATABASE_URL, CALLTRK_API_KEY } });
  const refused = spawnServer({ env: { DATABASE_URL, REDIS_URL, CALLTRK_API_KEY } });
  expect(await exitOf(refused.child)).toBe(1);
  expect(refused.said()).toMatch(/another calltrk server .* keeps its leases in its memory.*same REDIS_URL/);
  await alone.end();
  removeDataDir(alone.dataDir);
  removeDataDir(refused.dataDir);
});

test('when one server is killed, its visitors keep their numbers on the other', async () => {
  const [one, two] = servers;
  const sessions = Array.from({ length: 5 }, () => crypto.randomUUID());
  const before = await Promise.all(sessions.map((session) => numberOn(two, DEMO_NUMBER, session)));
  await two.end('SIGKILL');
  const after = await Promise.all(sessions.map((session) => numberOn(one, DEMO_NUMBER, session)));
  expect(after.map((number) => number?.e164)).toEqual(before.map((number) => number?.e164));
});
