/**
 * A page for the script to run on, in jsdom or happy-dom. The script is the built one, with its configuration put in
 * as the server does it. What a test sees is what a site owner or the server would see: the page, its cookies and
 * storage, and the requests that left it.
 */
import { Window as HappyWindow } from 'happy-dom';
import { CookieJar, JSDOM } from 'jsdom';
import { afterEach, beforeEach, vi } from 'vitest';
import type {
  DisplayNumber,
  ScriptConfig,
  SwapRequest,
  VisitorEvent,
} from '../../shared/contract/visitor.js';
import { buildSnippet } from '../../snippet/build.mjs';

export const LIBRARIES = ['jsdom', 'happy-dom'] as const;
export type Library = (typeof LIBRARIES)[number];

/** The script as it is built, its configuration not yet put in. */
export const SCRIPT = await buildSnippet();

export const KEY = 'k'.repeat(20);
export const TARGET = '+13055550100';
export const SECOND_TARGET = '+13055550199';
export const POOL_NUMBER = displayed('+17865550123');
export const OTHER_POOL_NUMBER = displayed('+17865550144');
export const SOURCE_NUMBER = displayed('+19545550177');

/** A North American number in all its spellings. */
export function displayed(e164: string): DisplayNumber {
  const [, area, exchange, line] = /^\+1(...)(...)(....)$/.exec(e164) ?? [];
  return {
    e164,
    national: `(${area}) ${exchange}-${line}`,
    national_string: `${area}${exchange}${line}`,
    international: `+1 ${area} ${exchange} ${line}`,
    shared: false,
  };
}

const LONG_MS = 15 * 60_000;

export interface Sent {
  via: 'fetch' | 'beacon';
  url: string;
  body: Partial<SwapRequest> & { events?: VisitorEvent[] };
}

/** An answer of the server: an object is sent as JSON, text as it is; an error is one of the network. */
export type Answer = (request: Sent) => object | string | Error | Promise<object>;

export interface PageOptions {
  html?: string;
  url?: string;
  referrer?: string;
  config?: Partial<ScriptConfig>;
  /** Of `POST /v1/swap`; what it leaves out is filled in. */
  numbers?: Record<string, unknown>;
  answer?: Answer;
  /** The page before this one, whose cookies and storage this one has. */
  after?: Page;
  /** Runs before the script does. */
  before?: (page: Page) => void;
  /** The script runs before the page is there; `finishLoading` ends that. */
  loading?: boolean;
  /** Attributes of the script's tag. */
  tag?: Record<string, string>;
  beacon?: (() => boolean) | null;
}

export interface Page {
  window: Window & typeof globalThis;
  document: Document;
  /** `window.CallTrk`. */
  readonly api: CallTrkApi;
  sent: Sent[];
  /** The requests to one path. */
  to(path: string): Sent[];
  /** Every event that was sent, oldest first. */
  events(type?: VisitorEvent['type']): VisitorEvent[];
  /** Lets everything happen that is due by then. */
  settle(ms?: number): Promise<void>;
  finishLoading(): void;
  /** Runs the script once more, as a second tag would. */
  runScript(): void;
  text(selector?: string): string;
  attribute(selector: string, name: string): string | null;
  cookies(): Record<string, string>;
  /** What the browser keeps when the page goes. */
  kept: { jar: CookieJar; cookie: string; storage: Record<string, string> };
}

/** Time on the pages of this file is the tests': `openPage` needs it. */
export function ownClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

/** Opens a page and runs the script on it, up to the first paint. */
export function openPage(library: Library, options: PageOptions = {}): Page {
  const { html = '<p>Call (305) 555-0100</p>', url = 'https://www.example.com/', referrer = '' } = options;
  const jar = options.after?.kept.jar ?? new CookieJar();
  const window = (library === 'jsdom'
    ? new JSDOM(`<!doctype html><body>${html}</body>`, {
        url,
        ...(referrer && { referrer }),
        cookieJar: jar,
        pretendToBeVisual: true,
      }).window
    : happyWindow(url, html)) as unknown as Window & typeof globalThis;
  const { document } = window;
  if (library === 'happy-dom')
    Object.defineProperty(window.Document.prototype, 'referrer', { configurable: true, value: referrer });

  let loaded = !options.loading;
  Object.defineProperty(document, 'readyState', {
    configurable: true,
    get: () => (loaded ? 'complete' : 'loading'),
  });
  // jsdom says that it has loaded when it likes.
  window.addEventListener('DOMContentLoaded', (event) => loaded || event.stopImmediatePropagation(), true);

  const sent: Sent[] = [];
  const page: Page = {
    window,
    document,
    get api() {
      return window.CallTrk as CallTrkApi;
    },
    sent,
    to: (path) => sent.filter((request) => request.url.endsWith(path)),
    events: (type) =>
      sent.flatMap(({ body }) => body.events ?? []).filter((event) => !type || event.type === type),
    settle: async (ms = 100) => {
      for (let turn = 0; turn < 5; turn++) await new Promise((done) => setImmediate(done));
      // Of a long time only the end is lived through second by second.
      if (ms > LONG_MS) vi.setSystemTime(Date.now() + ms - LONG_MS);
      await vi.advanceTimersByTimeAsync(Math.min(ms, LONG_MS));
      for (let turn = 0; turn < 5; turn++) await new Promise((done) => setImmediate(done));
    },
    finishLoading: () => {
      loaded = true;
      document.dispatchEvent(new window.Event('readystatechange'));
      document.dispatchEvent(new window.Event('DOMContentLoaded', { bubbles: true }));
    },
    runScript: () => run(page, options),
    text: (selector = 'body') => document.querySelector(selector)?.textContent ?? '',
    attribute: (selector, name) => document.querySelector(selector)?.getAttribute(name) ?? null,
    cookies: () =>
      Object.fromEntries(
        document.cookie
          .split('; ')
          .filter(Boolean)
          .map((cookie) => cookie.split(/=(.*)/s) as [string, string]),
      ),
    get kept() {
      const storage = Object.fromEntries(
        Array.from({ length: window.localStorage.length }, (_, place) => {
          const name = window.localStorage.key(place) as string;
          return [name, window.localStorage.getItem(name) as string];
        }),
      );
      return { jar, cookie: document.cookie, storage };
    },
  };

  const previous = options.after?.kept;
  for (const [name, value] of Object.entries(previous?.storage ?? {}))
    window.localStorage.setItem(name, value);
  if (library === 'happy-dom' && previous?.cookie) {
    for (const cookie of previous.cookie.split('; ')) document.cookie = `${cookie}; path=/`;
  }
  options.before?.(page);
  run(page, options);
  paint();
  return page;
}

/** What the script has left for before the page is painted, it does now. */
const paint = () => vi.advanceTimersByTime(0);

function happyWindow(url: string, html: string): HappyWindow {
  const window = new HappyWindow({ url });
  // happy-dom 21 has forgotten that an attribute is a node: https://dom.spec.whatwg.org/#dom-node-nodevalue
  Object.defineProperties(window.Attr.prototype, {
    nodeName: {
      configurable: true,
      get(this: Attr) {
        return this.name;
      },
    },
    nodeValue: {
      configurable: true,
      get(this: Attr) {
        return this.value;
      },
      set(this: Attr, value: string) {
        this.value = value;
      },
    },
  });
  // … and what `display` is where no style says anything: https://drafts.csswg.org/css-display/#propdef-display
  const compute = window.getComputedStyle.bind(window);
  window.getComputedStyle = (element) => {
    const style = compute(element);
    return Object.create(style, { display: { value: style.display || 'inline' } });
  };
  window.document.write(`<!doctype html><body>${html}</body>`);
  return window;
}

function run(page: Page, options: PageOptions): void {
  const { window, document, sent } = page;
  const config: ScriptConfig = {
    key: KEY,
    version: 'v1',
    cookie_days: 180,
    forms: true,
    targets: [TARGET, SECOND_TARGET],
    codes: ['+1'],
    pooled: [TARGET, SECOND_TARGET],
    sources: [],
    ...options.config,
  };

  const record = (via: Sent['via'], url: unknown, body: unknown): Sent => {
    const request = { via, url: String(url), body: JSON.parse(String(body)) };
    sent.push(request);
    return request;
  };
  const answer = options.answer ?? ((request) => usualAnswer(request, options.numbers));
  const fetch = async (url: unknown, { body, signal }: { body: unknown; signal: AbortSignal }) => {
    const givenUp = new Promise<never>((_, fail) =>
      signal.addEventListener('abort', () => fail(signal.reason)),
    );
    const answered = await Promise.race([answer(record('fetch', url, body)), givenUp]);
    if (answered instanceof Error) throw answered;
    const text = typeof answered === 'string' ? answered : JSON.stringify(answered);
    return new Response(text, { status: (answered as { status?: number }).status ?? 200 });
  };
  Object.defineProperty(window.navigator, 'sendBeacon', {
    configurable: true,
    value:
      options.beacon === null
        ? undefined
        : (url: unknown, body: unknown) => {
            const isTaken = options.beacon?.() ?? true;
            if (isTaken) record('beacon', url, body);
            return isTaken;
          },
  });

  const tag = document.createElement('script');
  tag.setAttribute('src', `https://calls.example.net/t/companies/COM1/${KEY}/12/swap.js`);
  for (const [name, value] of Object.entries(options.tag ?? {})) tag.setAttribute(name, value);
  Object.defineProperty(document, 'currentScript', { configurable: true, value: tag });

  // The script's globals are the window's, but time and network are the test's.
  const code = SCRIPT.replace('__CALLTRK_CONFIG__', () => JSON.stringify(config));
  const world = {
    fetch,
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    Date: globalThis.Date,
  };
  new Function(
    'page',
    'world',
    `with (page) { const { fetch, setTimeout, clearTimeout, setInterval, Date } = world; (function () { ${code} })(); }`,
  )(window, world);
}

function usualAnswer({ url, body }: Sent, numbers: Record<string, unknown> = {}): object {
  if (url.endsWith('/v1/events')) return { accepted: body.events?.length, repeated: 0, rejected: [] };
  const given = (target: string) => (target in numbers ? numbers[target] : POOL_NUMBER);
  return {
    session: body.session,
    visit: 'VIS1',
    config: 'v1',
    held_seconds: 1200,
    ping_seconds: 60,
    numbers: Object.fromEntries((body.targets ?? []).map((target) => [target, given(target)])),
  };
}
