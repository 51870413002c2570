/**
 * How likely a visitor is to call, and when. Two things are told apart: somebody who is on the page calls at a rate
 * that hardly depends on what he did there so far; whoever has left may call later, the more likely the longer he
 * read, and the less the longer he is gone.
 *
 * The figures to start with are those of a simulated site (README.md); `call-learning.ts` learns a company's own.
 */
import { type Engagement, isBounce } from './engagement.js';
import type { Device, Millis } from './ports.js';

/** What the join knows of a candidate's visit. */
export interface VisitSigns extends Omit<Engagement, 'lengthSeconds'> {
  /** Of the session; null where it is not known. */
  device: Device | null;
  visitStartedAt: Millis;
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

/** Of all first calls so many come during the visit. */
export const DURING_VISIT = 0.74;
/** An average site's. Of 100 first calls the 26 after the visit come within minutes (12), hours (9) and days (5). */
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

/** The chance that the visitor is on the page at that time, 0 to 1. */
export function chancePresent(
  { visitStartedAt, lastSeen, activeSeconds, left }: Omit<VisitSigns, 'pages' | 'device'>,
  at: Millis,
): number {
  const silence = at - lastSeen;
  // Asked afterwards: he was there before and after, and in between for as much of the time as of the whole visit.
  if (silence < 0)
    return Math.min(1, (activeSeconds * 1000 + SURE_MS) / (lastSeen - visitStartedAt + SURE_MS));
  if (left) return BACK_AGAIN * Math.exp(-silence / GONE_MS);
  return silence <= SURE_MS ? 1 : Math.exp(-(silence - SURE_MS) / GONE_MS);
}

/** For so many seconds in all the visitor counts as present. */
export function presentSeconds({ activeSeconds, left }: VisitSigns): number {
  return activeSeconds + (left ? BACK_AGAIN * GONE_MS : SURE_MS + GONE_MS) / 1000;
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
