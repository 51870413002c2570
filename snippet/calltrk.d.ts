/**
 * What `swap.js` puts on a page: `window.CallTrk`. For sites in TypeScript; copy this file, or refer to it:
 * `/// <reference path="calltrk.d.ts" />`. It declares names and imports nothing.
 */

interface CallTrkNumber {
  /** `+13055550100` */
  e164: string;
  /** `(305) 555-0100` */
  national: string;
  /** `3055550100` */
  national_string: string;
  /** `+1 305 555 0100` */
  international: string;
}

/** By the number as it was given; `null` where the site's own number stays. */
type CallTrkNumbers = Record<string, CallTrkNumber | null>;

interface CallTrkSession {
  /** `calltrk_session_id`; empty while nothing may be stored. */
  readonly id: string;
  /** Where the visit under way came from, as reports call it: `google_paid`. Empty until the server has said it. */
  readonly source: string;
  /** The tracking numbers shown now, by the number in whose place they stand, both E.164. */
  readonly numbers: Record<string, string>;
}

/** Dispatched on `document` as `calltrk:` and the name, with this as `detail`. */
interface CallTrkEvents {
  /** The tracking numbers for this visitor changed. */
  assign: { numbers: Record<string, string> };
  /** Numbers were written into the page. */
  swap: { count: number };
  /** A form was captured: its event id and name. */
  form: { id: string; form_name: string | null };
  /** Something went wrong that the page may want to know of: a short code (see the README). */
  error: { code: string };
}

interface CallTrkApi {
  /** Looks again at the page, a node or what a selector finds; needed only where nothing changed in the page. */
  swap(where?: Node | string): void;
  /** The tracking numbers for these; writes nothing into the page. Never rejects. */
  getSwapNumbers(
    numbers: string | string[],
    callback?: (numbers: CallTrkNumbers) => void,
  ): Promise<CallTrkNumbers>;
  /** Captures what is in a form now, for forms that never submit. */
  captureForm(form: HTMLFormElement | string): void;
  /** What the visitor chose. `denied` after `granted` takes everything back: numbers, cookies, storage. */
  consent(state: 'granted' | 'denied'): void;
  /** Puts the site's own numbers back, until `swap()` or the next page. */
  restore(): void;
  /** The address with what lets another site of the same company go on with this session; good for two minutes. */
  decorate(url: string): Promise<string>;
  /** Calls `react` with the detail of each such event from now on. */
  on<Name extends keyof CallTrkEvents>(name: Name, react: (detail: CallTrkEvents[Name]) => void): void;
  readonly session: CallTrkSession;
}

/** `['swap', '#footer']`: a call for when the script is here. */
type CallTrkCommand =
  | {
      [Name in Exclude<keyof CallTrkApi, 'session' | 'on'>]: [
        method: Name,
        ...args: Parameters<CallTrkApi[Name]>,
      ];
    }[Exclude<keyof CallTrkApi, 'session' | 'on'>]
  | {
      [Name in keyof CallTrkEvents]: [method: 'on', name: Name, react: (detail: CallTrkEvents[Name]) => void];
    }[keyof CallTrkEvents];

interface Window {
  /** Before the script is here `{ q: [] }`, made by the page if it wants to be early; the whole API afterwards. */
  CallTrk?: Partial<CallTrkApi> & { q?: { push(command: CallTrkCommand): unknown } };
  /** The same object, for whoever looks for it. */
  CallTrkSwap?: unknown;
}
