import type { Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { numberShown, openStage, type Stage } from '../support/e2e.js';
import { troublesOf } from '../support/site.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const answer =
  (body: string, status = 200) =>
  (route: Route) =>
    route.fulfill({ status, body, headers: { 'access-control-allow-origin': '*' } });
const numbers = (number: unknown) =>
  answer(
    JSON.stringify({
      session: 'x',
      visit: 'x',
      config: '1',
      held_seconds: 1200,
      ping_seconds: 60,
      numbers: { '+13055550100': number },
    }),
  );

const FAULTS: [string, (route: Route) => unknown][] = [
  ['is blocked', (route) => route.abort('blockedbyclient')],
  ['answers 500', answer('{"error":"x"}', 500)],
  ['answers 503', answer('{"error":"x"}', 503)],
  ['answers HTML', answer('<!doctype html><title>Login</title>')],
  ['answers half a JSON', answer('{"numbers": {"+1305')],
  ['answers nothing', answer('')],
  ['answers null', answer('null')],
  ['answers no numbers', answer('{}')],
  ['answers no number', numbers(null)],
  [
    'answers a number that is none',
    numbers({ e164: 'javascript:alert(1)', national: '<b>x</b>', national_string: 'x', international: 'x' }),
  ],
  ['answers a number that is an array', numbers(['+13055550110'])],
  ['answers a number without spellings', numbers({ e164: '+13055550110' })],
];

test.each(FAULTS)(
  "the server %s: the site's own number stays, and nothing is thrown",
  async (_name, fault) => {
    const context = await stage.chromium.newVisitor();
    await context.route('**/v1/**', (route) => fault(route));
    const page = await context.newPage();
    const troubles = troublesOf(page);
    const asked = page.waitForRequest('**/v1/swap');
    await page.goto(stage.site.url);
    await asked;
    await page.waitForLoadState('networkidle');
    await page.waitForTimeout(50);
    expect(await page.textContent('h1')).toBe('Call (305) 555-0100');
    expect(await page.getAttribute('#link', 'href')).toBe('tel:+13055550100');
    expect(troubles).toEqual([]);
  },
);

test('cookies and storage that throw: a number is shown all the same', async () => {
  const context = await stage.chromium.newVisitor();
  await context.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage'] as const) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException('denied', 'SecurityError');
        },
      });
    }
    Object.defineProperty(document, 'cookie', {
      get() {
        throw new DOMException('denied', 'SecurityError');
      },
      set() {
        throw new DOMException('denied', 'SecurityError');
      },
    });
  });
  const page = await context.newPage();
  const troubles = troublesOf(page);
  await page.goto(stage.site.url);
  await page.waitForFunction(
    () => document.querySelector('#link')?.getAttribute('href') !== 'tel:+13055550100',
  );
  expect(troubles).toEqual([]);
});

test('a strict content security policy with trusted types reports nothing', async () => {
  const { page, troubles } = await stage.visit('/strict');
  await numberShown(page);
  expect(troubles).toEqual([]);
});
