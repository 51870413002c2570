/** Pages that go on changing: nothing breaks, and the number is right wherever it turns up. */
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStage, type Stage } from '../support/e2e.js';
import { APPS, type App, type Mode } from './frameworks/apps.js';
import { type FrameworkSite, startFrameworkSite } from './frameworks/pages.js';
import { openPage } from './frameworks/visit.js';

const STEPS = 1000;
/** Another one walks elsewhere: `SEED=7 npx vitest …`. */
const SEED = Number(process.env.SEED ?? 20_260_101);

let stage: Stage;
let site: FrameworkSite;
let visitor: BrowserContext;
beforeAll(async () => {
  stage = await openStage();
  site = await startFrameworkSite(stage.server.url + stage.demo.scriptPath);
  visitor = await stage.chromium.newVisitor();
});
afterAll(async () => {
  await site.close();
  await stage.close();
});

/** What breaks a page breaks it in both; the development builds tell more of it. */
const IN_DEVELOPMENT = /^(?:react-1.|preact-11|vue-3|svelte-5|solid-1|angular-21)$/;
const CASES = APPS.flatMap((app) =>
  (['development', 'production'] as const)
    .filter((mode) => mode === 'production' || IN_DEVELOPMENT.test(app.name))
    .map((mode): { name: string; app: App; mode: Mode } => ({ name: app.name, app, mode })),
);

test.each(CASES)(
  `$name in $mode: ${STEPS} changes at random, and each number is still right`,
  async ({ app, mode }) => {
    const address = site.address(app, mode, { container: 'shop', bundle: 'defer', swap: 'async', late: 0 });
    const { page, troubles, given } = await openPage(visitor, address);
    const digits = await given();
    const isRight = () =>
      page
        .waitForFunction(() => window.sight.digits(), undefined, { timeout: 3000 })
        .then((shown) => shown.jsonValue())
        .catch(() => page.evaluate(() => window.sight.places()));
    await page.waitForFunction(() => window.hydratedAt && window.sight.rightAt, undefined, { timeout: 8000 });
    await page.evaluate(([steps, seed]) => window.page?.walk(steps, seed), [STEPS, SEED] as const);
    const afterwards = await isRight();

    // The site's own number, written anew into the node and the address that show ours.
    const rewritten = await page.evaluate(async () => {
      const find = (root: ParentNode, selector: string): Element | null =>
        root.querySelector(selector) ??
        [...root.querySelectorAll('*')].reduce<Element | null>(
          (found, { shadowRoot }) => found ?? (shadowRoot && find(shadowRoot, selector)),
          null,
        );
      const textOf = () =>
        [...(find(document, '#text')?.childNodes ?? [])].find((node) => /0\d\d\d/.test(node.nodeValue ?? ''));
      const before = textOf();
      await window.page?.change({ words: 'Ring', tel: 'tel:3055550100' });
      await new Promise(requestAnimationFrame);
      const link = find(document, '#link');
      return {
        isSameNode: before !== undefined && before === textOf(),
        text: find(document, '#text')?.textContent,
        href: link?.getAttribute('href'),
      };
    });
    const { length } = troubles;
    await page.locator('#count').click({ timeout: 2000 });
    const button = page.locator('#count', { hasText: 'Clicks: 1' });
    await button.waitFor({ timeout: 2000 });
    expect({ afterwards, rewritten, troubles, length }).toEqual({
      afterwards: digits,
      rewritten: {
        isSameNode: !app.renewsTexts,
        text: `Ring 305.555.${digits} today`,
        href: `tel:+1305555${digits}`,
      },
      troubles: [],
      length: 0,
    });
    expect(await isRight()).toBe(digits);
    await page.close();
  },
);
