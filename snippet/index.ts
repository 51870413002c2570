/** Starts the script, once a page, and never lets a fault of its own out. */
import './reveal.js';
import { installApi } from './api.js';
import { readConfig } from './config.js';
import { safely } from './guard.js';
import { startTracker } from './tracker.js';

safely(() => {
  readConfig();
  const start = safely(() => {
    // Elements of that name are none of ours.
    const other = window.CallTrkSwap;
    if (other && !/HTML/.test(Object.prototype.toString.call(other))) return;
    const queue = safely(() => window.CallTrk?.q as CallTrkCommand[])();
    const said = Array.isArray(queue)
      ? queue.filter((command) => command?.[0] === 'consent').pop()?.[1]
      : undefined;
    installApi(safely(startTracker)(said as string | undefined));
  });
  // At once, or when a page that was rendered in advance is really opened.
  if ((document as { prerendering?: boolean }).prerendering !== true) start();
  else document.addEventListener('prerenderingchange', start, { once: true });
})();
