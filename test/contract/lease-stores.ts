import type { Lease, LeaseStore, PooledNumber, PoolKey } from '../../server/domain/ports.js';
import { createMemoryLeaseStore } from '../../server/storage/memory/lease-store.js';
import { parseRedisUrl } from '../../server/storage/redis/address.js';
import { createRedisClient } from '../../server/storage/redis/client.js';
import { createRedisLeaseStore } from '../../server/storage/redis/lease-store.js';
import { until } from '../support/processes.js';
import { startRedis, startRedisCluster } from '../support/redis.js';

export const HOLD = 20 * 60_000;
export const NOW = 1_800_000_000_000;
let pools = 0;

/** One that no test has used. */
export function newPool(): PoolKey {
  return { companyId: 'COM1', trackerId: `TRK${++pools}` };
}

export function numbersOf(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `+1305555${String(at).padStart(4, '0')}`);
}

/** Numbers dealt to the lanes in turn. */
export function inLanes(numbers: readonly string[], ...lanes: string[]): PooledNumber[] {
  return numbers.map((number, at) => ({ number, lane: lanes[at % lanes.length] ?? '*' }));
}

export async function must(answer: Promise<Lease | null | 'forgotten'>): Promise<Lease> {
  const lease = await answer;
  if (!lease || lease === 'forgotten') throw new Error(`no lease: ${lease}`);
  return lease;
}

export interface OpenLeaseStore {
  store: LeaseStore;
  close: () => Promise<void>;
}

/** Every lease store of the product: a new one is done when it has a line here and the suite is green. */
export const LEASE_STORES: { name: string; open: () => Promise<OpenLeaseStore> }[] = [
  { name: 'memory', open: async () => ({ store: createMemoryLeaseStore(), close: async () => undefined }) },
  { name: 'Redis', open: async () => connect(await startRedis()) },
  { name: 'Redis Cluster', open: async () => connect(await startRedisCluster()) },
];

async function connect(redis: { url: string; close: () => Promise<void> }): Promise<OpenLeaseStore> {
  const address = parseRedisUrl(redis.url);
  if (!address) throw new Error(`${redis.url} was not read`);
  // What is asked here is what the stores do; how long it takes on a busy machine is not.
  const client = createRedisClient(address, { warn: () => undefined, deadlineMs: 10_000 });
  await until(() => client.ping().then(() => true), { what: 'the connection to Redis' });
  return {
    store: createRedisLeaseStore(client),
    async close() {
      client.close();
      await redis.close();
    },
  };
}
