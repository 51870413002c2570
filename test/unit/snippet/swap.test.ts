import { describe, expect, test } from 'vitest';
import { compileRule } from '../../../shared/source-compile.js';
import {
  displayed,
  KEY,
  LIBRARIES,
  OTHER_POOL_NUMBER,
  openPage,
  ownClock,
  POOL_NUMBER,
  SECOND_TARGET,
  SOURCE_NUMBER,
  TARGET,
} from '../../support/dom.js';

ownClock();

describe.each(LIBRARIES)('in %s', (library) => {
  test('the number on the page becomes the one that the server gave, everywhere and in its shape', async () => {
    const page = openPage(library, {
      html: `<h1>(305) 555-0100</h1><p>or 305.555.0100, <b>+1 305 555 0100</b></p>
        <a id="tel" href="tel:+13055550100">call</a> <a id="dashes" href="TEL:305-555-0100;ext=5">call</a>
        <a id="sms" href="sms:3055550100?body=305-555-0100">text</a>
        <a id="web" href="https://example.com/3055550100">web</a>`,
    });
    expect(page.text('h1')).toBe('(305) 555-0100');
    await page.settle();
    expect(page.text('h1')).toBe('(786) 555-0123');
    expect(page.text('p')).toBe('or 786.555.0123, +1 786 555 0123');
    expect(page.attribute('#tel', 'href')).toBe('tel:+17865550123');
    expect(page.attribute('#dashes', 'href')).toBe('TEL:+17865550123;ext=5');
    expect(page.attribute('#sms', 'href')).toBe('sms:+17865550123?body=305-555-0100');
    expect(page.attribute('#web', 'href')).toBe('https://example.com/3055550100');
  });

  test('one request asks for what is on the page and tells of the visit and the page', async () => {
    const page = openPage(library, {
      html: '<title>Roofs</title><p>305-555-0100 305-555-0100</p>',
      url: 'https://www.example.com/a?utm_source=bing',
      referrer: 'https://www.bing.com/',
    });
    await page.settle(5000);
    expect(page.sent).toHaveLength(1);
    const [{ url, via, body }] = page.sent as [(typeof page.sent)[0]];
    expect(url).toBe('https://calls.example.net/t/v1/swap');
    expect(via).toBe('fetch');
    expect(body).toEqual({
      key: KEY,
      session: page.cookies().calltrk_session_id,
      visit: { landing: 'https://www.example.com/a?utm_source=bing', referrer: 'https://www.bing.com/' },
      page: { id: expect.any(String), url: 'https://www.example.com/a?utm_source=bing', title: 'Roofs' },
      targets: [TARGET],
    });
  });

  test('a page without a number asks all the same, for the page view', async () => {
    const page = openPage(library, { html: '<p>Hello</p>' });
    await page.settle();
    expect(page.to('/v1/swap').map(({ body }) => body.targets)).toEqual([[]]);
  });

  test('no node is made, moved or removed', async () => {
    const page = openPage(library, { html: '<p>Call (305) 555-0100 <b>now</b></p>' });
    const before = [...(page.document.querySelector('p')?.childNodes ?? [])];
    await page.settle();
    expect([...(page.document.querySelector('p')?.childNodes ?? [])]).toEqual(before);
    expect(page.text('p')).toBe('Call (786) 555-0123 now');
  });

  test.each([
    ['null', null],
    ['nothing', undefined],
    ['letters', { ...POOL_NUMBER, national: '(786) CALL-NOW' }],
    ['markup', { ...POOL_NUMBER, national_string: '<b>7865550123' }],
    ['a number that is none', { ...POOL_NUMBER, e164: '+0' }],
    ['a list for a text', { ...POOL_NUMBER, national: [POOL_NUMBER.national] }],
    ['figures for a text', { ...POOL_NUMBER, national_string: 7865550123 }],
    ['text', '+17865550123'],
  ])('answered with %s, the site keeps its own number', async (_, answer) => {
    const page = openPage(library, { numbers: { [TARGET]: answer } });
    await page.settle();
    expect(page.to('/v1/swap')).toHaveLength(1);
    expect(page.text()).toContain('(305) 555-0100');
  });

  test('what is not for reading, not ours, or excepted stays', async () => {
    const number = '305-555-0100';
    const kept = [
      `<script type="application/ld+json">{"telephone":"${number}"}</script>`,
      `<style>.a::after{content:"${number}"}</style>`,
      `<noscript>${number}</noscript>`,
      `<textarea>${number}</textarea>`,
      `<select><option>${number}</option></select>`,
      `<code>${number}</code><pre>${number}</pre>`,
      `<div contenteditable>${number}</div><div contenteditable="true"><b>${number}</b></div>`,
      `<div data-calltrk-noswap><a href="tel:${number}">${number}</a></div>`,
      `<a data-cr-no-swap href="tel:${number}">${number}</a>`,
      `<input value="${number}">`,
    ].join('\n');
    const page = openPage(library, {
      html: `<div id="kept">${kept}</div><p contenteditable="false">${number}</p>`,
    });
    const before = page.document.querySelector('#kept')?.innerHTML;
    await page.settle();
    expect(page.document.querySelector('#kept')?.innerHTML).toBe(before);
    expect(page.text('p')).toBe('786-555-0123');
  });

  test('a number that is only where nothing is swapped is not asked for', async () => {
    const page = openPage(library, { html: '<code>305-555-0100</code>' });
    await page.settle();
    expect(page.to('/v1/swap').map(({ body }) => body.targets)).toEqual([[]]);
  });

  describe('what the page adds later', () => {
    test('shows the number before anything else can run', async () => {
      const page = openPage(library);
      await page.settle();
      const added = page.document.createElement('div');
      added.innerHTML = '<p><a href="tel:3055550100">305 555 0100</a></p>';
      page.document.body.append(added);
      await Promise.resolve();
      await Promise.resolve();
      expect(added.innerHTML).toBe('<p><a href="tel:+17865550123">786 555 0123</a></p>');
      await page.settle();
      expect(page.to('/v1/swap')).toHaveLength(1);
    });

    test('is asked for once and together if it is another target', async () => {
      const page = openPage(library, { numbers: { [SECOND_TARGET]: OTHER_POOL_NUMBER } });
      await page.settle();
      for (let n = 0; n < 3; n++) {
        const added = page.document.createElement('i');
        added.textContent = '305-555-0199';
        page.document.body.append(added);
      }
      await page.settle();
      expect(page.to('/v1/swap').map(({ body }) => [body.targets, !!body.page])).toEqual([
        [[TARGET], true],
        [[SECOND_TARGET], false],
      ]);
      expect(page.text('i')).toBe('786-555-0144');
    });

    test('is swapped when it changes in place, text or link', async () => {
      const page = openPage(library, { html: '<p>hello</p><a href="/x">x</a><b>305-555-0100</b>' });
      await page.settle();
      (page.document.querySelector('p')?.firstChild as Text).data = 'Call 305-555-0100';
      page.document.querySelector('a')?.setAttribute('href', 'tel:305-555-0100');
      await page.settle();
      expect(page.text('p')).toBe('Call 786-555-0123');
      expect(page.attribute('a', 'href')).toBe('tel:+17865550123');
    });
  });

  describe('a number that markup splits, of which the page changes a part', () => {
    const change = async (html: string, act: (part: Element) => void) => {
      const page = openPage(library, { html: `<p>${html}</p>` });
      await page.settle();
      act(page.document.querySelector('.part') as Element);
      await page.settle(50);
      return page.text('p');
    };
    const NUMBER = '<b>(305)</b> <i class="part">555-0100</i>';
    const AREA = '<b class="part">(305)</b> <i>555-0100</i>';

    type Row = [string, string, (part: Element) => void, string];
    /** happy-dom's records of changes do not tell what stands beside them. */
    const BESIDE: Row[] =
      library === 'happy-dom'
        ? []
        : [
            ['by a digit before it', NUMBER, (part) => part.before('9'), '(305) 9555-0100'],
            ['by what stands for it', NUMBER, (part) => part.replaceWith('556-0199'), '(305) 556-0199'],
          ];

    test.each<Row>([
      ['by the text', NUMBER, (part) => ((part.firstChild as Text).data = '556-0199'), '(305) 556-0199'],
      ['by a new text', NUMBER, (part) => (part.textContent = '556-0199'), '(305) 556-0199'],
      ['by new markup', NUMBER, (part) => (part.innerHTML = '<u>556</u>-0199'), '(305) 556-0199'],
      ['in front', AREA, (part) => (part.textContent = '(404)'), '(404) 555-0100'],
      ['by taking it away', NUMBER, (part) => part.remove(), '(305) '],
      ...BESIDE,
    ])('%s: no part of ours is left', async (_name, html, act, shown) => {
      expect(await change(html, act)).toBe(shown);
    });

    test.each<[string, string, (part: Element) => void]>([
      ['a mask goes', '305-555-<i class="part">XXXX</i><b>0100</b>', (part) => part.remove()],
      ['a mask is emptied', '305-555-<i class="part">XXXX</i><b>0100</b>', (part) => (part.textContent = '')],
      ['a line break goes', '305-555-<br class="part">0100', (part) => part.remove()],
      ['a word before it goes', '<i class="part">Order #</i>305-555-0100', (part) => part.remove()],
    ])('%s, and it becomes one', async (_name, html, act) => {
      expect(await change(html, act)).toBe('786-555-0123');
    });
  });

  test('what has come to be kept since says the site’s own number again', async () => {
    const page = openPage(library, {
      html: '<p>305-555-0100</p><b>305-555-0100</b><div data-calltrk-noswap>Kept:</div>',
    });
    await page.settle();
    page.document.querySelector('div')?.append(page.document.querySelector('p') as Element);
    await page.settle(50);
    expect(page.text('div')).toBe('Kept:305-555-0100');
    // Nobody tells of this, but it is not left behind.
    page.document.querySelector('b')?.setAttribute('contenteditable', 'true');
    page.api.restore();
    expect(page.text('b')).toBe('305-555-0100');
  });

  describe('a page that writes its number back', () => {
    const writeBack = (page: ReturnType<typeof openPage>, text = '(305) 555-0100') => {
      (page.document.querySelector('p')?.firstChild as Text).data = text;
    };

    test('is answered at once, five times', async () => {
      const page = openPage(library, { html: '<p>(305) 555-0100</p>' });
      await page.settle();
      for (let round = 1; round <= 5; round++) {
        writeBack(page);
        await page.settle(10);
        expect(page.text('p')).toBe('(786) 555-0123');
      }
      writeBack(page);
      await page.settle(10);
      expect(page.text('p')).toBe('(305) 555-0100');
    });

    test('is answered for ever if it does so now and then', async () => {
      const page = openPage(library, { html: '<p>(305) 555-0100</p>' });
      await page.settle();
      for (let round = 1; round <= 12; round++) {
        await page.settle(3000);
        writeBack(page);
        await page.settle(10);
        expect(page.text('p')).toBe('(786) 555-0123');
      }
    });

    test('is not fought over a text that goes on changing by itself', async () => {
      const page = openPage(library, { html: '<p>(305) 555-0100</p>' });
      await page.settle();
      for (let seconds = 30; seconds > 0; seconds--) {
        await page.settle(1000);
        writeBack(page, `(305) 555-0100 within ${seconds} s`);
        await page.settle(10);
        expect(page.text('p')).toBe(`(786) 555-0123 within ${seconds} s`);
      }
    });

    test('in new nodes each time does not hang', async () => {
      const page = openPage(library, { html: '<p>(305) 555-0100</p>' });
      let rounds = 0;
      const { MutationObserver } = page.window;
      new MutationObserver(() => {
        if (page.text('p') === '(305) 555-0100' || ++rounds > 5000) return;
        const paragraph = page.document.createElement('p');
        paragraph.textContent = '(305) 555-0100';
        page.document.querySelector('p')?.replaceWith(paragraph);
      }).observe(page.document.body, { childList: true, subtree: true, characterData: true });
      await page.settle(500);
      expect(rounds).toBeGreaterThan(0);
      expect(rounds).toBeLessThan(300);
    });
  });

  describe('a returning visitor', () => {
    test('sees the number of last time at once, and the request confirms it', async () => {
      const first = openPage(library);
      await first.settle();
      const page = openPage(library, { after: first });
      expect(page.text('p')).toBe('Call (786) 555-0123');
      await page.settle();
      expect(page.to('/v1/swap').map(({ body }) => body.targets)).toEqual([[TARGET]]);
      expect(page.to('/v1/swap')[0]?.body.session).toBe(first.to('/v1/swap')[0]?.body.session);
    });

    test('is moved to the new number when there is one, clones and all', async () => {
      const first = openPage(library);
      await first.settle();
      const page = openPage(library, {
        after: first,
        html: '<p>Call (305) 555-0100</p><a href="tel:305-555-0100">x</a>',
        numbers: { [TARGET]: OTHER_POOL_NUMBER },
      });
      page.document.body.append(page.document.querySelector('p')?.cloneNode(true) as Node);
      await page.settle();
      expect([...page.document.querySelectorAll('p')].map((p) => p.textContent)).toEqual([
        'Call (786) 555-0144',
        'Call (786) 555-0144',
      ]);
      expect(page.attribute('a', 'href')).toBe('tel:+17865550144');
    });

    test('gets the site\u2019s own number back when there is none any more, and for good', async () => {
      const first = openPage(library);
      await first.settle();
      const html = '<p>Call (305)\u00a0555 - 0100</p><a href="tel:305-555-0100;ext=1">x</a>';
      const second = openPage(library, { after: first, html, numbers: { [TARGET]: null } });
      expect(second.attribute('a', 'href')).toBe('tel:+17865550123;ext=1');
      await second.settle();
      expect(second.text('p')).toBe('Call (305)\u00a0555 - 0100');
      expect(second.attribute('a', 'href')).toBe('tel:305-555-0100;ext=1');
      const third = openPage(library, { after: second });
      expect(third.text('p')).toBe('Call (305) 555-0100');
    });

    test('keeps the last number while the server cannot be reached', async () => {
      const first = openPage(library);
      await first.settle();
      const page = openPage(library, { after: first, answer: () => new Error('no network') });
      await page.settle(60_000);
      expect(page.text('p')).toBe('Call (786) 555-0123');
    });

    test.each([
      ['is not JSON', 'CALL'],
      ['is nothing', 'null'],
      ['is a number', '7'],
      [
        'has letters in its numbers',
        JSON.stringify({ numbers: [[TARGET, { ...POOL_NUMBER, national: 'CALL 0123' }]] }),
      ],
      ['has no numbers', JSON.stringify({ numbers: 'x' })],
    ])('whose storage %s sees the site\u2019s own number', async (_, junk) => {
      const first = openPage(library);
      await first.settle();
      const page = openPage(library, {
        after: first,
        before: ({ window }) => {
          const kept = JSON.parse(window.localStorage.getItem(`calltrk-${KEY}`) ?? '');
          const stored = junk.startsWith('{') ? JSON.stringify({ ...kept, ...JSON.parse(junk) }) : junk;
          window.localStorage.setItem(`calltrk-${KEY}`, stored);
        },
      });
      expect(page.text('p')).toBe('Call (305) 555-0100');
      await page.settle();
      expect(page.text('p')).toBe('Call (786) 555-0123');
    });
  });

  describe('a source tracker', () => {
    const sources = [
      {
        rule: compileRule({ type: 'landing_params', landing: 'gclid' }) ?? [],
        targets: [TARGET],
        number: SOURCE_NUMBER,
      },
      {
        rule: compileRule({ type: 'all' }) ?? [],
        targets: [TARGET, SECOND_TARGET],
        number: displayed('+19545550188'),
      },
    ];

    test('shows its number at once, and the server is not asked for it', async () => {
      const page = openPage(library, { url: 'https://www.example.com/?gclid=a', config: { sources } });
      expect(page.text('p')).toBe('Call (954) 555-0177');
      await page.settle();
      expect(page.to('/v1/swap').map(({ body }) => body.targets)).toEqual([[]]);
      expect(page.text('p')).toBe('Call (954) 555-0177');
    });

    test('gives way to one before it only for the targets of that one', () => {
      const page = openPage(library, {
        html: '<p>305-555-0100</p><b>305-555-0199</b>',
        url: 'https://www.example.com/?gclid=a',
        config: { sources },
      });
      expect([page.text('p'), page.text('b')]).toEqual(['954-555-0177', '954-555-0188']);
    });

    test('goes by how the session began, not by the page of now', async () => {
      const first = openPage(library, { url: 'https://www.example.com/?gclid=a', config: { sources } });
      await first.settle(40 * 60_000);
      const page = openPage(library, { after: first, config: { sources } });
      expect(page.text('p')).toBe('Call (954) 555-0177');
      await page.settle();
      expect(page.to('/v1/swap')[0]?.body.visit?.landing).toBe('https://www.example.com/');
    });

    test('whose rule does not match leaves the target to the pool', async () => {
      const page = openPage(library, { config: { sources: sources.slice(0, 1) } });
      await page.settle();
      expect(page.text('p')).toBe('Call (786) 555-0123');
    });

    test('with a number that is none leaves the target to the pool', async () => {
      const number = { ...SOURCE_NUMBER, national: 'CALL NOW' };
      const page = openPage(library, { config: { sources: [{ ...sources[1]!, number }] } });
      await page.settle();
      expect(page.text('p')).toBe('Call (786) 555-0123');
    });
  });

  test('a hidden number shows again, whether or not anybody answers', async () => {
    const page = openPage(library, {
      html: '<style>.phoneswap{visibility:hidden}</style><p class="phoneswap">305-555-0100</p>',
      answer: () => new Promise(() => {}),
    });
    await page.settle(1000);
    const paragraph = page.document.querySelector('p') as HTMLElement;
    // As visible as what it stands in; happy-dom does not compute that.
    expect(paragraph.style.visibility).toBe('inherit');
  });

  test('a tracking number that is itself a target is not swapped again', async () => {
    const page = openPage(library, {
      html: '<p>305-555-0100</p><b>305-555-0199</b>',
      numbers: { [TARGET]: displayed(SECOND_TARGET), [SECOND_TARGET]: POOL_NUMBER },
    });
    await page.settle();
    page.document.body.append(page.document.createElement('i'));
    await page.settle();
    expect([page.text('p'), page.text('b')]).toEqual(['305-555-0199', '786-555-0123']);
  });
});
