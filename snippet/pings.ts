/** Signs of life: while somebody is there and looking, the number on the page stays theirs. */
import { listen } from './guard.js';

const ACTIVITY = ['pointermove', 'pointerdown', 'keydown', 'touchstart', 'scroll', 'visibilitychange'];
/** However short a time the server names, no page sends more often than this. */
const MIN_SECONDS = 5;

let seconds = 60;
let isActive = false;
/** The last sign of life; the first one is the page itself. */
let toldAt = Date.now();

/** From now on a sign of life is due this long after the last one. */
export function pingEvery(given: unknown): void {
  seconds = Math.max(Number(given) || 60, MIN_SECONDS);
  toldAt = Date.now();
}

/** Calls `leave` when the page goes out of view: of a visit to one page for a moment nothing else tells how long it was. */
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

/** Whether a sign of life is to be sent now: the page is in view, was used since the last one, and that is a while ago. */
export function isPingDue(): boolean {
  const isDue = isActive && isVisible() && tellAfter(seconds);
  if (isDue) isActive = false;
  return isDue;
}

export const isVisible = () => document.visibilityState === 'visible';

function tellAfter(seconds: number): boolean {
  if (Date.now() - toldAt < seconds * 1000) return false;
  toldAt = Date.now();
  return true;
}
