/** `crdbg` in the address of a page: the console says why it shows what it does. */
import type { BrowserContextOptions, ConsoleMessage, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { numberShown, openStage, type Stage } from '../support/e2e.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

type Told = [name: string, why: string | undefined, found: string[], shown: [string, { e164: string }][]];

/** Opens the page and answers what the script prints first. */
async function debug(
  path: string,
  {
    referer,
    before,
    ...options
  }: BrowserContextOptions & { referer?: string; before?: (page: Page) => Promise<unknown> } = {},
): Promise<{ page: Page; told: Told; type: string }> {
  const context = await stage.chromium.newVisitor(options);
  const page = await context.newPage();
  await before?.(page);
  const printed = page.waitForEvent('console', (message: ConsoleMessage) =>
    message.text().startsWith('calltrk'),
  );
  await page.goto(stage.site.url + path, referer ? { referer } : {});
  const message = await printed;
  const told = await Promise.all(message.args().map((argument) => argument.jsonValue()));
  return { page, told: told as Told, type: message.type() };
}

test('of a pool: the source, the pool and its number', async () => {
  const { page, told, type } = await debug('/?gclid=abc&crdbg');
  const number = await numberShown(page);
  const [name, why, found, shown] = told;
  expect([name, type]).toEqual(['calltrk', 'info']);
  expect(why?.split('\n')).toEqual([
    expect.stringMatching(/^The session came from Google Ads \(google_paid\): the landing page has gclid/),
    expect.stringMatching(
      new RegExp(`^\\+13055550100 becomes \\${number}, by the pool TRK\\w+ for every visitor\\.$`),
    ),
  ]);
  expect(found).toContain('+13055550100');
  expect(shown.map(([target, { e164 }]) => [target, e164])).toEqual([['+13055550100', number]]);
});

test('of a source tracker: its rule', async () => {
  const { page, told } = await debug('/?promo=summer-mailer#crdbg');
  const [, why, , shown] = told;
  expect(await numberShown(page)).toBe('+13055550121');
  expect(why).toMatch(
    /becomes \+13055550121, by the source tracker TRK\w+ for visitors whose landing page has the parameters "promo=summer-mailer"/,
  );
  expect(shown[0]?.[1].e164).toBe('+13055550121');
});

test('of a page without a number of the site: that none was found', async () => {
  const { told } = await debug('/numberless?crdbg');
  expect(told[1]).toContain('was not asked for it now');
  expect(told.slice(2)).toEqual([[], []]);
});

test('of a crawler: that it is one', async () => {
  const userAgent = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/140';
  const { told } = await debug('/?crdbg', { userAgent });
  expect(told[1]).toMatch(/^Taken for a crawler/);
  expect(told[3]).toEqual([]);
});

test('of a server that does not answer: nothing but what the page knows itself', async () => {
  const before = (page: Page) => page.route('**/v1/**', (route) => route.abort());
  const { told } = await debug('/?promo=summer-mailer&crdbg', { before });
  expect(told[1]).toBeUndefined();
  expect(told[3].map(([target, { e164 }]) => [target, e164])).toEqual([['+13055550100', '+13055550121']]);
});

test('without it nothing is printed, asked or answered', async () => {
  const context = await stage.chromium.newVisitor();
  const page = await context.newPage();
  const printed: string[] = [];
  page.on('console', (message) => printed.push(message.text()));
  const answered = page.waitForResponse('**/v1/swap');
  await page.goto(`${stage.site.url}/`);
  const response = await answered;
  expect(response.request().postData()).not.toContain('debug');
  expect(await response.json()).not.toHaveProperty('debug');
  await numberShown(page);
  expect(printed).toEqual([]);
});
