import type pg from 'pg';
import type { CallJudge } from '../../domain/ports.js';
import type { ReportStore } from '../../domain/reports.js';
import { withRefusals } from './refusals.js';
import { findAccount, findUserByKey } from './reports/accounts.js';
import { findCallEvidence } from './reports/call-evidence.js';
import { changeCall, findCall, listCalls } from './reports/calls.js';
import {
  companyIds,
  createCompany,
  disableCompany,
  findCompany,
  listCompanies,
  updateCompany,
} from './reports/companies.js';
import { changeFormSubmission, findFormSubmission, listFormSubmissions } from './reports/form-submissions.js';
import { listPageViews } from './reports/page-views.js';
import { findPerson, mergeByHand, undoMergeByHand } from './reports/persons.js';
import { findPoolTraffic } from './reports/pools.js';
import { courseOfCalls, sumCalls, sumForms } from './reports/summaries.js';
import { createTracker, disableTracker, updateTracker } from './reports/tracker-writes.js';
import { findTracker, listTrackers } from './reports/trackers.js';

/**
 * The reports in Postgres, one file a resource in `reports/`. Lists and sums of calls and forms look at many rows: each
 * of the two has connections of its own, so that they hold up neither visitors nor other reports. The judge joins a call
 * whose correction is taken back.
 */
export function createReportStore(
  { pool, listPool, sumPool }: { pool: pg.Pool; listPool: pg.Pool; sumPool: pg.Pool },
  judge: CallJudge,
): ReportStore {
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
    updateTracker: (accountId, trackerId, change) => updateTracker(pool, accountId, trackerId, change),
    disableTracker: (accountId, trackerId) => disableTracker(pool, accountId, trackerId),
    poolTraffic: (accountId, trackerId, now) => findPoolTraffic(pool, accountId, trackerId, now),

    calls: async (accountId, ask, details) =>
      listCalls(listPool, await companyIds(pool, accountId, ask.filter.companyId), ask, details),
    call: (accountId, callId, details) => findCall(pool, accountId, callId, details),
    callSums: async (accountId, filter, group) =>
      sumCalls(sumPool, await companyIds(pool, accountId, filter.companyId), filter, group),
    callCourse: async (accountId, filter, from) =>
      courseOfCalls(sumPool, await companyIds(pool, accountId, filter.companyId), filter, from),
    pageViews: (accountId, callId, slice) => listPageViews(pool, accountId, callId, slice),
    callEvidence: (accountId, callId) => findCallEvidence(pool, accountId, callId),
    changeCall: (accountId, callId, changes, details, userId) =>
      changeCall(pool, judge, { accountId, callId, userId }, changes, details),

    formSubmissions: async (accountId, ask, details) =>
      listFormSubmissions(listPool, await companyIds(pool, accountId, ask.filter.companyId), ask, details),
    formSums: async (accountId, filter, group) =>
      sumForms(sumPool, await companyIds(pool, accountId, filter.companyId), filter, group),
    formSubmission: (accountId, id, details) => findFormSubmission(pool, accountId, id, details),
    changeFormSubmission: (accountId, id, changes, details) =>
      changeFormSubmission(pool, accountId, id, changes, details),

    person: (accountId, personId) => findPerson(pool, accountId, personId),
    mergePersons: (accountId, personId, otherId, userId) =>
      mergeByHand(pool, accountId, personId, otherId, userId),
    undoMerge: (accountId, personId, userId) => undoMergeByHand(pool, accountId, personId, userId),
  });
}
