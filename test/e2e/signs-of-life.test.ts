import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStage, type Stage } from '../support/e2e.js';
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

/** A visitor whose page is told to ping every five seconds, the most often that it does. Its clock is the test's. */
async function visitor() {
  const { page, troubles } = await stage.visit('/numberless');
  await page.clock.install();
  await page.route('**/v1/swap', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), ping_seconds: 5 } });
  });
  await page.goto(`${stage.site.url}/`);
  await until(async () => {
    await page.clock.runFor(100);
    return (await page.getAttribute('#link', 'href')) === 'tel:+13055550100' ? undefined : true;
  });
  const sent = eventsOf(page);
  return {
    page,
    troubles,
    /** The events that it sent, once those are on their way that it has begun to send. */
    sent: async () => {
      await page.evaluate(() => fetch('/'));
      return sent;
    },
    async use(seconds: number) {
      for (let second = 0; second < seconds; second++) {
        await page.mouse.move(10 + second, 10 + second);
        await page.clock.runFor(1000);
      }
    },
  };
}

test('a page in view sends pings while it is used, and only then', async () => {
  const { page, troubles, sent, use } = await visitor();
  await use(11);
  expect(await sent()).toEqual(['ping', 'ping']);
  // Of the stretch that had begun; then nobody is there.
  await page.clock.runFor(5500);
  const before = (await sent()).length;
  await page.clock.runFor(10_500);
  expect(await sent()).toHaveLength(before);
  await page.keyboard.press('Tab');
  await page.clock.runFor(1000);
  expect(await sent()).toEqual(Array(before + 1).fill('ping'));
  expect(troubles).toEqual([]);
});

test('a page out of view sends none, and says when it went', async () => {
  const { page, troubles, sent, use } = await visitor();
  await page.clock.runFor(5500);
  const other = await page.context().newPage();
  await other.goto(`${stage.site.url}/thanks`);
  // A headless browser shows every tab; this is what it tells a page whose tab is behind another.
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  });
  await use(11);
  expect(await sent()).toEqual(['leave']);
  expect(troubles).toEqual([]);
});
