import type pg from 'pg';
import type { Lane, Millis, PoolHour, PoolTraffic } from '../../../domain/ports.js';
import { recentCounts } from '../arrivals.js';
import { HELD_UNTIL } from '../calls.js';
import { rowsOf, type Sql, Sql as SqlText, sql } from './sql.js';
import { findTracker } from './trackers.js';

const REPORT_DAYS = 7;
const HELD = new SqlText([HELD_UNTIL], []);

/** What is known of a session tracker's pool; null: no such tracker, or one of a single number. */
export async function findPoolTraffic(
  pool: pg.Pool,
  accountId: string,
  trackerId: string,
  now: Millis,
): Promise<PoolTraffic | null> {
  const tracker = await findTracker(pool, accountId, trackerId);
  if (!tracker?.pool) return null;
  const { companyId, trackingNumbers, pool: settings } = tracker;
  const at = sql`to_timestamp(${now}::float8 / 1000)`;
  const [row] = await rowsOf<{ lanes: Lane[]; held: number }>(
    pool,
    sql`SELECT t.lanes, (SELECT count(*)::int FROM ${heldNumbers(at)}) AS held
        FROM trackers t WHERE t.company_id = ${companyId} AND t.tracker_id = ${trackerId}`,
  );
  const [hours, counts] = await Promise.all([
    rowsOf<PoolHour>(pool, hoursOf(companyId, trackerId, at)),
    recentCounts(pool, companyId, trackerId, now),
  ]);
  return {
    companyId,
    trackerId,
    trackerName: tracker.name,
    settings,
    numbers: trackingNumbers,
    lanes: row?.lanes ?? [],
    held: row?.held ?? 0,
    hours,
    counts,
  };
}

/** Numbers of the tracker `t` that somebody holds at this time, without the static one. */
function heldNumbers(at: Sql): Sql {
  return sql`tracking_numbers n
    WHERE n.company_id = t.company_id AND n.tracker_id = t.tracker_id AND n.removed_at IS NULL
      AND (t.when_full = 'static' AND n.number = t.static_number) IS NOT TRUE
      AND EXISTS (SELECT FROM leases l JOIN visits v ON v.company_id = l.company_id AND v.visit_id = l.visit_id
                  WHERE l.company_id = n.company_id AND l.number = n.number AND l.ended_at IS NULL
                    AND l.started_at <= ${at} AND ${HELD} > ${at})`;
}

/** Both counts of an hour come from one statement, but one of them may be missing: leases that last begin nowhere. */
function hoursOf(companyId: string, trackerId: string, at: Sql): Sql {
  const own = sql`company_id = ${companyId} AND tracker_id = ${trackerId}
    AND hour > ${at} - make_interval(days => ${REPORT_DAYS})`;
  return sql`
    SELECT (extract(epoch FROM h.hour) * 1000)::float8 AS hour, h.numbers, h.seconds,
           h.held_seconds AS "heldSeconds", h.peak_held AS "peakHeld", coalesce(a.visits, 0) AS visits,
           coalesce(a.leases, 0) AS leases, coalesce(a.lease_seconds, 0) AS "leaseSeconds",
           coalesce(a.shared, 0) AS shared, coalesce(a.reissued, 0) AS reissued, coalesce(a.diverted, 0) AS diverted
    FROM (SELECT * FROM pool_hours WHERE ${own}) h
    LEFT JOIN (SELECT hour, sum(visits)::int AS visits, sum(leases)::int AS leases, sum(lease_seconds) AS lease_seconds,
                      sum(shared)::int AS shared, sum(reissued)::int AS reissued, sum(diverted)::int AS diverted
               FROM arrivals WHERE ${own} GROUP BY hour) a USING (hour)
    ORDER BY hour`;
}
