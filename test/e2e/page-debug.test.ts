/** `crdbg` in the address of a page: the console says why it shows what it does. */
import type { BrowserContextOptions, ConsoleMessage, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { numberShown, openStage, type Stage } from '../support/e2e.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

/** What the console says: a code and what it is about. */
type Said = [code: string, about: unknown];
/** The server's answer, of which `debug` are its words. */
interface Told {
  debug?: string;
  numbers?: Record<string, unknown>;
  code?: string;
}

/** Opens the page and answers what the script prints until the server has answered, or has not. */
async function debug(
  path: string,
  {
    referer,
    before,
    ...options
  }: BrowserContextOptions & { referer?: string; before?: (page: Page) => Promise<unknown> } = {},
): Promise<{ page: Page; told: Told; said: Said[]; type: string }> {
  const context = await stage.chromium.newVisitor(options);
  const page = await context.newPage();
  await before?.(page);
  const messages: ConsoleMessage[] = [];
  // The browser prints what it could not load as well.
  page.on('console', (message) => message.text().startsWith('calltrk') && messages.push(message));
  const printed = page.waitForEvent('console', (message: ConsoleMessage) =>
    /^calltrk (?:server|error)/.test(message.text()),
  );
  await page.goto(stage.site.url + path, referer ? { referer } : {});
  const last = await printed;
  const values = (message: ConsoleMessage) =>
    Promise.all(message.args().map((argument) => argument.jsonValue()));
  const said = await Promise.all(messages.map(values));
  const [, , told] = await values(last);
  return { page, told: told as Told, said: said.map(([, ...rest]) => rest as Said), type: last.type() };
}

test('of a pool: the source, the pool and its number', async () => {
  const { page, told, said, type } = await debug('/?gclid=abc&calltrk_debug');
  const number = await numberShown(page);
  expect(type).toBe('info');
  expect(told.debug?.split('\n')).toEqual([
    expect.stringMatching(/^The session came from Google Ads \(google_paid\): the landing page has gclid/),
    expect.stringMatching(
      new RegExp(`^\\+13055550100 becomes \\${number}, by the pool TRK\\w+ for every visitor\\.$`),
    ),
  ]);
  // Before the answer the page had its own numbers, each of which is told.
  expect(said.map(([code]) => code)).toContain('own');
});

test('of a source tracker: its rule', async () => {
  const { page, told, said } = await debug('/?promo=summer-mailer#crdbg');
  expect(await numberShown(page)).toBe('+13055550121');
  expect(told.debug).toMatch(
    /becomes \+13055550121, by the source tracker TRK\w+ for visitors whose landing page has the parameters "promo=summer-mailer"/,
  );
  expect(said.map(([code]) => code)).toContain('swap');
});

test('of a page without a number of the site: that none was found', async () => {
  const { told } = await debug('/numberless?crdbg');
  expect(told.debug).toContain('was not asked for it now');
  expect(told.numbers).toEqual({});
});

test('of a crawler: that it is one', async () => {
  const userAgent = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/140';
  const { told } = await debug('/?crdbg', { userAgent });
  expect(told.debug).toMatch(/^Taken for a crawler/);
  expect(told.numbers).toEqual({ '+13055550100': null });
});

test('of a server that does not answer: nothing but what the page knows itself', async () => {
  const before = (page: Page) => page.route('**/v1/**', (route) => route.abort());
  const { page, told, said } = await debug('/?promo=summer-mailer&crdbg', { before });
  expect(told).toEqual({ code: 'server' });
  expect(said.map(([code]) => code)).toContain('swap');
  expect(await numberShown(page)).toBe('+13055550121');
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
