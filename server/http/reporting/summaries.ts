/** How many calls and forms there were: summaries and time series. */
import {
  CallCourseSchema,
  CallSummarySchema,
  FormSummarySchema,
} from '../../../shared/contract/reporting-summaries.js';
import { beginsIn, formatBegin, formatBound, INTERVALS, type Window } from '../../domain/report-dates.js';
import { type CallFilter, type FormFilter, readCount } from '../../domain/reports.js';
import {
  addUp,
  CALL_GROUPS,
  CALL_METRICS,
  chooseMetrics,
  FORM_GROUPS,
  FORM_METRICS,
  type Metrics,
  measure,
  NO_CALLS,
  NO_FORMS,
  type SumsOf,
} from '../../domain/summaries.js';
import { CALL_FILTERS, readCallFilter } from './calls.js';
import { readFormFilter } from './form-submissions.js';
import { type Ask, DATE_PARAMETERS, type Frame, resource } from './frame.js';
import { given, readFields } from './query.js';

/** As CallRail has it; more say less. */
const MAX_POINTS = 200;
/** Calls last no year. */
const MAX_SECONDS = 31_536_000;

const TAGS = { tags: 'Any of these, with commas between them or as a list.' };
const SUMMARY_FILTERS = {
  ...DATE_PARAMETERS,
  ...CALL_FILTERS,
  ...TAGS,
  first_time_callers: 'true: only of who had not called the company before; false: only of all others.',
  min_duration: 'Seconds.',
  max_duration: 'Seconds.',
  search: 'Part of the name of the source.',
};
const metricsParameter = (metrics: object) => ({
  fields: `Any of ${Object.keys(metrics).join(', ')}, with commas between them; ${Object.keys(metrics)[0]} is always there.`,
});

export function summaries(frame: Frame): void {
  const { reports } = frame;

  resource(frame, 'calls', '/v3/a/:account/calls/summary', {
    GET: {
      summary: 'Count calls, by what brought them',
      query: {
        ...SUMMARY_FILTERS,
        ...metricsParameter(CALL_METRICS),
        group_by: CALL_GROUPS.join(', '),
      },
      answer: CallSummarySchema,
      async run(ask) {
        const { filter, timeZone } = await readCalls(ask, frame);
        return summarize(ask, filter.window, timeZone, frame.now(), {
          groups: CALL_GROUPS,
          metrics: CALL_METRICS,
          nothing: NO_CALLS,
          find: (group) => reports.callSums(ask.user.accountId, filter, group),
        });
      },
    },
  });

  resource(frame, 'calls', '/v3/a/:account/calls/timeseries', {
    GET: {
      summary: 'Count calls in the course of time',
      query: {
        ...SUMMARY_FILTERS,
        ...metricsParameter(CALL_METRICS),
        interval: `${INTERVALS.join(', ')}; day if left out. At most ${MAX_POINTS} points.`,
      },
      answer: CallCourseSchema,
      async run(ask) {
        const { accountId } = ask.user;
        const { filter, timeZone } = await readCalls(ask, frame);
        const metrics = chooseMetrics(CALL_METRICS, readFields(ask.query));
        const interval = ask.query.word('interval', INTERVALS) ?? 'day';
        const first =
          filter.window.from === null ? (await reports.callSums(accountId, filter, null))[0]?.firstAt : null;
        const bounds = closed(filter.window, first, frame.now());
        const begins = beginsIn(bounds, interval, timeZone, MAX_POINTS);
        const found = await reports.callCourse(accountId, filter, begins);
        const course = found.map((sums) => sums ?? NO_CALLS);
        return {
          ...boundsOf(bounds, timeZone),
          total_results: measure(metrics, addUp(course, NO_CALLS)),
          data: course.map((sums, n) => ({
            date: formatBegin(begins[n] ?? 0, interval, timeZone),
            ...measure(metrics, sums),
          })),
        };
      },
    },
  });

  resource(frame, 'form submissions', '/v3/a/:account/forms/summary', {
    GET: {
      summary: 'Count form submissions, by what brought them',
      query: {
        ...DATE_PARAMETERS,
        ...TAGS,
        company_id: 'Only forms of this company.',
        lead_status: 'good_lead, not_a_lead or not_scored',
        ...metricsParameter(FORM_METRICS),
        form_URL: 'Only forms on this page.',
        group_by: FORM_GROUPS.join(', '),
      },
      answer: FormSummarySchema,
      run(ask) {
        const { query } = ask;
        const { filter: chosen, timeZone } = readFormFilter(ask, frame);
        const filter: FormFilter = {
          ...chosen,
          tags: query.words('tags'),
          // There are no forms but the site's own.
          none: query.one('custom_form_ids') !== undefined,
          ...given({ formUrl: query.one('form_URL') ?? query.one('form_url') }),
        };
        return summarize(ask, filter.window, timeZone, frame.now(), {
          groups: FORM_GROUPS,
          metrics: FORM_METRICS,
          nothing: NO_FORMS,
          find: (group) => reports.formSums(ask.user.accountId, filter, group),
        });
      },
    },
  });
}

interface Summary<Group extends string, Sums> {
  groups: readonly Group[];
  metrics: Metrics<Sums>;
  nothing: Sums;
  find(group: Group | null): Promise<SumsOf<Sums>[]>;
}

async function summarize<Group extends string, Sums extends { [Name in keyof Sums]: number }>(
  { query }: Ask,
  window: Window,
  timeZone: string,
  now: number,
  { groups, metrics, nothing, find }: Summary<Group, Sums>,
) {
  const chosen = chooseMetrics(metrics, readFields(query));
  const group = query.word('group_by', groups) ?? null;
  const found = await find(group);
  const starts = found.flatMap(({ firstAt }) => firstAt ?? []);
  const total = addUp(
    found.map(({ sums }) => sums),
    nothing,
  );
  return {
    ...boundsOf(closed(window, starts.length > 0 ? Math.min(...starts) : null, now), timeZone),
    total_results: measure(chosen, total),
    // A group says all that is known of it, as CallRail's do.
    ...(group && {
      grouped_by: group,
      grouped_results: found.map(({ key, sums }) => ({ key, ...measure(metrics, sums) })),
    }),
  };
}

/** The filters that lists of calls have, and those that only summaries have. */
async function readCalls(ask: Ask, frame: Frame): Promise<{ filter: CallFilter; timeZone: string }> {
  const { query } = ask;
  const seconds = (name: string) => {
    const text = query.one(name);
    return text === undefined
      ? undefined
      : readCount(name, text, { standard: 0, least: 0, most: MAX_SECONDS });
  };
  const { filter, timeZone } = await readCallFilter(ask, frame);
  const { search: _, ...shared } = filter;
  return {
    timeZone,
    filter: {
      ...shared,
      tags: query.words('tags'),
      // Calls are told of no agents.
      none: query.one('agent') !== undefined,
      ...given({
        sourceLike: query.one('search'),
        firstCall: query.flag('first_time_callers'),
        minDuration: seconds('min_duration'),
        maxDuration: seconds('max_duration'),
      }),
    },
  };
}

/** An open window begins with the first that it holds, and ends now. */
function closed({ from, until }: Window, first: number | null | undefined, now: number) {
  const end = until ?? now;
  return { from: from ?? first ?? end - 1, until: end };
}

/** Both included, as dates were asked for. */
function boundsOf({ from, until }: { from: number; until: number }, timeZone: string) {
  return {
    start_date: formatBound(from, timeZone),
    end_date: formatBound(Math.max(from, until - 1), timeZone),
    time_zone: timeZone,
  };
}
