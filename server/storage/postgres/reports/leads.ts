/**
 * What the reports of calls and form submissions share. A list is asked in two steps: which rows, in which order;
 * then everything about those few. So what a row costs is paid for one page, however many rows match.
 */
import type { Attribution, Device, Millis } from '../../../domain/ports.js';
import type { Detail, LeadFilter, LeadReport, Touch } from '../../../domain/reports.js';
import { millis, NOTHING, type Sql, sql } from './sql.js';

/** A lead event's own columns, as its table and the joins of `leadSource` have them. */
export interface LeadRow {
  company_id: string;
  company_name: string;
  company_time_zone: string;
  person_id: string | null;
  session_id: string | null;
  device: Device | null;
  note: string | null;
  value: string | null;
  lead_status: string | null;
  tags: string[];
  attribution: Attribution;
  first_touch?: TouchRow | null;
  last_touch?: TouchRow | null;
  click_ids?: Record<string, string> | null;
  lead_created_at?: Date | null;
  lead_created_touch?: TouchRow | null;
}

/** A visit as `to_jsonb` writes it. */
interface TouchRow {
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
  const { window, leadStatus, tags } = filter;
  return [
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
  const milestones = details.has('milestones');
  const visits = milestones || details.has('visits');
  return {
    columns: sql`
      co.name AS company_name, co.time_zone AS company_time_zone, s.device
      ${visits ? sql`, to_jsonb(f) AS first_touch, to_jsonb(j) AS last_touch, g.click_ids` : NOTHING}
      ${milestones ? sql`, pe.created_at AS lead_created_at, to_jsonb(m) AS lead_created_touch` : NOTHING}`,
    joins: sql`
      JOIN companies co ON co.company_id = c.company_id
      LEFT JOIN sessions s ON s.company_id = c.company_id AND s.session_id = c.session_id
      ${
        visits
          ? sql`${FIRST_TOUCH}
      LEFT JOIN visits j ON j.company_id = c.company_id AND j.visit_id = c.visit_id
      LEFT JOIN LATERAL (SELECT jsonb_object_agg(k.key, k.value ORDER BY v.started_at) AS click_ids
                         FROM visits v, jsonb_each_text(v.click_ids) k
                         WHERE v.company_id = c.company_id AND v.session_id = c.session_id
                           AND (v.started_at <= ${at} OR v.visit_id = c.visit_id)) g ON true`
          : NOTHING
      }
      ${
        milestones
          ? sql`
      LEFT JOIN persons pe ON pe.company_id = c.company_id AND pe.person_id = c.person_id
      LEFT JOIN LATERAL (SELECT v.* FROM visits v
                         WHERE v.company_id = c.company_id AND v.session_id = c.session_id
                           AND v.started_at <= coalesce(pe.created_at, ${at})
                         ORDER BY v.started_at DESC LIMIT 1) m ON true`
          : NOTHING
      }`,
  };
}

export function leadOf(row: LeadRow): LeadReport {
  return {
    companyId: row.company_id,
    companyName: row.company_name,
    companyTimeZone: row.company_time_zone,
    personId: row.person_id,
    sessionId: row.session_id,
    device: row.device,
    note: row.note,
    value: row.value === null ? null : Number(row.value),
    leadStatus: row.lead_status,
    tags: row.tags,
    attribution: row.attribution,
    firstTouch: touchOf(row.first_touch),
    lastTouch: touchOf(row.last_touch),
    clickIds: row.click_ids ?? {},
    leadCreatedAt: millis(row.lead_created_at ?? null),
    leadCreatedTouch: touchOf(row.lead_created_touch),
  };
}

function touchOf(row: TouchRow | null | undefined): Touch | null {
  if (!row) return null;
  return {
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
