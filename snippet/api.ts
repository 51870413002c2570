/** What a page may ask of us: `window.CallTrk`. */
import { safely } from './guard.js';
import type { Tracker } from './tracker.js';

type Given = 'swap' | 'getSwapNumbers' | 'captureForm';

/** `['swap']`, `['getSwapNumbers', […], callback]`: a call made before there was anybody to answer it. */
type Command = [method: string, ...args: unknown[]];

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

  const api: Pick<CallTrkApi, Given> = {
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
    if (Object.keys(api).includes(method)) (api[method as Given] as (...args: unknown[]) => void)(...args);
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
