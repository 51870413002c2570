import type pg from 'pg';
import type { Found, Listing, PoolSettings, TrackerFilter, TrackerReport } from '../../../domain/reports.js';
import { contains, millis, orderBy, rowsOf, sql, where } from './sql.js';

interface TrackerRow {
  company_id: string;
  company_name: string;
  tracker_id: string;
  name: string;
  type: 'session' | 'source';
  status: string;
  destination_number: string;
  tracking_numbers: string[];
  swap_targets: string[];
  advanced_swap_targets: Record<string, string>;
  source: Record<string, unknown>;
  call_flow: Record<string, unknown>;
  campaign_name: string | null;
  whisper_message: string | null;
  sms_enabled: boolean;
  hold_seconds: number;
  lane_key: PoolSettings['laneKey'];
  when_full: PoolSettings['whenFull'];
  static_number: string | null;
  visit_threshold: number;
  source_threshold: number;
  created_at: Date;
  disabled_at: Date | null;
}

/** Trackers with their numbers; a disabled one shows those that it had at its end. */
const TRACKERS = sql`
  SELECT t.*, co.name AS company_name,
    ARRAY(SELECT n.number FROM tracking_numbers n
          WHERE n.company_id = t.company_id AND n.tracker_id = t.tracker_id
            AND (n.removed_at IS NULL OR n.removed_at >= t.disabled_at)
          ORDER BY n.position, n.number) AS tracking_numbers
  FROM trackers t JOIN companies co USING (company_id)`;

export async function listTrackers(
  pool: pg.Pool,
  companies: readonly string[],
  ask: Listing<TrackerFilter, 'name'>,
): Promise<Found<TrackerReport>> {
  const { type, status, search } = ask.filter;
  const matching = where([
    sql`t.company_id = ANY(${companies})`,
    type !== undefined && sql`t.type = ${type}`,
    status !== undefined && sql`t.status = ${status}`,
    search !== undefined && contains([sql`t.name`], search),
  ]);
  const order = orderBy({ name: { by: sql`t.name`, natural: 'asc' } }, ask, 'name', sql`t.tracker_id`);
  const rows = await rowsOf<TrackerRow>(
    pool,
    sql`${TRACKERS} ${matching} ${order} LIMIT ${ask.slice.limit} OFFSET ${ask.slice.offset}`,
  );
  const [count] = await rowsOf<{ total: string }>(
    pool,
    sql`SELECT count(*) AS total FROM trackers t ${matching}`,
  );
  return { rows: rows.map(reportOf), total: Number(count?.total) };
}

export async function findTracker(
  runner: Pick<pg.Pool, 'query'>,
  accountId: string,
  trackerId: string,
): Promise<TrackerReport | null> {
  const [row] = await rowsOf<TrackerRow>(
    runner,
    sql`${TRACKERS} WHERE co.account_id = ${accountId} AND t.tracker_id = ${trackerId}`,
  );
  return row ? reportOf(row) : null;
}

function reportOf(row: TrackerRow): TrackerReport {
  return {
    companyId: row.company_id,
    companyName: row.company_name,
    trackerId: row.tracker_id,
    name: row.name,
    type: row.type,
    active: row.status === 'active',
    destinationNumber: row.destination_number,
    trackingNumbers: row.tracking_numbers,
    swapTargets: row.swap_targets,
    textTargets: row.advanced_swap_targets,
    source: row.source,
    callFlow: row.call_flow,
    campaignName: row.campaign_name,
    whisperMessage: row.whisper_message,
    smsEnabled: row.sms_enabled,
    pool:
      row.type === 'source'
        ? null
        : {
            holdSeconds: row.hold_seconds,
            laneKey: row.lane_key,
            whenFull: row.when_full,
            staticNumber: row.static_number,
            visitThreshold: row.visit_threshold,
            sourceThreshold: row.source_threshold,
          },
    createdAt: millis(row.created_at),
    disabledAt: millis(row.disabled_at),
  };
}
