/** Starts the script, once a page, and never lets a fault of its own out. */
import { installApi } from './api.js';
import { readConfig } from './config.js';
import { safely } from './guard.js';
import { startTracker } from './tracker.js';

safely(() => {
  // An element of that name is none of ours.
  if (window.CallTrkSwap && !(window.CallTrkSwap instanceof Node)) return;
  readConfig();
  const start = safely(() => installApi(safely(startTracker)()));
  // At once, or when a page that was rendered in advance is really opened.
  if (!(document as { prerendering?: boolean }).prerendering) start();
  else document.addEventListener('prerenderingchange', start, { once: true });
})();
