/** Browsers that keep nothing, or throw when asked to: the right number is shown all the same, by one session a page. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type AnyPage,
  FLYER,
  FROM_FLYER,
  type Ground,
  NUMBER_PAGE,
  numberShown,
  type OpenedFrame,
  openGround,
} from '../support/ground.js';
import { until } from '../support/processes.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

const DENIED = '() => { throw new DOMException("denied", "SecurityError"); }';
const FULL = '() => { throw new DOMException("full", "QuotaExceededError"); }';
const noCookie = `Object.defineProperty(document, 'cookie', { get: ${DENIED}, set: ${DENIED} });`;
const no = (name: string, get = DENIED) => `Object.defineProperty(window, '${name}', { get: ${get} });`;

/** A storage that answers so, however it is asked. */
const storage = (traps: string) => no('localStorage', `() => new Proxy({}, { ${traps} })`);

const REFUSALS: [name: string, code: string][] = [
  ['document.cookie throws', noCookie],
  [
    'document.cookie throws when written',
    `Object.defineProperty(document, 'cookie', { get: () => '', set: ${DENIED} });`,
  ],
  [
    'document.cookie is undefined',
    "Object.defineProperty(document, 'cookie', { get: () => undefined, set() {} });",
  ],
  ['document.cookie forgets', "Object.defineProperty(document, 'cookie', { get: () => '', set() {} });"],
  ['localStorage throws', no('localStorage')],
  ['sessionStorage throws', no('sessionStorage')],
  ['all of them throw', noCookie + no('localStorage') + no('sessionStorage')],
  ['localStorage is null', no('localStorage', '() => null')],
  ['localStorage is undefined', no('localStorage', '() => undefined')],
  ['localStorage has no room', storage(`set: ${FULL}`)],
  ['localStorage cannot be read', storage(`get: ${DENIED}`)],
  ['localStorage gives no text', storage('get: () => ({})')],
  ['localStorage cannot be emptied', storage(`deleteProperty: ${DENIED}`)],
  ['localStorage cannot be listed', storage(`ownKeys: ${DENIED}`)],
  [
    'locks and channels are missing',
    no('BroadcastChannel', '() => undefined') +
      "Object.defineProperty(Navigator.prototype, 'locks', { get() {} });",
  ],
  ['locks throw', `Object.defineProperty(Navigator.prototype, 'locks', { get: ${DENIED} });`],
  ['indexedDB throws', no('indexedDB')],
];

const HTML = `${NUMBER_PAGE}<form id="form" action="about:blank" target="frame"><input name="email" value="eve@example.com"><button>Send</button></form><iframe name="frame"></iframe>`;
/** One visitor a tracker: the frames of a page share their cookies, where there are any. */
const TRACKERS = [
  { tracker: 'a source tracker', query: FROM_FLYER },
  { tracker: 'the pool', query: '' },
];
const CASES = TRACKERS.flatMap((tracker) => REFUSALS.map(([name, code]) => ({ name, code, ...tracker })));
const frames: OpenedFrame[] = [];
beforeAll(async () => {
  for (const { query } of TRACKERS) {
    const pages = REFUSALS.map(
      ([, code]): AnyPage => ({ html: HTML, head: `<script>${code}</script>`, query }),
    );
    frames.push(...(await ground.openFrames(pages)));
  }
});

test.each(CASES.map((row, at) => ({ ...row, at })))('$name: $tracker', async ({ at, query }) => {
  const { frame, swaps, events, troubles } = frames[at] as OpenedFrame;
  const number = await numberShown(frame);
  expect(query ? [FLYER] : ground.pool).toContain(number);
  await until(() => swaps()[0]);
  await frame.evaluate(() => {
    document.querySelector('#link')?.addEventListener('click', (event) => event.preventDefault());
    document.querySelector<HTMLElement>('#link')?.click();
    document.querySelector<HTMLElement>('#form button')?.click();
  });
  await until(() => (events('tap').length && events('form').length ? true : undefined), {
    what: 'a tap and a form at the server',
  });
  expect(await numberShown(frame)).toBe(number);
  expect(troubles).toEqual([]);
});

test('the session of such a page is one: what it asks and what it tells have the same id', async () => {
  for (const { received } of frames) {
    expect(new Set(received.map(({ body }) => body.session)).size).toBe(1);
  }
});

test('a browser that takes no cookies, as its own setting', async () => {
  const { page, swaps, troubles } = await ground.open({
    before: async (page) => {
      const devtools = await page.context().newCDPSession(page);
      await devtools.send('Emulation.setDocumentCookieDisabled', { disabled: true });
    },
  });
  expect(ground.pool).toContain(await numberShown(page));
  expect(swaps()).toHaveLength(1);
  expect(troubles).toEqual([]);
});

test('a storage that is really full: nothing of the site’s own is thrown out', async () => {
  const { page, url, troubles } = await ground.open({ html: 'nothing', tag: 'type="none"' });
  await page.evaluate(() => {
    for (const size of [1_000_000, 10_000, 100, 1]) {
      try {
        for (let item = 0; ; item++) localStorage.setItem(`site-${size}-${item}`, 'x'.repeat(size));
      } catch {
        // As full as by this size.
      }
    }
  });
  const before = await page.evaluate(() => localStorage.length);
  const next = await ground.open({ context: page.context() });
  expect(new URL(next.url).origin).toBe(new URL(url).origin);
  expect(ground.pool).toContain(await numberShown(next.page));
  await next.page.reload();
  expect(ground.pool).toContain(await numberShown(next.page));
  expect(await next.page.evaluate(() => localStorage.length)).toBe(before);
  expect(next.swaps()[1].session).toBe(next.swaps()[0].session);
  expect([...troubles, ...next.troubles]).toEqual([]);
});

test.each(['allow-scripts', 'allow-scripts allow-forms allow-popups'])(
  'in a frame with sandbox="%s", where the browser itself refuses',
  async (sandbox) => {
    const inner = `<!doctype html><title>Inner</title>{{script}}${NUMBER_PAGE}`;
    const { page, troubles, swaps } = await ground.open({
      html: `<!doctype html><title>Outer</title><iframe name="inner" sandbox="${sandbox}" src="inner"></iframe>`,
      pages: { inner },
    });
    const frame = page.frame('inner');
    if (!frame) throw new Error('no frame');
    expect(ground.pool).toContain(await numberShown(frame));
    expect(swaps()).toHaveLength(1);
    expect(troubles).toEqual([]);
  },
);

test('a page whose own policy sandboxes it', async () => {
  const { page, troubles } = await ground.open({
    headers: { 'content-security-policy': 'sandbox allow-scripts' },
  });
  expect(ground.pool).toContain(await numberShown(page));
  expect(troubles).toEqual([]);
});
