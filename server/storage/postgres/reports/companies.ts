import type pg from 'pg';
import { invalid, notFound } from '../../../domain/errors.js';
import type {
  CompanyFilter,
  CompanyReport,
  CompanySettings,
  Found,
  Listing,
} from '../../../domain/reports.js';
import { newId, newNumericId, newScriptKey } from '../ids.js';
import { contains, join, millis, orderBy, rowsOf, type Sql, sql, where } from './sql.js';
import { changeTrackers, disableTrackers } from './tracker-writes.js';

interface CompanyRow {
  company_id: string;
  numeric_id: string;
  script_key: string;
  name: string;
  time_zone: string;
  status: string;
  callscore_enabled: boolean;
  keyword_spotting_enabled: boolean;
  callscribe_enabled: boolean;
  swap_exclude_jquery: boolean | null;
  swap_ppc_override: boolean | null;
  swap_landing_override: string | null;
  swap_cookie_duration: number;
  swap_cookie_duration_unit: CompanyReport['swapCookieDurationUnit'];
  external_form_capture: boolean;
  script_settings: CompanyReport['script'];
  script_seen_at: Date | null;
  created_at: Date;
  disabled_at: Date | null;
}

/** Where each setting is kept: the only columns that an update can name. */
const COLUMNS = {
  name: sql`name`,
  timeZone: sql`time_zone`,
  callscoreEnabled: sql`callscore_enabled`,
  keywordSpottingEnabled: sql`keyword_spotting_enabled`,
  callscribeEnabled: sql`callscribe_enabled`,
  swapExcludeJquery: sql`swap_exclude_jquery`,
  swapPpcOverride: sql`swap_ppc_override`,
  swapLandingOverride: sql`swap_landing_override`,
  swapCookieDuration: sql`swap_cookie_duration`,
  swapCookieDurationUnit: sql`swap_cookie_duration_unit`,
  externalFormCapture: sql`external_form_capture`,
  script: sql`script_settings`,
} as const satisfies Record<keyof CompanySettings, Sql>;

/** A company by either id, in this account. */
function isCompany(accountId: string, id: string): Sql {
  const key = /^\d{1,18}$/.test(id) ? sql`numeric_id = ${id}` : sql`company_id = ${id}`;
  return sql`account_id = ${accountId} AND ${key}`;
}

/** The companies that a list is about: all of the account, or the one that was named. */
export async function companyIds(pool: pg.Pool, accountId: string, id?: string): Promise<string[]> {
  const rows = await rowsOf<{ company_id: string }>(
    pool,
    sql`SELECT company_id FROM companies
        WHERE ${id === undefined ? sql`account_id = ${accountId}` : isCompany(accountId, id)}`,
  );
  if (id !== undefined && rows.length === 0) throw notFound('company', id);
  return rows.map((row) => row.company_id);
}

export async function listCompanies(
  pool: pg.Pool,
  accountId: string,
  ask: Listing<CompanyFilter, 'name'>,
): Promise<Found<CompanyReport>> {
  const { status, search } = ask.filter;
  const matching = where([
    sql`account_id = ${accountId}`,
    status !== undefined && sql`status = ${status}`,
    search !== undefined && contains([sql`name`], search),
  ]);
  const order = orderBy({ name: { by: sql`name`, natural: 'asc' } }, ask, 'name', sql`company_id`);
  const rows = await rowsOf<CompanyRow>(
    pool,
    sql`SELECT * FROM companies ${matching} ${order} LIMIT ${ask.slice.limit} OFFSET ${ask.slice.offset}`,
  );
  const [count] = await rowsOf<{ total: string }>(
    pool,
    sql`SELECT count(*) AS total FROM companies ${matching}`,
  );
  return { rows: rows.map(reportOf), total: Number(count?.total) };
}

export async function findCompany(
  pool: pg.Pool,
  accountId: string,
  id: string,
): Promise<CompanyReport | null> {
  const [row] = await rowsOf<CompanyRow>(
    pool,
    sql`SELECT * FROM companies WHERE ${isCompany(accountId, id)}`,
  );
  return row ? reportOf(row) : null;
}

export async function createCompany(
  pool: pg.Pool,
  accountId: string,
  company: Pick<CompanySettings, 'name'> & Partial<CompanySettings>,
): Promise<CompanyReport> {
  const given = (Object.keys(COLUMNS) as (keyof CompanySettings)[]).filter(
    (one) => company[one] !== undefined,
  );
  const columns = join(
    given.map((setting) => COLUMNS[setting]),
    ', ',
  );
  const values = join(
    given.map((setting) => sql`${company[setting]}`),
    ', ',
  );
  // Nine digits are few: a number that is taken is drawn again.
  for (;;) {
    const [row] = await rowsOf<CompanyRow>(
      pool,
      sql`INSERT INTO companies (account_id, company_id, numeric_id, script_key, ${columns})
          VALUES (${accountId}, ${newId('COM')}, ${newNumericId()}, ${newScriptKey()}, ${values})
          ON CONFLICT (numeric_id) DO NOTHING RETURNING *`,
    );
    if (row) return reportOf(row);
  }
}

export async function updateCompany(
  pool: pg.Pool,
  accountId: string,
  id: string,
  changes: Partial<CompanySettings>,
): Promise<CompanyReport | null> {
  const set = (Object.keys(COLUMNS) as (keyof CompanySettings)[])
    .filter((setting) => changes[setting] !== undefined)
    .map((setting) =>
      setting === 'script'
        ? // Two requests may change two of them at once.
          sql`${COLUMNS.script} = ${COLUMNS.script} || ${JSON.stringify(changes.script)}::jsonb`
        : sql`${COLUMNS[setting]} = ${changes[setting]}`,
    );
  if (set.length === 0) return findCompany(pool, accountId, id);
  const [row] = await rowsOf<CompanyRow>(
    pool,
    sql`UPDATE companies SET ${join(set, ', ')} WHERE ${isCompany(accountId, id)} RETURNING *`,
  );
  return row ? reportOf(row) : null;
}

export async function disableCompany(pool: pg.Pool, accountId: string, id: string): Promise<boolean> {
  const outcome = await changeTrackers(pool, async (client, now) => {
    // Two requests for the last two companies take turns, or both would find another one active.
    await rowsOf(client, sql`SELECT FROM accounts WHERE account_id = ${accountId} FOR UPDATE`);
    const companies = await rowsOf<{ company_id: string; status: string; asked: boolean }>(
      client,
      sql`SELECT company_id, status, (${isCompany(accountId, id)}) AS asked FROM companies
          WHERE account_id = ${accountId}`,
    );
    const company = companies.find(({ asked }) => asked);
    if (!company) return 'unknown';
    if (company.status === 'disabled') return 'disabled';
    if (!companies.some(({ asked, status }) => !asked && status === 'active')) return 'last';
    const { company_id } = company;
    await rowsOf(
      client,
      sql`UPDATE companies SET status = 'disabled', disabled_at = ${now} WHERE company_id = ${company_id}`,
    );
    await disableTrackers(client, now, sql`company_id = ${company_id}`);
    return 'disabled';
  });
  if (outcome === 'last') {
    throw invalid('company_id', 'is the only active company of the account, which must keep one');
  }
  return outcome === 'disabled';
}

function reportOf(row: CompanyRow): CompanyReport {
  return {
    companyId: row.company_id,
    numericId: row.numeric_id,
    scriptKey: row.script_key,
    name: row.name,
    timeZone: row.time_zone,
    active: row.status === 'active',
    callscoreEnabled: row.callscore_enabled,
    keywordSpottingEnabled: row.keyword_spotting_enabled,
    callscribeEnabled: row.callscribe_enabled,
    swapExcludeJquery: row.swap_exclude_jquery,
    swapPpcOverride: row.swap_ppc_override,
    swapLandingOverride: row.swap_landing_override,
    swapCookieDuration: row.swap_cookie_duration,
    swapCookieDurationUnit: row.swap_cookie_duration_unit,
    externalFormCapture: row.external_form_capture,
    script: row.script_settings,
    scriptSeen: row.script_seen_at !== null,
    createdAt: millis(row.created_at),
    disabledAt: millis(row.disabled_at),
  };
}
