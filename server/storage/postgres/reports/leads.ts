/**
 * What the reports of calls and form submissions share. A list is asked in two steps: which rows, in which order;
 * then everything about those few. So what a row costs is paid for one page, however many rows match.
 */
import { OWN_SESSION_CONFIDENCE } from '../../../domain/persons.js';
import type { Attribution, Device, Millis } from '../../../domain/ports.js';
import type {
  Detail,
  LeadFilter,
  LeadReport,
  Milestones,
  RevisedJoin,
  Touch,
} from '../../../domain/reports.js';
import { millis, NOTHING, type Sql, sql } from './sql.js';

/** A lead event's own columns, as its table and the joins of `leadSource` have them. */
export interface LeadRow {
  company_id: string;
  company_name: string;
  company_time_zone: string;
  person_id: string | null;
  session_id: string | null;
  device: Device | null;
  gpc: boolean | null;
  note: string | null;
  value: string | null;
  lead_status: string | null;
  tags: string[];
  attribution: Attribution;
  corrected_at?: Date | null;
  revised_at?: Date | null;
  revised_from?: RevisedJoin | null;
  /** Who stands for `person_id`. */
  stands_for: string | null;
  first_touch?: TouchRow | null;
  click_ids?: Record<string, string> | null;
  milestone_first?: TouchRow | null;
  milestone_created?: TouchRow | null;
  milestone_qualified?: TouchRow | null;
  milestone_last?: TouchRow | null;
  lead_created_at?: Date;
  lead_qualified_at?: Date | null;
  touches?: TouchRow[] | null;
}

/** A visit as `to_jsonb` writes it, with the device of its session. */
interface TouchRow {
  visit_id: string;
  session_id: string;
  device?: Device | null;
  landing: string;
  referrer: string;
  source: string;
  source_name: string;
  medium: string;
  campaign: string | null;
  term: string | null;
  content: string | null;
  started_at: string;
}

/** Of one company by equality, so that the index gives the rows in order; of several by a list. */
export function ofCompanies(companies: readonly string[]): Sql {
  return companies.length === 1 ? sql`c.company_id = ${companies[0]}` : sql`c.company_id = ANY(${companies})`;
}

/** Conditions on a table `c` whose time of the event is `at`. */
export function leadConditions(filter: LeadFilter, at: Sql): (Sql | false)[] {
  const { window, leadStatus, tags, none } = filter;
  return [
    none === true && sql`false`,
    window.from !== null && sql`${at} >= ${instant(window.from)}`,
    window.until !== null && sql`${at} < ${instant(window.until)}`,
    leadStatus === 'not_scored' && sql`c.lead_status IS NULL`,
    leadStatus !== undefined && leadStatus !== 'not_scored' && sql`c.lead_status = ${leadStatus}`,
    tags !== undefined && tags.length > 0 && sql`c.tags && ${tags}::text[]`,
  ];
}

function instant(at: Millis): Sql {
  return sql`to_timestamp(${at / 1000}::float8)`;
}

/** The session's first visit, as `f`. */
export const FIRST_TOUCH = sql`
  LEFT JOIN LATERAL (SELECT v.* FROM visits v WHERE v.company_id = c.company_id AND v.session_id = c.session_id
                     ORDER BY v.started_at, v.visit_id LIMIT 1) f ON true`;

/** Joins and columns for the details that lead events share; `at` is the time of the event. */
export function leadDetails(details: ReadonlySet<Detail>, at: Sql): { columns: Sql; joins: Sql } {
  const milestones = details.has('milestones') ? milestoneDetails(at) : NO_DETAILS;
  const touches = details.has('touches') ? touchDetails(at) : NO_DETAILS;
  const isPersonal = details.has('milestones') || details.has('touches');
  return {
    columns: sql`
      co.name AS company_name, co.time_zone AS company_time_zone, s.device, s.gpc,
      coalesce(pe.merged_into, c.person_id) AS stands_for
      ${details.has('visits') ? sql`, to_jsonb(f) AS first_touch, g.click_ids` : NOTHING}
      ${milestones.columns} ${touches.columns}`,
    joins: sql`
      JOIN companies co ON co.company_id = c.company_id
      LEFT JOIN sessions s ON s.company_id = c.company_id AND s.session_id = c.session_id
      LEFT JOIN persons pe ON pe.company_id = c.company_id AND pe.person_id = c.person_id
      ${
        details.has('visits')
          ? sql`${FIRST_TOUCH}
      LEFT JOIN LATERAL (SELECT jsonb_object_agg(k.key, k.value ORDER BY v.started_at) AS click_ids
                         FROM visits v, jsonb_each_text(v.click_ids) k
                         WHERE v.company_id = c.company_id AND v.session_id = c.session_id
                           AND (v.started_at <= ${at} OR v.visit_id = c.visit_id)) g ON true`
          : NOTHING
      }
      ${isPersonal ? HIS_LEADS : NOTHING} ${milestones.joins} ${touches.joins}`,
  };
}

const NO_DETAILS = { columns: NOTHING, joins: NOTHING };

/** Lead events of one person that are looked at, of each kind: the newest. */
const MAX_LEADS = 500;
const MAX_TOUCHES = 100;

/**
 * The sessions that are surely the person's, the lead event's own among them, and when he was first called a good
 * lead, as `h`.
 */
const HIS_LEADS = sql`
  LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT e.session_id) FILTER (WHERE e.is_his) AS sessions, min(e.qualified_at) AS qualified_at
    FROM (
      SELECT c.session_id, c.session_id IS NOT NULL AS is_his, c.qualified_at
      UNION ALL
      SELECT e.session_id, (e.attribution->>'confidence')::float8 >= ${OWN_SESSION_CONFIDENCE}, e.qualified_at
      FROM one_with(c.company_id, c.person_id) AS person
      CROSS JOIN LATERAL (
        (SELECT o.session_id, o.attribution, o.qualified_at FROM calls o
         WHERE o.company_id = c.company_id AND o.person_id = person AND NOT o.spam
         ORDER BY o.started_at DESC LIMIT ${MAX_LEADS})
        UNION ALL
        (SELECT o.session_id, o.attribution, o.qualified_at FROM form_submissions o
         WHERE o.company_id = c.company_id AND o.person_id = person
         ORDER BY o.submitted_at DESC LIMIT ${MAX_LEADS})) e
      WHERE e.session_id IS NOT NULL OR e.qualified_at IS NOT NULL) e) h ON true`;

/** Visits of the sessions that are his. */
const HIS_VISITS = sql`
  visits v LEFT JOIN sessions vs ON vs.company_id = v.company_id AND vs.session_id = v.session_id
  WHERE v.company_id = c.company_id AND v.session_id = ANY (h.sessions)`;
const TOUCH = sql`to_jsonb(v) || jsonb_build_object('device', vs.device)`;

function milestoneDetails(at: Sql): { columns: Sql; joins: Sql } {
  const lastAlive = (until: Sql, isBefore: Sql) => sql`
    SELECT ${TOUCH} AS touch FROM ${HIS_VISITS} AND ${isBefore}
    ORDER BY least(v.last_seen, ${until}) DESC, v.visit_id = c.visit_id DESC NULLS LAST, v.started_at DESC, v.visit_id
    LIMIT 1`;
  const createdAt = sql`coalesce(born.at, ${at})`;
  return {
    columns: sql`, m1.touch AS milestone_first, m2.touch AS milestone_created, m3.touch AS milestone_qualified,
      m4.touch AS milestone_last, ${createdAt} AS lead_created_at, h.qualified_at AS lead_qualified_at`,
    joins: sql`
      LEFT JOIN LATERAL (SELECT min(p.created_at) AS at FROM persons p
                         WHERE p.company_id = c.company_id
                           AND p.person_id IN (SELECT one_with(c.company_id, c.person_id))) born ON true
      LEFT JOIN LATERAL (SELECT ${TOUCH} AS touch FROM ${HIS_VISITS} AND (v.started_at <= ${at} OR v.visit_id = c.visit_id)
                         ORDER BY v.started_at, v.visit_id LIMIT 1) m1 ON true
      LEFT JOIN LATERAL (${lastAlive(createdAt, sql`v.started_at <= ${createdAt}`)}) m2 ON true
      LEFT JOIN LATERAL (${lastAlive(sql`h.qualified_at`, sql`v.started_at <= h.qualified_at`)}) m3 ON true
      LEFT JOIN LATERAL (${lastAlive(at, sql`(v.started_at <= ${at} OR v.visit_id = c.visit_id)`)}) m4 ON true`,
  };
}

function touchDetails(at: Sql): { columns: Sql; joins: Sql } {
  return {
    columns: sql`, ts.touches`,
    joins: sql`
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(n.touch ORDER BY n.started_at, n.visit_id) AS touches
        FROM (SELECT v.started_at, v.visit_id, ${TOUCH} AS touch
              FROM ${HIS_VISITS} AND (v.started_at <= ${at} OR v.visit_id = c.visit_id)
              ORDER BY v.started_at DESC, v.visit_id LIMIT ${MAX_TOUCHES}) n) ts ON true`,
  };
}

export function leadOf(row: LeadRow): LeadReport {
  return {
    companyId: row.company_id,
    companyName: row.company_name,
    companyTimeZone: row.company_time_zone,
    personId: row.stands_for,
    sessionId: row.session_id,
    device: row.device,
    gpc: row.gpc === true,
    note: row.note,
    value: row.value === null ? null : Number(row.value),
    leadStatus: row.lead_status,
    tags: row.tags,
    attribution: row.attribution,
    correctedAt: millis(row.corrected_at ?? null),
    revised:
      row.revised_at && row.revised_from ? { at: millis(row.revised_at), before: row.revised_from } : null,
    firstTouch: row.first_touch ? touchOf(row.first_touch) : null,
    clickIds: row.click_ids ?? {},
    milestones: milestonesOf(row),
    touches: (row.touches ?? []).map(touchOf),
  };
}

function milestonesOf(row: LeadRow): Milestones | null {
  if (!row.lead_created_at) return null;
  const touch = (found: TouchRow | null | undefined) => (found ? touchOf(found) : null);
  return {
    firstTouch: touch(row.milestone_first),
    leadCreated: { at: millis(row.lead_created_at), touch: touch(row.milestone_created) },
    qualified: row.lead_qualified_at
      ? { at: millis(row.lead_qualified_at), touch: touch(row.milestone_qualified) }
      : null,
    lastTouch: touch(row.milestone_last),
  };
}

function touchOf(row: TouchRow): Touch {
  return {
    visitId: row.visit_id,
    sessionId: row.session_id,
    device: row.device ?? null,
    landing: row.landing,
    referrer: row.referrer,
    source: row.source,
    sourceName: row.source_name,
    medium: row.medium,
    campaign: row.campaign,
    term: row.term,
    content: row.content,
    at: Date.parse(row.started_at),
  };
}
