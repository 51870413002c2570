import type pg from 'pg';
import type { CallFacts, CallJudge } from '../../../domain/ports.js';
import type {
  CallChanges,
  CallFilter,
  CallReport,
  CallSort,
  Detail,
  Found,
  Listing,
} from '../../../domain/reports.js';
import { transaction } from '../connect.js';
import { correctCall } from '../corrections.js';
import { changeLead, type LeadTable } from './lead-writes.js';
import { FIRST_TOUCH, type LeadRow, leadConditions, leadDetails, leadOf, ofCompanies } from './leads.js';
import { joinShownSource } from './shown-source.js';
import { contains, millis, NOTHING, orderBy, rowsOf, type Sorting, type Sql, sql, where } from './sql.js';

interface CallRow extends LeadRow {
  call_id: string;
  tracker_id: string | null;
  tracker_name: string | null;
  tracker_type: 'session' | 'source' | null;
  tracker_source: Record<string, unknown> | null;
  direction: string;
  tracking_number: string;
  destination_number: string | null;
  caller_number: string | null;
  caller_name: string | null;
  caller_city: string | null;
  caller_state: string | null;
  caller_country: string | null;
  state: CallFacts['state'];
  answered: boolean;
  voicemail: boolean;
  started_at: Date;
  ended_at: Date | null;
  duration: number | null;
  recording_url: string | null;
  recording_duration: number | null;
  transcription: string | null;
  inferred: boolean;
  first_call: boolean;
  created_at: Date;
  last_page?: string | null;
  calls_before?: string;
  calls_total?: string;
}

interface CallKey {
  company_id: string;
  call_id: string;
}

const AT = sql`c.started_at`;
const SPAM = sql`c.spam`;
const CALLS: LeadTable = { name: sql`calls`, id: sql`call_id`, customerName: sql`caller_name`, hidden: SPAM };

const SORTS: Record<CallSort, Sorting> = {
  start_time: { by: AT, natural: 'desc', always: true },
  customer_name: { by: sql`c.caller_name`, natural: 'asc' },
  customer_phone_number: { by: sql`c.caller_number`, natural: 'asc' },
  duration: { by: sql`c.duration`, natural: 'desc' },
  source: { by: sql`lower(shown.source)`, natural: 'asc' },
  customer_city: { by: sql`c.caller_city`, natural: 'asc' },
  customer_country: { by: sql`c.caller_country`, natural: 'asc' },
  landing_page_url: { by: sql`f.landing`, natural: 'asc' },
  device_type: { by: sql`s.device`, natural: 'asc' },
  answered: { by: sql`c.answered`, natural: 'desc' },
  first_call: { by: sql`c.first_call`, natural: 'desc' },
  source_name: { by: sql`t.name`, natural: 'asc' },
  lead_status: { by: sql`c.lead_status`, natural: 'asc' },
  tags: { by: sql`c.tags`, natural: 'asc' },
};

/** Nobody answered, and nobody left word. */
export const MISSED = sql`(NOT c.answered AND NOT c.voicemail AND c.state IN ('missed', 'abandoned'))`;

const CALL_TYPES: Record<string, Sql> = {
  first_call: sql`c.first_call`,
  missed: MISSED,
  voicemails: sql`c.voicemail`,
  inbound: sql`c.direction = 'inbound'`,
  outbound: sql`c.direction = 'outbound'`,
};

const ANSWER_STATUSES: Record<string, Sql> = {
  answered: sql`c.answered`,
  missed: MISSED,
  voicemail: sql`c.voicemail`,
};

const TRACKER = sql`LEFT JOIN trackers t ON t.company_id = c.company_id AND t.tracker_id = c.tracker_id`;

export async function listCalls(
  pool: pg.Pool,
  companies: readonly string[],
  ask: Listing<CallFilter, CallSort>,
  details: ReadonlySet<Detail>,
): Promise<Found<CallReport>> {
  const { filter, sort, slice, count } = ask;
  const from = await callsFrom(pool, companies, filter, {
    touch: filter.search !== undefined || sort === 'landing_page_url',
    source: sort === 'source',
  });
  const ties = sort === null || sort === 'start_time' ? sql`c.call_id` : sql`c.started_at DESC, c.call_id`;
  const keys = await rowsOf<CallKey>(
    pool,
    sql`SELECT c.company_id, c.call_id ${from} ${orderBy(SORTS, ask, 'start_time', ties)}
        LIMIT ${slice.limit} OFFSET ${slice.offset}`,
  );
  const total = count ? await rowsOf<{ total: string }>(pool, sql`SELECT count(*) AS total ${from}`) : null;
  return { rows: await report(pool, keys, details), total: total && Number(total[0]?.total) };
}

/**
 * The calls `c` that a filter chooses, with their trackers `t` and sessions `s`; where it is needed with the first visit
 * `f`, and with the name of the source, `shown.source`.
 */
export async function callsFrom(
  pool: pg.Pool,
  companies: readonly string[],
  filter: CallFilter,
  needs: { touch: boolean; source: boolean },
): Promise<Sql> {
  const needsSource = needs.source || filter.source !== undefined || filter.sourceLike !== undefined;
  // The joins to trackers and sessions cost nothing where no column of theirs is named: Postgres drops them.
  return sql`
    FROM calls c ${TRACKER}
    LEFT JOIN sessions s ON s.company_id = c.company_id AND s.session_id = c.session_id
    ${needs.touch || needsSource ? FIRST_TOUCH : NOTHING}
    ${needsSource ? await joinShownSource(pool, companies) : NOTHING}
    ${where([ofCompanies(companies), sql`NOT ${SPAM}`, ...leadConditions(filter, AT), ...conditions(filter)])}`;
}

export async function findCall(
  pool: pg.Pool,
  accountId: string,
  callId: string,
  details: ReadonlySet<Detail>,
): Promise<CallReport | null> {
  const keys = await rowsOf<CallKey>(
    pool,
    sql`SELECT c.company_id, c.call_id FROM companies co JOIN calls c USING (company_id)
        WHERE co.account_id = ${accountId} AND c.call_id = ${callId} AND NOT ${SPAM}`,
  );
  return (await report(pool, keys, details))[0] ?? null;
}

export async function changeCall(
  pool: pg.Pool,
  judge: CallJudge,
  { accountId, callId, userId }: { accountId: string; callId: string; userId: string },
  changes: CallChanges,
  details: ReadonlySet<Detail>,
): Promise<CallReport | null> {
  const { attribution, ...said } = changes;
  const key = await transaction(pool, async (client) => {
    if (attribution !== undefined) {
      await correctCall(client, { accountId, callId }, attribution, userId, judge);
    }
    return changeLead<CallKey>(client, CALLS, { accountId, id: callId }, said);
  });
  return (await report(pool, key ? [key] : [], details))[0] ?? null;
}

function conditions(filter: CallFilter): (Sql | false | undefined)[] {
  const { trackerIds, callType, answerStatus, answered, device, direction, source, sourceLike, search } =
    filter;
  const { minDuration, maxDuration, firstCall } = filter;
  return [
    trackerIds !== undefined && trackerIds.length > 0 && sql`c.tracker_id = ANY(${trackerIds})`,
    minDuration !== undefined && sql`c.duration >= ${minDuration}`,
    maxDuration !== undefined && sql`c.duration <= ${maxDuration}`,
    sourceLike !== undefined && contains([sql`shown.source`], sourceLike),
    callType !== undefined && CALL_TYPES[callType],
    answerStatus !== undefined && ANSWER_STATUSES[answerStatus],
    answered !== undefined && sql`c.answered = ${answered}`,
    device !== undefined && sql`s.device = ${device}`,
    direction !== undefined && sql`c.direction = ${direction}`,
    firstCall !== undefined && sql`c.first_call = ${firstCall}`,
    source !== undefined &&
      sql`(${source} IN (f.source, f.source_name)
           OR f.visit_id IS NULL AND ${source} IN (c.attribution->>'source', t.name)
           OR lower(shown.source) = lower(${source}))`,
    search !== undefined && searched(search),
  ];
}

function searched(words: string): Sql {
  // A number is found however it is written.
  const digits = words.replace(/[\s().+-]/g, '');
  const phones = [sql`c.destination_number`, sql`c.caller_number`, sql`c.tracking_number`];
  if (/^\d{3,}$/.test(digits)) return sql`(${contains(phones, digits)} OR ${contains([sql`c.note`], words)})`;
  return contains([sql`c.caller_name`, sql`c.note`, sql`f.source_name`, sql`f.source`, sql`t.name`], words);
}

async function report(
  pool: pg.Pool,
  keys: readonly CallKey[],
  details: ReadonlySet<Detail>,
): Promise<CallReport[]> {
  if (keys.length === 0) return [];
  const lead = leadDetails(details, AT);
  const rows = await rowsOf<CallRow>(
    pool,
    sql`SELECT c.*, t.name AS tracker_name, t.type AS tracker_type, t.source AS tracker_source, ${lead.columns}
          ${details.has('page') ? sql`, coalesce(p.url, l.landing) AS last_page` : NOTHING}
          ${details.has('counts') ? sql`, n.before AS calls_before, n.total AS calls_total` : NOTHING}
        FROM unnest(${keys.map((key) => key.company_id)}::text[], ${keys.map((key) => key.call_id)}::text[])
          WITH ORDINALITY AS wanted (company_id, call_id, place)
        JOIN calls c USING (company_id, call_id) ${TRACKER} ${lead.joins}
        ${details.has('page') ? LAST_PAGE : NOTHING}
        ${details.has('counts') ? CALL_COUNTS : NOTHING}
        ORDER BY wanted.place`,
  );
  return rows.map(reportOf);
}

/** What the visitor looked at when the call came; without page views, where the joined visit began. */
const LAST_PAGE = sql`
  LEFT JOIN LATERAL (SELECT v.url FROM page_views v
                     WHERE v.company_id = c.company_id AND v.session_id = c.session_id AND v.viewed_at <= c.started_at
                     -- Of those that came in one request the browser alone knows the order.
                     ORDER BY v.viewed_at DESC, v.client_at DESC NULLS LAST LIMIT 1) p ON true
  LEFT JOIN visits l ON l.company_id = c.company_id AND l.visit_id = c.visit_id`;

const CALL_COUNTS = sql`
  LEFT JOIN LATERAL (SELECT count(*) AS total, count(*) FILTER (WHERE o.started_at < c.started_at) AS before
                     FROM calls o
                     WHERE o.company_id = c.company_id AND o.caller_number = c.caller_number
                       AND (NOT o.spam OR o.call_id = c.call_id)) n ON true`;

function reportOf(row: CallRow): CallReport {
  return {
    ...leadOf(row),
    callId: row.call_id,
    trackerId: row.tracker_id,
    trackerName: row.tracker_name,
    trackerType: row.tracker_type,
    trackerSource: row.tracker_source,
    direction: row.direction,
    trackingNumber: row.tracking_number,
    destinationNumber: row.destination_number,
    callerNumber: row.caller_number,
    callerName: row.caller_name,
    callerCity: row.caller_city,
    callerState: row.caller_state,
    callerCountry: row.caller_country,
    state: row.state,
    answered: row.answered,
    voicemail: row.voicemail,
    startedAt: millis(row.started_at),
    endedAt: millis(row.ended_at),
    duration: row.duration,
    recordingUrl: row.recording_url,
    recordingDuration: row.recording_duration,
    transcription: row.transcription,
    inferred: row.inferred,
    firstCall: row.first_call,
    createdAt: millis(row.created_at),
    lastPage: row.last_page ?? null,
    callsBefore: Number(row.calls_before ?? 0),
    // Who hides his number is a caller all the same.
    callsTotal: Math.max(1, Number(row.calls_total ?? 1)),
  };
}
