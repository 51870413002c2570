/** Sums of calls and forms: one pass over those that a filter chooses, grouped by Postgres. */
import type pg from 'pg';
import type { Millis } from '../../../domain/ports.js';
import type {
  CallFilter,
  CallGroup,
  CallSums,
  FormFilter,
  FormGroup,
  FormSums,
  SumsOf,
} from '../../../domain/reports.js';
import { callsFrom, MISSED } from './calls.js';
import { formsFrom } from './form-submissions.js';
import { millis, rowsOf, type Sql, sql } from './sql.js';

const CALL_SUMS = sql`
  count(*)::int AS calls, count(*) FILTER (WHERE c.answered)::int AS answered, count(*) FILTER (WHERE ${MISSED})::int AS missed,
  count(*) FILTER (WHERE c.first_call)::int AS "firstCalls", count(c.duration)::int AS timed,
  coalesce(sum(c.duration), 0)::float8 AS seconds, count(*) FILTER (WHERE c.lead_status = 'good_lead')::int AS leads`;
const FORM_SUMS = sql`
  count(*)::int AS forms, count(*) FILTER (WHERE c.first_form)::int AS "firstForms",
  count(*) FILTER (WHERE c.lead_status = 'good_lead')::int AS leads`;

/** What a group is called; `by`, where that is not what makes it one. */
interface Key {
  key: Sql;
  by?: Sql;
  /** It is read from the first visit. */
  ofVisit?: true;
}

/** As the fields of a report say it. */
const OF_LEADS = {
  source: { key: sql`shown.source` },
  keywords: { key: sql`CASE WHEN f.source LIKE '%\\_paid' THEN f.term END`, ofVisit: true },
  campaign: { key: sql`f.campaign`, ofVisit: true },
  // The host: pages of it are too many.
  referrer: {
    key: sql`lower(substring(f.referrer FROM '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)'))`,
    ofVisit: true,
  },
  // Without what follows it: click ids make each address another one.
  landing_page: { key: sql`substring(f.landing FROM '^[^?#]*')`, ofVisit: true },
  // Two may have one name.
  company: {
    key: sql`(SELECT co.name FROM companies co WHERE co.company_id = c.company_id)`,
    by: sql`c.company_id`,
  },
} satisfies Record<string, Key>;
const CALL_KEYS: Record<CallGroup, Key> = { ...OF_LEADS, company_id: { key: sql`c.company_id` } };
const FORM_KEYS: Record<FormGroup, Key> = { ...OF_LEADS, form_name: { key: sql`c.form_name` } };

interface SumsRow {
  key: string | null;
  first_at: Date | null;
}

export async function sumCalls(
  pool: pg.Pool,
  companies: readonly string[],
  filter: CallFilter,
  group: CallGroup | null,
): Promise<SumsOf<CallSums>[]> {
  const key = group && CALL_KEYS[group];
  const from = await callsFrom(pool, companies, filter, needsOf(group, key));
  return sumBy<CallSums>(pool, CALL_SUMS, sql`c.started_at`, from, key);
}

export async function sumForms(
  pool: pg.Pool,
  companies: readonly string[],
  filter: FormFilter,
  group: FormGroup | null,
): Promise<SumsOf<FormSums>[]> {
  const key = group && FORM_KEYS[group];
  const from = formsFrom(companies, filter, needsOf(group, key));
  return sumBy<FormSums>(pool, FORM_SUMS, sql`c.submitted_at`, from, key);
}

/** To look at the visit of each call costs more than all else. */
const needsOf = (group: string | null, key: Key | null) => ({
  touch: key?.ofVisit === true,
  source: group === 'source',
});

async function sumBy<Sums extends object>(
  pool: pg.Pool,
  sums: Sql,
  at: Sql,
  from: Sql,
  key: Key | null,
): Promise<SumsOf<Sums>[]> {
  const rows = await rowsOf<SumsRow & Sums>(
    pool,
    sql`SELECT nullif(${key?.key ?? sql`NULL::text`}, '') AS key, min(${at}) AS first_at, ${sums} ${from}
        GROUP BY ${key?.by ?? sql`1`} ORDER BY count(*) DESC, 1`,
  );
  return rows.map(({ key, first_at, ...sums }) => ({
    key,
    firstAt: millis(first_at),
    sums: sums as unknown as Sums,
  }));
}

/** Calls before the first of these times belong to none of them. */
export async function courseOfCalls(
  pool: pg.Pool,
  companies: readonly string[],
  filter: CallFilter,
  from: readonly Millis[],
): Promise<(CallSums | undefined)[]> {
  const calls = await callsFrom(pool, companies, filter, { touch: false, source: false });
  const begins = sql`${from.map((at) => new Date(at))}::timestamptz[]`;
  const rows = await rowsOf<CallSums & { point: number }>(
    pool,
    sql`SELECT width_bucket(c.started_at, ${begins})::int AS point, ${CALL_SUMS} ${calls} GROUP BY 1`,
  );
  const course: (CallSums | undefined)[] = from.map(() => undefined);
  for (const { point, ...sums } of rows) if (point > 0) course[point - 1] = sums;
  return course;
}
