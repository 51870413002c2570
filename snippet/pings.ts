/** Signs of life: while somebody is there and looking, the number on the page stays theirs. */
import { listen, safely } from './guard.js';

const ACTIVITY = ['pointermove', 'pointerdown', 'keydown', 'touchstart', 'scroll', 'visibilitychange'];
/** However short a time the server names, no page sends more often than this. */
const MIN_SECONDS = 5;
export const DEFAULT_PING_SECONDS = 60;

/** Calls `ping` every so many seconds in which the page was in view and used. */
export function watchPresence(seconds: () => number, ping: () => void): void {
  let active = false;
  for (const type of ACTIVITY) {
    listen(type, () => {
      active = true;
    });
  }
  function wait(): void {
    setTimeout(safely(tick), Math.max(seconds(), MIN_SECONDS) * 1000);
  }
  function tick(): void {
    wait();
    if (!active || document.visibilityState === 'hidden') return;
    active = false;
    ping();
  }
  wait();
}
