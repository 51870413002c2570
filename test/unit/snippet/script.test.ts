import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Matcher } from '../../../shared/contract/visitor.js';
import {
  LIBRARIES,
  OTHER_POOL_NUMBER,
  openPage,
  ownClock,
  POOL_NUMBER,
  SCRIPT,
  SECOND_TARGET,
  SOURCE_NUMBER,
  TARGET,
} from '../../support/dom.js';

const everybody: Matcher = [[1, '']];

ownClock();

const { shared: _, ...POOL_SPELLINGS } = POOL_NUMBER;
const { shared: __, ...SOURCE_SPELLINGS } = SOURCE_NUMBER;

describe('the built script', () => {
  test('has exactly one place for its configuration', () => {
    expect(SCRIPT.match(/__CALLTRK_CONFIG__/g)).toHaveLength(1);
  });

  test.each([
    'eval(',
    'innerHTML',
    'outerHTML',
    'document.write',
    'new Function',
    'insertAdjacent',
    'debugger',
  ])('has no %s', (word) => {
    expect(SCRIPT).not.toContain(word);
  });

  test('prints in one place only, where somebody asked for it', () => {
    expect(SCRIPT.match(/console\b/g)).toHaveLength(1);
  });

  test('carries no source that no rule of a page asks for', () => {
    expect(SCRIPT).not.toMatch(/nextdoor|spotify|Google Ads/);
  });
});

describe.each(LIBRARIES)('in %s', (library) => {
  test('the page gets two names and no other', () => {
    const page = openPage(library, {
      before: ({ window }) => {
        for (const name of Object.getOwnPropertyNames(window)) seen.add(name);
      },
    });
    const added = Object.getOwnPropertyNames(page.window).filter((name) => !seen.has(name));
    expect(added.sort()).toEqual(['CallTrk', 'CallTrkSwap']);
  });
  const seen = new Set<string>();

  test('a second copy does nothing', async () => {
    const page = openPage(library, { html: '<a href="tel:305-555-0100">305-555-0100</a>' });
    const { CallTrk } = page.window;
    page.runScript();
    await page.settle();
    page.runScript();
    await page.settle();
    expect(page.window.CallTrk).toBe(CallTrk);
    expect(page.to('/v1/swap')).toHaveLength(1);
    page.document.querySelector('a')?.addEventListener('click', (event) => event.preventDefault());
    page.document
      .querySelector('a')
      ?.dispatchEvent(new page.window.MouseEvent('click', { bubbles: true, cancelable: true }));
    expect(page.events('tap')).toHaveLength(1);
  });

  test.each([
    ['its own address', {}, 'https://calls.example.net/t/v1/swap'],
    ['data-api', { 'data-api': 'https://api.example.org/x/' }, 'https://api.example.org/x/v1/swap'],
    ['data-api on the site', { 'data-api': '/calls' }, 'https://www.example.com/calls/v1/swap'],
    [
      'the origin of a copy',
      { src: 'https://www.example.com/js/swap.js' },
      'https://www.example.com/v1/swap',
    ],
  ])('the server is found by %s', async (_, tag, expected) => {
    const page = openPage(library, { tag });
    await page.settle();
    expect(page.sent[0]?.url).toBe(expected);
  });

  test('the server is found where the browser does not name the tag', async () => {
    const page = openPage(library, {
      html: '<script type="x" src="https://calls.example.net/companies/C/k/swap.js"></script>305-555-0100',
      before: ({ document }) => {
        const define = Object.defineProperty;
        vi.spyOn(Object, 'defineProperty').mockImplementation((object, name, descriptor) =>
          object === document && name === 'currentScript'
            ? define(object, name, { configurable: true, value: null })
            : define(object, name, descriptor),
        );
      },
    });
    vi.restoreAllMocks();
    await page.settle();
    expect(page.sent[0]?.url).toBe('https://calls.example.net/v1/swap');
  });

  test('in a prerendered page nothing is sent, stored or swapped before it is opened', async () => {
    const callback = vi.fn();
    const page = openPage(library, {
      before: ({ document, window }) => {
        Object.defineProperty(document, 'prerendering', { writable: true, value: true });
        window.CallTrk = { q: [['getSwapNumbers', ['305-555-0100'], callback] as CallTrkCommand] };
      },
    });
    await page.settle(120_000);
    expect(page.sent).toEqual([]);
    expect(page.cookies()).toEqual({});
    expect(page.kept.storage).toEqual({});
    expect(page.text('p')).toBe('Call (305) 555-0100');
    page.document.dispatchEvent(new page.window.Event('prerenderingchange'));
    await page.settle();
    expect(page.text('p')).toBe('Call (786) 555-0123');
    expect(callback).toHaveBeenCalledExactlyOnceWith({ '305-555-0100': POOL_SPELLINGS });
  });

  test('a page that is still loading is asked about once its first number is there', async () => {
    const page = openPage(library, { html: '', loading: true });
    await page.settle();
    expect(page.sent).toEqual([]);
    page.document.body.innerHTML = '<p>305-555-0100</p>';
    await page.settle();
    page.finishLoading();
    await page.settle();
    expect(page.to('/v1/swap').map(({ body }) => [body.targets, !!body.page])).toEqual([[[TARGET], true]]);
    expect(page.text('p')).toBe('786-555-0123');
  });

  test('a number in the last piece of a page is asked for with the page view', async () => {
    const page = openPage(library, { html: '', loading: true });
    page.document.body.innerHTML = '<p>305-555-0100</p>';
    page.finishLoading();
    await page.settle();
    expect(page.to('/v1/swap').map(({ body }) => [body.targets, !!body.page])).toEqual([[[TARGET], true]]);
  });

  test('a page that ends without a number is asked about then', async () => {
    const page = openPage(library, { html: '', loading: true });
    page.finishLoading();
    await page.settle();
    expect(page.to('/v1/swap').map(({ body }) => [body.targets, !!body.page])).toEqual([[[], true]]);
  });

  describe('CallTrk', () => {
    test('was asked before the script came, and answers when it comes', async () => {
      const callback = vi.fn();
      const page = openPage(library, {
        html: '<form><input name="a" value="x"></form>',
        before: ({ window }) => {
          (window as { CallTrk?: unknown }).CallTrk = {
            q: [
              ['swap'],
              ['getSwapNumbers', ['305-555-0100'], callback],
              ['captureForm', 'form'],
              ['constructor'],
              ['nothing'],
              null,
              7,
            ],
          };
        },
      });
      await page.settle();
      expect(callback).toHaveBeenCalledExactlyOnceWith({ '305-555-0100': POOL_SPELLINGS });
      expect(page.events('form')).toHaveLength(1);
      page.window.CallTrk?.q?.push(['captureForm', 'form']);
      await page.settle(2000);
      page.window.CallTrk?.q?.push(['captureForm', 'form']);
      expect(page.events('form')).toHaveLength(2);
    });

    test('is still asked by the stub and by the list that the page has taken hold of', async () => {
      const stub = { q: [] as CallTrkCommand[] };
      const { q } = stub;
      const page = openPage(library, {
        before: ({ window }) => {
          window.CallTrk = stub;
        },
      });
      await page.settle();
      const callback = vi.fn();
      stub.q.push(['getSwapNumbers', ['305-555-0100'], callback]);
      q.push(['getSwapNumbers', ['305-555-0100'], callback]);
      await page.settle();
      expect(callback).toHaveBeenCalledTimes(2);
    });

    test.each([
      ['https://a.example/', 'https://a.example/?calltrk_link=T'],
      ['b?q=%E4%20b+c#/d?e', 'https://www.example.com/b?q=%E4%20b+c&calltrk_link=T#/d?e'],
      ['https://a.example/?calltrk_link=old&b=c', 'https://a.example/?b=c&calltrk_link=T'],
      ['tel:+13055550100', 'tel:+13055550100'],
      ['mailto:a@b.example?subject=c', 'mailto:a@b.example?subject=c'],
      ['javascript:void(0)', 'javascript:void(0)'],
      ['https://[', 'https://['],
    ])('.decorate(%j) is %j', async (url, expected) => {
      const page = openPage(library, {
        answer: ({ body }) => ({ session: body.session, numbers: {}, link: 'T' }),
      });
      await page.settle();
      const decorated = page.api.decorate(url);
      await page.settle();
      expect(await decorated).toBe(expected);
    });

    test('.getSwapNumbers answers by the names it was given, and writes nothing', async () => {
      const sources = [{ rule: everybody, targets: [SECOND_TARGET], number: SOURCE_NUMBER }];
      const page = openPage(library, { html: '<p>Hello</p>', config: { sources } });
      const numbers = page.api.getSwapNumbers([
        '(305) 555-0100',
        '+13055550199',
        '305-555-0111',
        'x',
        '__proto__',
      ]);
      await page.settle();
      const answer = await numbers;
      expect(Object.entries(answer ?? {})).toEqual([
        ['(305) 555-0100', POOL_SPELLINGS],
        ['+13055550199', SOURCE_SPELLINGS],
        ['305-555-0111', null],
        ['x', null],
        ['__proto__', null],
      ]);
      expect(page.text('p')).toBe('Hello');
      expect(page.to('/v1/swap').map(({ body }) => [body.targets, !!body.page])).toEqual([
        [[], true],
        [[TARGET], false],
      ]);
    });

    test('.getSwapNumbers asks nobody for what is known', async () => {
      const page = openPage(library);
      const first = page.api.getSwapNumbers('305-555-0100');
      await page.settle();
      const second = page.api.getSwapNumbers(['3055550100']);
      await page.settle();
      expect([await first, await second]).toEqual([
        { '305-555-0100': POOL_SPELLINGS },
        { '3055550100': POOL_SPELLINGS },
      ]);
      expect(page.to('/v1/swap')).toHaveLength(1);
    });

    test('.getSwapNumbers answers null where the server does not, and a callback that throws harms nobody', async () => {
      const page = openPage(library, { answer: () => new Error('no network') });
      const numbers = page.api.getSwapNumbers(['305-555-0100'], () => {
        throw new Error('the page is broken');
      });
      await page.settle();
      expect(await numbers).toEqual({ '305-555-0100': null });
    });

    test.each([null, undefined, 7, {}, [null, {}], [[]]])(
      '.getSwapNumbers(%j) has no numbers and does not fail',
      async (numbers) => {
        const page = openPage(library);
        const answer = page.api.getSwapNumbers(numbers as never);
        await page.settle();
        expect(Object.values(await answer).filter(Boolean)).toEqual([]);
      },
    );

    test('.swap looks at what changed without a trace', async () => {
      const page = openPage(library, { html: '<div></div><p>305-555-0100</p>' });
      await page.settle();
      const apart = page.document.createElement('div');
      apart.innerHTML = '<b>305-555-0100</b>';
      page.api.swap(apart);
      expect(apart.innerHTML).toBe('<b>786-555-0123</b>');
    });

    test.each([null, 7, 'p', '(((', {}, [], () => {}])('.swap(%j) does not throw', async (where) => {
      const page = openPage(library);
      await page.settle();
      expect(() => page.api.swap(where as never)).not.toThrow();
      expect(() => page.api.captureForm(where as never)).not.toThrow();
      expect(page.text('p')).toBe('Call (786) 555-0123');
    });
  });

  describe('whatever goes wrong, the page keeps its number, hears nothing and is asked about again', () => {
    const say = ['log', 'warn', 'error', 'info', 'debug'] as const;
    const faults: Error[] = [];
    const note = (error: Error) => faults.push(error);

    beforeEach(() => {
      faults.length = 0;
      process.on('unhandledRejection', note);
      for (const level of say) vi.spyOn(console, level);
    });
    afterEach(() => {
      process.off('unhandledRejection', note);
      for (const level of say) expect(console[level]).not.toHaveBeenCalled();
      vi.restoreAllMocks();
      expect(faults).toEqual([]);
    });

    test.each([
      ['the network is away', () => new Error('no network')],
      ['the answer is a page of HTML', () => '<!doctype html><title>Log in to this Wi-Fi</title>'],
      ['the answer is empty', () => ''],
      ['the answer is null', () => 'null'],
      ['the answer is a list', () => '[]'],
      ['the answer has no numbers', () => ({ session: 'x' })],
      ['the server refuses', () => ({ status: 400, error: 'key is not known' })],
      ['the server is broken', () => ({ status: 503, error: 'later' })],
    ])('%s', async (_, answer) => {
      const page = openPage(library, { answer });
      await page.settle(1000);
      expect(page.text('p')).toBe('Call (305) 555-0100');
      await page.settle(600_000);
      expect(page.text('p')).toBe('Call (305) 555-0100');
      const asked = page.to('/v1/swap');
      expect(asked.length).toBeGreaterThan(1);
      expect(asked.length).toBeLessThan(12);
      expect(new Set(asked.map(({ body }) => body.page?.id)).size).toBe(1);
    });

    test('the server comes back', async () => {
      let isAway = true;
      const page = openPage(library, {
        answer: () => (isAway ? new Error('no network') : { numbers: { [TARGET]: OTHER_POOL_NUMBER } }),
      });
      await page.settle(1000);
      isAway = false;
      await page.settle(60_000);
      expect(page.text('p')).toBe('Call (786) 555-0144');
    });

    test.each(['fetch', 'MutationObserver', 'WeakMap', 'crypto'])('the browser has no %s', async (name) => {
      const page = openPage(library, {
        before: ({ window }) =>
          Object.defineProperty(window, name, { configurable: true, writable: true, value: undefined }),
      });
      await page.settle(5000);
      expect(page.text('p')).toMatch(/^Call \((?:305\) 555-0100|786\) 555-0123)$/);
      // A browser that knows no WeakMap runs nothing of ours: the page's own queue stays what it is.
      const numbers = page.api?.getSwapNumbers(['305-555-0100']) ?? {};
      await page.settle();
      expect(await numbers).toBeTypeOf('object');
    });
  });
});
