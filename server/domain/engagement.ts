/**
 * How engaged a visit was: what leasing and the join go by when they ask how likely its visitor is to call.
 *
 * Nobody can see whether a page is read. What is seen are signs of life: a page view, a ping (a page in view was used
 * within the last minute), a tap, a form, and the page's leave. Somebody was there between two signs that are close to
 * each other; of a longer silence only its beginning counts.
 */
import type { CurrentVisit, Millis } from './ports.js';

export interface Engagement {
  /** Pages seen; one that is shown again counts again, one that is told twice does not. */
  pages: number;
  /** In which somebody was there. */
  activeSeconds: number;
  /** From the first sign of life to the last one. */
  lengthSeconds: number;
}

/**
 * So much of the time between two signs counts as active. A page in use sends a ping each minute (`PING_SECONDS` in
 * pool.ts); half as much again leaves room for a slow timer and a slow network.
 */
export const ACTIVE_GAP_MS = 90_000;

/** Whoever sees one page and is gone before this has found something else than he looked for. */
const BOUNCE_SECONDS = 10;

/** What is known of a visit's engagement by its last sign of life. Seconds may have a fraction. */
export function engagementOf(
  visit: Pick<CurrentVisit, 'pages' | 'activeSeconds' | 'startedAt' | 'lastSeen'>,
): Engagement {
  const { pages, activeSeconds, startedAt, lastSeen } = visit;
  return { pages, activeSeconds, lengthSeconds: Math.max(0, lastSeen - startedAt) / 1000 };
}

/**
 * One page, and less than 10 seconds of activity. Web statistics say the same of their sessions: Google Analytics 4
 * calls those engaged that last 10 seconds or have two page views.
 */
export function isBounce({ pages, activeSeconds }: Omit<Engagement, 'lengthSeconds'>): boolean {
  return pages <= 1 && activeSeconds < BOUNCE_SECONDS;
}

/** The seconds of activity that a sign of life at `now` adds, when the one before it was at `lastSign`. */
export function activeSince(lastSign: Millis, now: Millis): number {
  return Math.min(Math.max(0, now - lastSign), ACTIVE_GAP_MS) / 1000;
}
