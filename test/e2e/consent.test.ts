/**
 * What a visitor's choice means, cell by cell: what is stored, what is sent, and which number shows. A source
 * tracker's number is chosen in the page and needs neither; one of the pool is the server's to give.
 */
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AnyPage,
  FLYER,
  FROM_FLYER,
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
  ground = await openGround();
});
afterAll(() => ground.close());

const HTML = `${NUMBER_PAGE}<form id="form" action="about:blank" target="frame"><input name="email" value="eve@example.com"><button>Send</button></form><iframe name="frame"></iframe>`;
const WAIT: AnyPage = { html: HTML, tag: 'async data-consent="wait"' };

const say = (state: 'granted' | 'denied') => async (page: Page) => {
  await started(page);
  await page.evaluate((word) => (window as any).CallTrk.consent(word), state);
};
const withdraw = async (page: Page) => {
  await started(page);
  await say('granted')(page);
  await numberShown(page);
  await until(async () => ((await kept(page.context(), page)).length > 0 ? true : undefined));
  await say('denied')(page);
};
const signal = (name: string, value: unknown) => (page: Page) =>
  page.addInitScript(
    ([property, given]) =>
      Object.defineProperty(Navigator.prototype, property as string, {
        get: () => given,
        configurable: true,
      }),
    [name, value],
  );

/** Google's own snippet, and what a consent banner that speaks its Consent Mode pushes. */
const GTAG = 'window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }';
const mode = (command: 'default' | 'update', word: 'granted' | 'denied') =>
  `gtag('consent', '${command}', { ad_storage: '${word}', ad_user_data: '${word}', ad_personalization: '${word}', analytics_storage: '${word}' });`;
const update = (name: string, word: string) => `gtag('consent', 'update', { ${name}: '${word}' });`;
const inline = (code: string) => `<script>${code}</script>`;
/** A consent platform of the IAB's framework, whose answers the page makes by `tell`. */
const TCF = `
  window.listeners = [];
  window.tell = (more) => listeners.forEach((hear, at) => hear({ listenerId: at + 1, cmpStatus: 'loaded', tcString: 'x', gdprApplies: true, purpose: { consents: {} }, ...more }, true));
  window.__tcfapi = (command, version, callback) => {
    if (command === 'addEventListener') { listeners.push(callback); if (window.told) tell(told); }
    else if (command === 'ping') callback({ gdprApplies: true, cmpLoaded: true, cmpStatus: 'loaded' }, true);
    else if (command === 'removeEventListener') callback(true, true);
  };`;
const tcf = (event: string, purpose1: boolean, more = '') =>
  `{ eventStatus: '${event}', purpose: { consents: { 1: ${purpose1}, 2: true } } ${more} }`;
const run = (code: string) => async (page: Page) => {
  await started(page);
  await page.evaluate(code);
};

type Means = 'everything' | 'nothing' | 'taken back';
type Row = [name: string, means: Means, page: AnyPage, act?: (page: Page) => Promise<unknown>];

const STATES: Row[] = [
  ['nobody asks', 'everything', { html: HTML }],
  ['unknown, by the tag', 'nothing', WAIT],
  ['unknown, by the configuration', 'nothing', { html: HTML, config: { consent: 'wait' } }],
  ['granted', 'everything', WAIT, say('granted')],
  [
    'granted before the script came',
    'everything',
    { ...WAIT, head: inline("window.CallTrk = { q: [['consent', 'granted']] }") },
  ],
  ['denied', 'nothing', WAIT, say('denied')],
  [
    'denied before the script came',
    'nothing',
    { html: HTML, head: inline("window.CallTrk = { q: [['consent', 'denied']] }") },
  ],
  [
    'granted and then denied before the script came',
    'nothing',
    { ...WAIT, head: inline("window.CallTrk = { q: [['consent', 'granted'], ['consent', 'denied']] }") },
  ],
  [
    'granted by a stub that was there before the script',
    'everything',
    { ...WAIT, head: inline('window.CallTrk = window.CallTrk || { q: [] }; const stub = CallTrk;') },
    run("stub.q.push(['consent', 'granted'])"),
  ],
  ['a word that is none', 'nothing', WAIT, run("CallTrk.consent('maybe')")],
  [
    'a word that is none where nobody asked',
    'everything',
    { html: HTML },
    run("CallTrk.consent('accepted')"),
  ],
  ['withdrawn', 'taken back', WAIT, withdraw],
  ['withdrawn where nobody asked', 'taken back', { html: HTML }, withdraw],
  ['GPC', 'everything', { html: HTML, before: signal('globalPrivacyControl', true) }],
  [
    'GPC as a refusal',
    'nothing',
    {
      html: HTML,
      config: { refusals: ['globalPrivacyControl'] },
      before: signal('globalPrivacyControl', true),
    },
  ],
  [
    'no GPC where it is a refusal',
    'everything',
    { html: HTML, config: { refusals: ['globalPrivacyControl', 'doNotTrack'] } },
  ],
  ['DNT', 'everything', { html: HTML, before: signal('doNotTrack', '1') }],
  [
    'DNT as a refusal',
    'nothing',
    { html: HTML, config: { refusals: ['doNotTrack'] }, before: signal('doNotTrack', '1') },
  ],

  ['Consent Mode, denied by default', 'nothing', { ...WAIT, head: inline(GTAG + mode('default', 'denied')) }],
  [
    'Consent Mode, granted before',
    'everything',
    { ...WAIT, head: inline(GTAG + mode('default', 'denied') + mode('update', 'granted')) },
  ],
  [
    'Consent Mode, granted after',
    'everything',
    { ...WAIT, head: inline(GTAG + mode('default', 'denied')) },
    run(mode('update', 'granted')),
  ],
  [
    'Consent Mode, first seen after',
    'everything',
    WAIT,
    run(
      `window.gtag = undefined; ${GTAG.replace('function gtag', 'gtag = function')}; ${mode('update', 'granted')}`,
    ),
  ],
  ['Consent Mode, denied after', 'nothing', { ...WAIT, head: inline(GTAG) }, run(mode('update', 'denied'))],
  [
    'Consent Mode, withdrawn',
    'taken back',
    { ...WAIT, head: inline(GTAG + mode('update', 'granted')) },
    async (page) => {
      await numberShown(page);
      await page.evaluate(mode('update', 'denied'));
    },
  ],
  [
    'Consent Mode, analytics denied and then advertising granted',
    'nothing',
    { ...WAIT, head: inline(GTAG + update('analytics_storage', 'denied') + update('ad_storage', 'granted')) },
  ],
  [
    'Consent Mode, advertising denied and then analytics granted, and then advertising denied',
    'everything',
    {
      ...WAIT,
      head: inline(
        GTAG +
          update('ad_storage', 'denied') +
          update('analytics_storage', 'granted') +
          update('ad_storage', 'denied'),
      ),
    },
  ],
  [
    'Consent Mode, granted, denied by the page and granted again',
    'everything',
    { ...WAIT, head: inline(GTAG + mode('update', 'granted')) },
    async (page) => {
      await numberShown(page);
      await say('denied')(page);
      await until(async () => ((await numberNow(page)) === OWN ? true : undefined));
      await page.evaluate(mode('update', 'granted'));
    },
  ],

  ['TCF, not said yet', 'nothing', { ...WAIT, head: inline(`told = ${tcf('cmpuishown', false)};${TCF}`) }],
  [
    'TCF, said on an earlier page',
    'everything',
    { ...WAIT, head: inline(`told = ${tcf('tcloaded', true)};${TCF}`) },
  ],
  [
    'TCF, refused on an earlier page',
    'nothing',
    { ...WAIT, head: inline(`told = ${tcf('tcloaded', false)};${TCF}`) },
  ],
  [
    'TCF, said now',
    'everything',
    { ...WAIT, head: inline(`told = ${tcf('cmpuishown', false)};${TCF}`) },
    run(`tell(${tcf('useractioncomplete', true)})`),
  ],
  [
    'TCF, refused now',
    'nothing',
    { ...WAIT, head: inline(`told = ${tcf('cmpuishown', true)};${TCF}`) },
    run(`tell(${tcf('useractioncomplete', false)})`),
  ],
  [
    'TCF, where the law does not apply',
    'everything',
    { ...WAIT, head: inline(`told = ${tcf('tcloaded', false, ', gdprApplies: false')};${TCF}`) },
  ],
  [
    'TCF, withdrawn',
    'taken back',
    { ...WAIT, head: inline(`told = ${tcf('tcloaded', true)};${TCF}`) },
    async (page) => {
      await numberShown(page);
      await page.evaluate(`tell(${tcf('useractioncomplete', false)})`);
    },
  ],
];

const TRACKERS = [
  ['a source tracker', FROM_FLYER],
  ['a pool', ''],
] as const;

describe.each(TRACKERS)('%s', (tracker, query) => {
  test.each(STATES)('%s: %s', async (name, means, spec, act) => {
    const opened = await ground.open({ ...spec, query });
    const { page, context, troubles, received } = opened;
    await act?.(page);
    await started(page);
    const isPool = tracker === 'a pool';

    // The number.
    if (means === 'everything') {
      const number = await numberShown(page);
      expect(isPool ? ground.pool : [FLYER]).toContain(number);
    } else if (means === 'nothing' && !isPool) {
      expect(await numberShown(page)).toBe(FLYER);
    } else {
      await until(async () => ((await numberNow(page)) === OWN ? true : undefined));
    }

    // Requests, cookies, storage.
    if (means === 'everything') {
      await until(() => (opened.swaps().length > 0 ? true : undefined));
      await until(async () => ((await stored(page)).length > 0 ? true : undefined));
      expect(await cookies(context)).toEqual(
        expect.arrayContaining(['calltrk_landing', 'calltrk_referrer', 'calltrk_session_id']),
      );
      expect(opened.swaps()[0].gpc).toBe(name === 'GPC' ? true : undefined);
    } else {
      const before = received.length;
      if (means === 'nothing') expect(received).toEqual([]);
      await useThePage(page);
      expect(received.slice(before)).toEqual([]);
      expect(await kept(context, page)).toEqual([]);
      expect(await numberNow(page)).toBe(means === 'nothing' && !isPool ? FLYER : OWN);
      expect(await page.evaluate(() => (window as any).CallTrk.session.id)).toBe('');
    }
    expect(troubles).toEqual([]);
  });
});

describe('from page to page', () => {
  test('a choice is not remembered by the script: who asks on each page says so on each page', async () => {
    const first = await ground.open({ ...WAIT });
    await say('granted')(first.page);
    const number = await numberShown(first.page);
    await until(async () => ((await stored(first.page)).length > 0 ? true : undefined));
    const second = await ground.open({ ...WAIT, context: first.context });
    await started(second.page);
    await useThePage(second.page);
    expect(second.received).toEqual([]);
    expect(await numberNow(second.page)).toBe(OWN);
    await say('granted')(second.page);
    expect(await numberShown(second.page)).toBe(number);
    expect(second.swaps()[0].session).toBe(first.swaps()[0].session);
    expect([...first.troubles, ...second.troubles]).toEqual([]);
  });

  test('who refuses on the next page is forgotten there: cookies, storage, number', async () => {
    const first = await ground.open({ html: HTML });
    await numberShown(first.page);
    await until(async () => ((await stored(first.page)).length > 0 ? true : undefined));
    const second = await ground.open({ ...WAIT, context: first.context });
    await say('denied')(second.page);
    await until(async () => ((await kept(second.context, second.page)).length === 0 ? true : undefined));
    expect(await numberNow(second.page)).toBe(OWN);
    expect(second.received).toEqual([]);
  });

  test('denied until the consent manager has been asked, and granted by then, it is the same session', async () => {
    const head = inline("window.CallTrk = { q: [['consent', 'denied'], ['consent', 'granted']] }");
    const first = await ground.open({ ...WAIT, head });
    const number = await numberShown(first.page);
    await until(async () => ((await stored(first.page)).length > 0 ? true : undefined));
    const second = await ground.open({ ...WAIT, head, context: first.context });
    expect(await numberShown(second.page)).toBe(number);
    const [{ session }] = await until(() => (second.swaps().length ? second.swaps() : undefined));
    expect(session).toBe(first.swaps()[0].session);
  });

  test('withdrawn in one tab, it is withdrawn in the others', async () => {
    const first = await ground.open({ html: HTML });
    await numberShown(first.page);
    await until(async () => ((await stored(first.page)).length > 0 ? true : undefined));
    const second = await ground.open({ ...WAIT, context: first.context });
    await say('denied')(second.page);
    await until(async () => ((await numberNow(first.page)) === OWN ? true : undefined));
    const before = first.received.length;
    await useThePage(first.page);
    expect(first.received.slice(before)).toEqual([]);
    expect(await kept(first.context, first.page)).toEqual([]);
  });

  test('granted again after it was withdrawn, it is another session', async () => {
    const { page, swaps } = await ground.open({ ...WAIT });
    await say('granted')(page);
    await numberShown(page);
    await say('denied')(page);
    await until(async () => ((await numberNow(page)) === OWN ? true : undefined));
    await say('granted')(page);
    await numberShown(page);
    const sessions = swaps().map(({ session }) => session);
    expect(sessions.length).toBeGreaterThanOrEqual(2);
    expect(sessions.at(-1)).not.toBe(sessions[0]);
  });

  test('said twice, granted is granted once', async () => {
    const { page, swaps, troubles }: Opened = await ground.open({ ...WAIT });
    await say('granted')(page);
    await say('granted')(page);
    await numberShown(page);
    expect(swaps()).toHaveLength(1);
    expect(troubles).toEqual([]);
  });

  test('a consent platform that throws, answers rubbish, or never answers grants nothing', async () => {
    const stubs = [
      'window.__tcfapi = () => { throw new Error("cmp"); }',
      'window.__tcfapi = (command, version, hear) => { hear(null, true); hear(undefined, false); hear({}, true); hear({ eventStatus: "tcloaded", purpose: null }, true); }',
      'window.__tcfapi = (command, version, hear) => hear({ eventStatus: "tcloaded", purpose: { consents: { 1: true } } }, false)',
      'window.__tcfapi = () => {}',
      'window.__tcfapi = "no function"',
      'window.dataLayer = { push: 1 }',
      'window.dataLayer = [null, undefined, 1, "consent", ["consent"], { 0: "consent", 1: "update" }, ["consent", "update", null]]',
    ];
    for (const frame of await ground.openFrames(stubs.map((code) => ({ ...WAIT, head: inline(code) })))) {
      await frame.frame.waitForFunction(() => typeof (window as any).CallTrk?.swap === 'function');
      expect(frame.received).toEqual([]);
      expect(await numberNow(frame.frame)).toBe(OWN);
      expect(frame.troubles).toEqual([]);
    }
  });
});

/** Everything that tells the server something otherwise: a tap, a form, a number that turns up, a page out of view. */
async function useThePage(page: Page): Promise<void> {
  await page.evaluate(() => {
    document.querySelector('#link')?.addEventListener('click', (event) => event.preventDefault());
    document.body.append(Object.assign(document.createElement('p'), { textContent: '(305) 555-0100' }));
  });
  await page.click('#link');
  await page.click('#form button');
  await page.evaluate(() => {
    history.pushState({}, '', '?next');
    Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    void (window as any).CallTrk.getSwapNumbers('+13055550100');
    (window as any).CallTrk.captureForm('#form');
  });
  // That nothing comes has no end to wait for: longer than targets are gathered.
  await page.waitForTimeout(250);
}

async function cookies(context: BrowserContext): Promise<string[]> {
  return (await context.cookies()).map(({ name }) => name).sort();
}

function stored(page: Page): Promise<string[]> {
  return page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)].sort());
}

/** Whatever the browser keeps of the site: all of it is ours. */
async function kept(context: BrowserContext, page: Page): Promise<string[]> {
  return [...(await cookies(context)), ...(await stored(page))];
}
