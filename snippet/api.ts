/** What a page may ask of us: `window.CallTrk`, as `calltrk.d.ts` has it. */
import { safely } from './guard.js';
import type { Tracker } from './tracker.js';

/**
 * Puts the API on the page and returns what connects it; what is asked of it before waits until then. Without a
 * tracker, because the browser cannot run ours, there are no numbers.
 */
export function installApi(): (tracker: Tracker | undefined) => void {
  type Work = (tracker: Tracker | undefined) => void;
  const waiting: Work[] = [];
  let connected: Tracker | undefined;
  let whenReady = (work: Work): void => {
    waiting.push(work);
  };
  /** Resolves to what `work` comes to, and to `otherwise` where it fails. */
  const ask = <T>(work: (tracker: Tracker) => Promise<T>, otherwise: T): Promise<T> =>
    new Promise((resolve) =>
      whenReady(async (tracker) => {
        resolve((tracker && (await work(tracker).catch(() => undefined))) ?? otherwise);
      }),
    );

  const api: CallTrkApi = {
    swap: (where) =>
      whenReady((tracker) => {
        if (typeof where !== 'string') tracker?.swap(where);
        else for (const node of document.querySelectorAll(where)) tracker?.swap(node);
      }),
    async getSwapNumbers(numbers, callback) {
      const given = [numbers].flat().map(String);
      const found = await ask((tracker) => tracker.numbersFor(given), {} as CallTrkNumbers);
      if (callback) safely(callback)(found);
      return found;
    },
    captureForm: (form) =>
      whenReady((tracker) => {
        const element = typeof form === 'string' ? document.querySelector(form) : form;
        tracker?.captureForm(element as HTMLFormElement);
      }),
    consent: (state) => whenReady((tracker) => tracker?.consent(state)),
    restore: () => whenReady((tracker) => tracker?.restore()),
    decorate: (url) => ask((tracker) => tracker.decorate(url), url),
    on(name, react) {
      document.addEventListener(`calltrk:${name}`, (event) => safely(react)((event as CustomEvent).detail));
    },
    get session() {
      return connected?.session ?? { id: '', source: '', numbers: {} };
    },
  };

  const run = safely(([method, ...args]: CallTrkCommand) => {
    (api[method] as (...args: unknown[]) => void)(...args);
  });
  const queue = window.CallTrk?.q;
  window.CallTrk = Object.assign(api, { q: { push: run } });
  window.CallTrkSwap = api;
  if (Array.isArray(queue)) queue.forEach(run);

  return (tracker) => {
    connected = tracker;
    whenReady = (work) => safely(work)(tracker);
    waiting.forEach(whenReady);
  };
}
