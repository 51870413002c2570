import { spawn } from 'node:child_process';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_NUMBER, type DemoCompany, demoCompany } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { exitOf, NOISE_MS, until } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type RunningServer, removeDataDir, startServer, visitor } from '../support/server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

/** No request waits longer than 300 ms for Redis; the rest is what the answer costs beside it on a busy machine. */
const LIMIT_MS = 300 + NOISE_MS;

let postgres: TestPostgres;
let redis: TestRedis;
let proxy: TcpProxy;
let server: RunningServer;
let demo: DemoCompany;
let record: pg.Pool;
let slowest = 0;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  proxy = await startTcpProxy({ port: redis.port });
  const DATABASE_URL = await postgres.createDatabase();
  server = await startServer({ env: { DATABASE_URL, REDIS_URL: `redis://127.0.0.1:${proxy.port}` } });
  record = new pg.Pool({ connectionString: DATABASE_URL, max: 2 });
  demo = await demoCompany(server);
  // So many that no test runs out of numbers of its own.
  const { rows } = await record.query('SELECT tracker_id FROM tracking_numbers WHERE number = $1', [
    demo.pool[0],
  ]);
  await record.query(
    `INSERT INTO tracking_numbers (company_id, tracker_id, number, position)
     SELECT $1, $2, '+1404555' || to_char(n, 'FM0000'), n FROM generate_series(1000, 1399) n`,
    [demo.id, rows[0].tracker_id],
  );
  await until(async () => ((await poolSize()) === 408 ? true : undefined), { what: 'the larger pool' });
});
afterAll(async () => {
  await server?.end();
  await record?.end();
  await proxy?.close();
  await Promise.all([postgres?.close(), redis?.close()]);
  if (server) removeDataDir(server.dataDir);
  console.log(`slowest swap of all faults: ${Math.round(slowest)} ms`);
});

async function poolSize(): Promise<number> {
  const keys = redis.cli('KEYS', 'calltrk:*:queue');
  return keys === '' ? 0 : Number(redis.cli('ZCARD', keys));
}

interface Seen {
  status: number;
  number: string | undefined;
  shared: boolean | undefined;
  ms: number;
}

function page(session: string = crypto.randomUUID()) {
  const one = visitor(server, demo.scriptKey, session);
  const timed = async <T>(work: () => Promise<T>) => {
    const begun = performance.now();
    const answer = await work();
    return { answer, ms: performance.now() - begun };
  };
  return {
    session,
    async swap(): Promise<Seen> {
      const { answer, ms } = await timed(() => one.swap());
      slowest = Math.max(slowest, ms);
      const number = answer.body.numbers?.[DEMO_NUMBER];
      return { status: answer.status, number: number?.e164, shared: number?.shared, ms };
    },
    async ping() {
      const { answer, ms } = await timed(() => one.send({ type: 'ping' }));
      return { status: answer.status, ms };
    },
  };
}

const ready = async () => {
  const response = await fetch(`${server.url}/readyz`);
  const { dependencies } = (await response.json()) as any;
  return { status: response.status, redis: dependencies.redis };
};

/** New visitors get numbers of their own again. */
const recovered = () =>
  until(
    async () => {
      const { number, shared } = await page().swap();
      return number !== undefined && !shared && (await ready()).status === 200 ? true : undefined;
    },
    { what: 'the server using Redis again', stepMs: 100 },
  );

/** Leases of one number by two sessions at one time of which one says that it is alone. */
async function unmarked(): Promise<unknown[]> {
  const { rows } = await record.query(`
    SELECT a.number, a.session_id, b.session_id FROM leases a JOIN leases b
      ON b.number = a.number AND b.session_id <> a.session_id AND NOT a.shared
     AND a.started_at < coalesce(b.ended_at, 'infinity') AND b.started_at < coalesce(a.ended_at, 'infinity')`);
  return rows;
}

interface Fault {
  name: string;
  begin: () => unknown;
  end: () => unknown;
  /** Redis answers, only not to leases. */
  answers?: boolean;
}

const background: { end: () => Promise<unknown> }[] = [];
function cliInBackground(...args: string[]): void {
  const child = spawn('redis-cli', ['-p', String(redis.port), ...args], { stdio: 'ignore' });
  background.push({ end: () => exitOf(child) });
}

const FAULTS: Fault[] = [
  { name: 'a black hole', begin: () => proxy.blackhole(), end: () => proxy.heal() },
  {
    name: 'connections refused',
    begin() {
      proxy.refuse();
      proxy.cut();
    },
    end: () => proxy.heal(),
  },
  { name: 'answers after two seconds', begin: () => proxy.delay(2000), end: () => proxy.heal() },
  { name: 'a process that was killed', begin: () => redis.kill(), end: () => redis.start() },
  {
    name: 'a full memory',
    begin: () => redis.cli('CONFIG', 'SET', 'maxmemory', '1mb'),
    end: () => redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
    answers: true,
  },
  {
    name: 'a master that became a replica',
    begin: () => redis.cli('REPLICAOF', '127.0.0.1', '1'),
    end: () => redis.cli('REPLICAOF', 'NO', 'ONE'),
    answers: true,
  },
  {
    name: 'too few replicas',
    begin: () => redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    end: () => redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0'),
    answers: true,
  },
  {
    name: 'a pause',
    begin: () => redis.cli('CLIENT', 'PAUSE', '4000', 'ALL'),
    // Answered when the pause is over.
    end: () => redis.cli('PING'),
  },
  {
    name: 'a script that never ends',
    begin: () => {
      redis.cli('CONFIG', 'SET', 'busy-reply-threshold', '20');
      cliInBackground('EVAL', 'while true do end', '0');
    },
    end: () => redis.cli('SCRIPT', 'KILL'),
  },
  {
    name: 'a data set that is being loaded',
    begin() {
      redis.cli('DEBUG', 'POPULATE', '20000', 'ballast');
      redis.cli('CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024');
      redis.cli('CONFIG', 'SET', 'key-load-delay', '250');
      cliInBackground('DEBUG', 'RELOAD');
    },
    end: () => Promise.all(background.map((child) => child.end())),
  },
];

describe.each(FAULTS)('Redis with $name', ({ begin, end, answers }) => {
  test('every page is answered in time with the number it had, or its own; then all is as before', async () => {
    // A machine that stood still a moment ago has let Redis seem away.
    await recovered();
    const known = page();
    const before = await known.swap();
    expect(before).toMatchObject({ status: 200, number: expect.any(String), shared: false });

    await begin();
    await until(async () => ((await page().swap()).number === undefined ? true : undefined), {
      what: 'the fault',
      stepMs: 5,
    });
    for (let round = 0; round < 3; round++) {
      const [back, fresh, ping] = await Promise.all([known.swap(), page().swap(), known.ping()]);
      expect(back).toMatchObject({ status: 200, number: before.number, shared: false });
      expect(fresh).toMatchObject({ status: 200, number: undefined });
      expect(ping.status).toBe(200);
      for (const { ms } of [back, fresh, ping]) expect(ms).toBeLessThan(LIMIT_MS);
      await new Promise((done) => setTimeout(done, 400));
    }
    if (!answers) expect(await ready()).toMatchObject({ status: 503, redis: { ok: false } });

    await end();
    await recovered();
    expect(await known.swap()).toMatchObject({ number: before.number, shared: false });
    expect(await unmarked()).toEqual([]);
    expect(server.child.exitCode).toBeNull();
  });
});

describe('Redis that forgets everything', () => {
  test('gives every session its number back from the record, in the middle of traffic', async () => {
    await recovered();
    const pages = Array.from({ length: 40 }, () => page());
    const before = await Promise.all(pages.map((one) => one.swap()));
    expect(new Set(before.map(({ number }) => number)).size).toBe(40);
    let isOver = false;
    const traffic = (async () => {
      const others: Seen[] = [];
      while (!isOver) {
        others.push(...(await Promise.all([page().swap(), page().swap()])));
        await new Promise((done) => setTimeout(done, 20));
      }
      return others;
    })();
    for (let round = 0; round < 3; round++) {
      redis.cli('FLUSHALL');
      redis.cli('SCRIPT', 'FLUSH');
      const after = await Promise.all(pages.map((one) => one.swap()));
      expect(after.map(({ number }) => number)).toEqual(before.map(({ number }) => number));
      for (const { ms, shared } of after) {
        expect(shared).toBe(false);
        expect(ms).toBeLessThan(LIMIT_MS);
      }
    }
    isOver = true;
    for (const { status, number, ms } of await traffic) {
      expect({ status, number }).toEqual({ status: 200, number: expect.any(String) });
      expect(ms).toBeLessThan(LIMIT_MS);
    }
    expect(await unmarked()).toEqual([]);
  });

  test('a pool that nobody visits is remembered, too', async () => {
    redis.cli('FLUSHALL');
    expect(await poolSize()).toBe(0);
    await until(async () => ((await poolSize()) === 408 ? true : undefined), {
      timeoutMs: 15_000,
      what: 'the pool in Redis',
    });
  });
});

test('a failover that loses the newest leases marks every number that two sessions have got by it', async () => {
  const replica = await startRedis();
  try {
    replica.cli('REPLICAOF', '127.0.0.1', String(redis.port));
    await until(() => (/master_link_status:up/.test(replica.cli('INFO')) ? true : undefined));
    redis.cli('WAIT', '1', '1000');
    replica.cli('REPLICAOF', 'NO', 'ONE');
    const lost = await Promise.all(Array.from({ length: 10 }, () => page().swap()));
    expect(lost.every(({ shared }) => shared === false)).toBe(true);

    proxy.pointAt({ port: replica.port });
    proxy.cut();
    const again: (string | undefined)[] = [];
    await until(
      async () => {
        again.push((await page().swap()).number);
        return again.filter((number) => number !== undefined).length === 10 ? true : undefined;
      },
      { what: 'numbers after the failover' },
    );
    // The promoted replica knew nothing of them, so it gave the same numbers to others …
    expect(again.filter((number) => lost.some((one) => one.number === number)).length).toBeGreaterThan(5);
    // … and the record saw it.
    expect(await unmarked()).toEqual([]);
  } finally {
    proxy.pointAt({ port: redis.port });
    proxy.cut();
    await replica.close();
  }
});

test('a server starts while Redis is away, says so, and uses it as soon as it is there', async () => {
  const other = await startRedis();
  await other.kill();
  const env = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: other.url, LOG_LEVEL: 'info' };
  const late = await startServer({ env });
  try {
    const { scriptKey } = await demoCompany(late);
    const one = visitor(late, scriptKey);
    const swap = async () => (await one.swap()).body.numbers[DEMO_NUMBER];
    expect(await swap()).toBeNull();
    expect((await fetch(`${late.url}/readyz`)).status).toBe(503);
    await other.start();
    await until(async () => (await swap()) ?? undefined, { what: 'a number from Redis' });
    expect(late.said() + late.logged()).toMatch(/Redis is away.*ECONNREFUSED/);
    expect(late.logged()).toMatch(/Redis keeps no append-only file/);
  } finally {
    await late.end();
    await other.close();
    removeDataDir(late.dataDir);
  }
});
