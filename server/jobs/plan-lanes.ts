import { planLanes, ratesOf } from '../domain/lanes.js';
import { leasable } from '../domain/pools.js';
import type { Housekeeping, LanePlanner, Millis } from '../domain/ports.js';
import type { Job } from './runner.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What came earlier is forgotten. */
const KEPT_DAYS = 35;

type Pools = Pick<Housekeeping, 'countHour' | 'planLanes' | 'forgetArrivals'>;

/** An hour that is over is counted for so long as if it lasted: its last visits are being written. */
const AFTER_MS = 10 * MINUTE_MS;

/**
 * Divides each pool anew as its traffic changes. Each minute the hour that lasts is counted, so a campaign has its
 * share within minutes of its first visits; each hour the whole day before, as visits go on and rows come late from a
 * journal. With 300 visits a minute to 200 pools of 25 numbers a minute's count took Postgres a few seconds.
 */
export function poolJobs(record: Pools, clock: () => Millis = Date.now): Job[] {
  return [
    {
      name: 'plan lanes',
      everyMs: MINUTE_MS,
      async run() {
        const now = clock();
        await countHours(record, now, now % HOUR_MS < AFTER_MS ? 2 : 1);
        await record.planLanes(now, planOf);
      },
    },
    {
      name: 'count the last day again',
      everyMs: HOUR_MS,
      async run() {
        const now = clock();
        await countHours(record, now, 24);
        await record.forgetArrivals(now - KEPT_DAYS * DAY_MS);
      },
    },
  ];
}

/** The last hours, the one that lasts among them, oldest first. */
async function countHours(record: Pools, now: Millis, hours: number): Promise<void> {
  const latest = Math.floor(now / HOUR_MS) * HOUR_MS;
  for (let ago = hours - 1; ago >= 0; ago--) await record.countHour(latest - ago * HOUR_MS, now);
}

/** So few visits a number say nothing of how a pool is best divided: it is one lane until there are more. */
const TOO_FEW = 3;

const planOf: LanePlanner = (pool, counts, now) => {
  const numbers = leasable(pool);
  if (numbers.length === 0) return [];
  const seen = counts.reduce((sum, { visits }) => sum + visits, 0);
  const isNew = pool.lanes.length < 2 && seen < TOO_FEW * numbers.length;
  return planLanes(isNew ? [] : ratesOf(counts, now), numbers, pool.laneKey, pool.lanes);
};
