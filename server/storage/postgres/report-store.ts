import type pg from 'pg';
import { invalid, isRefusal, unavailable } from '../../domain/errors.js';
import type { ReportStore } from '../../domain/reports.js';
import { sqlState } from './connect.js';
import { findAccount, findUserByKey } from './reports/accounts.js';
import { findCall, listCalls } from './reports/calls.js';
import {
  companyIds,
  createCompany,
  disableCompany,
  findCompany,
  listCompanies,
  updateCompany,
} from './reports/companies.js';
import { findFormSubmission, listFormSubmissions } from './reports/form-submissions.js';
import { createTracker, disableTracker, findTracker, listTrackers } from './reports/trackers.js';

/** The reports in Postgres, one file a resource in `reports/`. A pool of its own keeps them from calls and visitors. */
export function createReportStore(pool: pg.Pool): ReportStore {
  return withRefusals<ReportStore>({
    byKeyHash: (sha256) => findUserByKey(pool, sha256),
    account: (accountId) => findAccount(pool, accountId),

    companies: (accountId, ask) => listCompanies(pool, accountId, ask),
    company: (accountId, companyId) => findCompany(pool, accountId, companyId),
    createCompany: (accountId, company) => createCompany(pool, accountId, company),
    updateCompany: (accountId, companyId, changes) => updateCompany(pool, accountId, companyId, changes),
    disableCompany: (accountId, companyId) => disableCompany(pool, accountId, companyId),

    trackers: async (accountId, ask) =>
      listTrackers(pool, await companyIds(pool, accountId, ask.filter.companyId), ask),
    tracker: (accountId, trackerId) => findTracker(pool, accountId, trackerId),
    createTracker: (accountId, tracker) => createTracker(pool, accountId, tracker),
    disableTracker: (accountId, trackerId) => disableTracker(pool, accountId, trackerId),

    calls: async (accountId, ask, details) =>
      listCalls(pool, await companyIds(pool, accountId, ask.filter.companyId), ask, details),
    call: (accountId, callId, details) => findCall(pool, accountId, callId, details),

    formSubmissions: async (accountId, ask, details) =>
      listFormSubmissions(pool, await companyIds(pool, accountId, ask.filter.companyId), ask, details),
    formSubmission: (accountId, id, details) => findFormSubmission(pool, accountId, id, details),
  });
}

/** The same methods, with what Postgres throws put into the words of `domain/errors`. */
function withRefusals<Store extends object>(store: Store): Store {
  const guarded = Object.entries(store).map(([name, method]) => [
    name,
    async (...given: unknown[]) => {
      try {
        return await method(...given);
      } catch (error) {
        throw refusalOf(error);
      }
    },
  ]);
  return Object.fromEntries(guarded);
}

function refusalOf(error: unknown): unknown {
  if (isRefusal(error) || !(error instanceof Error)) return error;
  const state = sqlState(error);
  // Class 22, data exception: a character or a number that no column can hold.
  if (state?.startsWith('22')) return invalid('request', 'has a value that cannot be stored or compared');
  // Classes 08, 53 and 57: no connection, no room, shutting down or out of time.
  if (state !== undefined) return /^(08|53|57)/.test(state) ? unavailable('The record', error) : error;
  // No SQLSTATE: an error of the socket (ECONNREFUSED …), or one that pg makes of its own, which has no code.
  const { code } = error as { code?: unknown };
  const silent =
    typeof code === 'string'
      ? /^E[A-Z]+$/.test(code)
      : /connect|terminated|timeout|closed/i.test(error.message);
  return silent ? unavailable('The record', error) : error;
}
