import { afterAll, beforeAll, expect, test } from 'vitest';
import { AttributionSchema } from '../../shared/contract/reporting.js';
import { type Chromium, startChromium } from '../support/chromium.js';
import { demoCompany } from '../support/demo.js';
import { type RunningServer, removeDataDir, startServer } from '../support/server.js';
import { troublesOf } from '../support/site.js';

let server: RunningServer;
let chromium: Chromium;
beforeAll(async () => {
  [server, chromium] = await Promise.all([startServer(), startChromium()]);
});
afterAll(async () => {
  await chromium.close();
  await server.end();
  removeDataDir(server.dataDir);
});

test('the demo shows a swapped number and then, on the same page, a call with visit, source and confidence', async () => {
  const page = await (await chromium.newVisitor()).newPage();
  const troubles = troublesOf(page);
  const url = server.url.replace('127.0.0.1', 'localhost');
  await page.goto(`${url}/demo?gclid=demo-click&utm_campaign=burst-pipes`);
  await page.waitForFunction(() => document.querySelector('#seen-number.swapped'));
  const shown = (await page.textContent('#header-phone')) ?? '';
  expect(shown).toMatch(/^\(305\) 555-011[0-7]$/);
  expect(await page.textContent('#seen-number')).toBe(shown);
  await page.click('#call');
  await page.waitForSelector('#result dd');
  expect(await page.textContent('#result-title')).toMatch(/called, answered, \d+ s$/);
  const fact = (name: string) => page.textContent(`[data-fact=${name}]`);
  expect(await fact('source')).toBe('Google Ads');
  expect(await fact('confidence')).toBe('99 %: only this visitor was shown the number');
  expect(await fact('landing_page')).toBe(`${url}/demo?gclid=demo-click&utm_campaign=burst-pipes`);
  expect(await fact('campaign')).toBe('burst-pipes');
  expect(troubles).toEqual([]);
});

test('arriving from elsewhere makes a new visitor with another number', async () => {
  const page = await (await chromium.newVisitor()).newPage();
  await page.goto(`${server.url}/demo`);
  await page.waitForFunction(() => document.querySelector('#seen-number.swapped'));
  const session = await page.textContent('#session');
  await page.click('text=Scanned the summer mailer');
  await page.waitForFunction(() => document.querySelector('#header-phone')?.textContent === '(305) 555-0121');
  await page.waitForFunction((old) => document.querySelector('#session')?.textContent !== old, session);
  await page.click('#call');
  await page.waitForSelector('#result dd');
  expect(await page.textContent('[data-fact=confidence]')).toBe('100 %: the number belongs to one source');
  expect(await page.textContent('[data-fact=source]')).toBe('Summer mailer');
  expect(await page.textContent('[data-fact=landing_page]')).toContain('belongs to the source');
});

test('a call that nobody is sure of claims nothing, and each method has its words', async () => {
  const page = await (await chromium.newVisitor()).newPage();
  await page.goto(`${server.url}/demo`);
  await page.waitForFunction(() => document.querySelector('#seen-number.swapped'));
  const call = { caller: '(305) 555-0142', state: 'answered', duration: 42, source: null, visit: null };
  const facts = async (attribution: object) => {
    const json = { ...call, candidates: ['Newsletter', 'Google Ads'], attribution };
    await page.route('**/demo/call', (route) => route.fulfill({ json }), { times: 1 });
    await page.click('#call');
    await page.waitForFunction(() => !(document.querySelector('#call') as HTMLButtonElement).disabled);
    const shown = await page.$$eval('#result dd', (all) =>
      all.map((dd) => [dd.dataset.fact, dd.textContent]),
    );
    return Object.fromEntries(shown);
  };
  const nobody = { visit: null, source: null, confidence: 0, sourceConfidence: 0, candidates: [] };
  const two = { ...nobody, method: 'none', candidates: [{ weight: 0.4999 }, { weight: 0.4999 }] };
  expect(await facts(two)).toMatchObject({
    source: 'unknown: Newsletter or Google Ads; 2 visitors saw this number',
    confidence: '49 %: the likeliest visit, which is too little to name one',
    landing_page: 'unknown',
  });
  const { description } = AttributionSchema.properties.method as { description?: string };
  const methods = description?.match(/[a-z_]+/g)?.filter((word) => word !== 'or') ?? [];
  expect(methods).toContain('posterior');
  for (const method of methods) {
    expect((await facts({ ...nobody, method })).confidence).toMatch(/^0 %: [a-z]+ .* /);
  }
});

test('on a phone nothing of the picture of the pool is out of sight', async () => {
  const page = await (await chromium.newVisitor({ viewport: { width: 390, height: 800 } })).newPage();
  await page.goto(`${server.url}/demo`);
  await page.waitForSelector('#pool svg');
  const sticksOut = await page.$$eval('#pool svg, #pool svg *', (all) =>
    all
      .filter((one) => one.getBoundingClientRect().right > 390 || one.getBoundingClientRect().left < 0)
      .map((one) => one.textContent),
  );
  expect(sticksOut).toEqual([]);
});

test.each([
  ['light', 'rgb(255, 255, 255)'],
  ['dark', 'rgb(16, 26, 44)'],
] as const)(
  'the picture of the pool is a part of the page, described and %s',
  async (colorScheme, paper) => {
    const page = await (await chromium.newVisitor({ colorScheme })).newPage();
    const troubles = troublesOf(page);
    await page.goto(`${server.url}/demo`);
    await page.waitForFunction(() => document.querySelector('#seen-number.swapped'));
    const picture = page.getByRole('img', { name: 'How full the pool “Website pool” is' });
    await picture.waitFor();
    expect(await picture.locator('desc').textContent()).toMatch(
      /^\d of 8 numbers are held now, at most \d were in/,
    );
    // Its style came through the page's policy, and follows what the visitor's system says.
    expect(await picture.evaluate((svg) => getComputedStyle(svg).backgroundColor)).toBe(paper);
    // This visitor's own number is among those held.
    await page.waitForFunction(() =>
      /^[1-8] of 8$/.test(document.querySelector('#pool .figure')?.textContent ?? ''),
    );
    expect(troubles).toEqual([]);
  },
  40_000,
);

test('the page of a demo company that was disabled says so', async () => {
  const headers = { authorization: `Token token="${server.key}"`, 'content-type': 'application/json' };
  const companies = `${server.url}/v3/a/${server.account}/companies`;
  const { id } = await demoCompany(server);
  // The last company of an account stays.
  const body = JSON.stringify({ name: 'Another' });
  expect((await fetch(`${companies}.json`, { method: 'POST', headers, body })).status).toBe(201);
  expect((await fetch(`${companies}/${id}.json`, { method: 'DELETE', headers })).status).toBe(204);
  const page = await fetch(`${server.url}/demo`);
  expect(page.status).toBe(404);
  expect(await page.text()).toContain('was disabled');
  expect((await fetch(`${server.url}/`, { redirect: 'manual' })).status).toBe(200);
});
