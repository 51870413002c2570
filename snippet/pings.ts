/** Signs of life: while somebody is there and looking, the number on the page stays theirs. */
import { listen, safely } from './guard.js';

const ACTIVITY = ['pointermove', 'pointerdown', 'keydown', 'touchstart', 'scroll', 'visibilitychange'];
/** However short a time the server names, no page sends more often than this. */
const MIN_SECONDS = 5;
export const DEFAULT_PING_SECONDS = 60;

/**
 * Calls `ping` after every stretch of time in which the page was in view and used, and `leave` when it goes out of
 * view: of a visit to one page for less than a stretch nothing else tells how long it was. Returns what begins a new
 * stretch and says how long they are from then on.
 */
export function watchPresence(ping: () => void, leave: () => void): (seconds: number) => void {
  let active = false;
  /** The last sign of life; the first one is the page itself. */
  let told = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  for (const type of ACTIVITY) {
    listen(type, () => {
      active = true;
    });
  }
  listen('visibilitychange', () => {
    // Soon after another sign of life it would tell nothing new.
    if (!isHidden() || Date.now() - told < MIN_SECONDS * 1000) return;
    told = Date.now();
    leave();
  });
  function wait(seconds: number): void {
    clearTimeout(timer);
    timer = setTimeout(
      safely(() => {
        wait(seconds);
        if (!active || isHidden()) return;
        active = false;
        told = Date.now();
        ping();
      }),
      Math.max(seconds, MIN_SECONDS) * 1000,
    );
  }
  wait(DEFAULT_PING_SECONDS);
  return wait;
}

const isHidden = () => document.visibilityState === 'hidden';
