/**
 * What comes to the pools, counted from leases and visits by the hour, and the plans of lanes that follow from it. A
 * count replaces the one before, so it may be made again as long as late rows come in (a journal that is drained, a
 * visit that goes on).
 */
import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import type {
  ArrivalCount,
  Lane,
  LaneKey,
  LanePlanner,
  Millis,
  PooledHours,
  WhenFull,
} from '../../domain/ports.js';
import { HELD_UNTIL } from './calls.js';
import { CHANGE_LOCK } from './reports/tracker-writes.js';

/** A lease that began so long before an hour and lasts into it is seen in that hour. */
const LOOK_BACK = '3 hours';
/** A plan goes by the visits of so many days: they count half as much with each. */
const PLAN_DAYS = 7;
/** Sources and campaigns that a plan knows by name, the largest of them; the others are one. */
const MAX_SOURCES = 100;
const MAX_CAMPAIGNS = 300;
/** A large installation may take its time: nobody waits for a count. */
const PATIENCE = "SET LOCAL statement_timeout = '60s'";

/** Replaces what is known of the hour that begins then. Looks at the leases of that time of each number, by its index. */
export async function countHour(client: pg.ClientBase, hour: Millis, now: Millis): Promise<void> {
  await client.query(PATIENCE);
  // All of them, so that nobody has to find which are gone: that took half a minute where statistics were old.
  await client.query(
    `DELETE FROM arrivals a USING trackers t
     WHERE a.company_id = t.company_id AND a.tracker_id = t.tracker_id AND a.hour = to_timestamp($1::float8 / 1000)`,
    [hour],
  );
  await client.query(
    `WITH bounds AS (
       SELECT to_timestamp($1::float8 / 1000) AS hour, to_timestamp($1::float8 / 1000) + interval '1 hour' AS next,
              least(to_timestamp($1::float8 / 1000) + interval '1 hour', to_timestamp($2::float8 / 1000)) AS ends
     ), pools AS (
       SELECT DISTINCT t.company_id, t.tracker_id, n.number, n.removed_at IS NULL AS is_current,
              t.when_full = 'static' AND n.number = t.static_number IS TRUE AS is_static
       FROM bounds b, trackers t JOIN tracking_numbers n USING (company_id, tracker_id)
       WHERE t.type = 'session' AND (n.removed_at IS NULL OR n.removed_at > b.hour)
     ), held AS MATERIALIZED (
       SELECT p.company_id, p.tracker_id, p.number, p.is_static, l.lease_id, l.session_id, l.visit_id, l.shared,
              l.started_at, ${HELD_UNTIL} AS until, left(v.source, 255) AS source,
              left(coalesce(v.campaign, ''), 255) AS campaign
       FROM bounds b, (SELECT DISTINCT company_id, tracker_id, number, is_static FROM pools) p
       JOIN LATERAL (SELECT * FROM leases l
                     WHERE l.company_id = p.company_id AND l.number = p.number AND l.tracker_id = p.tracker_id
                       AND l.started_at < b.next AND l.started_at > b.hour - interval '${LOOK_BACK}') l ON true
       JOIN visits v ON v.company_id = l.company_id AND v.visit_id = l.visit_id
     ), met AS (
       -- Each with the end of those that were on its number before; a session that comes back goes on with its own.
       SELECT h.*, max(until) OVER earlier > started_at AS was_held,
              max(until) OVER (PARTITION BY company_id, number, session_id ORDER BY started_at, lease_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) >= started_at AS goes_on
       FROM held h
       WINDOW earlier AS (PARTITION BY company_id, number ORDER BY started_at, lease_id
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
     ), came AS (
       SELECT company_id, tracker_id, b.hour, source, campaign, count(DISTINCT visit_id) AS visits,
              min(started_at) AS first_at, count(*) AS leases,
              sum(greatest(0, extract(epoch FROM until - started_at))) AS lease_seconds,
              count(*) FILTER (WHERE shared) AS shared,
              count(*) FILTER (WHERE was_held AND NOT coalesce(goes_on, false) AND NOT is_static) AS reissued,
              count(*) FILTER (WHERE is_static) AS diverted
       FROM met, bounds b WHERE started_at >= b.hour GROUP BY 1, 2, 3, 4, 5
     ), counted AS (
       INSERT INTO arrivals (company_id, tracker_id, hour, source, campaign, visits, first_at, leases, lease_seconds,
                             shared, reissued, diverted)
       SELECT * FROM came
     ), spans AS (
       -- When a number was held at all, however many held it.
       SELECT company_id, tracker_id, number,
              unnest(range_agg(tstzrange(greatest(started_at, b.hour), least(until, b.ends)))) AS span
       FROM held, bounds b
       WHERE NOT is_static AND greatest(started_at, b.hour) < least(until, b.ends) GROUP BY 1, 2, 3
     ), steps AS (
       SELECT company_id, tracker_id, lower(span) AS at, 1 AS step FROM spans
       UNION ALL SELECT company_id, tracker_id, upper(span), -1 FROM spans
     ), levels AS (
       SELECT company_id, tracker_id, sum(step) OVER (PARTITION BY company_id, tracker_id ORDER BY at, step
                ROWS UNBOUNDED PRECEDING) AS level FROM steps
     )
     INSERT INTO pool_hours AS p (company_id, tracker_id, hour, numbers, seconds, held_seconds, peak_held)
     SELECT s.company_id, s.tracker_id, b.hour,
            (SELECT count(*) FROM pools o WHERE o.company_id = s.company_id AND o.tracker_id = s.tracker_id
                                            AND o.is_current AND NOT o.is_static),
            extract(epoch FROM b.ends - b.hour), s.held_seconds,
            (SELECT max(level) FROM levels l WHERE l.company_id = s.company_id AND l.tracker_id = s.tracker_id)
     FROM bounds b, (SELECT company_id, tracker_id, sum(extract(epoch FROM upper(span) - lower(span))) AS held_seconds
                     FROM spans GROUP BY 1, 2) s
     ON CONFLICT (company_id, tracker_id, hour) DO UPDATE
       -- The size that the pool had in its hour stays when it is counted again a day later.
       SET numbers = CASE WHEN p.seconds < 3600 THEN excluded.numbers ELSE p.numbers END,
           seconds = excluded.seconds, held_seconds = excluded.held_seconds, peak_held = excluded.peak_held`,
    [hour, now],
  );
}

interface PoolRow {
  company_id: string;
  tracker_id: string;
  numbers: string[];
  lanes: Lane[];
  lane_key: LaneKey;
  when_full: WhenFull;
  static_number: string | null;
}

/** Asks for the plan of each pool that is shown, and keeps those that are others than before. Answers how many. */
export async function planEach(client: pg.ClientBase, now: Millis, plan: LanePlanner): Promise<number> {
  const { rows: pools } = await client.query<PoolRow>(
    `SELECT t.*, ARRAY(SELECT n.number FROM tracking_numbers n WHERE n.company_id = t.company_id
                         AND n.tracker_id = t.tracker_id AND n.removed_at IS NULL ORDER BY n.position, n.number) AS numbers
     FROM trackers t WHERE t.type = 'session' AND t.status = 'active'`,
  );
  const changes: { company_id: string; tracker_id: string; lanes: Lane[] }[] = [];
  for (const { company_id, tracker_id, ...row } of pools) {
    const pool = {
      numbers: row.numbers,
      lanes: row.lanes,
      laneKey: row.lane_key,
      whenFull: row.when_full,
      staticNumber: row.static_number,
    };
    const lanes = plan(pool, await recentCounts(client, company_id, tracker_id, now), now);
    if (!isDeepStrictEqual(lanes, pool.lanes)) changes.push({ company_id, tracker_id, lanes });
  }
  // Every statement on trackers tells all servers to read the directory: one for all, and none that changes nothing.
  if (changes.length === 0) return 0;
  await client.query('SELECT pg_advisory_xact_lock($1)', [CHANGE_LOCK]);
  await client.query(
    `UPDATE trackers t SET lanes = r.lanes
     FROM json_to_recordset($1) AS r(company_id text, tracker_id text, lanes jsonb)
     WHERE t.company_id = r.company_id AND t.tracker_id = r.tracker_id`,
    [JSON.stringify(changes)],
  );
  return changes.length;
}

/** By the hour; small campaigns count as none, small sources as `*`, so that made-up names make no long plans. */
export async function recentCounts(
  client: Pick<pg.Pool, 'query'>,
  companyId: string,
  trackerId: string,
  now: Millis,
): Promise<ArrivalCount[]> {
  const { rows } = await client.query<ArrivalCount>(
    `WITH recent AS (
       SELECT * FROM arrivals WHERE company_id = $1 AND tracker_id = $2
         AND hour > to_timestamp($3::float8 / 1000) - interval '${PLAN_DAYS} days'
     ), sources AS (
       SELECT source, row_number() OVER (ORDER BY sum(visits) DESC, source) AS place FROM recent GROUP BY 1
     ), campaigns AS (
       SELECT source, campaign, row_number() OVER (ORDER BY sum(visits) DESC, source, campaign) AS place
       FROM recent GROUP BY 1, 2
     )
     SELECT CASE WHEN s.place <= ${MAX_SOURCES} THEN r.source ELSE '*' END AS source,
            nullif(CASE WHEN s.place <= ${MAX_SOURCES} AND c.place <= ${MAX_CAMPAIGNS} THEN r.campaign ELSE '' END, '')
              AS campaign,
            (extract(epoch FROM r.hour) * 1000)::float8 AS hour, sum(r.visits)::int AS visits,
            (extract(epoch FROM min(r.first_at)) * 1000)::float8 AS "firstAt"
     FROM recent r JOIN sources s USING (source) JOIN campaigns c USING (source, campaign)
     GROUP BY 1, 2, 3 ORDER BY 3, 1, 2`,
    [companyId, trackerId, now],
  );
  return rows;
}

/** Of each active pool what came to it in the hours of the last days. */
export async function recentHours(client: Pick<pg.Pool, 'query'>, now: Millis): Promise<PooledHours[]> {
  const { rows } = await client.query<PooledHours>(
    `SELECT t.company_id AS "companyId", t.tracker_id AS "trackerId", coalesce(json_agg(json_build_object(
              'hour', extract(epoch FROM h.hour) * 1000, 'leases', h.leases, 'leaseSeconds', h.lease_seconds,
              'shared', h.shared) ORDER BY h.hour) FILTER (WHERE h.hour IS NOT NULL), '[]') AS hours
     FROM trackers t
     LEFT JOIN LATERAL (SELECT a.hour, sum(a.leases)::int AS leases, sum(a.lease_seconds) AS lease_seconds,
                               sum(a.shared)::int AS shared
                        FROM arrivals a WHERE a.company_id = t.company_id AND a.tracker_id = t.tracker_id
                          AND a.hour > to_timestamp($1::float8 / 1000) - interval '${PLAN_DAYS} days'
                        GROUP BY 1) h ON true
     WHERE t.type = 'session' AND t.status = 'active' GROUP BY 1, 2`,
    [now],
  );
  return rows;
}

/** Forgets what came before. */
export async function forgetArrivals(client: pg.ClientBase, before: Millis): Promise<void> {
  await client.query(PATIENCE);
  for (const table of ['arrivals', 'pool_hours']) {
    // By tracker, since keys begin with it.
    await client.query(
      `DELETE FROM ${table} a USING trackers t
       WHERE a.company_id = t.company_id AND a.tracker_id = t.tracker_id AND a.hour < to_timestamp($1::float8 / 1000)`,
      [before],
    );
  }
}
