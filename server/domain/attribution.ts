/**
 * The join: which visit a call belongs to, and how sure that is. Pure: plain data in, plain data out, no clock.
 *
 * Everybody who had the number is a candidate. His weight is how many such visitors call in that very second: by a
 * tap on the number just before, from the page, or some time after the visit (`call-model.ts`). Weights divided by
 * their sum, with somebody who never saw the number among them, are the probabilities that the API shows. A caller
 * who was joined before is known, as surely as he was joined then.
 */
import { type CallModel, callRate, chanceOfWaiting, levelOf, PRIOR_MODEL } from './call-model.js';
import type { Attribution, AttributionMethod, CallHistory, Millis, Tracker } from './ports.js';

export interface CallToJoin {
  at: Millis;
  /** What the tracker's own rule says of the source; null for a pool that serves every source. */
  trackerSource: string | null;
  trackerType: 'session' | 'source' | null;
}

/** How a company's calls are joined. */
export interface JoinSettings {
  model: CallModel;
  /**
   * A visit is named from this confidence on, 0 to 1; below it the source alone, from its own; below that neither.
   */
  thresholds: Tracker['thresholds'];
}

export const JOIN_DEFAULTS: JoinSettings = { model: PRIOR_MODEL, thresholds: { visit: 0.5, source: 0.5 } };

/** Somebody who may have called, and what speaks for him. */
export interface Candidate {
  sessionId: string;
  visitId: string;
  source: string;
  campaign: string | null;
  /** The probability that it was he: the sum of its parts, but never quite 1. */
  weight: number;
  /** By a tap, as a caller known from before, from the page, after the visit. */
  parts: { tap: number; known: number; present: number; later: number };
}

/** All that the join knows of a call. The parts of all candidates, `older` and `stranger` sum to 1. */
export interface Explanation {
  /** Heaviest first. */
  candidates: Candidate[];
  /** Visitors before those in the history. */
  older: number;
  /** Somebody who never had the number. */
  stranger: number;
  /** By source, the older visitors among them. */
  sources: { source: string; weight: number }[];
  /** By source and campaign, likewise. */
  campaigns: { source: string; campaign: string | null; weight: number }[];
}

/** Of those who tap a number most call; the tap is told to us some seconds before the phone rings. */
const TAP = { calls: 0.85, meanSeconds: 8, lateCalls: 0.05, lateSeconds: 60 };
/** Wrong numbers and old flyers: two a year on each number. */
const STRANGERS_PER_SECOND = 1 / (180 * 86_400);
/** A phone may be handed on, and somebody may come back by another ad: never surer of a known caller than this. */
const KNOWN_AT_MOST = 0.97;
/** Nothing that is inferred is certain. */
const AT_MOST = 0.99;
/** A call is not joined to a visit that ended longer ago. */
const HISTORY_MS = 30 * 86_400_000;
/** The API shows so many. */
const MAX_CANDIDATES = 3;

/** Joins a call to a visit, from what the number's history knows. */
export function attributeCall(
  call: CallToJoin,
  history: CallHistory,
  settings: JoinSettings = JOIN_DEFAULTS,
): Attribution {
  const { candidates, sources } = explainCall(call, history, settings.model);
  const [best] = candidates;
  const shown = candidates.slice(0, MAX_CANDIDATES).map(({ sessionId, visitId, source, weight }) => ({
    session: sessionId,
    visit: visitId,
    source,
    weight: round(weight),
  }));
  if (best && best.weight >= settings.thresholds.visit) {
    const sameSource = sources.find(({ source }) => source === best.source)?.weight ?? best.weight;
    return {
      session: best.sessionId,
      visit: best.visitId,
      source: best.source,
      confidence: round(best.weight),
      sourceConfidence: round(Math.max(best.weight, sameSource)),
      method: methodOf(best, call, history),
      candidates: shown,
    };
  }
  if (call.trackerType === 'source') {
    return { ...NOBODY, source: call.trackerSource, confidence: 1, sourceConfidence: 1, method: 'tracker' };
  }
  if (call.trackerSource !== null) {
    const source = call.trackerSource;
    return { ...NOBODY, source, sourceConfidence: 1, method: 'source_only', candidates: shown };
  }
  const [likely] = sources;
  if (!likely || likely.weight < settings.thresholds.source) return { ...NOBODY, candidates: shown };
  return {
    ...NOBODY,
    source: likely.source,
    sourceConfidence: round(likely.weight),
    method: 'source_only',
    candidates: shown,
  };
}

const NOBODY: Attribution = {
  session: null,
  visit: null,
  source: null,
  confidence: 0,
  sourceConfidence: 0,
  method: 'none',
  candidates: [],
};

/** Who may have called, and why: every weight that the join goes by. */
export function explainCall(
  call: Pick<CallToJoin, 'at'>,
  history: CallHistory,
  model: CallModel = PRIOR_MODEL,
): Explanation {
  const candidates = ratedCandidates(call, history, model);
  const before = olderVisitors(call.at, history, model);
  const total =
    before.rate + STRANGERS_PER_SECOND + candidates.reduce((sum, { parts }) => sum + rateOf(parts), 0);
  const tapped = candidates.reduce((sum, { parts }) => sum + parts.tap, 0) / total;
  // A fresh tap outweighs what is known of the phone: he is back, on another device.
  const known = history.knownCaller
    ? Math.min(KNOWN_AT_MOST, history.knownCaller.confidence) * (1 - tapped)
    : 0;
  const scale = (1 - known) / total;
  for (const candidate of candidates) {
    const { parts } = candidate;
    parts.tap *= scale;
    parts.present *= scale;
    parts.later *= scale;
    parts.known = candidate.visitId === history.knownCaller?.visitId ? known : 0;
    candidate.weight = Math.min(AT_MOST, rateOf(parts) + parts.known);
  }
  candidates.sort((a, b) => b.weight - a.weight);
  const all = [...candidates, ...before.visitors.map((one) => ({ ...one, weight: one.weight * scale }))];
  return {
    candidates,
    older: before.rate * scale,
    stranger: STRANGERS_PER_SECOND * scale,
    sources: sumBy(all, ({ source }) => ({ source })),
    campaigns: sumBy(all, ({ source, campaign }) => ({ source, campaign })),
  };
}

/** Of each session the newest visit, with rates in place of weights. */
function ratedCandidates(
  { at }: Pick<CallToJoin, 'at'>,
  history: CallHistory,
  model: CallModel,
): Candidate[] {
  const byVisit = new Map<string, Candidate>();
  const find = (visit: Omit<Candidate, 'weight' | 'parts'>): Candidate => {
    const { sessionId, visitId, source, campaign } = visit;
    const known = byVisit.get(visitId);
    if (known) return known;
    const parts = { tap: 0, known: 0, present: 0, later: 0 };
    const candidate: Candidate = { sessionId, visitId, source, campaign, weight: 0, parts };
    byVisit.set(visitId, candidate);
    return candidate;
  };
  const seen = new Set<string>();
  for (const lease of history.leases) {
    // Who came back to the site calls because of that, not of the visit before.
    if (seen.has(lease.sessionId) || at - lease.lastSeen > HISTORY_MS) continue;
    seen.add(lease.sessionId);
    Object.assign(find(lease).parts, callRate(model, lease, at));
  }
  for (const tap of history.taps) {
    const { parts } = find(tap);
    parts.tap = Math.max(parts.tap, tapRate((at - tap.at) / 1000));
  }
  if (history.knownCaller) find(history.knownCaller);
  return [...byVisit.values()];
}

function tapRate(seconds: number): number {
  const { calls, meanSeconds, lateCalls, lateSeconds } = TAP;
  return (calls / meanSeconds) * Math.exp(-Math.max(0, seconds) / meanSeconds) + lateCalls / lateSeconds;
}

/**
 * Those who had the number before the oldest lease of the history, where it is cut: as many as came since, on
 * average, by the same ways.
 */
function olderVisitors(
  at: Millis,
  { leases, isCut }: CallHistory,
  model: CallModel,
): { rate: number; visitors: { source: string; campaign: string | null; weight: number }[] } {
  const oldest = leases.at(-1);
  if (!isCut || !oldest) return { rate: 0, visitors: [] };
  const span = Math.max(1000, at - oldest.from);
  const waiting = chanceOfWaiting(model, span) / (span / 1000);
  const visitors = leases.map((lease) => ({
    source: lease.source,
    campaign: lease.campaign,
    weight: (model.later[levelOf(lease)] ?? 0) * waiting,
  }));
  return { rate: visitors.reduce((sum, { weight }) => sum + weight, 0), visitors };
}

function rateOf({ tap, present, later }: Candidate['parts']): number {
  return tap + present + later;
}

/** What speaks most for the visit that was chosen. */
function methodOf(best: Candidate, { at }: CallToJoin, { leases }: CallHistory): AttributionMethod {
  const { tap, known, present, later } = best.parts;
  if (tap >= Math.max(known, present + later)) return 'tap';
  if (known >= present + later) return 'known_caller';
  const holders = leases.filter((lease) => lease.until > at);
  const others = holders.some(({ sessionId }) => sessionId !== best.sessionId);
  const own = holders.find(({ sessionId }) => sessionId === best.sessionId);
  if (own && !others) return own.shared ? 'holder' : 'sole_holder';
  return leases.every(({ sessionId }) => sessionId === best.sessionId) ? 'last_holder' : 'posterior';
}

function sumBy<T extends { weight: number }, K extends object>(
  all: readonly T[],
  keyOf: (one: T) => K,
): (K & { weight: number })[] {
  const sums = new Map<string, K & { weight: number }>();
  for (const one of all) {
    const key = keyOf(one);
    const name = JSON.stringify(Object.values(key));
    const sum = sums.get(name) ?? { ...key, weight: 0 };
    sum.weight = Math.min(AT_MOST, sum.weight + one.weight);
    sums.set(name, sum);
  }
  return [...sums.values()].sort((a, b) => b.weight - a.weight);
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
