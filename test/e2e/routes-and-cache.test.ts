/** Pages that change without being loaded, come back as they were left, or were rendered before anybody saw them. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openUnwatched } from '../support/chromium.js';
import {
  type AnyPage,
  type Ground,
  NUMBER_PAGE,
  numberNow,
  numberShown,
  type Opened,
  OWN,
  openGround,
  started,
} from '../support/ground.js';
import { until } from '../support/processes.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround({
    without: ['--disable-back-forward-cache'],
    args: ['--enable-features=BackForwardCache'],
  });
});
afterAll(() => ground.close());

/** The pages that the server has heard of, by what is behind their address, oldest first. */
function views({ received, url }: Pick<Opened, 'received' | 'url'>): string[] {
  return received
    .flatMap(({ body }) => [
      ...(body.page ? [body.page.url] : []),
      ...(body.events ?? []).filter(({ type }: any) => type === 'page_view').map((event: any) => event.url),
    ])
    .map((address: string) => address.slice(url.length));
}
const viewed = (opened: Opened, ...expected: string[]) =>
  until(() => (views(opened).length >= expected.length ? true : undefined), {
    timeoutMs: 4000,
    what: `views of ${expected}`,
  })
    .catch(() => undefined)
    .then(() => expect(views(opened)).toEqual(expected));

describe('a route', () => {
  const open = async () => {
    const opened = await ground.open({ html: `${NUMBER_PAGE}<main></main>` });
    const number = await numberShown(opened.page);
    await viewed(opened, '');
    return { ...opened, number };
  };
  const WAYS: [name: string, act: string, path: string][] = [
    ['pushState', 'history.pushState({}, "", "b?x=1")', 'b?x=1'],
    ['replaceState', 'history.replaceState({}, "", "b")', 'b'],
    ['a fragment like a path', 'location.hash = "#/b"', '#/b'],
    ['a fragment for crawlers', 'location.hash = "#!b"', '#!b'],
    ['pushState with a path in the fragment', 'history.pushState({}, "", "#/b/c")', '#/b/c'],
  ];
  test.each(WAYS)('by %s is a page view, and what it brings is swapped', async (_name, act, path) => {
    const opened = await open();
    await opened.page.evaluate(
      `${act}; document.title = 'Second'; document.querySelector('main').innerHTML = '<p id="m">305-555-0100</p>'`,
    );
    expect(await numberShown(opened.page, '#m')).toBe(opened.number);
    await viewed(opened, '', path);
    expect(opened.events('page_view')[0].title).toBe('Second');
    expect(opened.swaps()).toHaveLength(1);
    expect(opened.troubles).toEqual([]);
  });

  test('back and forth is one each time', async () => {
    const opened = await open();
    await opened.page.evaluate(() => history.pushState({}, '', 'b'));
    await viewed(opened, '', 'b');
    await opened.page.evaluate(() => history.back());
    await viewed(opened, '', 'b', '');
    await opened.page.evaluate(() => history.forward());
    await viewed(opened, '', 'b', '', 'b');
    expect(opened.troubles).toEqual([]);
  });

  test('that is none: an anchor, the same address, a state without an address, a refused one', async () => {
    const opened = await open();
    await opened.page.evaluate(() => {
      location.hash = '#prices';
      history.pushState({ a: 1 }, '');
      history.replaceState({ a: 2 }, '', location.href);
      try {
        history.pushState({}, '', 'https://other.example/');
      } catch {
        // As the browser wants it.
      }
      history.pushState({}, '', 'b');
    });
    await viewed(opened, '', 'b');
    expect(opened.troubles).toEqual([]);
  });

  test('that leads on at once is one view, of where it ended', async () => {
    const opened = await open();
    await opened.page.evaluate(() => {
      history.pushState({}, '', 'login?next=b');
      history.replaceState({}, '', 'b');
    });
    await viewed(opened, '', 'b');
    // A second one would have come by now.
    await opened.page.waitForTimeout(1200);
    expect(views(opened)).toEqual(['', 'b']);
  });

  test('keeps the visit: landing page and session stay', async () => {
    const opened = await open();
    await opened.page.evaluate(() => history.pushState({}, '', 'b?gclid=not-a-landing'));
    await viewed(opened, '', 'b?gclid=not-a-landing');
    expect(new Set(opened.received.map(({ body }) => body.session)).size).toBe(1);
    const cookies = await opened.context.cookies();
    expect(decodeURIComponent(cookies.find(({ name }) => name === 'calltrk_landing')?.value ?? '')).toBe(
      opened.url,
    );
  });
});

test('history that the page has wrapped, before and after, goes on working', async () => {
  const wrap = `for (const name of ['pushState', 'replaceState']) { const old = history[name]; history[name] = function (...given) { window.calls = (window.calls ?? 0) + 1; return old.apply(this, given); }; }`;
  const opened = await ground.open({
    tag: '',
    head: `<script>${wrap}</script>`,
    foot: `<script>${wrap}</script>`,
  });
  await numberShown(opened.page);
  await opened.page.evaluate(() => history.pushState({ state: 'kept' }, '', 'b'));
  expect(
    await opened.page.evaluate(() => [(window as any).calls, history.state, location.pathname.slice(-2)]),
  ).toEqual([2, { state: 'kept' }, '/b']);
  await viewed(opened, '', 'b');
  expect(opened.troubles).toEqual([]);
});

describe('the back/forward cache', () => {
  const away = async (more: AnyPage = {}) => {
    const opened = await ground.open({
      pages: { other: '<!doctype html><title>Other</title><p>Elsewhere</p>' },
      foot: '<script>addEventListener("pageshow", (event) => { window.persisted = event.persisted; }); window.alive = true;</script>',
      ...more,
    });
    const number = await numberShown(opened.page);
    await until(() => opened.swaps()[0]);
    await opened.page.waitForLoadState('networkidle');
    await opened.page.goto(`${opened.url}other`);
    return { ...opened, number };
  };
  /** Playwright waits for a load that never comes. */
  const back = async (page: Page) => {
    await page.evaluate(() => history.back());
    await until(async () =>
      (await page.evaluate(() => (window as any).persisted).catch(() => undefined)) !== undefined
        ? true
        : undefined,
    );
    return page.evaluate(() => ({
      persisted: (window as any).persisted,
      why: (performance.getEntriesByType('navigation')[0] as any).notRestoredReasons,
    }));
  };

  test('takes a page with the script on it, and shows it with its number', async () => {
    const { page, number, troubles } = await away();
    expect(await back(page)).toMatchObject({ persisted: true });
    expect(await numberNow(page)).toBe(number);
    expect(troubles).toEqual([]);
  });

  test('a page that comes back asks again, and is the same session', async () => {
    const { page, swaps, number } = await away();
    const before = swaps().length;
    await back(page);
    await until(() => (swaps().length > before ? true : undefined), { what: 'another question' });
    const [first, again] = swaps();
    expect(again).toMatchObject({ session: first.session, targets: [OWN] });
    expect(await numberNow(page)).toBe(number);
    await page.evaluate(() => document.body.insertAdjacentHTML('beforeend', '<p id="late">305-555-0100</p>'));
    expect(await numberShown(page, '#late')).toBe(number);
  });

  test('a page that comes back after consent was withdrawn on the next one sends and stores nothing', async () => {
    const { page, context, received } = await away({
      pages: { other: '<!doctype html><title>Other</title>{{script}}<p>Elsewhere</p>' },
    });
    await started(page);
    await page.evaluate(() => (window as any).CallTrk.consent('denied'));
    await until(async () => ((await context.cookies()).length === 0 ? true : undefined));
    const before = received.length;
    expect(await back(page)).toMatchObject({ persisted: true });
    await until(async () => ((await numberNow(page)) === OWN ? true : undefined));
    // It would have been asked again at once.
    await page.waitForTimeout(250);
    expect(received.slice(before)).toEqual([]);
    expect(await context.cookies()).toEqual([]);
    expect(await page.evaluate(() => Object.keys(localStorage))).toEqual([]);
  });

  test('a page that comes back after the number went to somebody else shows the new one', async () => {
    const given = (at: number) => ({
      e164: `+1786555012${at}`,
      national: `(786) 555-012${at}`,
      national_string: `786555012${at}`,
      international: `+1 786 555 012${at}`,
      shared: false,
    });
    let count = 0;
    const { page, number } = await away({
      fault: (response, { path }) => {
        if (!path.endsWith('/v1/swap')) return false;
        response.writeHead(200, { 'content-type': 'application/json', 'access-control-allow-origin': '*' });
        response.end(
          JSON.stringify({
            session: 'x',
            visit: 'x',
            config: '1',
            held_seconds: 1200,
            ping_seconds: 60,
            numbers: { [OWN]: given(count++) },
          }),
        );
      },
    });
    expect(number).toBe(given(0).e164);
    await back(page);
    await until(async () => ((await numberNow(page)) === given(1).e164 ? true : undefined));
  });
});

describe('a page that is rendered in advance', () => {
  const kept = async (page: Page) => [
    ...(await page.context().cookies()).map(({ name }) => name),
    ...(await page.evaluate(() => Object.keys(localStorage))),
  ];

  test('stores and sends nothing until it is shown, and then shows the right number', async () => {
    const opened = await ground.open({
      tag: '',
      before: (page) =>
        page.addInitScript(() => {
          // As the browser has it while nobody looks.
          (window as any).waits = true;
          Object.defineProperty(Document.prototype, 'prerendering', {
            get: () => (window as any).waits,
            configurable: true,
          });
        }),
    });
    await opened.page.evaluate(() => {
      const page = window as any;
      page.CallTrk ||= { q: [] };
      page.CallTrk.q.push(['swap']);
    });
    await opened.page.waitForTimeout(200);
    expect(opened.received).toEqual([]);
    expect(await kept(opened.page)).toEqual([]);
    expect(await numberNow(opened.page)).toBe(OWN);
    await opened.page.evaluate(() => {
      (window as any).waits = false;
      document.dispatchEvent(new Event('prerenderingchange'));
    });
    await numberShown(opened.page);
    expect(opened.swaps()).toHaveLength(1);
    expect(opened.troubles).toEqual([]);
  });

  test('by the browser itself, too: nothing before it is shown, everything after', async () => {
    const say = (what: string) => `navigator.sendBeacon('{{base}}/v1/report', JSON.stringify(${what}))`;
    const next = `<!doctype html><title>Next</title>{{script}}${NUMBER_PAGE}<script>
      const n = document.querySelector('#n');
      addEventListener('load', () => setTimeout(() => ${say('{ at: "loaded", prerendering: document.prerendering, cookie: document.cookie, stored: localStorage.length, text: n.textContent }')}, 500));
      document.addEventListener('prerenderingchange', () => ${say('{ at: "shown" }')});
      new MutationObserver(() => ${say('{ at: "swapped", prerendering: document.prerendering, text: n.textContent }')}).observe(n, { subtree: true, characterData: true });
    </script>`;
    const { url, received, swaps } = ground.publish({
      html: `<!doctype html><title>First</title><script type="speculationrules">{"prerender":[{"source":"list","urls":["next"],"eagerness":"immediate"}]}</script>
        <script>setTimeout(() => { location.href = 'next'; }, 3000);</script>`,
      pages: { next },
      fault: (response, { path }) => (path.endsWith('/v1/report') ? response.writeHead(204).end() : false),
    });
    const browser = openUnwatched(url);
    onTestFinished(() => browser.close());
    const said = (what: string) =>
      until(() => received.find(({ body }) => body.at === what), { what, timeoutMs: 20_000 });
    expect((await said('loaded')).body).toEqual({
      at: 'loaded',
      prerendering: true,
      cookie: '',
      stored: 0,
      text: '(305) 555-0100',
    });
    expect(received).toHaveLength(1);
    await said('shown');
    expect((await said('swapped')).body).toMatchObject({
      prerendering: false,
      text: expect.not.stringContaining('0100'),
    });
    expect(swaps()).toEqual([
      expect.objectContaining({ page: expect.objectContaining({ url: `${url}next` }) }),
    ]);
  });
});

test('a tab that was opened in the background asks once, and gives no sign of life until somebody looks', async () => {
  const opened = await ground.open({
    before: async (page) => {
      await page.clock.install();
      await page.addInitScript(() => {
        (window as any).state = 'hidden';
        Object.defineProperty(Document.prototype, 'visibilityState', {
          get: () => (window as any).state,
          configurable: true,
        });
        Object.defineProperty(Document.prototype, 'hidden', {
          get: () => (window as any).state === 'hidden',
          configurable: true,
        });
      });
    },
  });
  const { page, swaps, events } = opened;
  await started(page);
  // Answered first: a minute of the test's clock is long for the page to wait, whatever the server's clock says.
  await numberShown(page);
  for (let minute = 0; minute < 10; minute++) {
    await page.mouse.move(minute, minute);
    await page.clock.runFor(60_000);
  }
  expect(swaps()).toHaveLength(1);
  expect(events('ping')).toEqual([]);
  await page.evaluate(() => {
    (window as any).state = 'visible';
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  });
  await page.mouse.move(20, 20);
  await page.clock.runFor(61_000);
  await until(() => (events('ping').length ? true : undefined));
  expect(opened.troubles).toEqual([]);
});
