import { afterAll, beforeAll, expect, test } from 'vitest';
import { cookiesOf, numberShown, openStage, type Stage } from '../support/e2e.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

test('the next page shows the same number, also while the server cannot be reached', async () => {
  const { page, troubles } = await stage.visit('/?gclid=first');
  const number = await numberShown(page);
  const before = await cookiesOf(page);
  await page.goto(`${stage.site.url}/?page=2`);
  expect(await numberShown(page)).toBe(number);
  await page.route('**/v1/**', (route) => route.abort());
  await page.goto(`${stage.site.url}/?page=3`);
  expect(await numberShown(page)).toBe(number);
  expect(await cookiesOf(page)).toEqual(before);
  expect(troubles).toEqual([]);
});

test('a visitor who lost his storage but not his cookie is known by the server', async () => {
  const { page } = await stage.visit();
  const number = await numberShown(page);
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  expect(await numberShown(page)).toBe(number);
});

test('a visitor who comes back with a new ad click keeps his session, landing page and number, in a new visit', async () => {
  const { page } = await stage.visit('/?gclid=one');
  const number = await numberShown(page);
  const first = await cookiesOf(page);
  const answer = page.waitForResponse('**/v1/swap');
  await page.goto(`${stage.site.url}/?gclid=two`);
  const { visit: second } = (await (await answer).json()) as { visit: string };
  expect(await numberShown(page)).toBe(number);
  expect(await cookiesOf(page)).toEqual(first);
  const third = page.waitForResponse('**/v1/swap');
  await page.goto(`${stage.site.url}/?inside=1`);
  expect(((await (await third).json()) as { visit: string }).visit).toBe(second);
});
