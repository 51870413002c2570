/** Pages that go on changing: nothing breaks, and the number is right wherever it turns up. */
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStage, type Stage } from '../support/e2e.js';
import { APPS, type Mode } from './frameworks/apps.js';
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

const MODES: Mode[] = ['development', 'production'];
const pages = APPS.map((app) => ({ ...app }));

describe.each(MODES)('in %s', (mode) => {
  test.each(pages)(`$name: ${STEPS} changes at random, and each number is still right`, async (app) => {
    const address = site.address(app, mode, { container: 'shop', bundle: 'defer', swap: 'async', late: 0 });
    const { page, troubles, given } = await openPage(visitor, address);
    const isRight = () =>
      page
        .waitForFunction(() => window.sight.digits(), undefined, { timeout: 3000 })
        .then((digits) => digits.jsonValue())
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
      afterwards: given(),
      rewritten: {
        isSameNode: !app.renewsTexts,
        text: `Ring 305.555.${given()} today`,
        href: `tel:+1305555${given()}`,
      },
      troubles: [],
      length: 0,
    });
    expect(await isRight()).toBe(given());
    await page.close();
  });
});
