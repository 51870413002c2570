/**
 * How many numbers a pool needs. Numbers held for somebody alone are a loss system: visitors come as they like, each
 * holds one for the length of his visit and the hold after it, and who finds all held shares. So telephony's oldest
 * formula holds, Erlang's B (1917), whatever the lengths are distributed like.
 */

import { DURING_VISIT, PRIOR_MODEL } from './call-model.js';
import { type Arrivals, type Lane, type LaneKey, laneOf, planLanes } from './lanes.js';

/** The shares of visitors who find a pool full for which a size is recommended. */
export const BLOCKING_GOALS = [0.05, 0.01, 0.001] as const;

/**
 * The share of arrivals that find all `numbers` held, 0 to 1, when `load` would be held on average if there were
 * enough (in Erlangs: arrivals an hour times hours held). Takes `numbers` steps.
 */
export function erlangB(load: number, numbers: number): number {
  if (!(load > 0)) return numbers > 0 ? 0 : 1;
  let blocking = 1;
  for (let n = 1; n <= numbers; n++) blocking = nextBlocking(load, n, blocking);
  return blocking;
}

/** The fewest numbers with which at most the share `goal` (above 0) of arrivals finds all held. */
export function numbersFor(load: number, goal: number): number {
  if (!(load > 0)) return 0;
  let numbers = 0;
  for (let blocking = 1; blocking > goal; numbers++) blocking = nextBlocking(load, numbers + 1, blocking);
  return numbers;
}

/** For each of 0 to `most` numbers the share of arrivals that find all held. */
export function blockingCurve(load: number, most: number): number[] {
  const curve = [1];
  for (let n = 1; n <= most; n++) curve.push(load > 0 ? nextBlocking(load, n, curve[n - 1] ?? 1) : 0);
  return curve;
}

/** B(A, n) from B(A, n − 1). All terms are positive, so nothing is lost by rounding, however large the load is. */
function nextBlocking(load: number, numbers: number, before: number): number {
  return (load * before) / (numbers + load * before);
}

// ── What more numbers would be good for ──────────────────────────────────────────────────────────────────────

/** What comes to a pool while it is used. */
export interface PoolLoad {
  /** Visits an hour when people visit, not at the night's rate. */
  arrivals: readonly Arrivals[];
  laneKey: LaneKey;
  /** Mean time from a visit's first sign of life to its last. */
  visitMinutes: number;
}

/** Shares of first calls, 0 to 1. */
export interface Rightness {
  visit: number;
  source: number;
  campaign: number;
}

/** Of first calls so many come after the visit, with these mean delays in minutes. */
const LATER = PRIOR_MODEL.delays.map(({ share, meanMs }) => ({
  share: (1 - DURING_VISIT) * share,
  mean: meanMs / 60_000,
}));
/** Of the calls during a visit so many are certain however many share the number, by a tap or by engagement. */
const CERTAIN = 0.65;

/**
 * Estimates how many first calls would be joined rightly with so many numbers, divided as `planLanes` does.
 *
 * A mean field, lane by lane, of W visits an hour on n numbers. During a visit its number is shared with
 * ρ = W · visit / n others on average, Poisson; of 1 + K who are there at once each is as likely. After the visit the
 * number is the last in the queue, and is somebody else's when all the others were taken: after n / W less the visit.
 * Who calls before that is known, who calls later is taken for another one, who came by the same source with the
 * chance that two visitors of the lane did. On the traffic that these shares and delays were found for, the estimate is
 * within 5 points of what a simulation plays, at 4 to 64 numbers; a site whose callers wait longer gets less.
 */
export function expectedRightness(load: PoolLoad, numbers: number): Rightness {
  const none = { visit: 0, source: 0, campaign: 0 };
  const total = load.arrivals.reduce((sum, { perHour }) => sum + perHour, 0);
  if (numbers < 1) return none;
  if (!(total > 0)) return { visit: 1, source: 1, campaign: 1 };
  const names = Array.from({ length: numbers }, (_, at) => String(at));
  const lanes = planLanes(load.arrivals, names, load.laneKey);
  const sum = { ...none };
  const visitorsOf = byLane(load.arrivals, lanes);
  for (const { lane, numbers: own } of lanes) {
    const visitors = visitorsOf.get(lane) ?? [];
    const perHour = visitors.reduce((all, one) => all + one.perHour, 0);
    if (!(perHour > 0)) continue;
    const visit = visitRightness(perHour / 60, own.length, load.visitMinutes);
    const likeSource = likeness(visitors, perHour, ({ source }) => source);
    const likeCampaign = likeness(visitors, perHour, ({ source, campaign }) =>
      JSON.stringify([source, campaign]),
    );
    const weight = perHour / total;
    sum.visit += weight * visit;
    sum.source += weight * (visit + (1 - visit) * likeSource);
    sum.campaign += weight * (visit + (1 - visit) * likeCampaign);
  }
  // Sums of shares may be a hair above the whole.
  const { visit, source, campaign } = sum;
  return { visit: Math.min(1, visit), source: Math.min(1, source), campaign: Math.min(1, campaign) };
}

/** What comes to each lane, by its name. */
export function byLane(arrivals: readonly Arrivals[], lanes: readonly Lane[]): Map<string, Arrivals[]> {
  const found = new Map<string, Arrivals[]>();
  for (const one of arrivals) {
    const lane = laneOf(lanes, one.source, one.campaign);
    const visitors = found.get(lane);
    if (visitors) visitors.push(one);
    else found.set(lane, [one]);
  }
  return found;
}

function visitRightness(perMinute: number, numbers: number, visitMinutes: number): number {
  const others = (perMinute * visitMinutes) / Math.max(1, numbers);
  const alone = others > 0 ? (1 - Math.exp(-others)) / others : 1;
  const kept = Math.max(0, numbers / perMinute - visitMinutes);
  const later = LATER.reduce((sum, { share, mean }) => sum + share * (1 - Math.exp(-kept / mean)), 0);
  return DURING_VISIT * (CERTAIN + (1 - CERTAIN) * alone) + later;
}

/** The chance that two visitors, each taken by chance, have the same name. */
function likeness(visitors: readonly Arrivals[], perHour: number, nameOf: (one: Arrivals) => string): number {
  const rates = new Map<string, number>();
  for (const one of visitors) rates.set(nameOf(one), (rates.get(nameOf(one)) ?? 0) + one.perHour);
  return [...rates.values()].reduce((sum, rate) => sum + (rate / perHour) ** 2, 0);
}
