/**
 * How likely a visitor is to call, and when. Two things are told apart: somebody who is on the page calls at a rate
 * that hardly depends on what he did there so far; whoever has left may call later, the more likely the longer he
 * read, and the less the longer he is gone.
 *
 * The figures to start with are those of a simulated site (README.md); `fitCallModel` learns a company's own.
 */
import { type Engagement, isBounce } from './engagement.js';
import type { Device, Millis } from './ports.js';

/** What the join knows of a candidate's visit. */
export interface VisitSigns extends Omit<Engagement, 'lengthSeconds'> {
  /** Of the session; null where it is not known. */
  device: Device | null;
  /** The visit's last sign of life. */
  lastSeen: Millis;
  /** That sign was the page telling that it is left. */
  left: boolean;
}

/** Rates are calls a second, by one visitor. */
export interface CallModel {
  /** Of somebody who is on the page. */
  present: number;
  /** The chance that somebody who left calls later, by engagement (`levelOf`). */
  later: number[];
  /** How long they wait: shares that sum to 1, and mean delays. */
  delays: { share: number; meanMs: Millis }[];
  /** Of those who call from the page with a phone in their hand, so many tap the number: the tap is told to us. */
  taps: number;
}

/** Of 100 first calls 74 come during the visit; of the others 12 within minutes, 9 within hours, 5 within days. */
export const PRIOR_MODEL: CallModel = {
  present: 1.7e-4,
  later: [0.002, 0.005, 0.012, 0.016, 0.027],
  delays: [
    { share: 12 / 26, meanMs: 10 * 60_000 },
    { share: 9 / 26, meanMs: 6 * 3_600_000 },
    { share: 5 / 26, meanMs: 3 * 86_400_000 },
  ],
  taps: 0.8,
};

/** Seconds of activity from which the levels of engagement begin; a bounce is below all of them. */
const LEVELS = [60, 180, 480];
/** A page in use tells so within a minute (`PING_SECONDS`); after that its visitor is more and more likely gone. */
const SURE_MS = 65_000;
const GONE_MS = 45_000;
/** A page that tells that it is left may have been put away for a moment only. */
const BACK_AGAIN = 0.02;

/** How engaged a visit was, as an index of `CallModel.later`. */
export function levelOf(visit: Pick<VisitSigns, 'pages' | 'activeSeconds'>): number {
  if (isBounce(visit)) return 0;
  const level = LEVELS.findIndex((seconds) => visit.activeSeconds < seconds);
  return 1 + (level === -1 ? LEVELS.length : level);
}

/** The chance that the visitor is still on the page, 0 to 1. */
export function chancePresent({ lastSeen, left }: Pick<VisitSigns, 'lastSeen' | 'left'>, at: Millis): number {
  const silence = at - lastSeen;
  if (silence < 0) return 1;
  if (left) return BACK_AGAIN * Math.exp(-silence / GONE_MS);
  return silence <= SURE_MS ? 1 : Math.exp(-(silence - SURE_MS) / GONE_MS);
}

/** How many such visitors a second call just then: during the visit, and some time after it. */
export function callRate(
  model: CallModel,
  visit: VisitSigns,
  at: Millis,
): { present: number; later: number } {
  const here = chancePresent(visit, at);
  // A phone in the hand is tapped, and the tap would have been told.
  const silent = visit.device === 'mobile' ? 1 - model.taps : 1;
  const gone = (model.later[levelOf(visit)] ?? 0) * (1 - here);
  return { present: model.present * here * silent, later: gone * delayDensity(model, at - visit.lastSeen) };
}

/** Of those who call later, how many wait longer. */
export function chanceOfWaiting({ delays }: CallModel, delay: Millis): number {
  return delays.reduce((sum, { share, meanMs }) => sum + share * Math.exp(-Math.max(0, delay) / meanMs), 0);
}

/** Of those who call later, how many call just then, a second. */
function delayDensity({ delays }: CallModel, delay: Millis): number {
  return delays.reduce(
    (sum, { share, meanMs }) => sum + ((share * 1000) / meanMs) * Math.exp(-Math.max(0, delay) / meanMs),
    0,
  );
}

/** One call that a model is learned from: who may have called, each with the probability that it was he. */
export interface LearnedCall {
  at: Millis;
  candidates: { visit: VisitSigns; tap: number; present: number; later: number }[];
}

/** The prior counts as so many calls: a company that has fewer of its own hardly moves it. */
const PRIOR_CALLS = 60;

/**
 * A company's own model, from its calls as `before` explained them and from a fair sample of its visits: one step of
 * expectation maximisation (Dempster, Laird and Rubin, 1977), with the prior as calls that were seen already. To be
 * repeated with its own result until that settles.
 *
 * What is certain (a tap, somebody who alone had the number) decides by itself. Of other calls each candidate counts
 * by his probability: those that come days later are never certain, and a model of certain calls would forget them.
 */
export function fitCallModel(
  calls: readonly LearnedCall[],
  visits: readonly VisitSigns[],
  before: CallModel,
  prior: CallModel = PRIOR_MODEL,
): CallModel {
  if (calls.length === 0 || visits.length === 0) return prior;
  const seconds = visits.reduce((sum, visit) => sum + presentSeconds(visit), 0) / visits.length;
  const levels = prior.later.map(
    (_, level) => visits.filter((visit) => levelOf(visit) === level).length / visits.length,
  );
  const seen = countCalls(calls, before);
  // Calls of a visit, as the prior has it. How many there are in all stays so; what is learned is who makes them.
  const expected =
    prior.present * seconds + sum(prior.later.map((chance, level) => chance * (levels[level] ?? 0)));
  const inAll = PRIOR_CALLS + seen.present + sum(seen.later);
  const learn = (counted: number, rate: number, share: number) =>
    share === 0 ? rate : ((counted + (PRIOR_CALLS * rate * share) / expected) * expected) / (inAll * share);
  const late = PRIOR_CALLS * (1 - (prior.present * seconds) / expected);
  const here = PRIOR_CALLS - late;
  return {
    present: learn(seen.present, prior.present, seconds),
    later: prior.later.map((chance, level) => learn(seen.later[level] ?? 0, chance, levels[level] ?? 0)),
    delays: prior.delays.map(({ share, meanMs }, at) => {
      const delay = seen.delays[at] ?? { calls: 0, ms: 0 };
      const calls = delay.calls + late * share;
      return { share: calls / (sum(seen.later) + late), meanMs: (delay.ms + late * share * meanMs) / calls };
    }),
    taps: (seen.tapped + here * prior.taps) / (seen.mobile + here),
  };
}

/** Of calls that may be several people's, so many are each one's. */
function countCalls(calls: readonly LearnedCall[], model: CallModel) {
  const counts = {
    present: 0,
    later: model.later.map(() => 0),
    delays: model.delays.map(() => ({ calls: 0, ms: 0 })),
    mobile: 0,
    tapped: 0,
  };
  for (const { at, candidates } of calls) {
    for (const { visit, tap, present, later } of candidates) {
      const level = levelOf(visit);
      counts.present += tap + present;
      counts.later[level] = (counts.later[level] ?? 0) + later;
      if (visit.device === 'mobile') {
        counts.mobile += tap + present;
        counts.tapped += tap;
      }
      const waited = Math.max(0, at - visit.lastSeen);
      const parts = model.delays.map(({ share, meanMs }) => (share / meanMs) * Math.exp(-waited / meanMs));
      const whole = sum(parts) || 1;
      for (const [at, delay] of counts.delays.entries()) {
        const own = (later * (parts[at] ?? 0)) / whole;
        delay.calls += own;
        delay.ms += own * waited;
      }
    }
  }
  return counts;
}

/** For so long the visitor counts as present, by `chancePresent`. */
function presentSeconds({ activeSeconds, left }: VisitSigns): number {
  return activeSeconds + (left ? BACK_AGAIN * GONE_MS : SURE_MS + GONE_MS) / 1000;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
