/**
 * How a pool fares: what came to it, how full it was, and how many numbers it should have. Read from what is counted
 * by the hour (`arrivals` in the record); the formulas are in `sizing.ts`.
 */
import { type ArrivalCount, type Arrivals, type Lane, REST, ratesOf } from './lanes.js';
import { leasable } from './pools.js';
import type { Millis, PhoneNumber } from './ports.js';
import type { PoolSettings } from './reports.js';
import { BLOCKING_GOALS, byLane, erlangB, expectedRightness, numbersFor, type Rightness } from './sizing.js';

/** So much of the past is looked at; all of it may be shown hour by hour. */
export const REPORT_HOURS = 168;

const HOUR_MS = 3_600_000;
const MINUTE_SECONDS = 60;

/** What was counted of an hour. Times in seconds. */
export interface PoolHour {
  /** Its beginning. */
  hour: Millis;
  /** The pool's at that time, without the static one. */
  numbers: number;
  /** Of the hour; of the one that lasts, so much as had passed. */
  seconds: number;
  /** The sum over all numbers of the time in which somebody held them. */
  heldSeconds: number;
  /** Held at once at most. */
  peakHeld: number;
  visits: number;
  /** That began in this hour, and how long they last together. */
  leases: number;
  leaseSeconds: number;
  /** Of them: ever held by two; begun on a number that somebody else still held; begun on the static number. */
  shared: number;
  reissued: number;
  diverted: number;
}

/** What the record knows of a pool. */
export interface PoolTraffic {
  companyId: string;
  trackerId: string;
  trackerName: string;
  settings: PoolSettings;
  numbers: PhoneNumber[];
  /** The plan by which the servers divide it. */
  lanes: Lane[];
  /** Numbers that somebody holds now, without the static one. */
  held: number;
  /** Of the last `REPORT_HOURS`, oldest first; none of an hour without a lease. */
  hours: PoolHour[];
  counts: ArrivalCount[];
}

export interface PoolReport {
  companyId: string;
  trackerId: string;
  trackerName: string;
  at: Millis;
  settings: PoolSettings;
  numbers: { total: number; leasable: number; held: number };
  /** With what each is offered in the peak hour, and the share that finds it full then by Erlang B. */
  lanes: (Lane & { visitsPerHour: number; load: number; erlangB: number })[];
  /** By decayed counts, greatest first. */
  arrivals: Arrivals[];
  offeredLoad: OfferedLoad;
  blocking: {
    /** Of the last seven days. */
    leases: number;
    shared: number;
    reissued: number;
    diverted: number;
    /** The share of leases that found every number held; null: none, or who finds it full is not leased a number. */
    measured: number | null;
    /** What Erlang B says of these hours, each with its own load, as if the pool were not divided; null: none. */
    erlangB: number | null;
    /** In the peak hour: of the whole pool, and divided into its lanes. */
    erlangBPeak: number;
    erlangBLanes: number;
  };
  recommended: { blocking: number; numbers: number }[];
  /** The last ones, oldest first, without a gap; the last one lasts. */
  hours: (PoolHour & { utilisation: number })[];
  /** First calls joined rightly with so many numbers, by estimate. */
  expected: (Rightness & { numbers: number; blocking: number })[];
}

export interface OfferedLoad {
  /** Numbers held on average in the peak hour, were there enough: its leases times their mean length in hours. */
  erlangs: number;
  /** The beginning of the busiest hour of the last seven days; null: nothing came. */
  hour: Millis | null;
  leases: number;
  meanLeaseSeconds: number;
}

/** `hours`: how many are shown, `REPORT_HOURS` at most. */
export function reportPool(traffic: PoolTraffic, now: Millis, hours: number): PoolReport {
  const { settings, counts } = traffic;
  const numbers = leasable({ ...settings, numbers: traffic.numbers });
  const offeredLoad = loadOf(traffic.hours);
  const { erlangs } = offeredLoad;
  const arrivals = ratesOf(counts, now).sort((a, b) => b.perHour - a.perHour);
  const lanes = lanesInUse(traffic.lanes, numbers, arrivals, erlangs);
  const recommended = BLOCKING_GOALS.map((blocking) => ({
    blocking,
    numbers: numbersFor(erlangs, blocking),
  }));
  return {
    companyId: traffic.companyId,
    trackerId: traffic.trackerId,
    trackerName: traffic.trackerName,
    at: now,
    settings,
    numbers: { total: traffic.numbers.length, leasable: numbers.length, held: traffic.held },
    lanes,
    arrivals,
    offeredLoad,
    blocking: blockingOf(traffic, numbers.length, lanes, erlangs),
    recommended,
    hours: lastHours(traffic.hours, numbers.length, now, hours),
    expected: expectedAt(sizesToShow(numbers.length, recommended), traffic, arrivals, offeredLoad),
  };
}

/**
 * What a pool was offered in its busiest hour. Not an average of several: numbers are bought for the hour in which they
 * run short. A lease lasts for the visit and the hold after it, and shared ones count as those alone do, since their
 * visitors would have held a number.
 */
export function loadOf(hours: readonly Pick<PoolHour, 'hour' | 'leases' | 'leaseSeconds'>[]): OfferedLoad {
  let peak: (typeof hours)[number] | undefined;
  for (const one of hours) if (one.leaseSeconds > (peak?.leaseSeconds ?? 0)) peak = one;
  if (!peak) return { erlangs: 0, hour: null, leases: 0, meanLeaseSeconds: 0 };
  return {
    erlangs: peak.leaseSeconds / 3600,
    hour: peak.hour,
    leases: peak.leases,
    meanLeaseSeconds: peak.leaseSeconds / peak.leases,
  };
}

/** The lanes with the numbers that they have by now; what no lane names belongs to the rest. */
function lanesInUse(
  plan: readonly Lane[],
  numbers: readonly PhoneNumber[],
  arrivals: readonly Arrivals[],
  erlangs: number,
): PoolReport['lanes'] {
  const left = new Set(numbers);
  const lanes = plan.map((lane) => ({
    ...lane,
    numbers: lane.numbers.filter((number) => left.delete(number)),
  }));
  const rest = lanes.find(({ lane }) => lane === REST);
  if (rest) rest.numbers.push(...left);
  else lanes.push({ lane: REST, source: null, campaigns: null, numbers: [...left] });
  const total = sumOf(arrivals, ({ perHour }) => perHour);
  const visitors = byLane(arrivals, lanes);
  return lanes.map((lane) => {
    const visitsPerHour = sumOf(visitors.get(lane.lane) ?? [], ({ perHour }) => perHour);
    const load = total > 0 ? (erlangs * visitsPerHour) / total : 0;
    return { ...lane, visitsPerHour, load, erlangB: load > 0 ? erlangB(load, lane.numbers.length) : 0 };
  });
}

function blockingOf(
  { hours, settings }: PoolTraffic,
  numbers: number,
  lanes: PoolReport['lanes'],
  erlangs: number,
): PoolReport['blocking'] {
  const leases = sumOf(hours, (hour) => hour.leases);
  const reissued = sumOf(hours, (hour) => hour.reissued);
  const diverted = sumOf(hours, (hour) => hour.diverted);
  const isCounted = leases > 0 && settings.whenFull !== 'keep';
  const byErlang = sumOf(hours, (hour) => hour.leases * erlangB(hour.leaseSeconds / 3600, hour.numbers));
  return {
    leases,
    shared: sumOf(hours, (hour) => hour.shared),
    reissued,
    diverted,
    measured: isCounted ? (reissued + diverted) / leases : null,
    erlangB: leases > 0 ? byErlang / leases : null,
    erlangBPeak: erlangs > 0 ? erlangB(erlangs, numbers) : 0,
    erlangBLanes: erlangs > 0 ? sumOf(lanes, (lane) => lane.load * lane.erlangB) / erlangs : 0,
  };
}

function lastHours(
  known: readonly PoolHour[],
  numbers: number,
  now: Millis,
  count: number,
): PoolReport['hours'] {
  const byHour = new Map(known.map((one) => [one.hour, one]));
  const latest = Math.floor(now / HOUR_MS) * HOUR_MS;
  return Array.from({ length: count }, (_, at) => {
    const hour = latest - (count - 1 - at) * HOUR_MS;
    const counted = byHour.get(hour) ?? emptyHour(hour, numbers, Math.min(HOUR_MS, now - hour) / 1000);
    const room = counted.numbers * counted.seconds;
    return { ...counted, utilisation: room > 0 ? Math.min(1, counted.heldSeconds / room) : 0 };
  });
}

function emptyHour(hour: Millis, numbers: number, seconds: number): PoolHour {
  const nothing = { visits: 0, leases: 0, leaseSeconds: 0, shared: 0, reissued: 0, diverted: 0 };
  return { hour, numbers, seconds, heldSeconds: 0, peakHeld: 0, ...nothing };
}

/** Half, once, twice and four times as many as there are, and those recommended. */
function sizesToShow(numbers: number, recommended: PoolReport['recommended']): number[] {
  const sizes = [numbers / 2, numbers, numbers * 2, numbers * 4, ...recommended.map((one) => one.numbers)];
  return [...new Set(sizes.map(Math.ceil))].filter((size) => size > 0).sort((a, b) => a - b);
}

function expectedAt(
  sizes: readonly number[],
  { hours, settings }: PoolTraffic,
  arrivals: readonly Arrivals[],
  { erlangs, meanLeaseSeconds }: OfferedLoad,
): PoolReport['expected'] {
  const average = sumOf(arrivals, ({ perHour }) => perHour);
  const visits = sumOf(hours, (hour) => hour.visits);
  if (!(average > 0) || visits === 0) return [];
  // A call comes from an hour in which people visit: each hour's rate weighs as much as it has visits.
  const busy = sumOf(hours, (hour) => hour.visits ** 2) / visits;
  const load = {
    arrivals: arrivals.map((one) => ({ ...one, perHour: (one.perHour * busy) / average })),
    laneKey: settings.laneKey,
    visitMinutes: Math.max(0, meanLeaseSeconds - settings.holdSeconds) / MINUTE_SECONDS,
  };
  return sizes.map((numbers) => ({
    numbers,
    blocking: erlangB(erlangs, numbers),
    ...expectedRightness(load, numbers),
  }));
}

function sumOf<T>(some: readonly T[], of: (one: T) => number): number {
  return some.reduce((sum, one) => sum + of(one), 0);
}
