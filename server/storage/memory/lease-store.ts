import { LeasePool } from '../../domain/lease-pool.js';
import type { LeaseStore, PoolKey } from '../../domain/ports.js';

/**
 * Leases in the memory of this process. Only one process may use it for a database: `storage/postgres/only-server`
 * sees to that.
 */
export function createMemoryLeaseStore(): LeaseStore {
  const pools = new Map<string, LeasePool>();
  const nameOf = ({ companyId, trackerId }: PoolKey) => `${companyId} ${trackerId}`;
  return {
    async setPool(key, numbers, version) {
      const pool = pools.get(nameOf(key));
      pool?.update(numbers, version);
      return pool !== undefined;
    },
    async remember(key, contents) {
      if (!pools.has(nameOf(key))) pools.set(nameOf(key), new LeasePool(contents));
    },
    async assign(request) {
      const pool = pools.get(nameOf(request.pool));
      return pool ? pool.assign(request) : 'forgotten';
    },
    async renew({ pool, sessionId, now, holdMs }) {
      return pools.get(nameOf(pool))?.renew(sessionId, now, holdMs) ?? false;
    },
    async usage(key, now, holdMs) {
      return pools.get(nameOf(key))?.usage(now, holdMs) ?? 'forgotten';
    },
  };
}
