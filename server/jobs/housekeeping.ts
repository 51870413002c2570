import type { Housekeeping } from '../domain/ports.js';
import type { Job } from './runner.js';

const HOUR_MS = 3_600_000;

/** Keeps the record in shape: partitions before they are needed, event ids no longer than they are. */
export function housekeepingJobs(record: Housekeeping): Job[] {
  return [
    { name: 'keep months ahead', everyMs: 6 * HOUR_MS, run: () => record.keepMonthsAhead() },
    { name: 'forget old events', everyMs: HOUR_MS, run: () => record.forgetOldEvents() },
  ];
}

/** A server may go and leave a journal to those that run. */
export function journalJob(journals: { adopt(): Promise<void> }): Job {
  return { name: 'adopt journals', everyMs: 15_000, run: () => journals.adopt() };
}
