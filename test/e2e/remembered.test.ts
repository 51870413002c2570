/** What a browser remembers of a visitor, in which words, and who else can read them. */
import Cookies from 'js-cookie';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  FLYER,
  FROM_FLYER,
  type Ground,
  NUMBER_PAGE,
  numberNow,
  numberShown,
  openGround,
  started,
} from '../support/ground.js';
import { until } from '../support/processes.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

const HOST = 'www.bluebird.localhost';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const GIVEN = '0b9a3f64-6c1e-4d2b-9a77-3f2f1d4c5b6a';
const DAY = 86_400;

async function cookies(context: BrowserContext) {
  return Object.fromEntries((await context.cookies()).map((cookie) => [cookie.name, cookie]));
}

describe('the cookies', () => {
  test('are on the widest domain, for all paths, for 180 days, and sent along by links to the site', async () => {
    const { context, page } = await ground.open({ host: HOST });
    await numberShown(page);
    const found = await cookies(context);
    expect(Object.keys(found).sort()).toEqual(['calltrk_landing', 'calltrk_referrer', 'calltrk_session_id']);
    for (const cookie of Object.values(found)) {
      expect(cookie).toMatchObject({
        domain: '.bluebird.localhost',
        path: '/',
        sameSite: 'Lax',
        secure: false,
        httpOnly: false,
      });
      expect(Math.abs(cookie.expires - Date.now() / 1000 - 180 * DAY)).toBeLessThan(DAY);
    }
    expect(found.calltrk_session_id?.value).toMatch(UUID);
  });

  test('last as long as the company says', async () => {
    const { context, page } = await ground.open({ config: { cookie_days: 30 } });
    await numberShown(page);
    const { calltrk_session_id: cookie } = await cookies(context);
    expect(Math.abs((cookie?.expires ?? 0) - Date.now() / 1000 - 30 * DAY)).toBeLessThan(DAY);
  });

  test.each(['127.0.0.1', 'localhost', 'bluebird.localhost', 'a.b.c.bluebird.localhost'])(
    'on %s are all that is left there: the probes are gone',
    async (host) => {
      const { context, page, troubles } = await ground.open({ host });
      await numberShown(page);
      expect(Object.keys(await cookies(context)).sort()).toEqual([
        'calltrk_landing',
        'calltrk_referrer',
        'calltrk_session_id',
      ]);
      expect(troubles).toEqual([]);
    },
  );

  test('on another name of the same domain are the same', async () => {
    const first = await ground.open({ host: HOST });
    const number = await numberShown(first.page);
    const second = await ground.open({ host: 'shop.bluebird.localhost', context: first.context });
    expect(await numberShown(second.page)).toBe(number);
    expect(second.swaps()[0].session).toBe(first.swaps()[0].session);
  });

  test('are written as js-cookie writes them, whatever is in the address', async () => {
    const query = `?q=a=b;c,d e"f%20ü%E2%82%AC&utm_source=x#%7B[{(<^\`|>)}]`;
    const { page, url } = await ground.open({ host: HOST, query });
    await numberShown(page);
    const landing = await page.evaluate(() => location.href);
    const raw = await page.evaluate(
      () =>
        document.cookie
          .split('; ')
          .find((one) => one.startsWith('calltrk_landing='))
          ?.replace(/^[^=]*=/, '') ?? '',
    );
    // js-cookie itself, as a site has it that reads these cookies.
    const { read, write } = Cookies.converter as Required<typeof Cookies.converter>;
    expect(raw).toBe((write as (value: string, name: string) => string)(landing, 'calltrk_landing'));
    expect((read as (value: string, name: string) => string)(raw, 'calltrk_landing')).toBe(landing);
    expect(landing.startsWith(url)).toBe(true);
  });

  test.each([
    ['nobody', '', undefined, 'direct'],
    ['another site', '', 'http://www.google.com/', 'http://www.google.com/'],
    [
      'what the address says',
      '?utm_referrer=https%3A%2F%2Fnews.example%2Fa',
      'http://www.google.com/',
      'https://news.example/a',
    ],
  ])('say who sent the visitor: %s', async (_who, query, referer, expected) => {
    const { context, page } = await ground.open({ query, ...(referer && { referer }) });
    await numberShown(page);
    expect(decodeURIComponent((await cookies(context)).calltrk_referrer?.value ?? '')).toBe(expected);
  });
});

describe('cookies of others', () => {
  const add = (context: BrowserContext, name: string, value: string, where: object = {}) =>
    context.addCookies([{ name, value, domain: '.bluebird.localhost', path: '/', ...where }]);
  /** A visitor with these cookies before he comes. */
  const withCookies = async (...given: [name: string, value: string, where?: object][]) => {
    const context = await ground.newVisitor();
    for (const [name, value, where] of given) await add(context, name, value, where);
    return ground.open({ host: HOST, context });
  };

  test('CallRail’s are taken over: session, landing page and referrer', async () => {
    const { page, context, swaps } = await withCookies(
      ['calltrk_session_id', GIVEN],
      ['calltrk_landing', 'https://www.bluebird.example/?promo=summer-mailer'],
      ['calltrk_referrer', 'https://www.example.org/'],
    );
    expect(await numberShown(page)).toBe(FLYER);
    await until(() => swaps()[0]);
    expect(swaps()[0].session).toBe(GIVEN);
    expect((await cookies(context)).calltrk_session_id?.value).toBe(GIVEN);
    expect((await cookies(context)).calltrk_landing?.value).toContain('summer-mailer');
  });

  test('the name that CallRail’s older script gave the session is known, too', async () => {
    const { page, swaps } = await withCookies(['calltrk_session_id_12345', GIVEN]);
    await numberShown(page);
    expect(swaps()[0].session).toBe(GIVEN);
  });

  test.each([
    [
      'one of a deeper path is rubbish',
      [
        ['calltrk_session_id', 'garbage', { path: '/p' }],
        ['calltrk_session_id', GIVEN],
      ],
    ],
    [
      'one of the host is rubbish',
      [
        ['calltrk_session_id', '%', { domain: HOST }],
        ['calltrk_session_id', GIVEN],
      ],
    ],
    [
      'one is empty',
      [
        ['calltrk_session_id', '', { path: '/p' }],
        ['calltrk_session_id', GIVEN],
      ],
    ],
    [
      'the valid one is the deeper',
      [
        ['calltrk_session_id', GIVEN, { path: '/p' }],
        ['calltrk_session_id', 'x'.repeat(36)],
      ],
    ],
  ] as [string, [string, string, object?][]][])(
    'two of one name, %s: the valid one wins',
    async (_name, given) => {
      const { page, swaps, troubles } = await withCookies(...given);
      await numberShown(page);
      expect(swaps()[0].session).toBe(GIVEN);
      expect(troubles).toEqual([]);
    },
  );

  test.each([
    ['no UUID', 'undefined'],
    ['broken encoding', '%E0%A4%A'],
    ['markup', '<script>alert(1)</script>'],
  ])('a session that is none is not taken over: %s', async (_name, value) => {
    const { page, swaps, troubles } = await withCookies(
      ['calltrk_session_id', value],
      ['other', '%E0%A4%A'],
      ['calltrk_landing', value],
    );
    await numberShown(page);
    expect(swaps()[0].session).toMatch(UUID);
    expect(troubles).toEqual([]);
  });
});

describe('the mirror', () => {
  const visit = async () => {
    const opened = await ground.open({ host: HOST, query: '?gclid=first' });
    const number = await numberShown(opened.page);
    return { ...opened, number, session: opened.swaps()[0].session as string };
  };
  const again = (context: BrowserContext) => ground.open({ host: HOST, context });

  test('brings the cookies back after they are gone', async () => {
    const { context, session, number, url } = await visit();
    await context.clearCookies();
    // Storage belongs to the origin, which is the same on another path.
    const next = await again(context);
    expect(await numberShown(next.page)).toBe(number);
    expect(next.swaps()[0].session).toBe(session);
    const found = await cookies(context);
    expect(found.calltrk_session_id?.value).toBe(session);
    expect(decodeURIComponent(found.calltrk_landing?.value ?? '')).toBe(`${url}?gclid=first`);
  });

  test('is not needed while there are cookies', async () => {
    const { context, page, session } = await visit();
    await page.evaluate(() => localStorage.clear());
    expect((await again(context)).url).not.toBe('');
    const next = await again(context);
    await numberShown(next.page);
    expect(next.swaps()[0].session).toBe(session);
  });

  test('of nonsense is no mirror', async () => {
    const { context, page, session } = await visit();
    await context.clearCookies();
    await page.evaluate(() => {
      for (const name of Object.keys(localStorage))
        localStorage.setItem(name, '{"value":{"a":1},"until":"never","numbers":[[null]]}');
    });
    const next = await again(context);
    await numberShown(next.page);
    expect(next.swaps()[0].session).toMatch(UUID);
    expect(next.swaps()[0].session).not.toBe(session);
    expect(next.troubles).toEqual([]);
  });

  test('and the cookies both gone, it is another visitor', async () => {
    const { context, page, session } = await visit();
    await context.clearCookies();
    await page.evaluate(() => localStorage.clear());
    const next = await again(context);
    await numberShown(next.page);
    expect(next.swaps()[0].session).not.toBe(session);
  });

  test('holds nothing but what starts with the script’s name, and little of it', async () => {
    const { page } = await visit();
    const kept = await until(async () => {
      const entries = await page.evaluate(() => Object.entries(localStorage));
      return entries.length > 0 ? entries : undefined;
    });
    expect(kept.filter(([name]) => !name.startsWith('calltrk'))).toEqual([]);
    expect(kept.flat().join('').length).toBeLessThan(4096);
  });
});

test('the number of last time is there before anybody was asked', async () => {
  const first = await ground.open();
  const number = await numberShown(first.page);
  const second = await ground.open({ context: first.context, fault: () => new Promise(() => {}) });
  expect(await numberShown(second.page)).toBe(number);
});

describe('hidden fields of the site’s own forms', () => {
  const FIELDS = ['calltrk_session_id', 'calltrk_fcid', 'calltrk_referrer', 'calltrk_landing'];
  const FORM = `${NUMBER_PAGE}<form id="form" action="thanks" method="get">${FIELDS.map((name) => `<input type="hidden" name="${name}">`).join('')}
    <input type="hidden" name="other" value="as it was"><input name="email"><button>Send</button></form>`;
  const submit = async (page: Page) => {
    await page.fill('[name=email]', 'eve@example.com');
    await page.click('#form button');
    await page.waitForURL('**/thanks?**');
    return Object.fromEntries(new URL(page.url()).searchParams);
  };

  test('are filled, so that the site’s own record knows the visit', async () => {
    const { page, swaps, events, url, context } = await ground.open({
      html: FORM,
      pages: { thanks: 'Thanks' },
      query: '?gclid=abc',
    });
    await numberShown(page);
    const sent = await submit(page);
    expect(sent).toMatchObject({
      calltrk_session_id: swaps()[0].session,
      calltrk_referrer: 'direct',
      calltrk_landing: `${url}?gclid=abc`,
      other: 'as it was',
    });
    const [form] = await until(() => (events('form').length ? events('form') : undefined));
    expect(form.fcid).toMatch(UUID);
    expect(sent.calltrk_fcid).toBe(form.fcid);
    expect((await cookies(context)).calltrk_fcid?.value).toBe(form.fcid);
    // The visitor did not write them, so nobody is told of them again.
    expect(JSON.stringify(form.fields)).not.toContain('calltrk');
  });

  test('are filled in a form that comes later, also one that is sent by the page', async () => {
    const { page, swaps } = await ground.open({ html: NUMBER_PAGE, pages: { thanks: 'Thanks' } });
    await numberShown(page);
    await page.evaluate(() => {
      document.body.insertAdjacentHTML(
        'beforeend',
        '<form action="thanks"><input type="hidden" name="calltrk_session_id"><input name="email" value="eve@example.com"></form>',
      );
      document.querySelector('form')?.submit();
    });
    await page.waitForURL('**/thanks?**');
    expect(new URL(page.url()).searchParams.get('calltrk_session_id')).toBe(swaps()[0].session);
  });

  test('stay empty while nothing may be stored', async () => {
    const { page, received } = await ground.open({
      html: FORM,
      pages: { thanks: 'Thanks' },
      tag: 'async data-consent="wait"',
    });
    await started(page);
    const sent = await submit(page);
    expect(sent).toMatchObject({ calltrk_session_id: '', calltrk_fcid: '', calltrk_landing: '' });
    expect(received).toEqual([]);
  });

  test('calltrk_fcid is made where forms are tracked, and only with the first form', async () => {
    const untracked = await ground.open({
      html: FORM,
      pages: { thanks: 'Thanks' },
      config: { forms: false },
    });
    await numberShown(untracked.page);
    await submit(untracked.page);
    expect(Object.keys(await cookies(untracked.context))).not.toContain('calltrk_fcid');
    const tracked = await ground.open({ query: FROM_FLYER });
    await numberShown(tracked.page);
    expect(await numberNow(tracked.page)).toBe(FLYER);
    expect(Object.keys(await cookies(tracked.context))).not.toContain('calltrk_fcid');
  });

  test('keep no visit alive by being filled, and make no id for forms where none is asked for', async () => {
    const idle = await ground.open({
      host: HOST,
      html: FORM.replace(/<input[^>]*fcid">/, ''),
      query: '?gclid=first',
      before: (page) => page.clock.install({ time: Date.now() }),
    });
    await started(idle.page);
    await until(async () => {
      await idle.page.clock.runFor(100);
      return (await idle.page.inputValue('[name=calltrk_session_id]')) || undefined;
    });
    await numberShown(idle.page);
    expect(Object.keys(await cookies(idle.context))).not.toContain('calltrk_fcid');
    // A page that shows all the time, and nobody is there.
    await idle.page.clock.runFor(31 * 60_000);
    expect(Object.keys(await cookies(idle.context))).not.toContain('calltrk_fcid');
    const later = Date.now() + 31 * 60_000;
    const next = await ground.open({
      host: HOST,
      context: idle.context,
      before: (page) => page.clock.install({ time: later }),
    });
    const [{ session, visit }] = await until(() => (next.swaps().length ? next.swaps() : undefined));
    expect(session).toBe(idle.swaps()[0].session);
    expect(visit.landing).toBe(next.url);
  });

  test('calltrk_fcid is made once, also for a field that asks for it before there is a form', async () => {
    const { page, context, events } = await ground.open({ html: FORM, pages: { thanks: 'Thanks' } });
    await numberShown(page);
    const early = await until(async () => (await cookies(context)).calltrk_fcid?.value);
    expect((await submit(page)).calltrk_fcid).toBe(early);
    const [form] = await until(() => (events('form').length ? events('form') : undefined));
    expect(form.fcid).toBe(early);
  });
});
