/** What the page is told: DOM events, `dataLayer` where the company wants it, and the console where somebody debugs. */
import { config } from './config.js';
import { safely } from './guard.js';

declare global {
  interface Window {
    dataLayer?: unknown[];
  }
}

/** Somebody wants to know why the page shows what it does. */
export const debug = /[?&#](calltrk_debug|crl?dbg)/.test(location.href);

/** A decision, as a short code and what it was about; the README says what each means. */
export function explain(code: string, about: unknown): void {
  if (debug) console.info('calltrk', code, about);
}

/** Dispatches `calltrk:<name>` on the document. */
export const emit: <Name extends keyof CallTrkEvents>(name: Name, detail: CallTrkEvents[Name]) => void =
  safely((name, detail) => {
    const event = `calltrk:${name}`;
    explain(name, detail);
    document.dispatchEvent(new CustomEvent(event, { detail }));
    if (config.data_layer) {
      window.dataLayer ??= [];
      window.dataLayer.push({ event, calltrk: detail });
    }
  });
