/** What a page may ask of us: `window.CallTrk`, as `calltrk.d.ts` has it. */
import { captureForm } from './forms.js';
import { safely } from './guard.js';
import { tracker } from './tracker.js';

/**
 * Puts the API on the page, and answers what was asked of it before. Without anybody who takes consent, because the
 * browser cannot run the tracker, it is all the same there.
 */
export function installApi(consent: ((state: string) => void) | undefined): void {
  const find = (where: string | Node) =>
    typeof where === 'string' ? document.querySelectorAll(where) : [where];
  const api = {
    swap: safely((where?: string | Node) => tracker.swap(where ? find(where) : undefined)),
    restore: safely(tracker.restore),
    consent: safely((state: string) => consent?.(state)),
    captureForm: safely((form: string | HTMLFormElement) => captureForm(find(form)[0] as HTMLFormElement)),
    async getSwapNumbers(numbers: string | string[], callback?: (found: CallTrkNumbers) => void) {
      const found = await tracker.numbersFor([numbers].flat().map(String)).catch(() => ({}));
      if (callback) safely(callback)(found);
      return found;
    },
    decorate: (url: string) => tracker.decorate(url).catch(() => url),
    on: safely((name: string, react: (detail: unknown) => void) =>
      document.addEventListener(`calltrk:${name}`, (event) => safely(react)((event as CustomEvent).detail)),
    ),
    get session() {
      return tracker.session;
    },
  } satisfies CallTrkApi;
  const run = safely(([method, ...args]: CallTrkCommand) =>
    (api[method] as (...args: unknown[]) => void)(...args),
  );
  const early: unknown = window.CallTrk?.q;
  const q = Array.isArray(early) ? early : [];
  window.CallTrk = Object.assign(api, { q });
  window.CallTrkSwap = api;
  // Of consent the last word holds, which was heard before anything else.
  for (const command of q) if (command?.[0] !== 'consent') run(command);
  // Whoever has taken hold of the list goes on being heard.
  (q as { push: unknown }).push = run;
}
