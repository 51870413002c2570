/** Pages that a framework rendered on the server: the number is right soon after it took over, and it says nothing. */
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStage, type Stage } from '../support/e2e.js';
import { APPS, type App, type Mode } from './frameworks/apps.js';
import { type FrameworkSite, type Loading, startFrameworkSite } from './frameworks/pages.js';
import { eachOf, openPage, PATIENCE_MS, SLOWLY } from './frameworks/visit.js';

/** From hydration to the right number in every place. */
const SOON_MS = 1000;
/** What the page makes anew is swapped in slices of work, between which it may be painted. */
const BLINK_MS = 150;

/** How much later the site answers some bundles. */
const LATE = 800;
/** Between them, each way to load the bundle with each place of the script, and each container in time and late. */
const LOADINGS: Record<Mode, Loading[]> = {
  development: [
    { container: 'shop', bundle: 'module', swap: 'async', late: 0 },
    { container: 'shop', bundle: 'defer', swap: 'sync', late: LATE },
    { container: '__next', bundle: 'classic', swap: 'async', late: LATE },
    { container: 'root', bundle: 'classic', swap: 'sync', late: 0 },
    { container: 'shop', bundle: 'module', swap: 'after', late: LATE },
    { container: 'app', bundle: 'defer', swap: 'async', late: 0 },
  ],
  production: [
    { container: 'root', bundle: 'module', swap: 'sync', late: LATE },
    { container: 'shop', bundle: 'classic', swap: 'async', late: LATE },
    { container: '__next', bundle: 'defer', swap: 'after', late: 0 },
    { container: 'shop', bundle: 'module', swap: 'async', late: 0 },
    { container: 'app', bundle: 'classic', swap: 'after', late: 0 },
    { container: 'shop', bundle: 'defer', swap: 'sync', late: 0 },
  ],
};

let stage: Stage;
let site: FrameworkSite;
/** Has been here before: the script knows his number as soon as it starts, which is the earliest it can swap. */
let regular: BrowserContext;
beforeAll(async () => {
  stage = await openStage();
  site = await startFrameworkSite(stage.server.url + stage.demo.scriptPath);
  regular = await stage.chromium.newVisitor();
});
afterAll(async () => {
  await site.close();
  await stage.close();
});

/** All for those that most pages are made with, fewer for their variants, fewest where there is nothing to compare. */
function loadingsOf({ name, early }: App, mode: Mode): Loading[] {
  const many = /^(?:react-1\d|preact-11|vue-3)$/.test(name)
    ? 6
    : early === 'told' || early === 'rewrites'
      ? 4
      : 2;
  return LOADINGS[mode].slice(0, many);
}

const spell = ({ container, bundle, swap, late }: Loading) =>
  `#${container}, bundle ${bundle}${late ? ` after ${late} ms` : ''}, script ${swap}`;

const CASES = APPS.flatMap((app) =>
  (['development', 'production'] as const).map((mode) => ({ name: app.name, app, mode })),
);

test.each(CASES)('$name in $mode takes over, and the number is right', SLOWLY, async ({ app, mode }) => {
  const stranger = await stage.chromium.newVisitor();
  const seen = await eachOf(loadingsOf(app, mode), (loading, place) =>
    look(place === 0 ? stranger : regular, app, mode, loading),
  );
  await stranger.close();
  expect(seen).toEqual(
    seen.map(({ loading, given }) => ({
      loading,
      soon: true,
      shown: given ?? 'a number',
      given,
      stays: true,
      button: 'Clicks: 1',
      troubles: [],
    })),
  );
});

async function look(visitor: BrowserContext, app: App, mode: Mode, loading: Loading) {
  const { page, troubles, given } = await openPage(visitor, site.address(app, mode, loading));
  const state = () =>
    page.evaluate(() => ({
      waitedMs: window.sight.rightAt ? window.sight.waitedMs : Number.NaN,
      lostMs: window.sight.lostMs,
      digits: window.sight.digits(),
    }));
  const button = page.locator('#count');
  await page
    .waitForFunction(() => window.hydratedAt && window.sight.rightAt, undefined, { timeout: PATIENCE_MS })
    .catch(() => {});
  const { waitedMs } = await state();
  // What it took over, it still runs.
  await button.click({ timeout: PATIENCE_MS }).catch(() => {});
  await button
    .filter({ hasText: 'Clicks: 1' })
    .waitFor({ timeout: PATIENCE_MS })
    .catch(() => {});
  const { digits, lostMs } = await state();
  const seen = {
    loading: spell(loading),
    soon: waitedMs < SOON_MS || `${waitedMs} ms after it took over`,
    shown: digits ?? (await page.evaluate(() => window.sight.places())),
    given: await given(),
    stays: lostMs < BLINK_MS || `was lost for ${lostMs} ms`,
    button: await button.textContent({ timeout: PATIENCE_MS }).catch(() => 'none'),
    troubles,
  };
  await page.close();
  return seen;
}

test('what others add to a page that is all React’s is swapped at once', SLOWLY, async () => {
  const app = APPS.find(({ name }) => name === 'react-19-document') as App;
  const loading: Loading = { container: 'root', bundle: 'stream', swap: 'async', late: 0 };
  const { page, given } = await openPage(regular, site.address(app, 'production', loading));
  await page.waitForFunction(() => window.hydratedAt && window.sight.rightAt, undefined, {
    timeout: PATIENCE_MS,
  });
  // As a chat or a tag manager does.
  const digits = await page.evaluate(async () => {
    const widget = document.createElement('p');
    widget.append('Chat with us, or call (305) 555-0100.');
    document.body.append(widget);
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return /\d{4}(?=\.)/.exec(widget.textContent ?? '')?.[0];
  });
  expect(digits).toBe(await given());
  await page.close();
});

describe('the pages themselves', () => {
  /** What a page says when it has hydrated. */
  async function hear(app: App, mode: Mode, swap: Loading['swap']): Promise<string[]> {
    const address = site.address(app, mode, { container: 'root', bundle: 'classic', swap, late: 0 });
    const { page, troubles } = await openPage(regular, address);
    await page.waitForFunction(() => window.hydratedAt, undefined, { timeout: PATIENCE_MS });
    // A browser's next frames, in case somebody has more to say.
    await page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
    await page.close();
    return troubles;
  }

  test('leave the marks by which the script knows that they took over', SLOWLY, async () => {
    const marked = await eachOf(APPS, async (app) => {
      const address = site.address(app, 'production', {
        container: 'root',
        bundle: 'classic',
        swap: 'none',
        late: 0,
      });
      const { page } = await openPage(regular, address);
      await page.waitForFunction(() => window.hydratedAt, undefined, { timeout: PATIENCE_MS });
      const marks = await page.evaluate(readMarks);
      await page.close();
      return [app.name, app.marks.filter((mark) => marks.includes(mark))];
    });
    expect(marked).toEqual(APPS.map(({ name, marks }) => [name, marks]));
  });

  test('say nothing without the script', SLOWLY, async () => {
    const said = await eachOf(APPS, async (app) => [app.name, await hear(app, 'development', 'none')]);
    expect(said).toEqual(APPS.map(({ name }) => [name, []]));
  });

  test.each(['development', 'production'] as const)(
    'in %s, some tell of a script that swaps before they took over',
    SLOWLY,
    async (mode) => {
      const said = await eachOf(APPS, async (app) => [app.name, (await hear(app, mode, 'hasty')).length > 0]);
      expect(said).toEqual(APPS.map(({ name, early }) => [name, early === 'told']));
    },
  );
});

/** Runs in the page: what is on its nodes that a page without a framework does not have. */
function readMarks(): string[] {
  const keysOf = (what: string, thing: object | null | undefined) =>
    Object.keys(thing ?? {}).map((key) => `${what}: ${key.replace(/\$[a-z0-9]+$/, '$')}`);
  const heading = document.querySelector('h1');
  const fax = document.querySelector('#fax');
  const { _$HY: solid } = window as { _$HY?: { completed?: WeakSet<Element> } };
  return [
    ...keysOf('document', document),
    ...keysOf('container', document.getElementById('root')),
    ...keysOf('island', document.querySelector('astro-island')),
    ...keysOf('element', heading),
    ...keysOf('text among others', fax?.firstChild),
    ...keysOf('only text', document.querySelector('#text')?.firstChild),
    ...keysOf('shadow root', document.querySelector('bluebird-app')?.shadowRoot),
    ...Object.getOwnPropertySymbols(Text.prototype).map((symbol) => `Text.prototype: ${String(symbol)}`),
    ...(heading && solid?.completed?.has(heading) ? ['_$HY.completed: element'] : []),
    ...(document.querySelector('app-root:not([ngh])') ? ['no ngh: element'] : []),
    ...keysOf('x-data', document.querySelector('[x-data]')),
  ];
}
