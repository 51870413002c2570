/** Taps and forms: each is told once, in time, and without what is nobody's business. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ground, NUMBER_PAGE, numberShown, type Opened, OWN, openGround } from '../support/ground.js';
import { until } from '../support/processes.js';
import { report } from '../support/server.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

const told = (opened: Pick<Opened, 'events'>, type: string, count = 1): Promise<any[]> =>
  until(() => (opened.events(type).length >= count ? opened.events(type) : undefined), {
    what: `${count} ${type} at the server`,
  });
/** What comes once has had time to come twice after this: longer than anything is gathered. */
const settled = (page: Page) => page.waitForTimeout(150);

describe('a tap', () => {
  const LINKS = [
    'tel:+13055550100',
    'tel:305-555-0100;ext=5',
    'sms:3055550100?body=Hi',
    'callto:+13055550100',
    'imessage:+13055550100',
    'facetime:+13055550100',
    'facetime-audio:+13055550100',
    'skype:+13055550100?call',
    'viber://chat?number=%2B13055550100',
    'whatsapp://send?phone=13055550100',
    'https://wa.me/13055550100?text=Hi',
    'https://api.whatsapp.com/send?phone=13055550100&text=Hi',
  ];
  const STOP = '<script>addEventListener("click", (event) => event.preventDefault());</script>';

  /** How many links still dial the business' own number. */
  function ownLinks(): number {
    const inside = (root: Document | ShadowRoot): number =>
      [...root.querySelectorAll('*')].reduce((sum, element) => {
        const inner = element.shadowRoot ?? (element as HTMLIFrameElement).contentDocument;
        const isOwn = /3055550100/.test(element.getAttribute('href') ?? '');
        return sum + Number(isOwn) + (inner ? inside(inner) : 0);
      }, 0);
    return inside(document);
  }

  test('on a link of any kind tells the number and whose it is, in the task of the click', async () => {
    const opened = await ground.open({
      html: `${NUMBER_PAGE}${LINKS.map((href, at) => `<a class="tap" href="${href}">${at}</a> `).join('')}`,
      head: STOP,
    });
    const number = await numberShown(opened.page);
    // An element inside the link is what people touch.
    await opened.page.evaluate(() => {
      for (const link of document.querySelectorAll('.tap')) {
        link.innerHTML = `<b>${link.innerHTML}</b>`;
        (link.firstElementChild as HTMLElement).click();
      }
    });
    const taps = await told(opened, 'tap', LINKS.length);
    expect(taps.map(({ number, target }) => [number, target])).toEqual(LINKS.map(() => [number, OWN]));
    expect(new Set(taps.map(({ id }) => id)).size).toBe(LINKS.length);
    expect(opened.troubles).toEqual([]);
  });

  test.each([
    [
      'in a shadow root',
      '<host-element id="host"><template shadowrootmode="open"><a href="tel:3055550100"><i>Call</i></a></template></host-element>',
      'document.querySelector("#host").shadowRoot.querySelector("i").click()',
    ],
    [
      'in a frame of the site',
      '<iframe src="inner"></iframe>',
      'document.querySelector("iframe").contentDocument.querySelector("a").click()',
    ],
    [
      'on an area of a map',
      '<map name="m"><area href="tel:3055550100" shape="default"></map>',
      'document.querySelector("area").click()',
    ],
    [
      'on an icon that is drawn elsewhere',
      '<svg width="0" height="0"><symbol id="phone"><circle r="4"/></symbol></svg><a href="tel:3055550100"><svg><use href="#phone"/></svg></a>',
      'document.querySelector("use").dispatchEvent(new MouseEvent("click", { bubbles: true, composed: true, cancelable: true }))',
    ],
    [
      'on an icon that is a component',
      '<a href="tel:3055550100"><my-icon><template shadowrootmode="open"><i>Call</i></template></my-icon></a>',
      'document.querySelector("my-icon").shadowRoot.querySelector("i").click()',
    ],
    [
      'that the page stops',
      '<a href="tel:3055550100" onclick="event.stopPropagation()">x</a>',
      'document.querySelector("a[onclick]").click()',
    ],
  ])('%s is told once', async (_name, html, click) => {
    const opened = await ground.open({
      html: NUMBER_PAGE + html,
      head: STOP,
      pages: { inner: `<!doctype html>${STOP}<a href="tel:3055550100">Call</a>` },
    });
    const number = await numberShown(opened.page);
    // Shadow roots and frames are found a little later; a frame that has not come yet has no link at all.
    await opened.page.waitForLoadState('load');
    await until(async () => ((await opened.page.evaluate(ownLinks)) === 0 ? true : undefined));
    await opened.page.evaluate(click);
    await told(opened, 'tap');
    await settled(opened.page);
    expect(opened.events('tap')).toHaveLength(1);
    expect(opened.events('tap')[0]).toMatchObject({ number, target: OWN });
    expect(opened.troubles).toEqual([]);
  });

  test('on what is no number of ours is none', async () => {
    const opened = await ground.open({
      html: `${NUMBER_PAGE}<a class="no" href="tel:+12125550100">x</a><a class="no" href="#">x</a><p class="no">x</p>`,
      head: STOP,
    });
    await numberShown(opened.page);
    await opened.page.evaluate(() => {
      for (const one of document.querySelectorAll<HTMLElement>('.no')) one.click();
    });
    await opened.page.click('#link');
    expect(await told(opened, 'tap')).toHaveLength(1);
  });
});

describe('a form', () => {
  const FIELDS =
    '<label>Your name <input name="n" value="Eve Example"></label><input name="email" aria-label="E-mail" value="eve@example.com"><button name="b" value="1">Send</button>';
  const form = (attributes: string) =>
    `${NUMBER_PAGE}<form id="form" name="contact" ${attributes}>${FIELDS}</form><iframe name="out"></iframe>`;
  const SHADOW = `${NUMBER_PAGE}<host-element id="host"><template shadowrootmode="open"><form id="form" name="contact" action="about:blank" target="out">${FIELDS}</form></template></host-element><iframe name="out"></iframe>`;
  const IN_FRAME = `${NUMBER_PAGE}<iframe id="inner" src="inner"></iframe><iframe name="out"></iframe>`;
  const IN_FRAME_WITH_SCRIPT = IN_FRAME.replace('src="inner"', 'src="own"');
  const INNER = `<form id="form" name="contact" action="about:blank">${FIELDS}</form>`;
  const click = 'document.querySelector("#form button").click()';
  const WAYS: [name: string, html: string, act: string][] = [
    ['sent by its button', form('action="about:blank" target="out"'), click],
    ['sent by GET, to a page that takes its place', form('action="thanks" method="get"'), click],
    ['sent by POST, to a page that takes its place', form('action="thanks" method="post"'), click],
    [
      'sent by requestSubmit',
      form('action="about:blank" target="out"'),
      'document.querySelector("#form").requestSubmit()',
    ],
    [
      'sent by form.submit()',
      form('action="about:blank" target="out"'),
      'document.querySelector("#form").submit()',
    ],
    [
      'sent by form.submit() in its own submit',
      form('action="thanks" onsubmit="event.preventDefault(); this.submit()"'),
      click,
    ],
    [
      'sent by the prototype’s submit',
      form('action="thanks"'),
      'HTMLFormElement.prototype.submit.call(document.querySelector("#form"))',
    ],
    ['sent by the page’s own script', form('onsubmit="event.preventDefault(); fetch(\'thanks\')"'), click],
    [
      'whose submit the page stops',
      form('action="about:blank" target="out" onsubmit="event.stopImmediatePropagation()"'),
      click,
    ],
    [
      'emptied by the page as it is sent',
      form('onsubmit="event.preventDefault(); this.reset(); this.innerHTML = \'Thanks\'"'),
      click,
    ],
    [
      'in a shadow root',
      SHADOW,
      'document.querySelector("#host").shadowRoot.querySelector("button").click()',
    ],
    [
      'in a shadow root, by form.submit()',
      SHADOW,
      'document.querySelector("#host").shadowRoot.querySelector("form").submit()',
    ],
    [
      'in a frame of the site',
      IN_FRAME,
      'document.querySelector("#inner").contentDocument.querySelector("button").click()',
    ],
    [
      'in a frame of the site that has the script, too',
      IN_FRAME_WITH_SCRIPT,
      'document.querySelector("#inner").contentDocument.querySelector("button").click()',
    ],
    [
      'looked at by the page for a while, which fills a hidden field and sends it',
      form('action="thanks" onsubmit="event.preventDefault()"').replace(
        '<button',
        '<input type="hidden" name="x"><button',
      ),
      `${click}; const now = Date.now(); Date.now = () => now + 5000; const form = document.querySelector("#form"); form.x.value = "checked"; form.submit()`,
    ],
    ['captured by the page', form(''), 'CallTrk.captureForm("#form")'],
    [
      'captured by the page and then sent',
      form('action="about:blank" target="out"'),
      `CallTrk.captureForm(document.querySelector("#form")); ${click}`,
    ],
    ['clicked twice', form('action="about:blank" target="out"'), `${click}; ${click}`],
  ];

  test.each(WAYS)('%s is told once, with what the visitor wrote', async (_name, html, act) => {
    const opened = await ground.open({
      html,
      pages: {
        thanks: 'Thanks',
        inner: `<!doctype html>${INNER}`,
        own: `<!doctype html>{{script}}${INNER}`,
      },
    });
    await numberShown(opened.page);
    await opened.page.waitForLoadState('load');
    // A frame is looked at within a second of its arrival.
    if ([IN_FRAME, IN_FRAME_WITH_SCRIPT, SHADOW].includes(html)) await opened.page.waitForTimeout(1100);
    await opened.page.evaluate(act).catch(() => undefined);
    const [event] = await told(opened, 'form');
    expect(event).toMatchObject({
      form_name: 'contact',
      fields: { 'Your name': 'Eve Example', 'E-mail': 'eve@example.com' },
    });
    expect(Object.keys(event.fields)).toHaveLength(2);
    await settled(opened.page);
    // The page that took its place may have sent it again, because it could not know; under one id it is one.
    expect(new Set(opened.events('form').map(({ id }) => id)).size).toBe(1);
    expect(opened.troubles).toEqual([]);
  });

  test('sent again with other words is another', async () => {
    const opened = await ground.open({ html: form('action="about:blank" target="out"') });
    await numberShown(opened.page);
    await opened.page.click('#form button');
    await opened.page.fill('[name=n]', 'Eve Other');
    await opened.page.click('#form button');
    const forms = await told(opened, 'form', 2);
    expect(forms.map(({ fields }) => fields['Your name'])).toEqual(['Eve Example', 'Eve Other']);
  });

  test('where forms are not tracked is not told', async () => {
    const opened = await ground.open({
      html: form('action="about:blank" target="out"'),
      config: { forms: false },
    });
    await numberShown(opened.page);
    await opened.page.click('#form button');
    await settled(opened.page);
    expect(opened.events('form')).toEqual([]);
  });

  const SECRETS: [name: string, field: string][] = [
    ['a password', '<input type="password" name="a" value="secret">'],
    ['a password shown', '<input type="text" name="password" value="secret">'],
    ...[
      'cc-number',
      'cc-csc',
      'cc-exp',
      'cc-name',
      'section-pay cc-type',
      'one-time-code',
      'current-password',
    ].map((word): [string, string] => [
      `autocomplete=${word}`,
      `<input name="a" autocomplete="${word}" value="secret">`,
    ]),
    ...[
      'card_number',
      'cardNumber',
      'cc_num',
      'cvc',
      'cvv2',
      'security-code',
      'ssn',
      'social_security_number',
      'iban',
    ].map((word): [string, string] => [`a field named ${word}`, `<input name="${word}" value="secret">`]),
    ['a field labelled Card number', '<label>Card number <input name="a" value="secret"></label>'],
    ['a card number in any field', '<input name="order" value="4111 1111 1111 1111">'],
    [
      'a card number within words',
      '<textarea name="words">My card is 5555-5555-5555-4444, thanks, secret</textarea>',
    ],
    ['a social security number', '<input name="a" value="078-05-1120">'],
    ['a file', '<input type="file" name="a">'],
    [
      'a token',
      '<input type="hidden" name="csrf_token" value="secret"><input type="hidden" name="authenticity_token" value="secret"><input type="hidden" name="_csrf" value="secret"><input type="hidden" name="csrfmiddlewaretoken" value="secret"><input type="hidden" name="__RequestVerificationToken" value="secret"><input type="hidden" name="_wpnonce" value="secret">',
    ],
    [
      'the state of ASP.NET',
      '<input type="hidden" name="__VIEWSTATE" value="secret"><input type="hidden" name="__EVENTVALIDATION" value="secret">',
    ],
    [
      'a captcha',
      '<textarea name="g-recaptcha-response">secret</textarea><input type="hidden" name="cf-turnstile-response" value="secret">',
    ],
    [
      'what is excepted',
      '<input name="a" data-cr-no-capture value="secret"><p data-calltrk-ignore><input name="b" value="secret"></p>',
    ],
    [
      'what is disabled',
      '<input name="a" disabled value="secret"><fieldset disabled><input name="b" value="secret"></fieldset>',
    ],
    [
      'what was not chosen',
      '<input type="checkbox" name="a" value="secret"><input type="radio" name="b" value="secret"><select name="c"><option value="">-</option><option value="secret">x</option></select>',
    ],
  ];

  test('leaves out what is nobody’s business, by itself', async () => {
    const forms = SECRETS.map(
      ([, field], at) =>
        `<form id="form-${at}" name="${at}" action="about:blank" target="out"><input name="kept" value="kept ${at}">${field}<button>Send</button></form>`,
    ).join('');
    const opened = await ground.open({ html: `${NUMBER_PAGE}${forms}<iframe name="out"></iframe>` });
    await numberShown(opened.page);
    await opened.page.evaluate(() => {
      for (const one of document.querySelectorAll('form')) one.requestSubmit();
    });
    const events = await told(opened, 'form', SECRETS.length);
    const heard = Object.fromEntries(
      events.map(({ form_name, fields }) => [SECRETS[form_name]?.[0], fields]),
    );
    expect(heard).toEqual(Object.fromEntries(SECRETS.map(([name], at) => [name, { kept: `kept ${at}` }])));
    expect(JSON.stringify(opened.received)).not.toMatch(/secret|4111|5555-5555|078-05/);
  });

  test('excepted as a whole is not told at all', async () => {
    const opened = await ground.open({
      html: form('data-calltrk-ignore action="about:blank" target="out"').replace(
        '</form>',
        '</form><div data-cr-no-capture><form id="second"><input name="x" value="y"></form></div>',
      ),
    });
    await numberShown(opened.page);
    await opened.page.evaluate(() => {
      document.querySelector<HTMLFormElement>('#form')?.requestSubmit();
      (window as any).CallTrk.captureForm('#second');
    });
    await settled(opened.page);
    expect(opened.events('form')).toEqual([]);
  });

  test('tells what looks like a card number and is none: telephone and order numbers', async () => {
    const opened = await ground.open({
      html: `${NUMBER_PAGE}<form id="form" action="about:blank" target="out"><input name="phone" value="+44 20 7946 0018"><input name="order" value="4111111111111112"><input name="when" value="2026-11-22 08:15"><button>Send</button></form><iframe name="out"></iframe>`,
    });
    await numberShown(opened.page);
    await opened.page.click('#form button');
    expect((await told(opened, 'form'))[0].fields).toEqual({
      phone: '+44 20 7946 0018',
      order: '4111111111111112',
      when: '2026-11-22 08:15',
    });
  });
});

describe('the record', () => {
  test('has the form once, joined to the visit, though it was sent while the page went', async () => {
    const opened = await ground.open({
      html: `${NUMBER_PAGE}<form id="form" action="thanks"><input name="email" value="mallory@example.com"><button>Send</button></form>`,
      pages: { thanks: 'Thanks' },
    });
    await numberShown(opened.page);
    await opened.page.click('#form button');
    await opened.page.waitForURL('**/thanks?**');
    const found = await until(async () => {
      const { form_submissions } = await report(ground.server, 'form_submissions.json?fields=attribution');
      const mine = form_submissions.filter((one: any) => one.customer_email === 'mallory@example.com');
      return mine.length ? mine : undefined;
    });
    expect(found).toHaveLength(1);
    expect(found[0].attribution).toMatchObject({ method: 'session', session: opened.swaps()[0].session });
  });
});
