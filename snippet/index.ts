/** Starts the script, once a page, and never lets a fault of its own out. */
import { installApi } from './api.js';
import { readSettings } from './config.js';
import { safely } from './guard.js';
import { startTracker } from './tracker.js';

safely(() => {
  // An element of that name is none of ours.
  if (window.CallTrkSwap && !(window.CallTrkSwap instanceof Node)) return;
  const settings = readSettings();
  const connect = installApi();
  whenActivated(() => connect(safely(startTracker)(settings)));
})();

/** At once, or when a page that was rendered in advance is really opened. */
function whenActivated(start: () => void): void {
  if (!(document as { prerendering?: boolean }).prerendering) start();
  else document.addEventListener('prerenderingchange', safely(start), { once: true });
}
