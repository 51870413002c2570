/** Signs of life: while somebody is there and looking, the number on the page stays theirs. */
import { listen, safely } from './guard.js';

const ACTIVITY = ['pointermove', 'pointerdown', 'keydown', 'touchstart', 'scroll', 'visibilitychange'];
/** However short a time the server names, no page sends more often than this. */
const MIN_SECONDS = 5;
export const DEFAULT_PING_SECONDS = 60;

/**
 * Calls `ping` after every stretch of time in which the page was in view and used. Returns what begins a new stretch
 * and says how long they are from then on.
 */
export function watchPresence(ping: () => void): (seconds: number) => void {
  let active = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  for (const type of ACTIVITY) {
    listen(type, () => {
      active = true;
    });
  }
  function wait(seconds: number): void {
    clearTimeout(timer);
    timer = setTimeout(
      safely(() => {
        wait(seconds);
        if (!active || document.visibilityState === 'hidden') return;
        active = false;
        ping();
      }),
      Math.max(seconds, MIN_SECONDS) * 1000,
    );
  }
  wait(DEFAULT_PING_SECONDS);
  return wait;
}
