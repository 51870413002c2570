import type pg from 'pg';
import { Refusal } from '../../domain/errors.js';
import type {
  CurrentVisit,
  Directory,
  JoinedCall,
  Millis,
  PoolKey,
  RecordOutcome,
  RecordStore,
  RememberedLease,
  SessionKey,
} from '../../domain/ports.js';
import { recentHours } from './arrivals.js';
import { HELD_UNTIL, recordCall } from './calls.js';
import { commitEntries } from './commit-entries.js';
import { isDataFault, sqlState } from './connect.js';
import { loadDirectory } from './directory.js';
import { withRefusals } from './refusals.js';
import { rejoinCalls } from './rejoin.js';

export interface RecordStoreOptions {
  pool: pg.Pool;
  /** A pool of its own: calls must not wait behind page views. */
  callPool: pg.Pool;
  /** Another for the group commits, with as many connections as there may be commits at once. */
  writePool: pg.Pool;
}

/** The record in Postgres, apart from reports (`report-store.ts`). */
export function createRecordStore({ pool, callPool, writePool }: RecordStoreOptions): RecordStore {
  return withRefusals<RecordStore>({
    async directoryVersion(): Promise<string> {
      const { rows } = await pool.query<{ version: string }>('SELECT version FROM directory_version');
      return rows[0]?.version ?? '0';
    },

    loadDirectory(): Promise<Directory> {
      return loadDirectory(pool);
    },

    async currentVisits(sessions: readonly SessionKey[]): Promise<(CurrentVisit | null)[]> {
      const { rows } = await pool.query<{ position: number; visit: CurrentVisit | null }>({
        name: 'current visits',
        text: `
          SELECT s.position::int, CASE WHEN v.visit_id IS NULL THEN NULL ELSE json_build_object(
            'visitId', v.visit_id, 'landing', v.landing, 'referrer', v.referrer, 'source', v.source,
            'campaign', v.campaign,
            'startedAt', extract(epoch FROM v.started_at) * 1000, 'lastSeen', extract(epoch FROM v.last_seen) * 1000,
            'pages', v.pages, 'activeSeconds', v.active_seconds,
            'first', (SELECT json_build_object('landing', f.landing, 'referrer', f.referrer) FROM visits f
                      WHERE f.company_id = s.company_id AND f.session_id = s.session_id
                      ORDER BY f.started_at LIMIT 1),
            'leases', coalesce((SELECT json_agg(json_build_object('trackerId', l.tracker_id, 'number', l.number,
                                                                           'shared', l.shared))
                                FROM leases l WHERE l.company_id = s.company_id AND l.visit_id = v.visit_id
                                  AND l.ended_at IS NULL), '[]')) END AS visit
          -- As JSON its length says nothing to the planner: so one plan is kept, which costs more to make than to run.
          FROM ROWS FROM (json_to_recordset($1) AS (company_id text, session_id uuid)) WITH ORDINALITY
            AS s(company_id, session_id, position)
          LEFT JOIN LATERAL (SELECT * FROM visits v
            WHERE v.company_id = s.company_id AND v.session_id = s.session_id
            ORDER BY v.started_at DESC LIMIT 1) v ON true`,
        values: [
          JSON.stringify(
            sessions.map(({ companyId, sessionId }) => ({ company_id: companyId, session_id: sessionId })),
          ),
        ],
      });
      const found: (CurrentVisit | null)[] = sessions.map(() => null);
      for (const row of rows) found[row.position - 1] = row.visit;
      return found;
    },

    async rememberedLeases(now: Millis, of?: PoolKey): Promise<RememberedLease[]> {
      const { rows } = await pool.query<{
        company_id: string;
        tracker_id: string;
        number: string;
        session_id: string;
        since: number;
        held_until: number;
        shared: boolean;
      }>(
        `SELECT l.company_id, l.tracker_id, l.number, l.session_id, l.shared,
                (extract(epoch FROM l.started_at) * 1000)::float8 AS since,
                (extract(epoch FROM ${HELD_UNTIL}) * 1000)::float8 AS held_until
         FROM tracking_numbers n
         JOIN trackers t ON t.company_id = n.company_id AND t.tracker_id = n.tracker_id AND t.type = 'session'
         CROSS JOIN LATERAL (
           SELECT l.*, row_number() OVER (ORDER BY l.started_at DESC) AS recency FROM leases l
           WHERE l.company_id = n.company_id AND l.number = n.number AND l.tracker_id = n.tracker_id
             AND l.started_at > to_timestamp($1::float8 / 1000) - interval '30 days'
           ORDER BY l.started_at DESC LIMIT 100) l
         JOIN visits v ON v.company_id = l.company_id AND v.visit_id = l.visit_id
         WHERE n.removed_at IS NULL AND ($2::text IS NULL OR (n.company_id = $2 AND n.tracker_id = $3))
           AND (l.recency = 1 OR ${HELD_UNTIL} > to_timestamp($1::float8 / 1000))`,
        [now, of?.companyId ?? null, of?.trackerId ?? null],
      );
      return rows.map((row) => ({
        pool: { companyId: row.company_id, trackerId: row.tracker_id },
        number: row.number,
        sessionId: row.session_id,
        since: row.since,
        heldUntil: Math.round(row.held_until),
        shared: row.shared,
      }));
    },

    async findCall(companyId, provider, providerCallId): Promise<JoinedCall | null> {
      const { rows } = await pool.query<JoinedCall>(
        `SELECT c.call_id AS "callId", c.caller_number AS "callerNumber", c.tracking_number AS "trackingNumber",
                c.state, c.duration, c.attribution, t.name AS "trackerName",
                CASE WHEN v.visit_id IS NOT NULL THEN json_build_object('landing', v.landing, 'referrer', v.referrer,
                  'sourceName', v.source_name, 'medium', v.medium, 'campaign', v.campaign) END AS visit
         FROM calls c LEFT JOIN visits v ON v.company_id = c.company_id AND v.visit_id = c.visit_id
         LEFT JOIN trackers t ON t.company_id = c.company_id AND t.tracker_id = c.tracker_id
         WHERE c.company_id = $1 AND c.provider = $2 AND c.provider_call_id = $3`,
        [companyId, provider, providerCallId],
      );
      return rows[0] ?? null;
    },

    poolHours: (now) => recentHours(pool, now),

    recordCall: (report, judge) => recordCall(callPool, report, judge),
    rejoinCalls: (since, judge) => rejoinCalls(callPool, since, judge),

    commit(entries): Promise<RecordOutcome[]> {
      return withRetry(() => commitEntries(writePool, entries)).catch((error) => {
        if (!isDataFault(error)) throw error;
        throw new Refusal('invalid', 'The database refused a value.', { cause: error });
      });
    },
  });
}

/** 40001 serialization_failure and 40P01 deadlock_detected: Postgres asks for exactly the same again. */
async function withRetry<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= 3 || !['40001', '40P01'].includes(sqlState(error) ?? '')) throw error;
    }
  }
}
