/** How many calls or forms there were: in all, by what brought them, and in the course of time. */
import { invalid } from './errors.js';
import type { Millis } from './ports.js';
import { formatDuration } from './report-words.js';

/** What lead events are counted by. */
export const CALL_GROUPS = [
  'source',
  'keywords',
  'campaign',
  'referrer',
  'landing_page',
  'company',
  'company_id',
] as const;
export const FORM_GROUPS = [
  'source',
  'keywords',
  'campaign',
  'referrer',
  'landing_page',
  'form_name',
  'company',
] as const;
export type CallGroup = (typeof CALL_GROUPS)[number];
export type FormGroup = (typeof FORM_GROUPS)[number];

/** Sums that can be added up, so that a total follows from its parts. */
export interface CallSums {
  calls: number;
  answered: number;
  /** Nobody answered, and nobody left word. */
  missed: number;
  /** Of callers who had never called the company before. */
  firstCalls: number;
  /** Those whose length is known, and their seconds. */
  timed: number;
  seconds: number;
  /** Those that a user called good leads. */
  leads: number;
}

export interface FormSums {
  forms: number;
  /** Of persons who had never sent one before. */
  firstForms: number;
  leads: number;
}

/** The sums of one group. */
export interface SumsOf<Sums> {
  /** Null: the record does not know, or there is none; and where nothing is grouped. */
  key: string | null;
  /** When the first of them came; null: there is none. */
  firstAt: Millis | null;
  sums: Sums;
}

export const NO_CALLS: CallSums = {
  calls: 0,
  answered: 0,
  missed: 0,
  firstCalls: 0,
  timed: 0,
  seconds: 0,
  leads: 0,
};
export const NO_FORMS: FormSums = { forms: 0, firstForms: 0, leads: 0 };

export function addUp<Sums extends { [Name in keyof Sums]: number }>(
  parts: readonly Sums[],
  nothing: Sums,
): Sums {
  const total = { ...nothing };
  for (const part of parts) {
    for (const name in total) total[name] = (total[name] + part[name]) as Sums[typeof name];
  }
  return total;
}

/** What a report can say of sums, by the names of the wire; the first is always said, as CallRail does. */
export type Metrics<Sums> = Record<string, (sums: Sums) => number | string | null>;

/** In whole seconds; of no calls 0. */
const averageDuration = ({ seconds, timed }: CallSums) => (timed > 0 ? Math.round(seconds / timed) : 0);

export const CALL_METRICS: Metrics<CallSums> = {
  total_calls: ({ calls }) => calls,
  missed_calls: ({ missed }) => missed,
  answered_calls: ({ answered }) => answered,
  first_time_callers: ({ firstCalls }) => firstCalls,
  average_duration: averageDuration,
  formatted_average_duration: (sums) => formatDuration(averageDuration(sums)),
  leads: ({ leads }) => leads,
};

export const FORM_METRICS: Metrics<FormSums> = {
  total_forms: ({ forms }) => forms,
  first_forms: ({ firstForms }) => firstForms,
  leads: ({ leads }) => leads,
};

/** The first metric and those asked for. Throws `invalid` for a name that is none. */
export function chooseMetrics<Sums>(metrics: Metrics<Sums>, asked: readonly string[]): Metrics<Sums> {
  const names = new Set([...Object.keys(metrics).slice(0, 1), ...asked]);
  return Object.fromEntries(
    [...names].map((name) => {
      const metric = Object.hasOwn(metrics, name) ? metrics[name] : undefined;
      if (!metric) throw invalid('fields', `has a name that is none of ${Object.keys(metrics).join(', ')}`);
      return [name, metric];
    }),
  );
}

export function measure<Sums>(metrics: Metrics<Sums>, sums: Sums): Record<string, number | string | null> {
  return Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, metric(sums)]));
}
