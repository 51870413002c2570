/** Signs of life: while somebody is there and looking, the number on the page stays theirs. */
import { listen } from './guard.js';

const ACTIVITY = ['pointermove', 'pointerdown', 'keydown', 'scroll', 'visibilitychange'];
/** However short a time the server names, no page sends more often than this. */
const MIN_SECONDS = 5;

/** What the server said, unchecked; before it said anything nothing is due. */
let seconds: unknown;
let isActive = false;
/** The last sign of life; the first one is the page itself. */
let toldAt = Date.now();

/** From now on a sign of life is due this long after the last one. */
export function pingEvery(given: unknown): void {
  seconds = given;
  toldAt = Date.now();
}

/**
 * Calls `leave` when the page goes out of view: of a visit to one page for a moment nothing else tells how long it was.
 */
export function watchPresence(leave: () => void): void {
  for (const type of ACTIVITY) {
    listen(type, () => {
      isActive = true;
    });
  }
  listen('visibilitychange', () => {
    // Soon after another sign of life it would tell nothing new.
    if (!isVisible() && tellAfter(MIN_SECONDS)) leave();
  });
}

/** Whether a page in view is to give a sign of life now: it was used since the last one, and that is a while ago. */
export function isPingDue(): boolean {
  if (!isActive || !tellAfter(Math.max(seconds as number, MIN_SECONDS))) return false;
  isActive = false;
  return true;
}

export const isVisible = () => !document.hidden;

/** Whether the last sign of life was so long ago; then this is one. */
function tellAfter(seconds: number): boolean {
  const isLate = Date.now() - toldAt > seconds * 1000;
  if (isLate) toldAt = Date.now();
  return isLate;
}
