/** What goes on while the page is there: consent that ends, routes, requests that fail, components that come back. */
import { describe, expect, test, vi } from 'vitest';
import { compileRule } from '../../../shared/source-compile.js';
import {
  LIBRARIES,
  openPage,
  ownClock,
  type Page,
  POOL_NUMBER,
  SECOND_TARGET,
  SOURCE_NUMBER,
  TARGET,
} from '../../support/dom.js';

ownClock();

const submit = ({ document, window }: Page) =>
  document
    .querySelector('form')
    ?.dispatchEvent(new window.Event('submit', { bubbles: true, cancelable: true }));
const OTHER = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';

describe.each(LIBRARIES)('in %s', (library) => {
  test.each(['globalPrivacyControl', 'doNotTrack'] as const)(
    '%s, where it is a refusal, erases what an earlier page has stored',
    async (signal) => {
      const first = openPage(library);
      await first.settle();
      expect(first.cookies()).not.toEqual({});
      const next = openPage(library, {
        after: first,
        config: { refusals: [signal] },
        before: ({ window }) => Object.defineProperty(window.navigator, signal, { value: '1' }),
      });
      next.api.consent('granted');
      await next.settle(2000);
      expect(next.cookies()).toEqual({});
      expect(next.kept.storage).toEqual({});
      expect(next.sent).toEqual([]);
    },
  );

  test('a field of the site’s own form has the session as long as there is consent, and is written once', async () => {
    const page = openPage(library, {
      html: '<form><input type="hidden" name="calltrk_session_id"><input type="hidden" name="calltrk_own" value="x"></form>',
    });
    await page.settle(2000);
    const [field, other] = page.document.querySelectorAll('input');
    expect(field?.value).toBe(page.api.session.id);
    const changes: unknown[] = [];
    const observer = new page.window.MutationObserver((records) => changes.push(...records));
    observer.observe(page.document, { attributes: true, subtree: true });
    await page.settle(3000);
    expect(changes).toEqual([]);
    page.api.consent('denied');
    expect([field?.value, other?.value]).toEqual(['', 'x']);
  });

  test('a route that keeps its numbers shows the site’s own, and the next one the visitor’s', async () => {
    const page = openPage(library, { config: { keep_urls: '/legal' } });
    await page.settle(1000);
    expect(page.text('p')).toBe('Call (786) 555-0123');
    page.window.history.pushState(null, '', '/legal');
    await page.settle(2000);
    expect(page.text('p')).toBe('Call (305) 555-0100');
    page.window.history.pushState(null, '', '/prices');
    await page.settle(2000);
    expect(page.text('p')).toBe('Call (786) 555-0123');
  });

  test('who comes from another site has the number that was asked for meanwhile, too', async () => {
    const answers: (() => void)[] = [];
    const page = openPage(library, {
      url: 'https://www.example.com/?calltrk_link=T',
      answer: ({ body }) =>
        new Promise((done) => {
          const numbers = Object.fromEntries(
            (body.targets ?? []).map((target: string) => [target, POOL_NUMBER]),
          );
          const began = { landing: 'https://a.example/', referrer: 'direct' };
          answers.push(() => done({ session: OTHER, source: 'direct', numbers, began }));
        }),
    });
    await page.settle();
    const numbers = page.api.getSwapNumbers(SECOND_TARGET);
    await page.settle();
    expect(page.to('/v1/swap').map(({ body }) => body.targets)).toEqual([[TARGET], [SECOND_TARGET]]);
    for (const answer of answers) answer();
    await page.settle();
    expect((await numbers)[SECOND_TARGET]).toMatchObject({ e164: POOL_NUMBER.e164 });
    expect(page.api.session.id).toBe(OTHER);
    expect(page.cookies().calltrk_session_id).toBe(OTHER);
    // The token was good for this.
    await page.settle(1_500_000);
    page.window.dispatchEvent(new page.window.Event('visibilitychange'));
    await page.settle();
    expect(page.to('/v1/swap').length).toBeGreaterThan(2);
    expect(page.to('/v1/swap').at(-1)?.body).not.toHaveProperty('arrived');
  });

  test('who comes from another site sees the number of the source by which he came there', async () => {
    const by = (landing: string) => ({
      rule: compileRule({ type: 'landing_params', landing }) ?? [],
      targets: [TARGET],
    });
    const page = openPage(library, {
      url: 'https://www.example.com/?here=1&calltrk_link=T',
      config: {
        sources: [
          { ...by('flyer'), number: SOURCE_NUMBER },
          { ...by('here'), number: POOL_NUMBER },
        ],
      },
      answer: () => ({
        session: OTHER,
        source: 'direct',
        numbers: {},
        began: { landing: 'https://a.example/?flyer=1', referrer: 'direct' },
      }),
    });
    expect(page.text('p')).toBe('Call (786) 555-0123');
    await page.settle();
    expect(page.text('p')).toBe('Call (954) 555-0177');
    expect(page.api.session.numbers).toEqual({ [TARGET]: SOURCE_NUMBER.e164 });
  });

  test('requests that fail together are tried again as one, and soon again after one that did not', async () => {
    let isAway = true;
    const page = openPage(library, {
      answer: ({ body }) => (isAway ? new Error('away') : { session: body.session, numbers: {} }),
    });
    void page.api.getSwapNumbers(SECOND_TARGET);
    await page.settle();
    const asked = () => page.to('/v1/swap').length;
    expect(asked()).toBe(2);
    await page.settle(2000);
    expect(asked()).toBe(3);
    await page.settle(4000);
    expect(asked()).toBe(4);
    isAway = false;
    await page.settle(8000);
    expect(asked()).toBe(5);
    isAway = true;
    page.window.dispatchEvent(Object.assign(new page.window.Event('pageshow'), { persisted: true }));
    await page.settle();
    expect(asked()).toBe(6);
    await page.settle(2000);
    expect(asked()).toBe(7);
  });

  test('a server that never answers is given up, and asked again', async () => {
    const page = openPage(library, { answer: () => new Promise(() => {}) });
    const callback = vi.fn();
    void page.api.getSwapNumbers(TARGET, callback);
    await page.settle(39_000);
    expect(callback).not.toHaveBeenCalled();
    expect(page.to('/v1/swap')).toHaveLength(1);
    await page.settle(2000);
    expect(callback).toHaveBeenCalledExactlyOnceWith({ [TARGET]: null });
    await page.settle(3000);
    expect(page.to('/v1/swap')).toHaveLength(2);
  });

  test('a lead that the server could not take is brought to it again by the same page', async () => {
    let isAway = true;
    const page = openPage(library, {
      html: '<form><input name="a" value="x"></form>',
      answer: ({ url, body }) =>
        url.endsWith('/v1/events') ? { status: isAway ? 503 : 200 } : { session: body.session, numbers: {} },
    });
    await page.settle(60_000);
    submit(page);
    await page.settle(31_000);
    const ids = () => page.events('form').map(({ id }) => id);
    expect(ids()).toHaveLength(2);
    isAway = false;
    await page.settle(31_000);
    expect(ids()).toHaveLength(3);
    expect(new Set(ids()).size).toBe(1);
    await page.settle(100_000);
    expect(ids()).toHaveLength(3);
  });

  test('a lead says how its visit began, should the server have missed that', async () => {
    const page = openPage(library, {
      url: 'https://www.example.com/?gclid=a',
      referrer: 'https://www.google.com/',
      html: '<form><input name="a" value="x"></form>',
      answer: () => ({ status: 503 }),
    });
    submit(page);
    await page.settle();
    const [lead] = page.to('/v1/events');
    expect(lead?.body.visit).toEqual(page.to('/v1/swap')[0]?.body.visit);
    expect(lead?.body.visit).toEqual({
      landing: 'https://www.example.com/?gclid=a',
      referrer: 'https://www.google.com/',
    });
  });

  test('a form that nobody could be told of before there was consent is told of after it', async () => {
    const page = openPage(library, {
      html: '<form><input name="a" value="x"></form>',
      config: { consent: 'wait' },
    });
    submit(page);
    await page.settle();
    expect(page.sent).toEqual([]);
    page.api.consent('granted');
    await page.settle();
    const form = page.document.querySelector('form') as HTMLFormElement;
    try {
      // A form that a script submits goes by without an event; neither library has a page to go to.
      form.submit();
    } catch {}
    await page.settle();
    expect(page.events('form')).toHaveLength(1);
  });

  test('a component that is taken out, changed and put back is swapped each time, and listened to once', async () => {
    const page = openPage(library, { html: '<div id="host"></div>' });
    const host = page.document.querySelector('#host') as HTMLElement;
    const root = host.attachShadow({ mode: 'open' });
    const listening = vi.spyOn(root, 'addEventListener');
    for (let turn = 0; turn < 4; turn++) {
      root.innerHTML = `<b>Turn ${turn}: 305-555-0100</b>`;
      page.document.body.append(host);
      await page.settle(2000);
      expect(root.textContent).toBe(`Turn ${turn}: 786-555-0123`);
      host.remove();
      await page.settle(2000);
    }
    const types = listening.mock.calls.map(([type]) => type);
    expect(types.filter((type) => type === 'submit')).toHaveLength(1);
  });

  test('two tags on a page that is rendered in advance are one script', async () => {
    const page = openPage(library, {
      before: ({ document }) =>
        Object.defineProperty(document, 'prerendering', { writable: true, value: true }),
    });
    page.runScript();
    Object.assign(page.document, { prerendering: false });
    page.document.dispatchEvent(new page.window.Event('prerenderingchange'));
    await page.settle();
    expect(page.to('/v1/swap')).toHaveLength(1);
  });

  test('a fault in the middle of a look is not the end of all looking', async () => {
    const page = openPage(library);
    await page.settle();
    const { prototype } = page.window.MutationObserver;
    const take = vi.spyOn(prototype, 'takeRecords').mockImplementation(() => {
      throw new Error('replaced');
    });
    page.api.swap();
    take.mockRestore();
    page.document.body.insertAdjacentHTML('beforeend', '<p id="late">305-555-0100</p>');
    await page.settle(2000);
    expect(page.text('#late')).toBe('786-555-0123');
  });
});
