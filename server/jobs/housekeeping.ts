import type { CallJudge, Housekeeping } from '../domain/ports.js';
import type { Job } from './runner.js';

const HOUR_MS = 3_600_000;

/** Keeps the record in shape: partitions before they are needed, event ids no longer than they are. */
export function housekeepingJobs(record: Housekeeping): Job[] {
  return [
    { name: 'keep months ahead', everyMs: 6 * HOUR_MS, run: () => record.keepMonthsAhead() },
    { name: 'forget old events', everyMs: HOUR_MS, run: () => record.forgetOldEvents() },
  ];
}

/** Facts come late: over a bad network, or from the journal of a server that could not reach the record. */
export function lateFactsJob(record: Pick<Housekeeping, 'rejoinLateCalls'>, judge: CallJudge): Job {
  return { name: 'join calls again', everyMs: 15_000, run: () => record.rejoinLateCalls(judge) };
}

/** A server may go and leave a journal to those that run. */
export function journalJob(journals: { adopt(): Promise<void> }): Job {
  return { name: 'adopt journals', everyMs: 15_000, run: () => journals.adopt() };
}
