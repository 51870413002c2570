import type { LeaseStore } from '../../server/domain/ports.js';
import { createMemoryLeaseStore } from '../../server/storage/memory/lease-store.js';
import { parseRedisUrl } from '../../server/storage/redis/address.js';
import { createRedisClient } from '../../server/storage/redis/client.js';
import { createRedisLeaseStore } from '../../server/storage/redis/lease-store.js';
import { until } from '../support/processes.js';
import { startRedis, startRedisCluster } from '../support/redis.js';

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
  const client = createRedisClient(address, { warn: () => undefined });
  await until(() => client.ping().then(() => true), { what: 'the connection to Redis' });
  return {
    store: createRedisLeaseStore(client),
    async close() {
      client.close();
      await redis.close();
    },
  };
}
