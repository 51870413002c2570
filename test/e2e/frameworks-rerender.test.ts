/** Pages that go on changing: nothing breaks, and the number is right wherever it turns up. */
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStage, type Stage } from '../support/e2e.js';
import { APPS, type App, type Mode } from './frameworks/apps.js';
import { type FrameworkSite, startFrameworkSite } from './frameworks/pages.js';
import { openPage, PATIENCE_MS, SLOWLY } from './frameworks/visit.js';

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
  SLOWLY,
  async (each) => {
    const { app, mode } = each;
    const address = site.address(app, mode, { container: 'shop', bundle: 'defer', swap: 'async', late: 0 });
    const { page, troubles, given } = await openPage(visitor, address);
    const digits = await given();
    /** What every place shows, or else what each of them does. */
    const shown = () =>
      page
        .waitForFunction(() => window.sight.digits(), undefined, { timeout: PATIENCE_MS })
        .then((value) => value.jsonValue())
        .catch(() => page.evaluate(() => window.sight.places()));
    await page.waitForFunction(() => window.hydratedAt && window.sight.rightAt, undefined, {
      timeout: PATIENCE_MS,
    });

    await page.evaluate(([steps, seed]) => window.page?.walk(steps, seed), [STEPS, SEED] as const);
    expect(await shown()).toEqual(digits);

    const rewritten = await page.evaluate(writeBack, WORDS);
    expect(rewritten).toEqual(
      WORDS.map((words) => ({
        isSameNode: !app.renewsTexts,
        text: `${words} 305.555.${digits} today`,
        href: `tel:+1305555${digits}`,
      })),
    );

    await page.locator('#count').click({ timeout: PATIENCE_MS });
    await page.locator('#count', { hasText: 'Clicks: 1' }).waitFor({ timeout: PATIENCE_MS });
    expect(await shown()).toEqual(digits);
    expect(troubles).toEqual([]);
    await page.close();
  },
);

/** Fewer than a page needs to win, see the snippet's README. */
const WORDS = ['Ring', 'Phone', 'Ring'];

/**
 * Runs in the page: has the framework write the site's own number into the text and the address that show ours, and
 * answers what they show in the first frame that has what it wrote.
 */
async function writeBack(words: string[]) {
  const find = (selector: string, root: ParentNode = document): Element | null =>
    root.querySelector(selector) ??
    [...root.querySelectorAll('*')].reduce<Element | null>(
      (found, { shadowRoot }) => found ?? (shadowRoot && find(selector, shadowRoot)),
      null,
    );
  const textOf = () =>
    [...(find('#text')?.childNodes ?? [])].find((node) => /0\d\d\d/.test(node.nodeValue ?? ''));
  const seen = [];
  for (const word of words) {
    const before = textOf();
    const tel = seen.length % 2 ? 'tel:+13055550100' : 'tel:3055550100';
    await window.page?.change({ words: word, tel });
    // React may render in a later task than the one that it was told in, and a frame may come before that.
    for (const until = performance.now() + 5000; performance.now() < until; ) {
      await new Promise(requestAnimationFrame);
      if (find('#text')?.textContent?.startsWith(word)) break;
    }
    seen.push({
      isSameNode: before !== undefined && before === textOf(),
      text: find('#text')?.textContent,
      href: find('#link')?.getAttribute('href'),
    });
  }
  return seen;
}
