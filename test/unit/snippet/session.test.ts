import fc from 'fast-check';
import Cookies from 'js-cookie';
import { CookieJar } from 'jsdom';
import { describe, expect, test } from 'vitest';
import { compileRule } from '../../../shared/source-compile.js';
import { KEY, LIBRARIES, openPage, ownClock, POOL_NUMBER, SECOND_TARGET, TARGET } from '../../support/dom.js';

const UUID_V4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const DAY_MS = 864e5;

ownClock();

describe.each(LIBRARIES)('in %s', (library) => {
  test('the first visit leaves a random session, its landing page and its referrer in cookies', () => {
    const url = 'https://www.example.com/a?utm_source=b%20c&d=(e)';
    const page = openPage(library, { url, referrer: 'https://www.google.com/' });
    expect(page.cookies()).toEqual({
      calltrk_session_id: expect.stringMatching(UUID_V4),
      calltrk_landing: expect.any(String),
      calltrk_referrer: expect.any(String),
    });
    expect(decodeURIComponent(page.cookies().calltrk_landing ?? '')).toBe(url);
    expect(decodeURIComponent(page.cookies().calltrk_referrer ?? '')).toBe('https://www.google.com/');
    expect(openPage(library).cookies().calltrk_session_id).not.toBe(page.cookies().calltrk_session_id);
  });

  test.each([
    ['no referrer', 'https://www.example.com/', '', 'direct'],
    ['the site itself', 'https://www.example.com/', 'https://www.example.com/a', 'direct'],
    ['utm_referrer', 'https://www.example.com/?utm_referrer=news.com', 'https://www.google.com/', 'news.com'],
  ])('the referrer of %s is told', (_, url, referrer, expected) => {
    expect(openPage(library, { url, referrer }).cookies().calltrk_referrer).toBe(expected);
  });

  test.each(['http://localhost:3000/demo', 'http://127.0.0.1:3000/', 'http://[::1]:3000/'])(
    'they are kept on %s too',
    (url) => {
      const first = openPage(library, { url });
      const page = openPage(library, { url, after: first });
      expect(page.cookies()).toEqual(first.cookies());
      expect(Object.keys(page.cookies())).toHaveLength(3);
    },
  );

  test('the next page keeps session, landing and referrer', async () => {
    const first = openPage(library, { url: 'https://www.example.com/?gclid=a', referrer: 'https://a.net/' });
    await first.settle(DAY_MS);
    const page = openPage(library, {
      url: 'https://www.example.com/b',
      referrer: 'https://c.net/',
      after: first,
    });
    expect(page.cookies()).toEqual(first.cookies());
  });

  describe('a click that the company lets begin a new session', () => {
    const config = { overrides: [compileRule({ type: 'landing_params', landing: 'gclid' }) ?? []] };
    const opened = async () => {
      const first = openPage(library, {
        url: 'https://www.example.com/',
        referrer: 'https://a.net/',
        config,
      });
      await first.settle(1000);
      // Read now: in jsdom both pages have one jar.
      return { first, before: first.cookies() };
    };

    test('does so, and the visit begins with it', async () => {
      const { first, before } = await opened();
      const url = 'https://www.example.com/b?gclid=a';
      const page = openPage(library, { url, referrer: 'https://www.google.com/', after: first, config });
      await page.settle();
      expect(page.cookies().calltrk_session_id).not.toBe(before.calltrk_session_id);
      expect(decodeURIComponent(page.cookies().calltrk_landing ?? '')).toBe(url);
      expect(decodeURIComponent(page.cookies().calltrk_referrer ?? '')).toBe('https://www.google.com/');
      expect(page.to('/v1/swap')[0]?.body).toMatchObject({
        session: page.cookies().calltrk_session_id,
        visit: { landing: url, referrer: 'https://www.google.com/' },
      });
    });

    test.each([
      ['its page is loaded again', 'https://www.example.com/b?gclid=a', 'https://www.google.com/'],
      ['the visitor goes on', 'https://www.example.com/c', 'https://www.example.com/b?gclid=a'],
      ['the site links to itself so', 'https://www.example.com/c?gclid=c', 'https://www.example.com/b'],
    ])('and no other when %s', async (_, url, referrer) => {
      const { first, before } = await opened();
      const clicked = openPage(library, { url: 'https://www.example.com/b?gclid=a', after: first, config });
      await clicked.settle();
      const begun = clicked.cookies();
      expect(begun.calltrk_session_id).not.toBe(before.calltrk_session_id);
      const page = openPage(library, { url, referrer, after: clicked, config });
      expect(page.cookies()).toEqual(begun);
    });

    test('does not where the company does not', async () => {
      const { first, before } = await opened();
      const page = openPage(library, { url: 'https://www.example.com/b?gclid=a', after: first });
      expect(page.cookies()).toEqual(before);
    });
  });

  test('a cookie under CallRail\u2019s name is taken over', async () => {
    const session = '8d5c5a3e-7d7a-4a4e-9a52-3d1f7c0b9e11';
    const page = openPage(library, {
      before: ({ document }) => {
        document.cookie = `calltrk_session_id=${session}; path=/`;
        document.cookie = 'calltrk_landing=https%3A//www.example.com/old; path=/';
        document.cookie = 'calltrk_referrer=facebook.com; path=/';
      },
    });
    await page.settle();
    expect(page.to('/v1/swap')[0]?.body.session).toBe(session);
    expect(page.cookies()).toMatchObject({ calltrk_referrer: 'facebook.com' });
  });

  test('of two cookies with one name the one that is an id wins', async () => {
    const session = '8d5c5a3e-7d7a-4a4e-9a52-3d1f7c0b9e11';
    const page = openPage(library, {
      url: 'https://www.example.com/a/b',
      before: ({ window }) => {
        Object.defineProperty(window.Document.prototype, 'cookie', {
          configurable: true,
          get: () => `x=%E0%A4%A; calltrk_session_id=junk; calltrk_session_id=${session}; y`,
          set: () => {},
        });
      },
    });
    await page.settle();
    expect(page.to('/v1/swap')[0]?.body.session).toBe(session);
  });

  const { read, write } = Cookies.converter as Record<
    'read' | 'write',
    (value: string, name: string) => string
  >;

  test('they are written and read as js-cookie does, which sites use to read them', () => {
    fc.assert(
      fc.property(
        fc.webUrl({ withQueryParameters: true, withFragments: true }),
        fc.string({ minLength: 1 }),
        (url, text) => {
          const landing = `https://www.example.com/?${url}`;
          const written = write(text, '');
          const page = openPage(library, {
            url: landing,
            html: '<form><input type="hidden" name="calltrk_referrer"></form>',
            before: ({ document }) => {
              document.cookie = `calltrk_referrer=${written}; path=/`;
            },
          });
          expect(page.cookies().calltrk_landing).toBe(write(page.window.location.href, ''));
          const field = page.document.querySelector('input') as HTMLInputElement;
          expect(field.value).toBe(read(written, '').replace(/[\r\n]/g, ''));
        },
      ),
      { numRuns: 20 },
    );
  }, 30_000);

  test('a cookie that is no id is replaced', async () => {
    const page = openPage(library, {
      before: ({ document }) => {
        document.cookie = 'calltrk_session_id=%3Cscript%3E; path=/; domain=example.com';
      },
    });
    await page.settle();
    expect(page.to('/v1/swap')[0]?.body.session).toMatch(UUID_V4);
  });

  describe('without cookies', () => {
    const refuse = ({ document }: { document: Document }) =>
      Object.defineProperty(document, 'cookie', { configurable: true, get: () => '', set: () => {} });

    test('localStorage keeps them, and no longer than the cookies would live', async () => {
      const first = openPage(library, { before: refuse });
      await first.settle();
      const session = first.to('/v1/swap')[0]?.body.session;
      await first.settle(179 * DAY_MS);
      const second = openPage(library, { before: refuse, after: first });
      await second.settle();
      expect(second.to('/v1/swap')[0]?.body.session).toBe(session);
      await second.settle(2 * DAY_MS);
      const third = openPage(library, { before: refuse, after: second });
      await third.settle();
      expect(third.to('/v1/swap')[0]?.body.session).not.toBe(session);
    });

    test('and without storage the page works for itself', async () => {
      const page = openPage(library, {
        before: ({ document, window }) => {
          const forbidden = {
            configurable: true,
            get: () => {
              throw new Error('forbidden');
            },
          };
          Object.defineProperty(document, 'cookie', { ...forbidden, set: forbidden.get });
          Object.defineProperty(window, 'localStorage', forbidden);
        },
      });
      await page.settle(2000);
      expect(page.text()).toContain('(786) 555-0123');
      expect(page.to('/v1/swap')[0]?.body.session).toMatch(UUID_V4);
    });
  });

  test.each(['localStorage', 'cookies'])(
    'a page that empties its %s takes no consent back',
    async (emptied) => {
      const page = openPage(library);
      await page.settle();
      const { calltrk_session_id: session } = page.cookies();
      if (emptied === 'localStorage') page.window.localStorage.clear();
      else
        for (const name of Object.keys(page.cookies()))
          for (const domain of ['', '; domain=example.com'])
            page.document.cookie = `${name}=; path=/; max-age=0${domain}`;
      await page.settle(2000);
      expect(page.text('p')).toBe('Call (786) 555-0123');
      expect(page.api.session.id).toBe(session);
    },
  );

  test.each([
    ['arrives', () => ({})],
    ['fails', () => new Error('no network')],
  ])(
    'refused while a form is on its way that %s, nothing of it is left, and no other is sent',
    async (_, outcome) => {
      let answered = (_: object) => {};
      const page = openPage(library, {
        before: ({ window }) => {
          const form = (id: string) => ({
            key: KEY,
            session: 's',
            events: [{ type: 'form', id, at: Date.now() }],
          });
          window.localStorage.setItem(`calltrk-${KEY}-queue`, JSON.stringify([form('a'), form('b')]));
        },
        answer: ({ url }) =>
          url.endsWith('/v1/events')
            ? new Promise((done) => {
                answered = done;
              })
            : { numbers: {} },
      });
      await page.settle();
      page.api.consent('denied');
      answered(outcome());
      await page.settle();
      expect(page.events().map(({ id }) => id)).toEqual(['a']);
      expect(page.kept.storage).toEqual({});
    },
  );

  describe('a visit', () => {
    const visitOf = (page: ReturnType<typeof openPage>) => page.to('/v1/swap')[0]?.body.visit;
    const open = async (url: string, options: Parameters<typeof openPage>[1] = {}) => {
      const page = openPage(library, { url: `https://www.example.com${url}`, ...options });
      await page.settle();
      return page;
    };

    test('keeps its landing page and referrer from page to page', async () => {
      const first = await open('/?utm_source=a', { referrer: 'https://a.net/' });
      const page = await open('/b', { referrer: 'https://www.example.com/', after: first });
      expect(visitOf(page)).toEqual(visitOf(first));
    });

    test('ends after 30 minutes without activity; the session goes on', async () => {
      const first = await open('/?utm_source=a');
      await first.settle(31 * 60_000);
      const page = await open('/b', { referrer: 'https://a.net/', after: first });
      expect(visitOf(page)).toEqual({ landing: 'https://www.example.com/b', referrer: 'https://a.net/' });
      expect(page.cookies()).toEqual(first.cookies());
    });

    test('goes on while the visitor is there', async () => {
      const first = await open('/');
      for (let minute = 0; minute < 40; minute++) {
        first.document.dispatchEvent(new first.window.Event('pointermove', { bubbles: true }));
        await first.settle(60_000);
      }
      const page = await open('/b', { after: first });
      expect(visitOf(page)).toEqual(visitOf(first));
    });

    test('says where the visitor came in again from outside: whether it is another click, the server knows', async () => {
      const first = await open('/?gclid=a&utm_source=b');
      const inner = await open('/c?page=2', { after: first, referrer: 'https://www.example.com/b' });
      expect(visitOf(inner)).toEqual(visitOf(first));
      const back = await open('/', { after: inner, referrer: 'https://pay.example.net/' });
      expect(visitOf(back)).toEqual(visitOf(first));
      const next = await open('/?gclid=c&utm_source=b', { after: back });
      expect(visitOf(next)).toMatchObject({ landing: 'https://www.example.com/?gclid=c&utm_source=b' });
    });

    test.each([
      { visit: { landing: 7, referrer: 'direct', until: 9e15 } },
      { visit: { landing: '', referrer: 'direct', until: 9e15 } },
      { visit: { landing: 'https://www.example.com/a', referrer: null, until: 9e15 } },
      { landing: 5, referrer: {} },
    ])('is made anew where storage holds junk: %j', async (junk) => {
      const kept = JSON.stringify({ until: 9e15, ...junk });
      const page = await open('/b', {
        before: ({ window }) => window.localStorage.setItem(`calltrk-${KEY}`, kept),
      });
      expect(visitOf(page)).toEqual({ landing: 'https://www.example.com/b', referrer: 'direct' });
      expect(decodeURIComponent(page.cookies().calltrk_landing ?? '')).toBe('https://www.example.com/b');
    });
  });

  test('an address without end is cut', async () => {
    const page = openPage(library, { url: `https://www.example.com/?q=${'x'.repeat(20_000)}` });
    await page.settle();
    const [request] = page.to('/v1/swap');
    expect(request?.body.visit?.landing).toHaveLength(2048);
    expect(request?.body.page?.url).toHaveLength(2048);
  });

  test('storage holds one entry for the numbers, whatever the session', async () => {
    const first = openPage(library, { numbers: { [TARGET]: POOL_NUMBER, [SECOND_TARGET]: null } });
    await first.settle();
    const page = openPage(library, {
      after: first,
      before: ({ document, window }) => {
        window.localStorage.clear();
        document.cookie = 'calltrk_session_id=; path=/; max-age=0; domain=example.com';
        document.cookie = 'calltrk_session_id=; path=/; max-age=0';
      },
    });
    expect(page.text('p')).toBe('Call (305) 555-0100');
    await page.settle();
    expect(Object.keys(page.kept.storage).sort()).toEqual(Object.keys(first.kept.storage).sort());
  });
});

// happy-dom's cookies do not say what they are good for.
test('the cookies are sent to the site alone, over https, as long as the company says', () => {
  const jar = new CookieJar();
  const { cookies } = openPage('jsdom', {
    after: { kept: { jar, cookie: '', storage: {} } } as never,
    url: 'https://shop.example.co.uk/a/b',
    config: { cookie_days: 30 },
  });
  expect(Object.keys(cookies())).toHaveLength(3);
  for (const cookie of jar.getCookiesSync('https://shop.example.co.uk/')) {
    expect(cookie).toMatchObject({ domain: 'example.co.uk', path: '/', sameSite: 'lax', secure: true });
    expect((cookie.expires as Date).getTime() - Date.now()).toBeCloseTo(30 * DAY_MS, -4);
  }
  expect(jar.getCookiesSync('https://www.example.co.uk/')).toHaveLength(3);
});
