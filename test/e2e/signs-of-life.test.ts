import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { numberShown, openStage, type Stage } from '../support/e2e.js';
import { until } from '../support/processes.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

/** The events that a page sends from now on, by type. */
function eventsOf(page: Page): string[] {
  const types: string[] = [];
  page.on('request', (request) => {
    if (!request.url().endsWith('/v1/events')) return;
    for (const { type } of request.postDataJSON().events) types.push(type);
  });
  return types;
}

/** A visitor whose page is told to ping every five seconds, the most often that it does. */
async function visitor() {
  const { page, troubles } = await stage.visit('/numberless');
  await page.route('**/v1/swap', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), ping_seconds: 5 } });
  });
  await page.goto(`${stage.site.url}/`);
  await numberShown(page);
  return { page, troubles, sent: eventsOf(page) };
}

test('a page in view sends pings while it is used, and only then', async () => {
  const { page, troubles, sent } = await visitor();
  const use = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      await page.mouse.move(10 + second, 10 + second);
      await page.waitForTimeout(1000);
    }
  };
  await use(11);
  expect(sent).toEqual(['ping', 'ping']);
  // Of the stretch that had begun; then nobody is there.
  await page.waitForTimeout(5500);
  const before = sent.length;
  await page.waitForTimeout(10_500);
  expect(sent.slice(before)).toEqual([]);
  await page.keyboard.press('Tab');
  await until(() => (sent.length > before ? true : undefined));
  expect(new Set(sent)).toEqual(new Set(['ping']));
  expect(troubles).toEqual([]);
});

test('a page out of view sends none, and says when it went', async () => {
  const { page, troubles, sent } = await visitor();
  await page.waitForTimeout(5500);
  const other = await page.context().newPage();
  await other.goto(`${stage.site.url}/thanks`);
  // A headless browser shows every tab; this is what it tells a page whose tab is behind another.
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  });
  await until(() => (sent.length > 0 ? true : undefined));
  for (let second = 0; second < 11; second++) {
    await page.mouse.move(10 + second, 10 + second);
    await page.waitForTimeout(1000);
  }
  expect(sent).toEqual(['leave']);
  expect(troubles).toEqual([]);
});
