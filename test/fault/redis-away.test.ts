/**
 * F01, F02, F03. Redis is gone, deaf, empty, read-only, busy or has no room: no request waits 300 ms for it, what
 * visitors do is kept and callers are connected as ever, no number is given to two sessions as if each had it alone,
 * and when it is back numbers are handed out again without a restart. Two servers on the same stores.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NOISE_MS, until } from '../support/processes.js';
import { startRedis, startRedisCluster, type TestRedis, type TestRedisCluster } from '../support/redis.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import type { Watch } from './harness/book.js';
import { ROUNDS, sleep } from './harness/chance.js';
import { type CrowdOptions, connectCaller, isServerRunning, show, startCrowd } from './harness/crowd.js';
import { type OnPostgres, onPostgres, untilReady } from './harness/installation.js';
import { reckon } from './harness/reckoning.js';

const AWAY_MS = ROUNDS > 10 ? 5000 : 900;
/** Of that Redis may cost 300 ms; the rest is the record, and two cores that others use, too. */
const VISITOR_MS = 1000 + NOISE_MS;
const CALLER_MS = 1000 + NOISE_MS;

let postgresProxy: TcpProxy;

async function startPlace(redisUrl: string): Promise<OnPostgres> {
  return onPostgres({
    name: 'Redis and PostgreSQL',
    servers: 2,
    env: { REDIS_URL: redisUrl },
    async through(port) {
      postgresProxy = await startTcpProxy({ port });
      return postgresProxy.port;
    },
    remove: () => postgresProxy.close(),
  });
}

const scenarios = new Set<string>();

async function play(
  place: OnPostgres,
  scenario: string,
  fault: { begin: () => unknown; end: () => unknown },
  options: CrowdOptions = {},
): Promise<Watch> {
  scenarios.add(scenario);
  const crowd = startCrowd(place, scenario, { visitors: 12, mayLackNumbers: true, ...options });
  await sleep(300);
  await fault.begin();
  const away = crowd.watch();
  const calling = place.pool.slice(0, 3).map((number) => connectCaller(place, scenario, number));
  const [callers] = await Promise.all([Promise.all(calling), sleep(AWAY_MS)]);
  away.end();
  await sleep(400);
  await fault.end();
  await untilReady(place, scenario);
  await untilNumbers(place, scenario);
  await sleep(300);
  await crowd.leave();
  expect(place.servers.map(isServerRunning)).toEqual([true, true]);
  expect(away.accepted).toBeGreaterThan(20);
  expect(away.refusals).toEqual({});
  expect(away.slowestMs).toBeLessThan(VISITOR_MS);
  expect(callers.map(({ isConnected }) => isConnected)).toEqual([true, true, true]);
  expect(away.slowestCallMs).toBeLessThan(CALLER_MS);
  return away;
}

/** Each server gives a stranger a number. */
async function untilNumbers(place: OnPostgres, scenario: string): Promise<void> {
  for (const { url } of place.servers) {
    const ask = () => show(place, scenario, { address: () => url, mayLackNumbers: true });
    await until(async () => (await ask()).number ?? undefined, { what: 'a number for a stranger' });
  }
}

describe('Redis', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  let place: OnPostgres;
  beforeAll(async () => {
    redis = await startRedis();
    proxy = await startTcpProxy({ port: redis.port });
    place = await startPlace(`redis://127.0.0.1:${proxy.port}`);
  });
  afterEach(() => proxy.heal());
  afterAll(async () => {
    await place?.remove();
    await proxy?.close();
    await redis?.close();
  });

  it('F01 is stopped, and started again empty', async () => {
    await play(place, 'F01 Redis stopped, then empty', {
      begin: () => redis.kill(),
      end: () => redis.start(),
    });
  });

  it('F01 swallows what it is told', async () => {
    const fault = { begin: () => proxy.blackhole(), end: () => proxy.heal() };
    await play(place, 'F01 Redis black-holed', fault);
  });

  it('F01 refuses connections, and keeps what it had', async () => {
    const begin = () => {
      proxy.refuse();
      proxy.cut();
    };
    await play(place, 'F01 Redis refuses connections', { begin, end: () => proxy.heal() });
  });

  it('F01 is slow by a second', async () => {
    const fault = { begin: () => proxy.delay(500), end: () => proxy.heal() };
    await play(place, 'F01 Redis slow by 1 s', fault);
  });

  it('F02 forgets everything again and again', async () => {
    let isOver = false;
    let emptying: Promise<void>;
    await play(place, 'F02 FLUSHALL again and again', {
      begin() {
        emptying = (async () => {
          while (!isOver) {
            redis.cli('FLUSHALL');
            redis.cli('SCRIPT', 'FLUSH');
            await sleep(200);
          }
        })();
      },
      async end() {
        isOver = true;
        await emptying;
      },
    });
  });

  it('F03 has become a replica', async () => {
    await play(place, 'F03 Redis READONLY', {
      begin: () => redis.cli('REPLICAOF', '127.0.0.1', '1'),
      end: () => redis.cli('REPLICAOF', 'NO', 'ONE'),
    });
  });

  it('F03 has no room', async () => {
    await play(place, 'F03 Redis OOM', {
      begin: () => redis.cli('CONFIG', 'SET', 'maxmemory', '1'),
      end: () => redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
    });
  });

  it('F03 is busy with somebody', async () => {
    await play(place, 'F03 Redis paused', {
      begin: () => redis.cli('CLIENT', 'PAUSE', String(AWAY_MS + 400), 'ALL'),
      end: () => undefined,
    });
  });

  it('F01 F04 and Postgres are both gone: visitors and callers are served, also after a restart', async () => {
    const scenario = 'F01 F04 both stores gone';
    const { postgres } = place;
    const fault = {
      async begin() {
        proxy.blackhole();
        await postgres.kill('SIGQUIT');
      },
      async end() {
        await place.servers[1]?.end();
        const began = performance.now();
        const alone = await place.start(1);
        expect(performance.now() - began).toBeLessThan(15_000);
        for (const number of place.pool.slice(0, 3)) {
          const address = () => alone.url;
          const { isConnected, ms } = await connectCaller(place, scenario, number, { address });
          expect(isConnected).toBe(true);
          expect(ms).toBeLessThan(CALLER_MS);
        }
        proxy.heal();
        await postgres.start();
      },
    };
    await play(place, scenario, fault, {
      // Of one server: what the other has in its journal this one cannot know before Postgres is back.
      address: () => place.servers[0]?.url ?? '',
    });
  });
  it('and what was acknowledged is in the record, and no number was given twice', async () => {
    await reckon(place, [...scenarios]);
    scenarios.clear();
  });
});

describe('a Redis Cluster', () => {
  let cluster: TestRedisCluster;
  let place: OnPostgres;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    place = await startPlace(cluster.url);
  });
  afterAll(async () => {
    await place?.remove();
    await cluster?.close();
  });

  it('F01 loses the node of the pool, which comes back empty', async () => {
    const owner = cluster.nodes.find((node) => node.cli('DBSIZE') !== '0') as TestRedis;
    await play(place, 'F01 node of a Redis Cluster killed', {
      begin: () => owner.kill(),
      end: () => owner.start(),
    });
    await reckon(place, [...scenarios]);
  });
});
