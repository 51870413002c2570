/** /demo/play: the owner of a site tries the script on HTML of his own. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Frame, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chromium, startChromium } from '../support/chromium.js';
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

async function open(
  viewport = { width: 1400, height: 900 },
): Promise<{ page: Page; troubles: () => string[] }> {
  const page = await (await chromium.newVisitor({ viewport })).newPage();
  const troubles = troublesOf(page);
  await page.goto(`${server.url}/demo/play`);
  // What the script says of itself is what the playground is for.
  return { page, troubles: () => troubles.filter((trouble) => !trouble.startsWith('console: calltrk ')) };
}

interface Choices {
  html?: string;
  arrival?: string;
  consent?: string;
  scene?: string;
}

async function run(page: Page, { html, ...chosen }: Choices): Promise<void> {
  if (html !== undefined) await page.fill('#html', html);
  for (const [name, value] of Object.entries(chosen)) await page.selectOption(`#${name}`, value);
  await page.click('button[type=submit]');
}

/** The page with the script on it. */
const stage = async (page: Page) => (await (await page.waitForSelector('#after')).contentFrame()) as Frame;

const changes = (page: Page) =>
  page.$$eval('#changes tbody tr', (rows) =>
    rows.map((row) => [...row.children].map((cell) => cell.textContent)),
  );
const decisions = (page: Page) =>
  page.$$eval('#decisions li', (items) =>
    Object.fromEntries(
      items.map((item) => [item.querySelector('q')?.textContent, item.querySelector('.code')?.textContent]),
    ),
  );
const stored = (page: Page) => page.$$eval('#stored dt', (names) => names.map((name) => name.textContent));
const isDifferent = (page: Page, count: string) =>
  page.waitForFunction(
    (count) => document.querySelector('#status')?.textContent === count,
    `${count} different.`,
  );

test('run by the keyboard alone, the sample shows before, after and why', async () => {
  const { page, troubles } = await open();
  await page.selectOption('#arrival', 'mailer');
  expect(await page.textContent('#landing')).toBe(
    `${server.url}/demo/play/page?promo=summer-mailer#calltrk_debug`,
  );
  await page.focus('#scene');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await isDifferent(page, '8 places are');
  expect(await changes(page)).toEqual(
    expect.arrayContaining([
      [
        'title of the page',
        'Bluebird Plumbing: call (305) 555-0100',
        'Bluebird Plumbing: call (305) 555-0121',
      ],
      ['href of <a>', 'tel:+13055550100', 'tel:+13055550121'],
      ['href of <a>', 'https://wa.me/13055550100', 'https://wa.me/13055550121'],
      ['aria-label of <a>', 'Text (305) 555-0100', 'Text (305) 555-0121'],
    ]),
  );
  expect(await decisions(page)).toMatchObject({
    '(305) 555-0100': 'swap',
    'Licence holder: 305-555-0100': 'kept',
    'phone = "305-555-0100"': 'kept',
    'Your order: 983055550100. Our other office: (212) 555-0100.': '–',
  });
  expect(await page.textContent('#story')).toContain('by the source tracker “Summer mailer” (TRK');
  expect(await page.textContent('#requests')).toContain('tells of the page view');
  expect(await stored(page)).toContain('calltrk_session_id');
  expect(await page.frameLocator('#before').locator('h1').textContent()).toBe(
    'Burst pipe? Call (305) 555-0100',
  );
  expect(await page.frameLocator('#after').locator('h1').textContent()).toBe(
    'Burst pipe? Call (305) 555-0121',
  );
  // Marked, and without a node more.
  const marks = await (await stage(page)).evaluate(
    () => (CSS.highlights.get('changed') as unknown as Set<Range>).size,
  );
  expect(marks).toBe(4);
  expect(troubles()).toEqual([]);
});

const PHONE = '<p id="phone">Call <a href="tel:3055550100">305-555-0100</a></p>';

test('consent withdrawn brings the originals back and leaves nothing behind', async () => {
  const { page, troubles } = await open();
  await run(page, { html: PHONE, consent: 'withdrawn' });
  await isDifferent(page, '2 places are');
  expect((await stored(page)).length).toBeGreaterThan(3);
  await isDifferent(page, 'No places are');
  expect(await page.frameLocator('#after').locator('#phone').textContent()).toBe('Call 305-555-0100');
  await page.waitForFunction(() => document.querySelector('#stored')?.childElementCount === 0);
  expect(await page.textContent('#story')).toContain('The site’s own numbers were put back in 2 places.');
  expect(await page.textContent('#decisions')).toContain('the visitor refused');
  expect((await page.context().cookies()).filter(({ name }) => name.startsWith('calltrk'))).toEqual([]);
  expect(troubles()).toEqual([]);
});

test('while consent is waited for nothing leaves the page, and everything does once it is given', async () => {
  const { page } = await open();
  await run(page, { html: PHONE, consent: 'unknown' });
  await page.waitForFunction(() => document.querySelector('#decisions .own'));
  expect(await page.textContent('#decisions')).toContain('the visitor has not agreed yet');
  expect([await stored(page), await page.$$('#requests li')]).toEqual([[], []]);
  await page.click('[data-choice=granted]');
  await isDifferent(page, '2 places are');
  expect(await stored(page)).toContain('calltrk_session_id');
  // A source tracker's number needs neither consent nor a request.
  await run(page, { html: PHONE, consent: 'denied', arrival: 'yelp' });
  await isDifferent(page, '2 places are');
  expect(await page.frameLocator('#after').locator('#phone').textContent()).toBe('Call 305-555-0120');
  expect(await page.textContent('#story')).toContain('the number of the source tracker “Yelp listing”');
  expect([await stored(page), await page.$$('#requests li')]).toEqual([[], []]);
});

test('Global Privacy Control is told to the server', async () => {
  const { page } = await open();
  await run(page, { html: PHONE, consent: 'gpc' });
  await page.waitForSelector('#requests li');
  expect(await page.textContent('#requests pre')).toContain('"gpc": true');
});

test.each(['shadow', 'renders', 'server'])(
  'the number is right on a page of the kind “%s”',
  async (scene) => {
    const { page, troubles } = await open();
    await run(page, { html: PHONE, arrival: 'mailer', scene });
    await isDifferent(page, '2 places are');
    expect(await page.frameLocator('#after').locator('#phone').textContent()).toBe('Call 305-555-0121');
    expect(Object.values(await decisions(page))).toContain('swap');
    expect(troubles()).toEqual([]);
  },
);

test('a page that insists on its number gets to keep it, and the playground says so', async () => {
  const { page } = await open();
  await run(page, { html: '<p>Call 305-555-0100</p>', arrival: 'mailer', scene: 'insists' });
  await page.waitForFunction(() => document.querySelector('#decisions .lost'), undefined, {
    timeout: 15_000,
  });
  await isDifferent(page, 'No places are');
  expect(await page.textContent('#story')).toContain('insists on its own number');
});

test('a form with a field for the session is compared like any page', async () => {
  const { page } = await open();
  const field = '<form><input type="hidden" name="calltrk_session_id"></form>';
  await run(page, { html: `${field}<p>305-555-0100</p><input type="button" value="305-555-0100">` });
  await isDifferent(page, '2 places are');
});

test('what cannot be run as it is written is told', async () => {
  const { page } = await open();
  await run(page, { html: ' \n' });
  expect(await page.textContent('#status')).toContain('The page is empty');
  expect(await page.isVisible('#result')).toBe(false);
  await page.fill('#referrer', 'not a url');
  await run(page, { html: '<p>Hello</p>' });
  await isDifferent(page, 'No places are');
  expect(await page.textContent('#story')).toContain('The referrer “not a url” is no address');
  expect(await page.isVisible('#no-decisions')).toBe(true);
  // A number is marked from its first digit or sign on.
  await run(page, { html: '<p>Ring us, e.g. 305-555-0100 (daily).</p>', arrival: 'mailer' });
  await isDifferent(page, '1 place is');
  expect(await page.$$eval('#changes mark', (marks) => marks.map((mark) => mark.textContent))).toEqual([
    '305-555-0100',
    '305-555-0121',
  ]);
});

test('a tap and a form are told, and lead nowhere', async () => {
  const { page, troubles } = await open();
  const form =
    '<form name="Callback"><label>Name <input name="name" value="Ann"></label><button>Send</button></form>';
  await run(page, { html: PHONE + form });
  await isDifferent(page, '2 places are');
  const after = page.frameLocator('#after');
  await after.locator('a').click();
  await after.locator('button').click();
  await page.waitForFunction(() => document.querySelectorAll('#requests li').length >= 3);
  const told = await page.textContent('#requests');
  expect(told).toContain('tells of a tap on a number');
  expect(told).toContain('tells of a form');
  expect(await page.textContent('#story')).toContain('A form was captured: Callback.');
  expect(await after.locator('#phone').count()).toBe(1);
  expect(troubles()).toEqual([]);
});

test('nothing that is pasted runs, asks another host, or gets out of its frame', async () => {
  const asked: string[] = [];
  const elsewhere = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end();
  }).listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  const other = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  const { page } = await open();
  const ran: string[] = [];
  page.on('request', (request) => ran.push(request.url()));
  await run(page, {
    html: `${PHONE}<script>parent.document.title = top.document.title = 'taken'</script>
      <img src="x" onerror="parent.document.title = 'taken'"><img src="${other}/pixel">
      <style>p { background: url(${other}/style) }</style><link rel="stylesheet" href="${other}/sheet">
      <iframe srcdoc="<script>top.document.title = 'taken'</script>"></iframe>
      <iframe src="${other}/frame"></iframe><iframe src="/demo"></iframe>
      <meta http-equiv="refresh" content="0; url=${other}/refresh"><base href="${other}/">
      <script src="/demo/demo.js"></script><object data="/demo"></object>
      <a id="up" target="_top" href="javascript:parent.document.title = 'taken'">up</a>
      <form action="${other}/form"><input name="name" value="Ann"><button>Send</button></form>`,
  });
  await isDifferent(page, '2 places are');
  const after = page.frameLocator('#after');
  await after.locator('#up').click();
  await after.locator('form button').click();
  await page.waitForFunction(() =>
    document.querySelector('#requests')?.textContent?.includes('tells of a form'),
  );
  expect(await page.title()).toBe('calltrk: try the script on your page');
  expect(page.url()).toBe(`${server.url}/demo/play`);
  expect((await stage(page)).url()).toContain('/demo/play/page');
  expect(ran.filter((url) => url.endsWith('demo.js'))).toEqual([]);
  expect(asked).toEqual([]);
  elsewhere.close();
});

test('the stage shows nothing without the playground, and other sites can frame neither', async () => {
  const { page } = await open();
  await page.goto(`${server.url}/demo/play/page?html=<b>x</b>`);
  expect((await page.textContent('body'))?.trim()).toBe('This page is a part of /demo/play.');
  const policy = async (path: string) =>
    (await fetch(server.url + path)).headers.get('content-security-policy') ?? '';
  expect(await policy('/demo/play')).toContain("frame-ancestors 'none'");
  expect(await policy('/demo/play/page')).toContain("frame-ancestors 'self'");
  for (const path of ['/demo/play', '/demo/play/page'])
    expect(await policy(path)).toContain("script-src 'self';");
});

test.each([400, 1400])('nothing sticks out at %i px', async (width) => {
  const { page } = await open({ width, height: 900 });
  await run(page, {});
  await isDifferent(page, '8 places are');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
});
