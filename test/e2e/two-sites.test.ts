/** A visitor who is sent from one site of the company to another: the session goes along, for two minutes, and with him. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createServerClock } from '../support/clock.js';
import { type Ground, numberShown, openGround } from '../support/ground.js';
import { until } from '../support/processes.js';

const clock = createServerClock();
let ground: Ground;
beforeAll(async () => {
  await clock.turn(0);
  ground = await openGround({ env: clock.env });
});
afterEach(() => clock.turn(0));
afterAll(async () => {
  await ground?.close();
  clock.remove();
});

const decorated = (page: Page, url: string) =>
  page.evaluate((url) => (window as any).CallTrk.decorate(url) as Promise<string>, url);

const session = (page: Page) => page.evaluate(() => ({ ...(window as any).CallTrk.session }));

/** The visits to which the server counts what this page asks from now on. */
async function visitsOf(page: Page): Promise<string[]> {
  const visits: string[] = [];
  await page.route('**/v1/swap', async (route) => {
    const response = await route.fetch();
    visits.push((await response.json()).visit);
    await route.fulfill({ response });
  });
  return visits;
}

async function cookiesFor({ page, url }: { page: Page; url: string }): Promise<Record<string, string>> {
  const cookies = await page.context().cookies(url);
  return Object.fromEntries(cookies.map(({ name, value }) => [name, decodeURIComponent(value)]));
}

/** Somebody who clicked an advertisement for the first site, and the second one, where he has not been. */
async function depart() {
  const first = await ground.open({ host: 'www.bluebird.localhost', query: '?gclid=one' });
  const number = await numberShown(first.page);
  const shop = ground.publish({ host: 'shop.example.localhost' });
  const link = await decorated(first.page, `${shop.url}?colour=blue#prices`);
  expect(new URL(link).searchParams.get('calltrk_link')).toMatch(/^[\w-]{100,}$/);
  return { first, shop, number, link, id: first.swaps()[0].session as string };
}

test('session, number and source are the same at the second site, and go on there', async () => {
  const { first, shop, number, link, id } = await depart();
  const { page } = first;
  const visits = await visitsOf(page);
  await decorated(page, shop.url);
  await page.goto(link);
  expect(await numberShown(page)).toBe(number);
  expect(page.url()).toBe(`${shop.url}?colour=blue#prices`);
  // Told of while it is under way, and without what brought it.
  expect(shop.swaps()[0]).toMatchObject({ page: { url: page.url() } });
  expect(await session(page)).toMatchObject({ id, source: 'google_paid' });
  expect(await cookiesFor({ page, url: shop.url })).toMatchObject({
    calltrk_session_id: id,
    calltrk_landing: `${first.url}?gclid=one`,
    calltrk_referrer: 'direct',
  });
  await page.reload();
  expect(await numberShown(page)).toBe(number);
  const again = await until(() => shop.swaps()[1]);
  expect(again.session).toBe(id);
  expect(again).not.toHaveProperty('arrived');
  // To the server all of it is one visit.
  const [before, ...after] = await until(() => (visits.length > 2 ? visits : undefined));
  expect(after).toEqual([before, before]);
  expect(first.troubles).toEqual([]);
});

test('the link is good in another tab, too, while the two minutes last', async () => {
  const { first, number, link, id } = await depart();
  await first.page.goto(link);
  await numberShown(first.page);
  await clock.turn(100_000);
  const tab = await (await ground.newVisitor()).newPage();
  await tab.goto(link);
  expect(await numberShown(tab)).toBe(number);
  expect((await session(tab)).id).toBe(id);
});

test('after two minutes the link brings nobody along, and its page is a visit like any other', async () => {
  const { first, shop, link, id } = await depart();
  await clock.turn(121_000);
  const { page } = first;
  await page.goto(link);
  await numberShown(page);
  expect(page.url()).toBe(`${shop.url}?colour=blue#prices`);
  const other = await session(page);
  expect(other.id).not.toBe(id);
  expect(other.source).not.toBe('google_paid');
  expect(await cookiesFor({ page, url: shop.url })).toMatchObject({
    calltrk_session_id: other.id,
    calltrk_landing: page.url(),
  });
  expect(first.troubles).toEqual([]);
});

test('a link of which a letter was changed brings nobody along', async () => {
  const { first, link, id } = await depart();
  const changed = new URL(link);
  const token = changed.searchParams.get('calltrk_link') ?? '';
  changed.searchParams.set(
    'calltrk_link',
    token.slice(0, 50) + (token[50] === 'A' ? 'B' : 'A') + token.slice(51),
  );
  await first.page.goto(changed.href);
  await numberShown(first.page);
  expect((await session(first.page)).id).not.toBe(id);
  expect(first.page.url()).not.toContain('calltrk_link');
});

test('without an answer the link is the address as it was', async () => {
  let isAway = false;
  const { page } = await ground.open({ fault: (response) => (isAway ? response.destroy() : false) });
  await numberShown(page);
  isAway = true;
  expect(await decorated(page, 'https://shop.example/?colour=blue')).toBe(
    'https://shop.example/?colour=blue',
  );
});
