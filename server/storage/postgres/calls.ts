/** Calls: kept from reports, and joined to visits each time that more is known. */
import type pg from 'pg';
import type { CallEvent, CallHistory, CallJudge, CallReport, Millis } from '../../domain/ports.js';
import { type CallOwner, ownerOfCall } from './call-owner.js';
import { transaction } from './connect.js';
import { newId } from './ids.js';
import { personOfLead } from './persons.js';

/** A past holder is a candidate for a call so many days after his lease began. */
const HISTORY_DAYS = 30;
/** A tap explains a call that follows within this time. */
export const TAP_MS = 60_000;
/** The newest ones; the join counts with as many before them as the time between has brought. */
const MAX_CANDIDATES = 100;
/** A tap that is told so late after it, or less, is timed by the visitor's own clock if it comes after the call. */
export const LATE_TAP_MS = 120_000;
/** Calls and forms of a known caller that are looked at, the newest. */
const MAX_KNOWN = 100;

/** When a lease's hold ended, or will end without a further sign of life. */
export const HELD_UNTIL = `coalesce(l.ended_at, v.last_seen + make_interval(secs => l.hold_seconds))`;

/**
 * Keeps a report and brings the call's one row up to date, in one transaction. A report that was kept before changes
 * nothing: providers repeat themselves, many times at once when they are in doubt, and take no turn for that.
 */
export async function recordCall(pool: pg.Pool, report: CallReport, judge: CallJudge): Promise<void> {
  if (await isKept(pool, report)) return;
  await transaction(pool, (client) => keepReport(client, report, judge));
}

/** True when the call has this report already. */
async function isKept(pool: pg.Pool, { companyId, event }: CallReport): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'is call event kept',
    text: `SELECT FROM call_events
           WHERE company_id = $1 AND provider = $2 AND provider_call_id = $3 AND event_key = $4`,
    values: [companyId, event.provider, event.providerCallId, event.key],
  });
  return rowCount === 1;
}

async function keepReport(client: pg.ClientBase, report: CallReport, judge: CallJudge): Promise<void> {
  const { event } = report;
  await lockCall(client, event);
  const owner = await ownerOfCall(client, report);
  const { rowCount } = await client.query({
    name: 'keep call event',
    text: `INSERT INTO call_events (company_id, provider, provider_call_id, event_key, event, received_at)
           VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT DO NOTHING`,
    values: [owner.companyId, event.provider, event.providerCallId, event.key, JSON.stringify(event)],
  });
  if (rowCount !== 0) await writeCall(client, event, owner, judge);
}

/** One at a time for a call, whoever reports it. */
export async function lockCall(
  client: pg.ClientBase,
  { provider, providerCallId }: Omit<CallName, 'trackingNumber'>,
): Promise<void> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [
    `${provider} ${providerCallId}`,
  ]);
}

export type CallName = Pick<CallEvent, 'provider' | 'providerCallId' | 'trackingNumber'>;

/** What a call's join was, of the row `c` before it changes. */
export const REVISED_FROM = `jsonb_build_object('visit', c.attribution->'visit', 'source', c.attribution->'source',
  'confidence', c.attribution->'confidence', 'method', c.attribution->'method')`;
const IS_REVISED = `c.corrected_at IS NULL AND (c.attribution->'visit', c.attribution->'source', c.attribution->'method')
  IS DISTINCT FROM (excluded.attribution->'visit', excluded.attribution->'source', excluded.attribution->'method')`;
/** The value of a column as evidence has it, unless a user has said whose call it is. */
const unlessCorrected = (column: string) =>
  `${column} = CASE WHEN c.corrected_at IS NULL THEN excluded.${column} ELSE c.${column} END`;

/**
 * Folds all reports of the call anew, joins it and writes its one row. The result depends on the set of reports and
 * on the number's history, not on their order; a join that a user corrected stays. The call's lock must be held.
 */
export async function writeCall(
  client: pg.ClientBase,
  name: CallName,
  { companyId, trackerId, tracker }: CallOwner,
  judge: CallJudge,
): Promise<void> {
  const call = [companyId, name.provider, name.providerCallId];
  const { rows: events } = await client.query<{ event: CallEvent }>({
    name: 'call events',
    text: 'SELECT event FROM call_events WHERE company_id = $1 AND provider = $2 AND provider_call_id = $3',
    values: call,
  });
  // Nothing to fold: a call that did not come by reports.
  if (events.length === 0) return;
  const facts = judge.fold(events.map((row) => row.event));
  const history = await callHistory(client, companyId, name, facts.startedAt, facts.callerNumber);
  const attribution = judge.attribute(facts, history, tracker);
  const personId = await personOfLead(client, {
    companyId,
    kind: 'call',
    leadId: name.providerCallId,
    newPersonId: newId('PER'),
    phone: facts.callerNumber,
    email: null,
    at: facts.startedAt,
  });
  await client.query({
    name: 'write call',
    text: `INSERT INTO calls AS c (company_id, call_id, provider, provider_call_id, tracker_id, person_id, session_id,
       visit_id, tracking_number, destination_number, caller_number, caller_raw, caller_name, caller_city,
       caller_state, caller_country, caller_zip, state, answered, voicemail, started_at, ended_at, duration,
       recording_url, recording_duration, attribution, transcription, inferred, first_call)
     SELECT $1, $4, $2, $3, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
       to_timestamp($21::float8 / 1000), to_timestamp($22::float8 / 1000), $23, $24, $25, $26, $27, $28,
       NOT EXISTS (SELECT FROM calls o WHERE o.company_id = $1 AND o.caller_number = $11
                   AND o.started_at < to_timestamp($21::float8 / 1000) AND o.provider_call_id <> $3)
     ON CONFLICT (company_id, provider, provider_call_id) DO UPDATE SET
       tracker_id = coalesce(c.tracker_id, excluded.tracker_id), person_id = excluded.person_id,
       ${unlessCorrected('session_id')}, ${unlessCorrected('visit_id')}, ${unlessCorrected('attribution')},
       joined_at = excluded.joined_at, revised_at = CASE WHEN ${IS_REVISED} THEN now() ELSE c.revised_at END,
       revised_from = CASE WHEN ${IS_REVISED} THEN ${REVISED_FROM} ELSE c.revised_from END,
       destination_number = excluded.destination_number, caller_number = excluded.caller_number,
       caller_raw = excluded.caller_raw, caller_name = coalesce(c.caller_name, excluded.caller_name),
       caller_city = excluded.caller_city, caller_state = excluded.caller_state,
       caller_country = excluded.caller_country, caller_zip = excluded.caller_zip, state = excluded.state,
       answered = excluded.answered, voicemail = excluded.voicemail, started_at = excluded.started_at,
       ended_at = excluded.ended_at, duration = excluded.duration, recording_url = excluded.recording_url,
       recording_duration = excluded.recording_duration, transcription = excluded.transcription, inferred = excluded.inferred, first_call = excluded.first_call`,
    values: [
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
  });
}

/** What the number's history knows about the time before a call; `caller` null: of nobody known from before. */
export async function callHistory(
  client: Pick<pg.ClientBase, 'query'>,
  companyId: string,
  { trackingNumber, provider, providerCallId }: CallName,
  at: Millis,
  caller: string | null,
): Promise<CallHistory> {
  const { rows } = await client.query<{ history: Omit<CallHistory, 'isCut'> }>({
    name: 'call history',
    text: `
      WITH caller AS (
        SELECT person FROM person_identifiers i, one_with(i.company_id, i.person_id) AS person
        WHERE i.company_id = $1 AND i.kind = 'phone' AND i.value = $4)
      SELECT json_build_object(
        'taps', (SELECT coalesce(json_agg(found), '[]') FROM (
          SELECT (extract(epoch FROM t.at) * 1000)::float8 AS at, t.session_id AS "sessionId",
                 t.visit_id AS "visitId", v.source, v.campaign
          FROM (SELECT *, CASE WHEN tapped_at <= to_timestamp($3::float8 / 1000) THEN tapped_at ELSE client_at END AS at
                FROM taps
                WHERE company_id = $1 AND number = $2
                  AND tapped_at BETWEEN to_timestamp($3::float8 / 1000) - interval '${TAP_MS} ms'
                    AND to_timestamp($3::float8 / 1000) + interval '${LATE_TAP_MS} ms') t
          JOIN visits v ON v.company_id = t.company_id AND v.visit_id = t.visit_id
          WHERE t.at BETWEEN to_timestamp($3::float8 / 1000) - interval '${TAP_MS} ms' AND to_timestamp($3::float8 / 1000)
            AND t.at >= t.tapped_at - interval '${LATE_TAP_MS} ms'
          ORDER BY t.at DESC LIMIT ${MAX_CANDIDATES}) found),
        'leases', (SELECT coalesce(json_agg(found), '[]') FROM (
          SELECT l.session_id AS "sessionId", l.visit_id AS "visitId", v.source, v.campaign, l.shared, v.pages,
                 v.device, v.active_seconds AS "activeSeconds", coalesce(v.left_at >= v.last_seen, false) AS "left",
                 (extract(epoch FROM v.started_at) * 1000)::float8 AS "visitStartedAt",
                 (extract(epoch FROM v.last_seen) * 1000)::float8 AS "lastSeen",
                 (extract(epoch FROM l.started_at) * 1000)::float8 AS "from",
                 (extract(epoch FROM ${HELD_UNTIL}) * 1000)::float8 AS until
          FROM leases l JOIN visits v ON v.company_id = l.company_id AND v.visit_id = l.visit_id
          WHERE l.company_id = $1 AND l.number = $2
            AND l.started_at BETWEEN to_timestamp($3::float8 / 1000) - interval '${HISTORY_DAYS} days'
              AND to_timestamp($3::float8 / 1000)
          ORDER BY l.started_at DESC LIMIT ${MAX_CANDIDATES}) found),
        -- By what is known of his person, corrected joins first: of that session the newest visit before this call, since
        -- a caller who came back to the site called because of that.
        'knownCaller', (
          SELECT json_build_object('sessionId', k.session_id, 'visitId', v.visit_id, 'source', v.source,
                                   'campaign', v.campaign, 'confidence', k.confidence)
          FROM (
            (SELECT c.session_id, (c.attribution->>'confidence')::float8 AS confidence,
                    c.corrected_at IS NOT NULL AS is_certain, c.started_at AS at
             FROM caller JOIN calls c ON c.company_id = $1 AND c.person_id = caller.person
             WHERE c.session_id IS NOT NULL AND c.started_at < to_timestamp($3::float8 / 1000)
               AND NOT (c.provider = $5 AND c.provider_call_id = $6)
             ORDER BY c.started_at DESC LIMIT ${MAX_KNOWN})
            UNION ALL
            -- A form is sent by its session, so it tells of the call also when it comes after it.
            (SELECT f.session_id, 1, false, f.submitted_at
             FROM caller JOIN form_submissions f ON f.company_id = $1 AND f.person_id = caller.person
             WHERE f.session_id IS NOT NULL ORDER BY f.submitted_at DESC LIMIT ${MAX_KNOWN})) k
          CROSS JOIN LATERAL (SELECT * FROM visits v WHERE v.company_id = $1 AND v.session_id = k.session_id
            AND v.started_at <= to_timestamp($3::float8 / 1000) ORDER BY v.started_at DESC LIMIT 1) v
          ORDER BY k.is_certain DESC, k.at DESC LIMIT 1)) AS history`,
    values: [companyId, trackingNumber, at, caller, provider, providerCallId],
  });
  const history = rows[0]?.history ?? { taps: [], leases: [], knownCaller: null };
  return { ...history, isCut: history.leases.length === MAX_CANDIDATES };
}
