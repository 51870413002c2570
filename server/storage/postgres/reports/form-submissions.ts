import type pg from 'pg';
import type {
  Detail,
  FormFilter,
  FormReport,
  FormSort,
  Found,
  LeadChanges,
  Listing,
} from '../../../domain/reports.js';
import { transaction } from '../connect.js';
import { changeLead, type LeadTable } from './lead-writes.js';
import { FIRST_TOUCH, type LeadRow, leadConditions, leadDetails, leadOf, ofCompanies } from './leads.js';
import { SHOWN_SOURCE_OF_FORM } from './shown-source.js';
import { millis, NOTHING, orderBy, rowsOf, type Sorting, type Sql, sql, where } from './sql.js';

interface FormRow extends LeadRow {
  form_submission_id: string;
  fields: Record<string, string>;
  form_url: string;
  form_name: string | null;
  first_form: boolean;
  customer_name: string | null;
  customer_email: string | null;
  customer_phone_number: string | null;
  submitted_at: Date;
}

interface FormKey {
  company_id: string;
  form_submission_id: string;
}

const AT = sql`c.submitted_at`;
const FORMS: LeadTable = {
  name: sql`form_submissions`,
  id: sql`form_submission_id`,
  customerName: sql`customer_name`,
  hidden: sql`false`,
};

const SORTS: Record<FormSort, Sorting> = {
  submitted_at: { by: AT, natural: 'desc', always: true },
  created_at: { by: AT, natural: 'desc', always: true },
  form_url: { by: sql`c.form_url`, natural: 'asc' },
};

export async function listFormSubmissions(
  pool: pg.Pool,
  companies: readonly string[],
  ask: Listing<FormFilter, FormSort>,
  details: ReadonlySet<Detail>,
): Promise<Found<FormReport>> {
  const { filter, slice, count } = ask;
  const from = formsFrom(companies, filter, { touch: false, source: false });
  const ties =
    ask.sort === 'form_url' ? sql`c.submitted_at DESC, c.form_submission_id` : sql`c.form_submission_id`;
  const keys = await rowsOf<FormKey>(
    pool,
    sql`SELECT c.company_id, c.form_submission_id ${from} ${orderBy(SORTS, ask, 'submitted_at', ties)}
        LIMIT ${slice.limit} OFFSET ${slice.offset}`,
  );
  const total = count ? await rowsOf<{ total: string }>(pool, sql`SELECT count(*) AS total ${from}`) : null;
  return { rows: await report(pool, keys, details), total: total && Number(total[0]?.total) };
}

/** The forms `c` that a filter chooses; with the first visit `f` and the name of the source where that is needed. */
export function formsFrom(
  companies: readonly string[],
  { formUrl, ...filter }: FormFilter,
  needs: { touch: boolean; source: boolean },
): Sql {
  return sql`FROM form_submissions c ${needs.touch || needs.source ? FIRST_TOUCH : NOTHING}
    ${needs.source ? SHOWN_SOURCE_OF_FORM : NOTHING}
    ${where([
      ofCompanies(companies),
      ...leadConditions(filter, AT),
      formUrl !== undefined && sql`c.form_url = ${formUrl}`,
    ])}`;
}

export async function findFormSubmission(
  pool: pg.Pool,
  accountId: string,
  id: string,
  details: ReadonlySet<Detail>,
): Promise<FormReport | null> {
  const keys = await rowsOf<FormKey>(
    pool,
    sql`SELECT c.company_id, c.form_submission_id FROM companies co JOIN form_submissions c USING (company_id)
        WHERE co.account_id = ${accountId} AND c.form_submission_id = ${id}`,
  );
  return (await report(pool, keys, details))[0] ?? null;
}

export async function changeFormSubmission(
  pool: pg.Pool,
  accountId: string,
  id: string,
  changes: LeadChanges,
  details: ReadonlySet<Detail>,
): Promise<FormReport | null> {
  const key = await transaction(pool, (client) =>
    changeLead<FormKey>(client, FORMS, { accountId, id }, changes),
  );
  return (await report(pool, key ? [key] : [], details))[0] ?? null;
}

async function report(
  pool: pg.Pool,
  keys: readonly FormKey[],
  details: ReadonlySet<Detail>,
): Promise<FormReport[]> {
  if (keys.length === 0) return [];
  const lead = leadDetails(details, AT);
  const rows = await rowsOf<FormRow>(
    pool,
    sql`SELECT c.*, ${lead.columns}
        FROM unnest(${keys.map((key) => key.company_id)}::text[], ${keys.map((key) => key.form_submission_id)}::text[])
          WITH ORDINALITY AS wanted (company_id, form_submission_id, place)
        JOIN form_submissions c USING (company_id, form_submission_id) ${lead.joins}
        ORDER BY wanted.place`,
  );
  return rows.map(reportOf);
}

function reportOf(row: FormRow): FormReport {
  return {
    ...leadOf(row),
    formSubmissionId: row.form_submission_id,
    fields: row.fields,
    formUrl: row.form_url,
    formName: row.form_name,
    firstForm: row.first_form,
    customerName: row.customer_name,
    customerEmail: row.customer_email,
    customerPhone: row.customer_phone_number,
    submittedAt: millis(row.submitted_at),
  };
}
