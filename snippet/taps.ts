/** Taps: the visitor is about to call or text, so the server hears of it before the phone rings. */
import { listen } from './guard.js';
import type { Swapper } from './swap.js';

/** Calls `onTap` with each click on a link that dials a number of ours, in the task of the click. */
export function watchTaps(
  { dialled }: Swapper,
  root: EventTarget,
  onTap: (tap: { number: string; target: string }) => void,
): void {
  listen(
    'click',
    (event) => {
      const [target] = event.composedPath();
      const link = (target as Element | undefined)?.closest?.('[href]');
      const tap = link && dialled(link);
      if (tap) onTap(tap);
    },
    root,
  );
}
