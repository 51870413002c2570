/** What a page may ask of us: `window.CallTrk`. */
import type { Spellings } from '../shared/phone.js';
import { safely } from './guard.js';
import type { Tracker } from './tracker.js';

type Numbers = Record<string, Spellings | null>;

export interface CallTrkApi {
  /** Looks again at the page, a node or what a selector finds; needed only where nothing changed in the page. */
  swap(where?: Node | string): void;
  /** The tracking number for each of these numbers, `null` where there is none; writes nothing into the page. */
  getSwapNumbers(numbers: string | string[], callback?: (numbers: Numbers) => void): Promise<Numbers>;
  /** Captures what is in a form now, for forms that never submit. */
  captureForm(form: HTMLFormElement | string): void;
}

/** `['swap']`, `['getSwapNumbers', […], callback]`: a call made before there was anybody to answer it. */
type Command = [method: string, ...args: unknown[]];

declare global {
  interface Window {
    CallTrk?: Partial<CallTrkApi> & { q?: Command[] | { push(command: Command): void } };
    CallTrkSwap?: unknown;
  }
}

/** Puts the API on the page and returns what connects it; what is asked of it before waits until then. */
export function installApi(): (tracker: Tracker) => void {
  let tracker: Tracker | undefined;
  const waiting: ((tracker: Tracker) => void)[] = [];
  const whenReady = (work: (tracker: Tracker) => void) => {
    if (tracker) safely(work)(tracker);
    else waiting.push(safely(work));
  };

  const api: CallTrkApi = {
    swap: (where) =>
      whenReady(({ swap }) => {
        if (typeof where !== 'string') swap(where);
        else for (const node of document.querySelectorAll(where)) swap(node);
      }),
    getSwapNumbers: (numbers, callback) =>
      new Promise((resolve) => {
        whenReady(async ({ numbersFor }) => {
          const found = await numbersFor(typeof numbers === 'string' ? [numbers] : [...numbers]);
          resolve(found);
          if (callback) safely(callback)(found);
        });
      }),
    captureForm: (form) =>
      whenReady(({ captureForm }) => {
        const element = typeof form === 'string' ? document.querySelector(form) : form;
        if (element) captureForm(element as HTMLFormElement);
      }),
  };

  const run = safely(([method, ...args]: Command) => {
    if (Object.keys(api).includes(method))
      (api[method as keyof CallTrkApi] as (...args: unknown[]) => void)(...args);
  });
  const queue = window.CallTrk?.q;
  window.CallTrk = { ...api, q: { push: run } };
  window.CallTrkSwap = window.CallTrk;
  if (Array.isArray(queue)) queue.forEach(run);

  return (started) => {
    tracker = started;
    for (const work of waiting) work(started);
  };
}
