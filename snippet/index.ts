/** Starts the script, once a page, and never lets a fault of its own out. */
import { installApi } from './api.js';
import { readSettings } from './config.js';
import { safely } from './guard.js';
import { startTracker, type Tracker } from './tracker.js';

/** Stands in where the browser cannot run ours: whoever asks still gets an answer. */
const INERT: Tracker = {
  swap() {},
  numbersFor: async (given) => Object.fromEntries(given.map((text) => [text, null])),
  captureForm() {},
};

safely(() => {
  if (window.CallTrkSwap) return;
  const settings = readSettings();
  const connect = installApi();
  whenActivated(() => connect(safely(startTracker)(settings) ?? INERT));
})();

/** At once, or when a page that was rendered in advance is really opened. */
function whenActivated(start: () => void): void {
  if (!(document as { prerendering?: boolean }).prerendering) start();
  else document.addEventListener('prerenderingchange', safely(start), { once: true });
}
