import { latestHold } from '../../domain/lease-pool.js';
import type { LeaseStore, Millis, PooledNumber, PoolKey } from '../../domain/ports.js';
import { createBreaker } from './breaker.js';
import type { RedisClient } from './client.js';
import { type Commands, padTime, readLease, readUsage } from './commands.js';
import { keysOf, oldKeysOf } from './keys.js';

/**
 * Leases in Redis, one server or a cluster: each operation is one script on the keys of one pool. Any number of
 * servers may use it at once.
 */
export function createRedisLeaseStore(client: RedisClient): LeaseStore {
  const breaker = createBreaker();
  function run<Name extends keyof Commands>(pool: PoolKey, name: Name, ...given: Commands[Name]['given']) {
    const keys = name === 'remember' ? [...keysOf(pool), ...oldKeysOf(pool)] : keysOf(pool);
    return breaker.run(keys[0] ?? '', (isAnswered) => client.run(name, keys, given, isAnswered));
  }
  return {
    async setPool(pool, numbers, version) {
      return (await run(pool, 'set_pool', version, ...inPairs(numbers))) === 1;
    },
    async remember(pool, { numbers, version, leases }) {
      const holds = leases.flatMap(({ number, sessionId, since, heldUntil }) => [
        number,
        sessionId,
        padTime(since),
        padTime(heldUntil),
      ]);
      await run(pool, 'remember', version, numbers.length, ...inPairs(numbers), ...holds);
    },
    async assign({ pool, sessionId, lane, now, holdMs, mayOpen, mayShare }) {
      const may = [mayOpen ? '1' : '0', mayShare ? '1' : '0'] as const;
      return readLease(await run(pool, 'assign', sessionId, lane, ...times(now, holdMs), ...may));
    },
    async renew({ pool, sessionId, now, holdMs }) {
      return (await run(pool, 'renew', sessionId, ...times(now, holdMs))) === 1;
    },
    async usage(pool, now, holdMs) {
      return readUsage(await run(pool, 'usage', padTime(now), padTime(latestHold(now, holdMs))));
    },
  };
}

function inPairs(numbers: readonly PooledNumber[]): string[] {
  return numbers.flatMap(({ number, lane }) => [number, lane]);
}

/** Now, the end of a hold that begins now, and the latest end that a right clock can have given. */
function times(now: Millis, holdMs: number): [now: string, until: string, latest: string] {
  return [padTime(now), padTime(now + holdMs), padTime(latestHold(now, holdMs))];
}
