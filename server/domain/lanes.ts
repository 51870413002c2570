/**
 * Lanes: a pool divided among the sources that fill it. A call that comes late meets, most likely, another visitor of
 * the number; in a lane that visitor came the same way, so the source is right also where the visit cannot be known.
 *
 * A plan is judged by what it confuses. In a lane with n numbers, the number idle longest first, a visitor is alone on
 * his number until n others have come. So a caller who waits for a time in which x visitors come to the lane is
 * confused with somebody when x reaches n (of Poisson arrivals, with the probability P(X >= n)), and is then one of
 * 1 + x/n whom the join must choose from. Each confusion costs 1 for the visit, and something on top where the two
 * came by different campaigns or from different sources (`COST`). Of some divisions the cheapest is taken, and
 * `test/bench/pool` shows what it is worth.
 */
import { DURING_VISIT, PRIOR_MODEL } from './call-model.js';
import type { Millis, PhoneNumber } from './ports.js';

/** How many visits an hour a campaign of a source brings to a pool. */
export interface Arrivals {
  source: string;
  campaign: string | null;
  perHour: number;
}

/** Visits of one hour, as they are counted. */
export interface ArrivalCount {
  source: string;
  campaign: string | null;
  /** The hour's beginning. */
  hour: Millis;
  visits: number;
  /** When the first of them came. */
  firstAt: Millis;
}

/** What a pool is divided by: sources and their campaigns, sources only, or nothing. */
export type LaneKey = 'campaign' | 'source' | 'none';

/** A part of a pool's numbers. */
export interface Lane {
  /** Its name, unique in the pool. */
  lane: string;
  /** Whom it serves; null: every source that has no lane of its own. */
  source: string | null;
  /** Null: every campaign of the source that no other lane names. */
  campaigns: (string | null)[] | null;
  numbers: PhoneNumber[];
}

/** The lane of all sources that have none. Every pool has it. */
export const REST = '*';

/** What it costs to confuse two visitors: always, and where they differ. Found with the simulator. */
const COST = { visit: 1, campaign: 0.3, source: 3 };
const HOUR = 3_600_000;
/** How long callers wait from the last sign of life on, by share and hours; half of those on the page tap: no wait. */
const WAITS = [
  { share: DURING_VISIT / 2, hours: 1.5 / 60 },
  ...PRIOR_MODEL.delays.map(({ share, meanMs }) => ({
    share: (1 - DURING_VISIT) * share,
    hours: meanMs / HOUR,
  })),
];
/** A source gets a lane when its visits would fill this much of a number. Of several plans the cheapest is taken. */
const FILLINGS = [0.25, 0.4, 0.7, 1.2];
/** A source is divided into so many groups of campaigns at most. */
const MAX_GROUPS = 50;
/** A plan gives way to one that costs so much less: each change puts other sources' late callers on a number. */
const BETTER = 0.95;
/** What a source brings is forgotten by half in a day. */
const HALF_LIFE_MS = 86_400_000;
/** A campaign that has just begun is judged by what it brought since, but by no less than this. */
const SHORTEST_MS = 30 * 60_000;

/**
 * The visits an hour of each campaign, from counts by the hour in any order: yesterday's weigh half of today's, and
 * what began lately is judged by the time since it began.
 */
export function ratesOf(counts: readonly ArrivalCount[], now: Millis): Arrivals[] {
  const sums = new Map<string, Arrivals & { firstAt: Millis }>();
  for (const { source, campaign, hour, visits, firstAt } of counts) {
    const name = JSON.stringify([source, campaign]);
    const sum = sums.get(name) ?? { source, campaign, perHour: 0, firstAt };
    sum.perHour += visits * weightAt(now - Math.max(hour, firstAt));
    sum.firstAt = Math.min(sum.firstAt, firstAt);
    sums.set(name, sum);
  }
  return [...sums.values()].map(({ source, campaign, perHour: sum, firstAt }) => {
    const seenFor = Math.max(SHORTEST_MS, now - firstAt);
    // The weights of all hours since the first visit, as an integral.
    const weights = ((1 - weightAt(seenFor)) * HALF_LIFE_MS) / Math.LN2 / HOUR;
    return { source, campaign, perHour: sum / weights };
  });
}

/**
 * Divides the numbers of a pool among what fills it. The plan before is kept unless the new one costs a twentieth
 * less or the numbers have changed; and as many numbers as can be stay with the source that they had. One lane is `*`.
 */
export function planLanes(
  arrivals: readonly Arrivals[],
  numbers: readonly PhoneNumber[],
  key: LaneKey,
  before: readonly Lane[] = [],
): Lane[] {
  const visits = mergeByKey(arrivals, key);
  const drafts = FILLINGS.map((filling) => draftPlan(visits, numbers.length, filling));
  const best = drafts.reduce((one, other) =>
    costOf(other, visits, sizeOfDraft) < costOf(one, visits, sizeOfDraft) ? other : one,
  );
  const had = new Set(before.flatMap((lane) => lane.numbers));
  const isWhole = had.size === numbers.length && numbers.every((number) => had.has(number));
  const isGood =
    isWhole &&
    fits(before, key) &&
    costOf(best, visits, sizeOfDraft) > BETTER * costOf(before, visits, (lane) => lane.numbers.length);
  return isGood ? [...before] : giveNumbers(best, numbers, before);
}

/** The lane of a visitor who came this way. A plan without any lane has the one that every pool has. */
export function laneOf(lanes: readonly LaneRule[], source: string, campaign: string | null): string {
  return findLane(lanes, source, campaign)?.lane ?? REST;
}

type LaneRule = Pick<Lane, 'lane' | 'source' | 'campaigns'>;
/** A lane that has a size and no numbers yet. */
interface Draft extends LaneRule {
  size: number;
}

function findLane<T extends LaneRule>(
  lanes: readonly T[],
  source: string,
  campaign: string | null,
): T | undefined {
  const own = lanes.filter((lane) => lane.source === source);
  return (
    own.find((lane) => lane.campaigns?.includes(campaign)) ??
    own.find((lane) => lane.campaigns === null) ??
    lanes.find((lane) => lane.source === null)
  );
}

/** A pool whose key was changed must be divided anew. */
function fits(lanes: readonly Lane[], key: LaneKey): boolean {
  if (key === 'none') return lanes.length === 1;
  return key === 'campaign' || lanes.every((lane) => lane.campaigns === null);
}

function mergeByKey(arrivals: readonly Arrivals[], key: LaneKey): Arrivals[] {
  const merged = new Map<string, Arrivals>();
  for (const { source, campaign, perHour } of arrivals) {
    if (!(perHour > 0)) continue;
    const kept = { source: key === 'none' ? '' : source, campaign: key === 'campaign' ? campaign : null };
    const name = JSON.stringify([kept.source, kept.campaign]);
    const sum = merged.get(name) ?? { ...kept, perHour: 0 };
    sum.perHour += perHour;
    merged.set(name, sum);
  }
  return key === 'none' ? [] : [...merged.values()].sort(byVisits);
}

/** Lanes for the sources that fill them, the largest first, and the rest. */
function draftPlan(visits: readonly Arrivals[], size: number, filling: number): Draft[] {
  const total = sumOf(visits);
  const sources = bySource(visits).sort(byVisits);
  const served = sources
    .filter(({ source, perHour }) => source !== REST && perHour * size >= filling * total)
    .slice(0, size - 1);
  const rest = total - sumOf(served);
  const sizes = share([...served.map(({ perHour }) => perHour), rest], size);
  const lanes = served.flatMap(({ source, campaigns }, at) =>
    divideSource(source, campaigns, sizes[at] ?? 1),
  );
  return [...lanes, { lane: REST, source: null, campaigns: null, size: sizes.at(-1) ?? size }];
}

/** Numbers of one source for its campaigns: in as many groups as confuse least. */
function divideSource(source: string, campaigns: readonly Arrivals[], size: number): Draft[] {
  let best: Draft[] = [{ lane: source, source, campaigns: null, size }];
  let least = costOf(best, campaigns, sizeOfDraft);
  for (let count = 2; count <= Math.min(size, campaigns.length, MAX_GROUPS); count++) {
    const groups = packCampaigns(source, campaigns, size, count);
    const cost = costOf(groups, campaigns, sizeOfDraft);
    if (cost < least) [best, least] = [groups, cost];
  }
  return best;
}

/** The largest first to the group that has least: at most a third more than the best packing (Graham, 1969). */
function packCampaigns(source: string, campaigns: readonly Arrivals[], size: number, count: number): Draft[] {
  const groups = Array.from({ length: count }, () => ({ campaigns: [] as (string | null)[], perHour: 0 }));
  for (const { campaign, perHour } of campaigns) {
    const least = groups.reduce((a, b) => (b.perHour < a.perHour ? b : a));
    least.campaigns.push(campaign);
    least.perHour += perHour;
  }
  const sizes = share(
    groups.map(({ perHour }) => perHour),
    size,
  );
  const room = groups.map(({ perHour }, at) => perHour / (sizes[at] ?? 1));
  // Who comes by a campaign that nobody has seen joins those who have most room.
  const open = room.indexOf(Math.min(...room));
  return groups.map(({ campaigns }, at) => ({
    lane: `${source}/${at + 1}`,
    source,
    campaigns: at === open ? null : campaigns,
    size: sizes[at] ?? 1,
  }));
}

function shareSpare(groups: { perHour: number; size: number }[], spare: number): void {
  for (let left = spare; left > 0; left--) {
    groups.reduce((a, b) => (b.perHour / b.size > a.perHour / a.size ? b : a)).size++;
  }
}

/** One for each, then the next one for whoever has most visits on each of his. */
function share(perHour: readonly number[], size: number): number[] {
  const groups = perHour.map((visits) => ({ perHour: visits, size: 1 }));
  shareSpare(groups, size - groups.length);
  return groups.map((group) => group.size);
}

function sizeOfDraft({ size }: Draft): number {
  return size;
}

/** What a plan confuses in an hour. */
function costOf<T extends LaneRule>(
  lanes: readonly T[],
  visits: readonly Arrivals[],
  sizeOf: (lane: T) => number,
): number {
  const loads = new Map<T, Arrivals[]>(lanes.map((lane) => [lane, []]));
  for (const one of visits) {
    const lane = findLane(lanes, one.source, one.campaign);
    if (lane) loads.get(lane)?.push(one);
  }
  let cost = 0;
  for (const [lane, load] of loads) {
    const perHour = sumOf(load);
    if (perHour === 0) continue;
    const sameSource = bySource(load).reduce((sum, one) => sum + (one.perHour / perHour) ** 2, 0);
    const sameCampaign = load.reduce((sum, one) => sum + (one.perHour / perHour) ** 2, 0);
    const each = COST.visit + COST.campaign * (1 - sameCampaign) + COST.source * (1 - sameSource);
    cost += perHour * chanceConfused(perHour, sizeOf(lane)) * each;
  }
  return cost;
}

/** The chance that a caller is taken for another visitor of his number, in a lane of such traffic and size. */
function chanceConfused(perHour: number, size: number): number {
  return WAITS.reduce((sum, { share, hours }) => {
    const others = perHour * hours;
    return sum + share * chanceOfAtLeast(size, others) * (others / (others + size));
  }, 0);
}

/** P(X >= n) of a Poisson variable, after Wilson and Hilferty (1931). */
function chanceOfAtLeast(n: number, mean: number): number {
  const z = 3 * Math.sqrt(n) * (Math.cbrt(mean / n) - 1 + 1 / (9 * n));
  return 1 / (1 + Math.exp(-1.702 * z));
}

/** Gives each lane its numbers: those that served its campaigns before, then its source, then whatever is left. */
function giveNumbers(
  drafts: readonly Draft[],
  numbers: readonly PhoneNumber[],
  before: readonly Lane[],
): Lane[] {
  const lanes: Lane[] = drafts.map(({ lane, source, campaigns }) => ({
    lane,
    source,
    campaigns,
    numbers: [],
  }));
  const free = new Set(numbers);
  const wanted = (at: number) => (drafts[at]?.size ?? 0) - (lanes[at]?.numbers.length ?? 0);
  const take = (at: number, from: readonly PhoneNumber[]) => {
    for (const number of from) {
      if (wanted(at) <= 0) return;
      if (free.delete(number)) lanes[at]?.numbers.push(number);
    }
  };
  const likeness = [isSameLane, isSameSource];
  for (const isLike of likeness) {
    for (const [at, lane] of lanes.entries()) {
      for (const past of before) if (isLike(lane, past)) take(at, past.numbers);
    }
  }
  for (const at of lanes.keys()) take(at, [...free]);
  return lanes;
}

function isSameSource(lane: LaneRule, past: LaneRule): boolean {
  return lane.source === past.source;
}

function isSameLane(lane: LaneRule, past: LaneRule): boolean {
  if (!isSameSource(lane, past)) return false;
  if (lane.campaigns === null || past.campaigns === null) return lane.campaigns === past.campaigns;
  return lane.campaigns.some((campaign) => past.campaigns?.includes(campaign));
}

function weightAt(age: Millis): number {
  return 2 ** (-Math.max(0, age) / HALF_LIFE_MS);
}

function bySource(visits: readonly Arrivals[]): { source: string; perHour: number; campaigns: Arrivals[] }[] {
  const sources = new Map<string, { source: string; perHour: number; campaigns: Arrivals[] }>();
  for (const one of visits) {
    const known = sources.get(one.source) ?? { source: one.source, perHour: 0, campaigns: [] };
    known.perHour += one.perHour;
    known.campaigns.push(one);
    sources.set(one.source, known);
  }
  return [...sources.values()];
}

function sumOf(some: readonly { perHour: number }[]): number {
  return some.reduce((sum, { perHour }) => sum + perHour, 0);
}

function byVisits(a: { perHour: number }, b: { perHour: number }): number {
  return b.perHour - a.perHour;
}
