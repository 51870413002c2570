/** Pages that a framework rendered on the server: the number is right soon after it took over, and it says nothing. */
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStage, type Stage } from '../support/e2e.js';
import { APPS, type App, type Mode } from './frameworks/apps.js';
import { type FrameworkSite, type Loading, startFrameworkSite } from './frameworks/pages.js';
import { openPage } from './frameworks/visit.js';

/** From hydration to the right number in every place. */
const SOON_MS = 1000;

const LATE = 800;
/** Each way to load the bundle with each place of the script, each container, in time and late. */
const LOADINGS: Loading[] = [
  { container: 'shop', bundle: 'module', swap: 'async', late: 0 },
  { container: 'shop', bundle: 'defer', swap: 'sync', late: LATE },
  { container: '__next', bundle: 'classic', swap: 'async', late: LATE },
  { container: 'app', bundle: 'module', swap: 'sync', late: LATE },
  { container: 'root', bundle: 'classic', swap: 'sync', late: 0 },
  { container: 'app', bundle: 'defer', swap: 'async', late: 0 },
  { container: 'shop', bundle: 'module', swap: 'after', late: LATE },
  { container: '__next', bundle: 'defer', swap: 'after', late: 0 },
  { container: 'root', bundle: 'classic', swap: 'after', late: 0 },
];
/** For what has nothing to say about a text that is not its own. */
const FEW = LOADINGS.slice(0, 3);

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

const MODES: Mode[] = ['development', 'production'];

const loadingsOf = ({ early }: App) => (early === 'told' || early === 'rewrites' ? LOADINGS : FEW);

const spell = ({ container, bundle, swap, late }: Loading) =>
  `#${container}, bundle ${bundle}${late ? ` after ${late} ms` : ''}, script ${swap}`;

describe.each(MODES)('in %s', (mode) => {
  test.each(APPS.map((app) => ({ ...app })))('$name takes over and the number is right', async (app) => {
    const seen = [];
    const first = await stage.chromium.newVisitor();
    for (const [turn, loading] of loadingsOf(app).entries()) {
      const context = turn === 0 ? first : regular;
      const { page, troubles, given } = await openPage(context, site.address(app, mode, loading));
      const state = () =>
        page.evaluate(() => ({
          hydratedAt: window.hydratedAt,
          rightAt: window.sight.rightAt,
          lostFrames: window.sight.lostFrames,
          digits: window.sight.digits(),
        }));
      await page
        .waitForFunction(() => window.hydratedAt && window.sight.rightAt, undefined, { timeout: 4000 })
        .catch(() => {});
      const { hydratedAt = Number.NaN, rightAt = Number.NaN } = await state();
      // What it took over, it still runs.
      await page
        .locator('#count')
        .click({ timeout: 2000 })
        .catch(() => {});
      await page
        .locator('#count', { hasText: 'Clicks: 1' })
        .waitFor({ timeout: 2000 })
        .catch(() => {});
      const { digits, lostFrames } = await state();
      seen.push({
        loading: spell(loading),
        soon: rightAt - hydratedAt < SOON_MS || `${rightAt} after ${hydratedAt}`,
        shown: digits ?? (await page.evaluate(() => window.sight.places())),
        given: given(),
        lostFrames,
        button: await page.locator('#count').textContent(),
        troubles,
      });
      await page.close();
    }
    await first.close();
    expect(seen).toEqual(
      seen.map(({ loading, given }) => ({
        loading,
        soon: true,
        shown: given,
        given: expect.any(String),
        lostFrames: 0,
        button: 'Clicks: 1',
        troubles: [],
      })),
    );
  });
});

describe('the pages themselves', () => {
  const once = async (app: App, mode: Mode, swap: Loading['swap']) => {
    const context = await stage.chromium.newVisitor();
    const bundle = app.bundles?.[0] ?? 'classic';
    const address = site.address(app, mode, { container: 'root', bundle, swap, late: 0 });
    const { page, troubles } = await openPage(context, address);
    await page.waitForFunction(() => window.hydratedAt, undefined, { timeout: 5000 });
    // A browser's next frames, in case somebody has more to say.
    await page.evaluate(() => new Promise((done) => setTimeout(done, 100)));
    await context.close();
    return troubles;
  };

  test.each(APPS.map((app) => ({ ...app })))('$name has nothing to say without the script', async (app) => {
    expect(await once(app, 'development', 'none')).toEqual([]);
    expect(await once(app, 'production', 'none')).toEqual([]);
  });

  test.each(APPS.filter(({ early }) => early === 'told').map((app) => ({ ...app })))(
    '$name tells of a script that swaps before it took over',
    async (app) => {
      expect(await once(app, 'development', 'hasty')).not.toEqual([]);
    },
  );

  test.each(APPS.filter(({ early }) => early !== 'told').map((app) => ({ ...app })))(
    '$name does not mind a script that swaps before it took over',
    async (app) => {
      expect(await once(app, 'development', 'hasty')).toEqual([]);
    },
  );
});
