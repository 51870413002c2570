import type pg from 'pg';
import { Refusal } from '../../domain/errors.js';
import type {
  CallEvent,
  CallHistory,
  CallJudge,
  CallReport,
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
import { ownerOfCall } from './call-owner.js';
import { commitEntries } from './commit-entries.js';
import { isDataFault, sqlState, transaction } from './connect.js';
import { loadDirectory } from './directory.js';
import { newId } from './ids.js';
import { findOrCreatePerson } from './persons.js';
import { withRefusals } from './refusals.js';

const DAY_MS = 86_400_000;
/** A past holder is a candidate for a call this long after his lease began. */
const HISTORY_MS = 30 * DAY_MS;
/** A tap explains a call that follows within this time. */
const TAP_MS = 60_000;
/** Candidates beyond these weigh nothing. */
const MAX_CANDIDATES = 200;

/** When a lease's hold ended, or will end without a further sign of life. */
const HELD_UNTIL = `coalesce(l.ended_at, v.last_seen + make_interval(secs => l.hold_seconds))`;

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
            'startedAt', extract(epoch FROM v.started_at) * 1000, 'lastSeen', extract(epoch FROM v.last_seen) * 1000,
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

    async recordCall(report, judge): Promise<void> {
      // Providers repeat themselves, many times at once when they are in doubt: no turn behind the call's lock for that.
      if (await isKept(callPool, report)) return;
      await transaction(callPool, (client) => recordCall(client, report, judge));
    },

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

/** True when the call has this report already. */
async function isKept(pool: pg.Pool, { companyId, event }: CallReport): Promise<boolean> {
  const { rowCount } = await pool.query(
    `SELECT FROM call_events
     WHERE company_id = $1 AND provider = $2 AND provider_call_id = $3 AND event_key = $4`,
    [companyId, event.provider, event.providerCallId, event.key],
  );
  return rowCount === 1;
}

/**
 * Keeps the report, folds all reports of the call anew, joins the call and writes its one row. The result depends on
 * the set of reports, not on their order, since every report leads here under the call's own lock.
 */
async function recordCall(client: pg.ClientBase, report: CallReport, judge: CallJudge): Promise<void> {
  const { event } = report;
  const lock = `${event.provider} ${event.providerCallId}`;
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [lock]);
  const { companyId, trackerId, tracker } = await ownerOfCall(client, report);
  const call = [companyId, event.provider, event.providerCallId];
  const { rowCount } = await client.query(
    `INSERT INTO call_events (company_id, provider, provider_call_id, event_key, event, received_at)
     VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT DO NOTHING`,
    [...call, event.key, JSON.stringify(event)],
  );
  if (rowCount === 0) return;
  const { rows: events } = await client.query<{ event: CallEvent }>(
    `SELECT event FROM call_events WHERE company_id = $1 AND provider = $2 AND provider_call_id = $3`,
    call,
  );
  const facts = judge.fold(events.map((row) => row.event));
  const history = await callHistory(client, companyId, event, facts.startedAt, facts.callerNumber);
  const attribution = judge.attribute(facts, history, tracker);
  const personId = await findOrCreatePerson(client, {
    companyId,
    newPersonId: newId('PER'),
    phone: facts.callerNumber,
    email: null,
    at: facts.startedAt,
  });
  await client.query(
    `INSERT INTO calls AS c (company_id, call_id, provider, provider_call_id, tracker_id, person_id, session_id,
       visit_id, tracking_number, destination_number, caller_number, caller_raw, caller_name, caller_city,
       caller_state, caller_country, caller_zip, state, answered, voicemail, started_at, ended_at, duration,
       recording_url, recording_duration, attribution, transcription, inferred, first_call)
     SELECT $1, $4, $2, $3, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
       to_timestamp($21::float8 / 1000), to_timestamp($22::float8 / 1000), $23, $24, $25, $26, $27, $28,
       NOT EXISTS (SELECT FROM calls o WHERE o.company_id = $1 AND o.caller_number = $11
                   AND o.started_at < to_timestamp($21::float8 / 1000) AND o.provider_call_id <> $3)
     ON CONFLICT (company_id, provider, provider_call_id) DO UPDATE SET
       tracker_id = coalesce(c.tracker_id, excluded.tracker_id), person_id = excluded.person_id,
       session_id = excluded.session_id, visit_id = excluded.visit_id,
       destination_number = excluded.destination_number, caller_number = excluded.caller_number,
       caller_raw = excluded.caller_raw, caller_name = coalesce(c.caller_name, excluded.caller_name),
       caller_city = excluded.caller_city, caller_state = excluded.caller_state,
       caller_country = excluded.caller_country, caller_zip = excluded.caller_zip, state = excluded.state,
       answered = excluded.answered, voicemail = excluded.voicemail, started_at = excluded.started_at,
       ended_at = excluded.ended_at, duration = excluded.duration, recording_url = excluded.recording_url,
       recording_duration = excluded.recording_duration, attribution = excluded.attribution,
       transcription = excluded.transcription, inferred = excluded.inferred, first_call = excluded.first_call`,
    [
      ...call,
      newId('CAL'),
      trackerId,
      personId,
      attribution.session,
      attribution.visit,
      facts.trackingNumber,
      facts.destinationNumber,
      facts.callerNumber,
      facts.callerRaw,
      facts.callerName,
      facts.callerCity,
      facts.callerState,
      facts.callerCountry,
      facts.callerZip,
      facts.state,
      facts.answered,
      facts.voicemail,
      facts.startedAt,
      facts.endedAt,
      facts.duration,
      facts.recordingUrl,
      facts.recordingDuration,
      JSON.stringify(attribution),
      facts.transcription,
      facts.inferred,
    ],
  );
}

async function callHistory(
  client: pg.ClientBase,
  companyId: string,
  { trackingNumber, provider, providerCallId }: CallEvent,
  at: Millis,
  caller: string | null,
): Promise<CallHistory> {
  const taps = await client.query<CallHistory['taps'][number]>(
    `SELECT (extract(epoch FROM t.tapped_at) * 1000)::float8 AS at, t.session_id AS "sessionId",
            t.visit_id AS "visitId", v.source
     FROM taps t JOIN visits v ON v.company_id = t.company_id AND v.visit_id = t.visit_id
     WHERE t.company_id = $1 AND t.number = $2
       AND t.tapped_at BETWEEN to_timestamp($3::float8 / 1000) AND to_timestamp($4::float8 / 1000)
     ORDER BY t.tapped_at DESC LIMIT ${MAX_CANDIDATES}`,
    [companyId, trackingNumber, at - TAP_MS, at],
  );
  const leases = await client.query<CallHistory['leases'][number]>(
    `SELECT l.session_id AS "sessionId", l.visit_id AS "visitId", v.source, l.shared,
            (extract(epoch FROM l.started_at) * 1000)::float8 AS "from",
            (extract(epoch FROM ${HELD_UNTIL}) * 1000)::float8 AS until
     FROM leases l JOIN visits v ON v.company_id = l.company_id AND v.visit_id = l.visit_id
     WHERE l.company_id = $1 AND l.number = $2
       AND l.started_at BETWEEN to_timestamp($3::float8 / 1000) AND to_timestamp($4::float8 / 1000)
     ORDER BY l.started_at DESC LIMIT ${MAX_CANDIDATES}`,
    [companyId, trackingNumber, at - HISTORY_MS, at],
  );
  // The joined session's newest visit before this call: a caller who came back to the site called because of that.
  const known = await client.query<NonNullable<CallHistory['knownCaller']>>(
    `SELECT c.session_id AS "sessionId", v.visit_id AS "visitId", v.source,
            (c.attribution->>'confidence')::float8 AS confidence
     FROM calls c
     CROSS JOIN LATERAL (SELECT * FROM visits v WHERE v.company_id = c.company_id AND v.session_id = c.session_id
       AND v.started_at <= to_timestamp($3::float8 / 1000) ORDER BY v.started_at DESC LIMIT 1) v
     WHERE c.company_id = $1 AND c.caller_number = $2 AND c.started_at < to_timestamp($3::float8 / 1000)
       AND NOT (c.provider = $4 AND c.provider_call_id = $5)
     ORDER BY c.started_at DESC LIMIT 1`,
    [companyId, caller, at, provider, providerCallId],
  );
  return { taps: taps.rows, leases: leases.rows, knownCaller: known.rows[0] ?? null };
}
