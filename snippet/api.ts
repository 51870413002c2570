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

/**
 * Puts the API on the page and returns what connects it; what is asked of it before waits until then. Without a
 * tracker, because the browser cannot run ours, there are no numbers.
 */
export function installApi(): (tracker: Tracker | undefined) => void {
  type Work = (tracker: Tracker | undefined) => void;
  const waiting: Work[] = [];
  let whenReady = (work: Work): void => {
    waiting.push(work);
  };

  const api: CallTrkApi = {
    swap: (where) =>
      whenReady((tracker) => {
        if (typeof where !== 'string') tracker?.swap(where);
        else for (const node of document.querySelectorAll(where)) tracker?.swap(node);
      }),
    getSwapNumbers: (numbers, callback) =>
      new Promise((resolve) => {
        whenReady(async (tracker) => {
          const found = (await tracker?.numbersFor([numbers].flat().map(String))) ?? {};
          resolve(found);
          if (callback) safely(callback)(found);
        });
      }),
    captureForm: (form) =>
      whenReady((tracker) => {
        const element = typeof form === 'string' ? document.querySelector(form) : form;
        tracker?.captureForm(element as HTMLFormElement);
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

  return (tracker) => {
    whenReady = (work) => safely(work)(tracker);
    waiting.forEach(whenReady);
  };
}
