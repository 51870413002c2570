/** Where a number is swapped, where it never is, and how fast what comes later is. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AnyPage,
  type Ground,
  NUMBER_PAGE,
  numberNow,
  numberShown,
  OWN,
  openGround,
} from '../support/ground.js';
import { until } from '../support/processes.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

/** What to expect of a text with the site's own number in it, once `number` is shown. */
function swapped(text: string, number: string): string {
  const [, area, exchange, line] = /^\+1(...)(...)(....)$/.exec(number) ?? [];
  return text.replace(/305(\D{0,4})555(\D{0,4})0100/g, `${area}$1${exchange}$2${line}`);
}

type Row = [name: string, before: string, after?: (number: string) => string];
/** The markup of each row, and what has become of it; nothing: it stays byte for byte. */
async function expectRows(rows: Row[], spec: AnyPage = {}): Promise<Page> {
  const { page, troubles } = await ground.open({
    ...spec,
    html: `${NUMBER_PAGE}${rows.map(([, before], at) => `<div id="row-${at}">${before}</div>`).join('\n')}`,
  });
  // As the parser writes it, without the script.
  const plain = await page.evaluate(
    (list) =>
      list.map(
        (html) =>
          new DOMParser().parseFromString(`<div>${html}</div>`, 'text/html').querySelector('div')?.innerHTML,
      ),
    rows.map(([, before]) => before),
  );
  const number = await numberShown(page);
  const expected = Object.fromEntries(
    rows.map(([name, , after], at) => [name, after ? after(number) : plain[at]]),
  );
  const now = async () => {
    const found = await page.evaluate(
      (count) => Array.from({ length: count }, (_, at) => document.querySelector(`#row-${at}`)?.innerHTML),
      rows.length,
    );
    return Object.fromEntries(rows.map(([name], at) => [name, found[at]]));
  };
  await until(async () => (JSON.stringify(await now()) === JSON.stringify(expected) ? true : undefined), {
    timeoutMs: 5000,
  }).catch(() => undefined);
  expect(await now()).toEqual(expected);
  expect(troubles).toEqual([]);
  return page;
}
const same = (name: string, before: string): Row => [name, before, (number) => swapped(before, number)];
const link = (href: string, after: string): Row => [
  href,
  `<a href="${href}">x</a>`,
  (number) => `<a href="${after.replace('N', number.slice(1))}">x</a>`,
];

test('links of every kind that dials, writes or chats', async () => {
  await expectRows([
    link('tel:+13055550100', 'tel:+N'),
    link('tel:305-555-0100', 'tel:+N'),
    link('tel:(305)%20555-0100', 'tel:+N'),
    link('TEL:3055550100;ext=5', 'TEL:+N;ext=5'),
    link('tel:3055550100,,5#', 'tel:+N,,5#'),
    link('tel://3055550100', 'tel://+N'),
    link('sms:3055550100?body=305-555-0100', 'sms:+N?body=305-555-0100'),
    link('sms:+13055550100;?&amp;body=Hi', 'sms:+N;?&amp;body=Hi'),
    link('callto:+13055550100', 'callto:+N'),
    link('imessage:+13055550100', 'imessage:+N'),
    link('facetime:+13055550100', 'facetime:+N'),
    link('facetime-audio:3055550100', 'facetime-audio:+N'),
    link('skype:+13055550100?call', 'skype:+N?call'),
    link('whatsapp://send?phone=13055550100&amp;text=Hi', 'whatsapp://send?phone=N&amp;text=Hi'),
    link('viber://chat?number=%2B13055550100', 'viber://chat?number=%2BN'),
    link('https://wa.me/13055550100', 'https://wa.me/N'),
    link('https://wa.me/13055550100?text=305-555-0100', 'https://wa.me/N?text=305-555-0100'),
    link('//wa.me/13055550100', '//wa.me/N'),
    link('https://api.whatsapp.com/send?phone=13055550100', 'https://api.whatsapp.com/send?phone=N'),
    link(
      'https://api.whatsapp.com/send/?text=Hi&amp;phone=%2B13055550100',
      'https://api.whatsapp.com/send/?text=Hi&amp;phone=%2BN',
    ),
  ]);
});

test('links that go somewhere else stay', async () => {
  const hrefs = [
    '/305-555-0100',
    'https://example.com/13055550100',
    'https://example.com/?phone=3055550100',
    'mailto:3055550100@example.com',
    '#3055550100',
    'javascript:call("3055550100")',
    'tel:+12125550100',
    'tel:93055550100',
    'tel:30555501001',
    'https://wa.me.example/13055550100',
    'https://wa.me/message/13055550100',
    'https://wa.me/4413055550100',
    'http://wame/13055550100',
    'data:,3055550100',
    'ftp:3055550100',
  ];
  await expectRows(hrefs.map((href): Row => [href, `<a href='${href}'>x</a>`]));
});

test('texts that people read, and hear', async () => {
  await expectRows([
    same('title', '<b title="Call 305-555-0100">x</b>'),
    same('alt', '<img alt="305.555.0100">'),
    same('aria-label', '<a href="#" aria-label="Call (305) 555-0100">x</a>'),
    same('aria-label in parts', '<a href="#" aria-label="Call 3 0 5, 5 5 5">x</a>'),
    same('placeholder', '<input placeholder="305-555-0100">'),
    same('placeholder of a text', '<textarea placeholder="305-555-0100"></textarea>'),
    ...['button', 'submit', 'reset'].map((type) =>
      same(`${type} value`, `<input type="${type}" value="Call 305-555-0100">`),
    ),
    same(
      'button',
      '<button value="305-555-0100">305-555-0100</button>'.replace('value="305-555-0100"', 'name="b"'),
    ),
    same('in a label', '<label>305-555-0100 <input></label>'),
    same(
      'in a table, a list, a definition',
      '<table><tbody><tr><td>305-555-0100</td></tr></tbody></table><ul><li>305-555-0100</li></ul><dl><dt>305-555-0100</dt></dl>',
    ),
    same(
      'hidden for now',
      '<p hidden="">305-555-0100</p><details><summary>x</summary>305-555-0100</details><dialog>305-555-0100</dialog>',
    ),
    same('microdata that is seen', '<span itemprop="telephone">305-555-0100</span>'),
    [
      'comments between',
      '305-<!-- a -->555<!-- b -->-0100',
      (n) => `${n.slice(2, 5)}-<!-- a -->${n.slice(5, 8)}<!-- b -->-${n.slice(8)}`,
    ],
    same('SVG', '<svg><text>305-555-0100</text><title>305-555-0100</title></svg>'),
    same('contenteditable that is not', '<div contenteditable="false">305-555-0100</div>'),
    same(
      'beside figures, by its style',
      '<div style="display: flex"><span>24</span><span>305-555-0100</span></div>',
    ),
    [
      'split over elements',
      '<b>(305)</b> <span>555</span>-0100',
      (n) => `<b>(${n.slice(2, 5)})</b> <span>${n.slice(5, 8)}</span>-${n.slice(8)}`,
    ],
    [
      'split anywhere',
      '3<i>0</i>5-5<b>5<i></i>5</b>-01<u>00</u>',
      (n) =>
        `${n[2]}<i>${n[3]}</i>${n[4]}-${n[5]}<b>${n[6]}<i></i>${n[7]}</b>-${n.slice(8, 10)}<u>${n.slice(10)}</u>`,
    ],
  ]);
});

test('pieces that only look like one number stay', async () => {
  await expectRows([
    ['in two blocks', '<p>305-555</p><p>0100</p>'],
    [
      'in two blocks by their style',
      '<b style="display: block">305-555</b><b style="display: block">0100</b>',
    ],
    ['in two cells', '<table><tbody><tr><td>305</td><td>555</td><td>0100</td></tr></tbody></table>'],
    ['a line between', '305-555<hr>0100'],
    ['a field between', '305-<input>555-0100'],
    ['within a longer one', '<b>9</b>3055550100'],
    ['before a longer one', '3055550100<b>9</b>'],
  ]);
});

test('what is never touched', async () => {
  const n = '305-555-0100';
  await expectRows([
    ['script', `<script type="text/plain">${n}</script>`],
    ['JSON-LD', `<script type="application/ld+json">{"@type":"LocalBusiness","telephone":"${n}"}</script>`],
    [
      'microdata in attributes',
      `<meta itemprop="telephone" content="${n}"><span itemprop="telephone" content="${n}">x</span>`,
    ],
    ['style', `<style>.a::after { content: "${n}" }</style>`],
    ['noscript', `<noscript>${n}</noscript>`],
    ['template', `<template><p>${n}</p></template>`],
    ['textarea', `<textarea>${n}</textarea>`],
    ['option', `<select><option>${n}</option><optgroup label="${n}"></optgroup></select>`],
    ['code and pre', `<code>${n}</code><pre>${n}</pre>`],
    [
      'contenteditable',
      `<div contenteditable="">${n}</div><div contenteditable="true"><b>${n}</b></div><p contenteditable="plaintext-only">${n}</p>`,
    ],
    [
      'values',
      `<input value="${n}"><input type="tel" value="${n}"><input type="hidden" value="${n}"><input type="checkbox" value="${n}"><button value="${n}">x</button>`,
    ],
    ['addresses of pictures', `<img src="data:,${n}" srcset="data:,${n} 1x">`],
    [
      'other attributes',
      `<b id="a-${n}" class="${n}" data-phone="${n}" name="${n}" style="--x: '${n}'">x</b>`,
    ],
    ['ours', `<div data-calltrk-noswap=""><a href="tel:${n}" title="${n}">${n}</a></div>`],
    ['CallRail’s', `<a data-cr-no-swap="" href="tel:${n}">${n}</a>`],
    ['other numbers', '(212) 555-0100, 305-555-0101, 305-555-010'],
    [
      'digits of something else',
      'Order 983055550100, part 3055550100-7, price 305.5550100, IBAN DE89 3055 5501 00, https://example.com/3055550100, 3055550100@example.com',
    ],
  ]);
});

test('the company’s keep list: selectors', async () => {
  const n = '305-555-0100';
  await expectRows(
    [
      ['the element', `<p class="licence">${n}</p>`],
      ['what is in it', `<div class="licence"><p><a href="tel:${n}" title="${n}">${n}</a></p></div>`],
      same('what is beside it', `<p class="other">${n}</p>`),
      ['half of a number', '<p>305-<b class="licence">555</b>-0100</p>'],
    ],
    { config: { keep: '.licence, footer > .legal' } },
  );
  // A selector that is none keeps nothing, and breaks nothing.
  await expectRows([same('a broken selector', `<p>${n}</p>`)], { config: { keep: 'p:not(' } });
});

test('the company’s keep list: addresses', async () => {
  const kept = await ground.open({ query: '?legal/imprint', config: { keep_urls: '/legal/|[?]legal' } });
  await until(() => kept.swaps()[0]);
  await kept.page.waitForLoadState('networkidle');
  expect(await numberNow(kept.page)).toBe(OWN);
  const other = await ground.open({ config: { keep_urls: '/legal/|[?]legal' } });
  expect(ground.pool).toContain(await numberShown(other.page));
  const broken = await ground.open({ config: { keep_urls: '(' } });
  // What is no expression may mean any page: the site's own number stays, and nothing breaks.
  await until(() => broken.swaps()[0]);
  await broken.page.waitForLoadState('networkidle');
  expect(await numberNow(broken.page)).toBe(OWN);
  expect([...kept.troubles, ...other.troubles, ...broken.troubles]).toEqual([]);
});

test('numbers in code, by the setting', async () => {
  await expectRows([same('code and pre', '<code>305-555-0100</code><pre>305-555-0100</pre>')], {
    config: { code: true },
  });
});

test('texts that stand for the number', async () => {
  const digits = (n: string) => [n.slice(2, 5), n.slice(5, 8), n.slice(8)];
  const page = await expectRows(
    [
      [
        'the words',
        '<p>Dial 1-800-FLOWERS now</p>',
        (n) => `<p>Dial (${digits(n)[0]}) ${digits(n)[1]}-${digits(n)[2]} now</p>`,
      ],
      ['with dashes', '<p>1-800-ROSES</p>', (n) => `<p>Roses: ${digits(n).join('-')}</p>`],
      ['with dots', '<p>1-800-TULIPS</p>', (n) => `<p>${digits(n).join('.')}</p>`],
      ['by exact text', '<p>1-800-flowers, 1800FLOWERS</p>'],
      ['where nothing is swapped', '<code>1-800-FLOWERS</code><p data-calltrk-noswap="">1-800-FLOWERS</p>'],
    ],
    {
      config: {
        texts: [
          ['1-800-FLOWERS', OWN, '###phone###'],
          ['1-800-ROSES', OWN, 'Roses: ###phone-dashes###'],
          ['1-800-TULIPS', OWN, '###phone-dots###'],
        ],
      },
    },
  );
  await page.evaluate(() => (window as any).CallTrk.restore());
  expect(await page.textContent('#row-0')).toBe('Dial 1-800-FLOWERS now');
});

test('the title of the page', async () => {
  const html = (title: string) =>
    `<!doctype html><html><head><meta charset="utf-8"><title>${title}</title>{{script}}</head><body>${NUMBER_PAGE}</body></html>`;
  const { page, troubles } = await ground.open({ html: html('Bluebird 305-555-0100') });
  const number = await numberShown(page);
  await until(async () =>
    (await page.title()) === swapped('Bluebird 305-555-0100', number) ? true : undefined,
  );
  await page.evaluate(() => {
    document.title = 'Contact: (305) 555-0100';
  });
  await until(async () =>
    (await page.title()) === swapped('Contact: (305) 555-0100', number) ? true : undefined,
  );
  expect(troubles).toEqual([]);
});

test('pictures, only where the site says that they are there', async () => {
  const picture =
    '<img src="/img/305-555-0100.png" srcset="/img/305-555-0100.png 1x, /img/3055550100@2x.png 2x">';
  await expectRows([
    ['anywhere', picture],
    same('.cr_image', `<p class="cr_image">${picture}</p>`),
    same('.cr_image itself', picture.replace('<img', '<img class="cr_image"')),
    same(
      'data-calltrk-image',
      `<p data-calltrk-image="">${picture.replace('/img/3055550100@2x', '/img/305.555.0100')}</p>`,
    ),
  ]);
});

test('what a visitor types stays his, also in a field that had a number', async () => {
  const { page } = await ground.open({
    html: `${NUMBER_PAGE}<input id="a"><textarea id="b"></textarea><div id="c" contenteditable></div>`,
  });
  await numberShown(page);
  for (const id of ['a', 'b', 'c']) await page.locator(`#${id}`).pressSequentially('Call 305-555-0100!');
  await page.evaluate(() => (window as any).CallTrk.swap());
  expect([await page.inputValue('#a'), await page.inputValue('#b'), await page.textContent('#c')]).toEqual(
    Array(3).fill('Call 305-555-0100!'),
  );
});

describe('shadow roots', () => {
  const inside = (page: Page, path: string) => page.evaluate(`${path}.textContent`) as Promise<string>;
  test.each([
    [
      'declared in the HTML',
      '<x-a id="host"><template shadowrootmode="open"><p>305-555-0100</p></template></x-a>',
      '',
      'document.querySelector("#host").shadowRoot',
    ],
    [
      'attached later',
      '<x-a id="host"></x-a>',
      'host.attachShadow({ mode: "open" }).innerHTML = "<p>305-555-0100</p>"',
      'host.shadowRoot',
    ],
    [
      'of an element defined later',
      '<x-late id="host"></x-late>',
      'customElements.define("x-late", class extends HTMLElement { connectedCallback() { this.attachShadow({ mode: "open" }).innerHTML = "<p>305-555-0100</p>"; } })',
      'host.shadowRoot',
    ],
    [
      'of an element that comes later',
      '',
      'customElements.define("x-new", class extends HTMLElement { constructor() { super(); this.attachShadow({ mode: "open" }).innerHTML = "<p>305-555-0100</p>"; } }); document.body.append(Object.assign(document.createElement("x-new"), { id: "host" }))',
      'host.shadowRoot',
    ],
    [
      'within one another',
      '<x-a id="host"><template shadowrootmode="open"><x-b><template shadowrootmode="open"><p>305-555-0100</p></template></x-b></template></x-a>',
      '',
      'host.shadowRoot.querySelector("x-b").shadowRoot',
    ],
    [
      'written again by their element',
      '<x-a id="host"><template shadowrootmode="open"><p>none</p></template></x-a>',
      'host.shadowRoot.innerHTML = "<p>305-555-0100</p>"',
      'host.shadowRoot',
    ],
    [
      'with a slot, whose text is the page’s',
      '<x-a id="host"><template shadowrootmode="open"><slot></slot></template><p>305-555-0100</p></x-a>',
      '',
      'host',
    ],
    [
      'out of the page while they are changed',
      '<x-a id="host"><template shadowrootmode="open"><p>none</p></template></x-a>',
      `(async () => {
        const shadow = host.shadowRoot;
        const element = host;
        const task = () => new Promise((done) => setTimeout(done, 20));
        element.remove();
        await task();
        shadow.innerHTML = '<p>305-555-0100</p>';
        await task();
        document.body.append(element);
      })()`,
      'host.shadowRoot',
    ],
    [
      'with a slot that comes later, for a number that markup splits',
      '<x-a id="host"><template shadowrootmode="open">none</template><b>305</b>-<b>555-0100</b></x-a>',
      'host.shadowRoot.innerHTML = "<slot></slot>"',
      'host',
    ],
  ])('%s are swapped within a second', async (_name, html, act, path) => {
    const { page, troubles } = await ground.open({ html: NUMBER_PAGE + html });
    const number = await numberShown(page);
    await page.evaluate(act);
    await until(
      async () => ((await inside(page, path)).includes(swapped('305-555-0100', number)) ? true : undefined),
      { timeoutMs: 5000, what: 'the number in the shadow root' },
    );
    expect(troubles).toEqual([]);
  });

  test('that are closed are left alone', async () => {
    const { page, troubles } = await ground.open({
      html: `${NUMBER_PAGE}<div id="host"></div><script>window.root = host.attachShadow({ mode: 'closed' }); root.innerHTML = '<p>305-555-0100</p>';</script>`,
    });
    await numberShown(page);
    expect(await page.evaluate('root.textContent')).toBe('305-555-0100');
    expect(troubles).toEqual([]);
  });

  test('split between a shadow root and its slot it is no number', async () => {
    const { page } = await ground.open({
      html: `${NUMBER_PAGE}<x-a id="host"><template shadowrootmode="open">305-<slot></slot>-0100</template>555</x-a>`,
    });
    await numberShown(page);
    expect(await page.evaluate('host.shadowRoot.textContent + host.textContent')).toBe('305--0100555');
  });
});

test('what comes later is right before it is painted', async () => {
  const { page, troubles } = await ground.open({
    html: `${NUMBER_PAGE}<p id="x" title="t">Nothing</p><a id="y" href="/">y</a>`,
  });
  const number = await numberShown(page);
  const seen = await page.evaluate(async () => {
    const x = document.querySelector('#x') as HTMLElement;
    const changes: (() => void)[] = [
      () => {
        x.textContent = '305-555-0100';
      },
      () => {
        (x.firstChild as Text).data = 'or 305-555-0100';
      },
      () => {
        x.innerHTML = '<b>305-</b>555-0100';
      },
      () => {
        x.title = '305-555-0100';
      },
      () => {
        document.querySelector('#y')?.setAttribute('href', 'tel:3055550100');
      },
      () => {
        x.append(document.createTextNode(' 305-555-0100'));
      },
    ];
    const shown: string[] = [];
    for (const change of changes) {
      change();
      await new Promise((done) => requestAnimationFrame(done));
      shown.push(`${x.textContent} ${x.title} ${document.querySelector('#y')?.getAttribute('href')}`);
    }
    return shown;
  });
  const own = swapped('305-555-0100', number);
  expect(seen).toEqual([
    `${own} t /`,
    `or ${own} t /`,
    `${own} t /`,
    `${own} ${own} /`,
    `${own} ${own} tel:${number}`,
    `${own} ${own} ${own} tel:${number}`,
  ]);
  expect(troubles).toEqual([]);
});

test('restore gives the page back byte for byte, swap takes it again', async () => {
  const html = `${NUMBER_PAGE}<b>(305)</b> 555<i>-0100</i> <a href="tel:305-555-0100;x=1" title="305.555.0100">1-305-555-0100</a><input type="button" value="３０５-555-0100">`;
  const plain = await ground.open({ html, tag: 'type="none"' });
  const before = await plain.page.evaluate(() => document.body.outerHTML);
  const { page, troubles } = await ground.open({ html });
  const number = await numberShown(page);
  const after = await page.evaluate(() => document.body.outerHTML);
  await page.evaluate(() => (window as any).CallTrk.restore());
  expect(await page.evaluate(() => document.body.outerHTML)).toBe(before);
  // Also what comes later, until somebody asks for numbers again.
  await page.evaluate(() => document.body.insertAdjacentHTML('beforeend', '<u>305-555-0100</u>'));
  await page.waitForTimeout(50);
  expect(await page.textContent('u')).toBe('305-555-0100');
  await page.evaluate(() => {
    document.querySelector('u')?.remove();
    (window as any).CallTrk.swap();
  });
  expect(await numberShown(page)).toBe(number);
  expect(await page.evaluate(() => document.body.outerHTML)).toBe(after);
  expect(troubles).toEqual([]);
});
