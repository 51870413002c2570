/** Taps: the visitor is about to call or text, so the server hears of it before the phone rings. */
import { listen } from './guard.js';
import { type Tap, tapOf } from './swap.js';

/** Calls `onTap` with each click on a link that dials a number of ours, in the task of the click. */
export function watchTaps(root: EventTarget, onTap: (tap: Tap) => void): void {
  const react = (event: Event) => {
    // An icon in a link may have an address or a shadow root of its own.
    const tap = event.composedPath().map(tapOf).find(Boolean);
    if (tap) onTap(tap);
  };
  listen('click', react, root);
}
