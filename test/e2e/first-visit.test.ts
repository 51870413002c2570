import { afterAll, beforeAll, expect, test } from 'vitest';
import { cookiesOf, numberShown, openStage, type Stage } from '../support/e2e.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

test('a first visitor sees a number of the pool wherever the own one stood, in the same spelling', async () => {
  const { page, troubles } = await stage.visit('/?utm_source=news');
  const number = await numberShown(page);
  const last = number.slice(-2);
  expect(stage.demo.pool).toContain(number);
  expect(await page.textContent('h1')).toBe(`Call (305) 555-01${last}`);
  expect(await page.textContent('#text')).toBe(
    `Dial 305.555.01${last} or +1 305 555 01${last}, or 1-305-555-01${last}, day and night.`,
  );
  expect(await page.textContent('#link')).toBe(`Call us: 305-555-01${last}`);
  expect(await page.getAttribute('#sms', 'href')).toBe(`sms:${number}`);
  expect(troubles).toEqual([]);
});

test('other digits stay as they are: order numbers, decimals, code, kept parts, other offices, what is typed', async () => {
  const { page } = await stage.visit();
  await numberShown(page);
  expect(await page.textContent('#order')).toBe(
    'Order 983055550100, part 3055550100-7, price 305.5550100, 13055550100000.',
  );
  expect(await page.textContent('#code')).toBe('305-555-0100');
  expect(await page.textContent('#kept')).toBe('Licence holder: 305-555-0100');
  expect(await page.textContent('#other')).toBe('Our other office: (212) 555-0100');
  expect(await page.inputValue('textarea')).toBe('305-555-0100 is your number?');
});

test('the cookies are CallRail’s, and tell where the visitor landed and came from', async () => {
  const { page } = await stage.visit('/?gclid=abc&x=1', { referer: 'https://www.google.com/' });
  await numberShown(page);
  expect(await cookiesOf(page)).toMatchObject({
    calltrk_session_id: expect.stringMatching(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    ),
    calltrk_landing: `${stage.site.url}/?gclid=abc&x=1`,
    calltrk_referrer: 'https://www.google.com/',
  });
  const direct = await stage.visit('/');
  await numberShown(direct.page);
  expect((await cookiesOf(direct.page)).calltrk_referrer).toBe('direct');
});

test('a second visitor sees another number', async () => {
  const [one, two] = [await stage.visit(), await stage.visit()];
  expect(await numberShown(one.page)).not.toBe(await numberShown(two.page));
});

test('the whole visit costs the page one script and one request', async () => {
  const context = await stage.chromium.newVisitor();
  const page = await context.newPage();
  const requests: string[] = [];
  page.on('request', (request) => {
    if (request.url().startsWith(stage.server.url))
      requests.push(`${request.method()} ${new URL(request.url()).pathname}`);
  });
  await page.goto(stage.site.url);
  await numberShown(page);
  await page.waitForLoadState('networkidle');
  expect(requests).toEqual([`GET ${stage.demo.scriptPath}`, 'POST /v1/swap']);
});

test('two globals are added to the page, and a second copy of the script does nothing', async () => {
  const { page, troubles } = await stage.visit();
  const number = await numberShown(page);
  expect(
    await page.evaluate(() =>
      Object.keys(window)
        .filter((name) => /calltrk/i.test(name))
        .sort(),
    ),
  ).toEqual(['CallTrk', 'CallTrkSwap']);
  let swaps = 0;
  page.on('request', (request) => {
    if (request.url().endsWith('/v1/swap')) swaps++;
  });
  await page.evaluate(
    (src) =>
      new Promise((done) => {
        document.head.append(Object.assign(document.createElement('script'), { src, onload: done }));
      }),
    stage.server.url + stage.demo.scriptPath,
  );
  await page.waitForLoadState('networkidle');
  expect(await page.getAttribute('#link', 'href')).toBe(`tel:${number}`);
  expect(swaps).toBe(0);
  expect(troubles).toEqual([]);
});
