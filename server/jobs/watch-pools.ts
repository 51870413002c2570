import { loadOf } from '../domain/pool-report.js';
import type { Millis, RecordStore } from '../domain/ports.js';
import { BLOCKING_GOALS, numbersFor } from '../domain/sizing.js';
import type { Job } from './runner.js';

/** What an alarm on a pool goes by. */
export interface PoolHealth {
  trackerId: string;
  /** Erlangs, in the busiest hour of the last seven days. */
  offeredLoad: number;
  recommended: { blocking: number; numbers: number }[];
  /** Of the leases of the last 24 hours: all, and those that were ever held by two. */
  leases: number;
  shared: number;
}

/** Tells each minute how all pools fare; each server does so for itself. */
export function watchPools(
  record: Pick<RecordStore, 'poolHours'>,
  tell: (pools: PoolHealth[]) => void,
  clock: () => Millis = Date.now,
): Job {
  return {
    name: 'watch pools',
    everyMs: 60_000,
    async run() {
      const now = clock();
      const pools = await record.poolHours(now);
      tell(
        pools.map(({ trackerId, hours }) => {
          const offeredLoad = loadOf(hours).erlangs;
          const lately = hours.filter(({ hour }) => hour > now - 24 * 3_600_000);
          return {
            trackerId,
            offeredLoad,
            recommended: BLOCKING_GOALS.map((blocking) => ({
              blocking,
              numbers: numbersFor(offeredLoad, blocking),
            })),
            leases: lately.reduce((sum, { leases }) => sum + leases, 0),
            shared: lately.reduce((sum, { shared }) => sum + shared, 0),
          };
        }),
      );
    },
  };
}
