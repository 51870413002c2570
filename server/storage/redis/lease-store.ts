import type { LeaseStore, PoolKey } from '../../domain/ports.js';
import { createBreaker } from './breaker.js';
import type { RedisClient } from './client.js';
import { type Commands, padTime, readLease, readUsage } from './commands.js';
import { keysOf } from './keys.js';

/**
 * Leases in Redis, one server or a cluster: each operation is one script on the keys of one pool. Any number of
 * servers may use it at once.
 */
export function createRedisLeaseStore(client: RedisClient): LeaseStore {
  const breaker = createBreaker();
  function run<Name extends keyof Commands>(pool: PoolKey, name: Name, ...given: Commands[Name]['given']) {
    const keys = keysOf(pool);
    return breaker.run(keys[0] ?? '', (isAnswered) => client.run(name, keys, given, isAnswered));
  }
  return {
    async setPool(pool, numbers, version) {
      return (await run(pool, 'set_pool', version, ...numbers)) === 1;
    },
    async remember(pool, { numbers, version, leases }) {
      const holds = leases.flatMap(({ number, sessionId, since, heldUntil }) => [
        number,
        sessionId,
        padTime(since),
        padTime(heldUntil),
      ]);
      await run(pool, 'remember', version, numbers.length, ...numbers, ...holds);
    },
    async assign({ pool, sessionId, now, holdMs, mayOpen }) {
      const until = padTime(now + holdMs);
      return readLease(await run(pool, 'assign', sessionId, padTime(now), until, mayOpen ? '1' : '0'));
    },
    async renew({ pool, sessionId, now, holdMs }) {
      return (await run(pool, 'renew', sessionId, padTime(now + holdMs))) === 1;
    },
    async usage(pool, now) {
      return readUsage(await run(pool, 'usage', padTime(now)));
    },
  };
}
