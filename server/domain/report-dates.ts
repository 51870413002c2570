/**
 * Date windows of reports, and times as their readers see them. Time zones come from the runtime's own tables
 * (Intl), so that daylight saving is theirs to know.
 */
import { invalid } from './errors.js';
import type { Millis } from './ports.js';

/** From `from` on, and before `until`; null: open on that side. */
export interface Window {
  from: Millis | null;
  until: Millis | null;
}

export interface DateQuery {
  dateRange: string | undefined;
  startDate: string | undefined;
  endDate: string | undefined;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A calendar day, or a moment of one, in no zone yet. */
interface Civil {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  /** Milliseconds since midnight. */
  time: number;
}

type DayRange = (today: Civil) => { first: Civil | null; last: Civil | null };

const daysFrom = (day: Civil, days: number): Civil => civilOf(epochOf(day) + days * DAY_MS);
const midnight = (year: number, month: number, day: number): Civil => civilOf(Date.UTC(year, month - 1, day));

/** First and last day of each named range, both included. */
const RANGES: Record<string, DayRange> = {
  recent: (today) => ({ first: daysFrom(today, -6), last: today }),
  today: (today) => ({ first: today, last: today }),
  yesterday: (today) => ({ first: daysFrom(today, -1), last: daysFrom(today, -1) }),
  last_7_days: (today) => ({ first: daysFrom(today, -7), last: daysFrom(today, -1) }),
  last_30_days: (today) => ({ first: daysFrom(today, -30), last: daysFrom(today, -1) }),
  this_month: (today) => ({ first: midnight(today.year, today.month, 1), last: today }),
  last_month: ({ year, month }) => ({ first: midnight(year, month - 1, 1), last: midnight(year, month, 0) }),
  this_year: (today) => ({ first: midnight(today.year, 1, 1), last: today }),
  last_year: ({ year }) => ({ first: midnight(year - 1, 1, 1), last: midnight(year - 1, 12, 31) }),
  all_time: () => ({ first: null, last: null }),
};
export const DATE_RANGES = Object.keys(RANGES);

/**
 * The window that a request asks for, in its time zone: explicit dates win over a named range, and without either it
 * is the last seven days with today. An end without a time of day includes that whole day. Throws `invalid`.
 */
export function readWindow(query: DateQuery, timeZone: string, now: Millis): Window {
  if (query.startDate !== undefined || query.endDate !== undefined) {
    const start =
      query.startDate === undefined ? null : requireMoment('start_date', query.startDate, timeZone);
    const end = query.endDate === undefined ? null : requireMoment('end_date', query.endDate, timeZone);
    return { from: start?.first ?? null, until: end?.after ?? null };
  }
  const name = query.dateRange ?? 'recent';
  const range = Object.hasOwn(RANGES, name) ? RANGES[name] : undefined;
  if (!range) throw invalid('date_range', `is none of ${DATE_RANGES.join(', ')}`);
  const local = civilOf(now + offsetAt(now, timeZone));
  const { first, last } = range({ ...local, time: 0 });
  return {
    from: first && instantOf(first, timeZone),
    until: last && instantOf(daysFrom(last, 1), timeZone),
  };
}

/**
 * Dates as clients write them: `2026-01-31`, `2026-01-31T14:00`, seconds and fractions, with or without an offset;
 * a blank may stand for the `T`, and for the plus of an offset (a plus that nobody encoded arrives as a blank).
 */
const WRITTEN =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(?:(Z)|([-+ ]?)(\d{2}):?(\d{2})?)?)?$/i;

/** The first instant that the text means, and the first one after it. */
function requireMoment(field: string, text: string, timeZone: string): { first: Millis; after: Millis } {
  const parts = WRITTEN.exec(text.trim());
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second = '0',
    fraction = '',
    utc,
    sign,
    offsetHours,
    offsetMinutes,
  ] = parts ?? [];
  const civil = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    time:
      (Number(hour ?? 0) * 3600 + Number(minute ?? 0) * 60 + Number(second)) * 1000 +
      Math.floor(Number(`0.${fraction || '0'}`) * 1000),
  };
  const read = civilOf(epochOf(civil));
  const exists =
    read.year === civil.year && read.month === civil.month && read.day === civil.day && civil.time < DAY_MS;
  if (!parts || !exists || Number(minute ?? 0) > 59 || Number(second) > 59) {
    throw invalid(field, 'is not a date such as 2026-01-31 or 2026-01-31T14:00:00-05:00');
  }
  if (hour === undefined) {
    return { first: instantOf(civil, timeZone), after: instantOf(daysFrom(civil, 1), timeZone) };
  }
  const first =
    utc || offsetHours
      ? epochOf(civil) -
        (sign === '-' ? -1 : 1) * (Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)) * 60_000
      : instantOf(civil, timeZone);
  return { first, after: first + 1 };
}

/** The zone a request names, or the user's own. Throws `invalid` for one that nobody knows. */
export function readTimeZone(asked: string | undefined, ofUser: string): string {
  if (asked === undefined || asked === 'user') return ofUser;
  if (!isTimeZone(asked)) throw invalid('time_zone', 'is not a time zone such as America/New_York');
  return asked;
}

export function isTimeZone(name: string): boolean {
  try {
    return name.length <= 64 && clockOf(name) !== undefined;
  } catch {
    return false;
  }
}

/** `2026-01-24T11:27:48.119-05:00`: always milliseconds and an offset. */
export function formatTime(at: Millis, timeZone: string): string {
  const offset = offsetAt(at, timeZone);
  const minutes = Math.abs(Math.trunc(offset / 60_000));
  const two = (n: number) => String(n).padStart(2, '0');
  const local = new Date(at + offset).toISOString().slice(0, -1);
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** `2026-01-24T11:27:48-0500`: how the bounds of a summary are told. */
export function formatBound(at: Millis, timeZone: string): string {
  return formatTime(at, timeZone)
    .replace(/\.\d+/, '')
    .replace(/:(?=\d\d$)/, '');
}

export const INTERVALS = ['hour', 'day', 'week', 'month', 'year'] as const;
export type Interval = (typeof INTERVALS)[number];

/**
 * When each hour, day, week (from Monday), month or year begins that a window touches, by the clocks of the zone. Throws
 * `invalid` where these are more than `most`.
 */
export function beginsIn(
  { from, until }: { from: Millis; until: Millis },
  interval: Interval,
  timeZone: string,
  most: number,
): Millis[] {
  const { year, month, day, time } = civilOf(from + offsetAt(from, timeZone));
  const sinceMonday = (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7;
  const begin: Record<Exclude<Interval, 'hour'>, (later: number) => Civil> = {
    day: (later) => midnight(year, month, day + later),
    week: (later) => midnight(year, month, day - sinceMonday + 7 * later),
    month: (later) => midnight(year, month + later, 1),
    year: (later) => midnight(year + later, 1, 1),
  };
  const firstHour = from - (time % HOUR_MS);
  const begins: Millis[] = [];
  for (;;) {
    const later = begins.length;
    // Hours go on while clocks are set forward and back.
    const at =
      interval === 'hour' ? firstHour + later * HOUR_MS : instantOf(begin[interval](later), timeZone);
    if (at >= until) return begins;
    if (later === most) {
      throw invalid('interval', `would make more than ${most} points of these dates: ask for a longer one`);
    }
    begins.push(at);
  }
}

/** `2026-01-24`; of an hour `2026-01-24T11:00:00-0500`. */
export function formatBegin(at: Millis, interval: Interval, timeZone: string): string {
  const bound = formatBound(at, timeZone);
  return interval === 'hour' ? bound : bound.slice(0, 10);
}

/** `2026-01-24T16:27:48.119Z`. */
export function formatUtc(at: Millis): string {
  return new Date(at).toISOString();
}

/** The instant at which clocks of the zone show this. Of two (autumn) the first; of none (spring) the one after the gap. */
function instantOf(civil: Civil, timeZone: string): Millis {
  const shown = epochOf(civil);
  // The zone's offsets on either side of any change near by.
  const before = offsetAt(shown - DAY_MS, timeZone);
  const after = offsetAt(shown + DAY_MS, timeZone);
  const candidates = [shown - before, shown - after].filter((at) => at + offsetAt(at, timeZone) === shown);
  return candidates.length > 0 ? Math.min(...candidates) : shown - before;
}

/** What clocks of the zone show beyond UTC, in milliseconds. */
function offsetAt(at: Millis, timeZone: string): Millis {
  const parts: Record<string, number> = {};
  for (const { type, value } of clockOf(timeZone).formatToParts(at)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** Making a formatter costs a hundred times what using it does; requests name few zones. */
const clocks = new Map<string, Intl.DateTimeFormat>();
const MAX_CLOCKS = 1000;

function clockOf(timeZone: string): Intl.DateTimeFormat {
  let clock = clocks.get(timeZone);
  if (!clock) {
    clock = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    if (clocks.size >= MAX_CLOCKS) clocks.clear();
    clocks.set(timeZone, clock);
  }
  return clock;
}

function epochOf({ year, month, day, time }: Civil): number {
  return Date.UTC(year, month - 1, day) + time;
}

function civilOf(epoch: number): Civil {
  const date = new Date(epoch);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    time: ((epoch % DAY_MS) + DAY_MS) % DAY_MS,
  };
}
