/**
 * Our own server at its worst. What the page hid is shown within a second, no wrong digit is ever written, nothing is
 * thrown, and the server is not asked again and again.
 */
import type { ServerResponse } from 'node:http';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AnyPage,
  CORS,
  type Fault,
  FLYER,
  FROM_FLYER,
  type Ground,
  numberNow,
  numberShown,
  type OpenedFrame,
  OWN,
  openGround,
  started,
} from '../support/ground.js';
import { NOISE_MS, until } from '../support/processes.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

const GIVEN = {
  e164: '+17865550123',
  national: '(786) 555-0123',
  national_string: '7865550123',
  international: '+1 786 555 0123',
  shared: false,
};
const answer =
  (body: string, status = 200, headers = {}) =>
  (response: ServerResponse) => {
    response.writeHead(status, { ...CORS, ...headers });
    response.end(body);
  };
const json = (body: unknown) => answer(JSON.stringify(body));
const answered = (more: object) =>
  json({
    session: 'x',
    visit: 'x',
    config: '1',
    held_seconds: 1200,
    ping_seconds: 60,
    numbers: { [OWN]: GIVEN },
    ...more,
  });
const number = (value: unknown) => answered({ numbers: { [OWN]: value } });

/** The page keeps its own number: there is none to show, or none to be trusted. */
const NOT_TO_BE_SHOWN: [name: string, fault: Fault][] = [
  ['cuts the line', (response) => response.destroy()],
  ['never answers', () => new Promise(() => {})],
  [
    'begins to answer and stops',
    (response) => {
      response.writeHead(200, CORS);
      response.write('{"numbers": {"+13055550100": ');
    },
  ],
  [
    'answers half of what it announced',
    (response) => {
      response.writeHead(200, { ...CORS, 'content-length': '1000' });
      response.end('{"numbers":', () => response.destroy());
    },
  ],
  ['answers 500', answer('{"error":"x"}', 500)],
  ['answers 503 with Retry-After', answer('{"error":"x"}', 503, { 'retry-after': '0' })],
  ['answers 429', answer('{"error":"x"}', 429)],
  ['answers 404', answer('not found', 404)],
  [
    'answers 500 with a good body',
    (response) => {
      response.writeHead(500, CORS);
      response.end(JSON.stringify({ held_seconds: 1, ping_seconds: 1, numbers: { [OWN]: GIVEN } }));
    },
  ],
  ['answers 204', answer('', 204)],
  ['forgets to allow the page to read', (response) => response.writeHead(200).end('{}')],
  ['leads to nowhere', answer('', 307, { location: '../nowhere' })],
  ['answers HTML', answer('<!doctype html><title>Login</title>', 200, { 'content-type': 'text/html' })],
  ['answers half a JSON', answer('{"numbers": {"+1305')],
  ['answers nothing', answer('')],
  ['answers bytes', answer('\u0000\u0001\ufffd')],
  ...[null, [], 1, true, '', 'x', {}].map((body): [string, Fault] => [
    `answers ${JSON.stringify(body)}`,
    json(body),
  ]),
  ...[null, 1, '', 'x', [], {}, [GIVEN]].map((numbers): [string, Fault] => [
    `answers ${JSON.stringify(numbers)?.slice(0, 12)} for numbers`,
    answered({ numbers }),
  ]),
  ['answers another target', answered({ numbers: { '+12125550100': GIVEN } })],
  [
    'answers a prototype',
    answer(
      '{"held_seconds":1,"ping_seconds":60,"numbers":{"__proto__":{"+13055550100":{"e164":"+17865550123"}}}}',
    ),
  ],
  ['answers no number', number(null)],
  ['answers a text for a number', number('+17865550123')],
  ['answers a list for a number', number(['+17865550123'])],
  ['answers a number without its spellings', number({ e164: '+17865550123' })],
  ['answers a number that counts', number({ ...GIVEN, e164: 17865550123, national_string: 7865550123 })],
  ['answers letters', number({ ...GIVEN, national: '(786) CALL-NOW' })],
  [
    'answers markup',
    number({ ...GIVEN, national: '<b>786</b>', international: '<img src=x onerror=alert(1)>' }),
  ],
  ['answers a scheme', number({ ...GIVEN, e164: 'javascript:alert(1)' })],
  ['answers E.164 with more behind it', number({ ...GIVEN, e164: '+17865550123;ext=1' })],
  ['answers E.164 in two lines', number({ ...GIVEN, e164: '+17865550123\n+1' })],
  [
    'answers too few digits',
    number({
      ...GIVEN,
      e164: '+1786555',
      national: '786555',
      national_string: '786555',
      international: '+1 786 555',
    }),
  ],
  [
    'answers too many digits',
    number({
      ...GIVEN,
      e164: '+178655501234567',
      national_string: '78655501234567',
      national: '78655501234567',
      international: '+178655501234567',
    }),
  ],
  ['answers one digit too few in one spelling', number({ ...GIVEN, national: '(786) 555-012' })],
  ['answers another number in one spelling', number({ ...GIVEN, national: '(900) 555-0199' })],
  ['answers full-width digits', number({ ...GIVEN, e164: '+１７８６５５５０１２３' })],
  [
    'answers zeros',
    number({ e164: '+0000000000', national: '000', national_string: '000', international: '+000' }),
  ],
];

/** The number is good and shown, whatever stands around it. */
const TO_BE_SHOWN: [name: string, fault: Fault][] = [
  ['answers times that are none', answered({ held_seconds: 'x', ping_seconds: null })],
  ['answers times before the beginning', answered({ held_seconds: -1, ping_seconds: -1 })],
  [
    'answers times without end',
    answer(`{"held_seconds":1e999,"ping_seconds":1e999,"numbers":{"${OWN}":${JSON.stringify(GIVEN)}}}`),
  ],
  ['answers no time at all', answered({ held_seconds: 0, ping_seconds: 0 })],
  [
    'answers more than it was asked',
    answered({ more: 'x'.repeat(10_000), numbers: { [OWN]: GIVEN, '+19005550100': GIVEN } }),
  ],
  [
    'answers late',
    async (response) => {
      await new Promise((done) => setTimeout(done, 2500));
      answered({})(response);
    },
  ],
];

const HTML = `<style>.phoneswap { visibility: hidden }</style>
  <p id="n">(305) 555-0100</p><a id="link" href="tel:+13055550100">305.555.0100</a><p id="hidden" class="phoneswap">305-555-0100</p>`;
const CASES = [
  ...NOT_TO_BE_SHOWN.map(([name, fault]) => ({ name, fault, shown: OWN })),
  ...TO_BE_SHOWN.map(([name, fault]) => ({ name, fault, shown: GIVEN.e164 })),
];
const faulty = (fault: Fault): AnyPage => ({
  html: HTML,
  fault: (response, { path }) => (path.endsWith('/v1/swap') ? fault(response, { path, body: {} }) : false),
});

describe('the server', () => {
  let frames: OpenedFrame[];
  let openedAt: number;
  beforeAll(async () => {
    openedAt = Date.now();
    frames = await ground.openFrames(CASES.map(({ fault }) => faulty(fault)));
  });

  test.each(CASES.map((row, at) => ({ ...row, at })))('$name: $shown is shown', async ({ at, shown }) => {
    const { frame, swaps, troubles } = frames[at] as OpenedFrame;
    await frame.locator('#hidden').waitFor({ state: 'visible', timeout: 5000 });
    await until(() => swaps()[0]);
    if (shown === OWN) await frame.waitForTimeout(20);
    else await numberShown(frame);
    const e164 = await numberNow(frame);
    expect(e164).toBe(shown);
    const [, area, exchange, line] = /^\+1(...)(...)(....)$/.exec(shown) ?? [];
    expect(await frame.textContent('#n')).toBe(`(${area}) ${exchange}-${line}`);
    expect(await frame.getAttribute('#link', 'href')).toBe(`tel:${shown}`);
    expect(await frame.textContent('#link')).toBe(`${area}.${exchange}.${line}`);
    expect(troubles).toEqual([]);
  });

  test('has been asked a few times only, by each of these pages', async () => {
    // What the pages asked, not what arrived: Chromium itself tries again, several times, where a connection was cut.
    const times = await Promise.all(
      frames.map(({ frame }) =>
        frame.evaluate(
          () =>
            performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/v1/swap')).length,
        ),
      ),
    );
    // After 2 s, 4 s, 8 s …
    const most = 1 + Math.ceil(Math.log2((Date.now() - openedAt) / 2000 + 1));
    const asked = CASES.map(({ name }, at) => ({ name, times: times[at] ?? 0 }));
    expect(asked.filter(({ times }) => times > most)).toEqual([]);
    expect(asked.find(({ name }) => name === 'cuts the line')?.times).toBeGreaterThan(0);
  });
});

describe('a page on which everything fails', () => {
  /** Time on this page is the test's. */
  const patient = (more: AnyPage): AnyPage => ({
    html: HTML,
    before: (page) => page.clock.install(),
    ...more,
  });
  const after = async (page: Page, ms: number) => {
    await started(page);
    for (let passed = 0; passed < ms; passed += ms / 20) {
      await page.clock.runFor(ms / 20);
      // The refusal of a request comes by the real clock.
      await page.waitForTimeout(20);
    }
  };

  test('asks less and less: not ten times in an hour', async () => {
    const { page, swaps, troubles } = await ground.open(patient({ fault: answer('{}', 503) }));
    await after(page, 3_600_000);
    expect(swaps().length).toBeGreaterThan(1);
    expect(swaps().length).toBeLessThan(16);
    expect(new Set(swaps().map(({ page }) => page?.id)).size).toBe(1);
    expect(troubles).toEqual([]);
  });

  test('shows what it hid, by its own clock within a second', async () => {
    const stopped = async ({ clock }: Page) => {
      await clock.install({ time: 0 });
      await clock.pauseAt(1000);
    };
    const { page } = await ground.open({
      html: HTML,
      before: stopped,
      fault: () => new Promise(() => {}),
    });
    await started(page);
    expect(await page.isVisible('#hidden')).toBe(false);
    await page.clock.runFor(1000);
    expect(await page.isVisible('#hidden')).toBe(true);
  });

  test('shows what it brings later and hides', async () => {
    const { page } = await ground.open({ html: HTML, fault: () => new Promise(() => {}) });
    await page.locator('#hidden').waitFor({ state: 'visible', timeout: 1000 + NOISE_MS });
    await page.evaluate(() =>
      document.body.insertAdjacentHTML('beforeend', '<b id="late" class="phoneswap">305-555-0100</b>'),
    );
    await page.locator('#late').waitFor({ state: 'visible', timeout: 1000 + NOISE_MS });
  });

  test('shows the right number as soon as the server is well again', async () => {
    let ill = true;
    const { page, swaps } = await ground.open(
      patient({ fault: (response) => (ill ? answer('{}', 500)(response) : false) }),
    );
    await started(page);
    await until(() => swaps()[0]);
    ill = false;
    await page.waitForTimeout(50);
    await page.clock.runFor(10_000);
    expect(ground.pool).toContain(await numberShown(page));
  });

  test('of a source tracker shows its number at once', async () => {
    const { page } = await ground.open({ query: FROM_FLYER, fault: (response) => response.destroy() });
    expect(await numberShown(page)).toBe(FLYER);
  });

  test('whose script cannot be had keeps its number', async () => {
    const { page, received } = await ground.open({
      before: (page) => page.route('**/swap.js', (route) => route.abort()),
    });
    await page.waitForLoadState('load');
    expect(await numberNow(page)).toBe(OWN);
    expect(received).toEqual([]);
  });

  test('does not ask often because it is told to ping often', async () => {
    const { page, events } = await ground.open(
      patient({ fault: answered({ ping_seconds: 0.001, held_seconds: 0 }) }),
    );
    await started(page);
    await numberShown(page);
    for (let second = 0; second < 30; second++) {
      await page.mouse.move(second, second);
      await page.clock.runFor(1000);
    }
    expect(events('ping').length).toBeLessThanOrEqual(7);
  });
});
