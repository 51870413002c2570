/** Taps: the visitor is about to call or text, so the server hears of it before the phone rings. */
import { listen } from './guard.js';
import type { Swapper } from './swap.js';
import type { Transport } from './transport.js';

export function watchTaps({ dialled }: Swapper, { sendNow }: Transport): void {
  listen('click', ({ target }) => {
    const link = (target as Element | null)?.closest?.('[href]');
    const call = link && dialled(link);
    if (call) sendNow({ type: 'tap', ...call });
  });
}
