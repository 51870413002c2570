import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LeaseStore, PoolKey } from '../../server/domain/ports.js';
import { parseRedisUrl } from '../../server/storage/redis/address.js';
import { createRedisClient, type RedisClient } from '../../server/storage/redis/client.js';
import { createRedisLeaseStore } from '../../server/storage/redis/lease-store.js';
import { NOISE_MS, until } from '../support/processes.js';
import { startRedisCluster, type TestRedisCluster } from '../support/redis.js';

/** What an operation may take, on a machine that is busy with other tests. */
const LIMIT_MS = 200 + NOISE_MS;
const HOLD = 20 * 60_000;

let cluster: TestRedisCluster;
let client: RedisClient;
let store: LeaseStore;

async function open(options?: { replicas: number }): Promise<void> {
  cluster = await startRedisCluster(options);
  const address = parseRedisUrl(cluster.url);
  if (!address) throw new Error(`${cluster.url} was not read`);
  client = createRedisClient(address, { warn: () => undefined });
  store = createRedisLeaseStore(client);
  await until(() => client.ping().then(() => true), { what: 'the connection' });
  await Promise.all(POOLS.map((pool) => store.remember(pool, { numbers: NUMBERS, version: 1, leases: [] })));
}
afterEach(async () => {
  client?.close();
  await cluster?.close();
});

const LANES = ['google_ads', 'facebook', '*'];
const NUMBERS = Array.from({ length: 21 }, (_, at) => ({
  number: `+14045550${100 + at}`,
  lane: LANES[at % 3] as string,
}));
const POOLS: PoolKey[] = Array.from({ length: 24 }, (_, at) => ({
  companyId: 'COM1',
  trackerId: `TRK${at}`,
}));

/** Visitors of different pools come by different lanes. */
const laneOf = ({ trackerId }: PoolKey) => LANES[Number(trackerId.slice(3)) % 3] as string;

async function assign(pool: PoolKey, sessionId = 'somebody') {
  const begun = performance.now();
  const answer = await store
    .assign({
      pool,
      sessionId,
      lane: laneOf(pool),
      now: Date.now(),
      holdMs: HOLD,
      mayOpen: true,
      mayShare: true,
    })
    .then((lease) => (lease === null || lease === 'forgotten' ? String(lease) : lease.number))
    .catch(() => 'away');
  return { answer, ms: performance.now() - begun };
}
const assignAll = () => Promise.all(POOLS.map((pool) => assign(pool)));
const answers = async () => (await assignAll()).map(({ answer }) => answer);

describe('a cluster of three nodes', () => {
  beforeEach(() => open());

  test('spreads its pools over all of them', async () => {
    await assignAll();
    for (const node of cluster.nodes) expect(Number(node.cli('DBSIZE'))).toBeGreaterThan(0);
  });

  test('goes on with the pools of the others when one dies, and with its own when it is back', async () => {
    const before = await answers();
    await cluster.nodes[2]?.kill();
    await until(async () => ((await answers()).includes('away') ? true : undefined), { what: 'the death' });
    const here = new Set<number>();
    for (let round = 0; round < 8; round++) {
      const seen = await assignAll();
      for (const [at, { answer, ms }] of seen.entries()) {
        expect(ms).toBeLessThan(LIMIT_MS);
        if (answer !== 'away') {
          here.add(at);
          expect(answer).toBe(before[at]);
        }
      }
      // Those that answered once go on answering.
      if (round > 4) for (const at of here) expect(seen[at]?.answer).toBe(before[at]);
      await new Promise((done) => setTimeout(done, 300));
    }
    expect(here.size).toBeGreaterThan(POOLS.length / 3);
    expect(here.size).toBeLessThan(POOLS.length);

    await cluster.nodes[2]?.start();
    await until(async () => ((await answers()).includes('away') ? undefined : true), {
      timeoutMs: 20_000,
      what: 'all pools',
    });
    // It kept no file: its pools say that they are forgotten, and nobody gets a number from them unremembered.
    const after = await answers();
    for (const [at, answer] of after.entries()) expect(answer).toBe(here.has(at) ? before[at] : 'forgotten');
  });

  test('moves slots from node to node under the hands of visitors, and nobody loses his number', async () => {
    const [one, two] = cluster.nodes;
    if (!one || !two) throw new Error('no nodes');
    const before = await answers();
    let isOver = false;
    const moving = cluster.reshard(5000, one, two).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      for (const [at, { answer, ms }] of (await assignAll()).entries()) {
        expect([before[at], 'away']).toContain(answer);
        expect(ms).toBeLessThan(LIMIT_MS);
      }
    }
    await moving;
    await until(async () => ((await answers()).includes('away') ? undefined : true), { what: 'all pools' });
    expect(await answers()).toEqual(before);
  });
});

describe('a cluster with replicas', () => {
  beforeEach(() => open({ replicas: 1 }));

  test('goes on with a promoted replica, without a restart, and with what it was told', async () => {
    const before = await answers();
    for (const replica of cluster.nodes.slice(3)) {
      await until(() => (/master_link_status:up/.test(replica.cli('INFO')) ? true : undefined));
    }
    for (const node of cluster.nodes.slice(0, 3)) {
      const [, at] = /master_repl_offset:(\d+)/.exec(node.cli('INFO', 'replication')) ?? [];
      await until(() => {
        const [, of] = /slave0:.*offset=(\d+)/.exec(node.cli('INFO', 'replication')) ?? [];
        return Number(of) >= Number(at) ? true : undefined;
      });
    }
    await cluster.nodes[0]?.kill();
    await until(async () => ((await answers()).includes('away') ? true : undefined), { what: 'the death' });
    await until(async () => ((await answers()).includes('away') ? undefined : true), {
      timeoutMs: 30_000,
      stepMs: 200,
      what: 'the promoted replica',
    });
    expect(await answers()).toEqual(before);
  });
});
