/** What the page is told: DOM events, `dataLayer` where the company wants it, and the console where somebody debugs. */
import { safely } from './guard.js';

declare global {
  interface Window {
    dataLayer?: unknown[];
  }
}

/** Somebody wants to know why the page shows what it does. */
const debug = /[?&#](?:calltrk_debug|crl?dbg)/.test(location.href);

export { debug };

/** A decision, as a short code and the text that it was about; the README says what each means. */
export function explain(code: string, about: unknown): void {
  if (debug) console.info('calltrk', code, about);
}

export interface Events {
  emit<Name extends keyof CallTrkEvents>(name: Name, detail: CallTrkEvents[Name]): void;
}

/** Dispatches `calltrk:<name>` on the document; a listener that throws is the page's own concern. */
export function createEvents(useDataLayer: boolean | undefined): Events {
  return {
    emit: safely((name, detail) => {
      explain(name, detail);
      document.dispatchEvent(new CustomEvent(`calltrk:${name}`, { detail }));
      if (useDataLayer) {
        window.dataLayer ??= [];
        window.dataLayer.push({ event: `calltrk:${name}`, calltrk: detail });
      }
    }) as Events['emit'],
  };
}
