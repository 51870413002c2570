import { describe, expect, test } from 'vitest';
import type { Matcher, VisitorEvent } from '../../../shared/contract/visitor.js';
import { KEY, LIBRARIES, openPage, ownClock, type Page, SOURCE_NUMBER, TARGET } from '../../support/dom.js';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

const everybody: Matcher = [[1, '']];

ownClock();

describe.each(LIBRARIES)('in %s', (library) => {
  describe('a tap', () => {
    const click = (page: Page, selector: string) => {
      const event = new page.window.MouseEvent('click', { bubbles: true, cancelable: true });
      page.document.querySelector(selector)?.addEventListener('click', (e) => e.preventDefault());
      page.document.querySelector(selector)?.dispatchEvent(event);
    };

    test('on a swapped link is handed over in the same task', async () => {
      const page = openPage(library, {
        html: '<a href="tel:305-555-0100"><b>Call</b></a><i><a href="sms:305-555-0100">text</a></i>',
      });
      await page.settle();
      click(page, 'b');
      click(page, 'i a');
      const taps = page.to('/v1/events');
      expect(taps.map(({ via, url }) => [via, url])).toEqual([
        ['beacon', 'https://calls.example.net/t/v1/events'],
        ['beacon', 'https://calls.example.net/t/v1/events'],
      ]);
      expect(taps[0]?.body).toEqual({
        key: KEY,
        session: page.cookies().calltrk_session_id,
        visit: { landing: 'https://www.example.com/', referrer: 'direct' },
        events: [
          {
            id: expect.stringMatching(UUID),
            type: 'tap',
            at: Date.now(),
            number: '+17865550123',
            target: TARGET,
          },
        ],
      });
    });

    test('on the number of a source tracker is told as well', async () => {
      const sources = [{ rule: everybody, targets: [TARGET], number: SOURCE_NUMBER }];
      const page = openPage(library, { html: '<a href="tel:305-555-0100">Call</a>', config: { sources } });
      click(page, 'a');
      expect(page.events('tap')).toMatchObject([{ number: SOURCE_NUMBER.e164, target: TARGET }]);
    });

    test('on a copy that the page made of a swapped link is told as well', async () => {
      const page = openPage(library, { html: '<a href="tel:305-555-0100">Call</a><p></p>' });
      await page.settle();
      page.document.querySelector('p')?.append(page.document.querySelector('a')?.cloneNode(true) as Node);
      await page.settle();
      click(page, 'p a');
      expect(page.events('tap')).toMatchObject([{ number: '+17865550123', target: TARGET }]);
    });

    test('on anything else is nobody\u2019s business', async () => {
      const page = openPage(library, {
        html: '<a id="own" href="tel:305-555-0100" data-calltrk-noswap>x</a><a id="web" href="/x">x</a><p>305-555-0100</p>',
      });
      await page.settle();
      for (const selector of ['#own', '#web', 'p']) click(page, selector);
      expect(page.events()).toEqual([]);
    });

    test('before there is a number is nobody\u2019s business', () => {
      const page = openPage(library, { html: '<a href="tel:305-555-0100">x</a>' });
      click(page, 'a');
      expect(page.events()).toEqual([]);
    });

    test.each([
      ['refuses', () => false],
      ['is missing', null],
      [
        'throws',
        () => {
          throw new Error('no');
        },
      ],
    ])('goes another way where sendBeacon %s', async (_, beacon) => {
      const page = openPage(library, { html: '<a href="tel:305-555-0100">x</a>', beacon });
      await page.settle();
      click(page, 'a');
      expect(page.to('/v1/events').map(({ via }) => via)).toEqual(['fetch']);
    });
  });

  describe('a sign of life', () => {
    const move = (page: Page, type = 'pointermove') =>
      page.document.dispatchEvent(new page.window.Event(type, { bubbles: true }));

    test.each(['pointermove', 'pointerdown', 'keydown', 'scroll'])(
      'is sent once a minute after %s, and not without',
      async (type) => {
        const page = openPage(library);
        await page.settle(60_000);
        expect(page.events('ping')).toHaveLength(0);
        move(page, type);
        move(page, type);
        expect(page.events('ping')).toHaveLength(0);
        await page.settle(60_000);
        await page.settle(60_000);
        expect(page.events('ping')).toHaveLength(1);
        expect(page.to('/v1/events')[0]?.via).toBe('fetch');
      },
    );

    test('is not sent by a page that nobody sees', async () => {
      const page = openPage(library);
      await page.settle();
      Object.defineProperty(page.document, 'hidden', { value: true });
      move(page);
      await page.settle(120_000);
      expect(page.events('ping')).toEqual([]);
    });

    test('is sent when the page goes out of view, by beacon, and not soon after another one', async () => {
      const page = openPage(library);
      const show = (state: string) => {
        Object.defineProperty(page.document, 'hidden', { value: state === 'hidden', configurable: true });
        move(page, 'visibilitychange');
      };
      await page.settle();
      show('hidden');
      expect(page.events('leave')).toEqual([]);
      show('visible');
      await page.settle(8000);
      show('hidden');
      expect(page.events('leave')).toHaveLength(1);
      expect(page.to('/v1/events')[0]?.via).toBe('beacon');
      // What moves there is nobody's hand.
      await page.settle(8000);
      move(page, 'scroll');
      show('visible');
      show('hidden');
      expect(page.events('leave')).toHaveLength(2);
      await page.settle(180_000);
      expect(page.events('ping')).toEqual([]);
    });

    test('keeps the hold: no number is asked for anew', async () => {
      const page = openPage(library);
      for (let minute = 0; minute < 60; minute++) {
        move(page);
        await page.settle(60_000);
      }
      expect(page.to('/v1/swap')).toHaveLength(1);
    });

    test('after the hold is a new question', async () => {
      const page = openPage(library);
      await page.settle(1_300_000);
      move(page);
      await page.settle(60_000);
      expect(page.events('ping')).toEqual([]);
      expect(page.to('/v1/swap').map(({ body }) => [body.targets, !!body.page])).toEqual([
        [[TARGET], true],
        [[TARGET], false],
      ]);
    });

    test('that the server does not keep leaves the hold to end', async () => {
      let pings = 0;
      const page = openPage(library, {
        answer: ({ url, body }) => {
          if (url.endsWith('/v1/events')) return { status: 503, error: `later ${++pings}` };
          const numbers = Object.fromEntries((body.targets ?? []).map((target) => [target, null]));
          return { held_seconds: 100, ping_seconds: 30, numbers };
        },
      });
      for (let second = 0; second < 150; second++) {
        move(page);
        await page.settle(1000);
      }
      expect(pings).toBeGreaterThan(0);
      expect(page.to('/v1/swap')).toHaveLength(2);
    });

    test('is sent as often as the server says', async () => {
      const page = openPage(library, {
        answer: () => ({ held_seconds: 30, ping_seconds: 10, numbers: {} }),
      });
      for (let second = 0; second < 60; second++) {
        move(page);
        await page.settle(1000);
      }
      expect(page.events('ping').length).toBeGreaterThanOrEqual(5);
      expect(page.to('/v1/swap')).toHaveLength(1);
    });

    test('is not sent faster than every five seconds, whatever the server says', async () => {
      const page = openPage(library, {
        answer: ({ body }) => ({
          held_seconds: 'x',
          ping_seconds: 0.001,
          numbers: Object.fromEntries((body.targets ?? []).map((target) => [target, null])),
        }),
      });
      for (let second = 0; second < 120; second++) {
        move(page);
        await page.settle(1000);
      }
      expect(page.sent.length).toBeLessThan(30);
    });

    test('comes at once when the page is seen again after the hold', async () => {
      const page = openPage(library);
      await page.settle(2_000_000);
      move(page, 'visibilitychange');
      await page.settle(10);
      expect(page.to('/v1/swap')).toHaveLength(2);
    });

    test('comes at once with a page from the back/forward cache', async () => {
      const page = openPage(library);
      await page.settle();
      const show = (persisted: boolean) =>
        page.window.dispatchEvent(Object.assign(new page.window.Event('pageshow'), { persisted }));
      show(false);
      await page.settle();
      expect(page.to('/v1/swap')).toHaveLength(1);
      show(true);
      await page.settle();
      expect(page.to('/v1/swap').map(({ body }) => !!body.page)).toEqual([true, false]);
    });
  });

  describe('a form', () => {
    const submit = (page: Page, selector = 'form') => {
      const form = page.document.querySelector(selector) as HTMLFormElement;
      form.dispatchEvent(new page.window.Event('submit', { bubbles: true, cancelable: true }));
    };
    const forms = (page: Page) => page.events('form') as Extract<VisitorEvent, { type: 'form' }>[];
    const fieldsOf = (html: string, options: Parameters<typeof openPage>[1] = {}) => {
      const page = openPage(library, { html: `<form>${html}</form>`, ...options });
      submit(page);
      return forms(page)[0]?.fields;
    };

    test('is told with the words that the visitor read and wrote', () => {
      const page = openPage(library, {
        url: 'https://www.example.com/contact',
        html: `<form name="quote">
          <label for="a">Your name *</label><input id="a" name="n" value=" Ann ">
          <label>Phone:<input name="p" type="tel" value="305-555-0111"></label>
          <input aria-label="E-mail" name="e" value="ann@example.com">
          <textarea name="message">Roof\nleaks</textarea>
          <select name="when"><option value="am">Morning</option><option value="pm" selected>Later</option></select>
          <input type="checkbox" name="service" value="roof" checked><input type="checkbox" name="service" value="wall">
          <input type="checkbox" name="service" value="door" checked>
          <input type="radio" name="kind" value="home" checked><input type="radio" name="kind" value="shop">
          <input name="empty"><input name="off" value="x" disabled><input type="hidden" name="page_id" value="7">
          <input type="submit" name="go" value="Send"><button name="b" value="1">Send</button>
        </form>`,
      });
      submit(page);
      expect(forms(page)).toEqual([
        {
          id: expect.stringMatching(UUID),
          type: 'form',
          at: Date.now(),
          url: 'https://www.example.com/contact',
          form_name: 'quote',
          fields: {
            'Your name': 'Ann',
            Phone: '305-555-0111',
            'E-mail': 'ann@example.com',
            message: 'Roof\nleaks',
            when: 'pm',
            service: 'roof, door',
            kind: 'home',
            page_id: '7',
          },
          fcid: page.cookies().calltrk_fcid,
        },
      ]);
      expect(page.cookies().calltrk_fcid).toMatch(UUID);
    });

    test.each([
      '<input type="password" name="a" value="x">',
      '<input type="file" name="a">',
      '<input name="a" autocomplete="cc-number" value="x">',
      '<input name="a" autocomplete="section-pay billing cc-csc" value="x">',
      '<input name="a" autocomplete="current-password" value="x">',
      '<input name="a" autocomplete="one-time-code" value="x">',
      ...[
        'card',
        'card_number',
        'cardNumber',
        'creditcard-name',
        'cc',
        'billing[cc]',
        'ccnum',
        'cc_exp',
        'cvc',
        'cvv2',
        'CVVCode',
        'cvn',
        'payment[card]',
        'payment[card][number]',
        'card1',
        'name_on_card',
      ].map((name) => `<input name="${name}" value="x">`),
      ...[
        'csrf_token',
        '_token',
        'authenticity_token',
        '__RequestVerificationToken',
        '__VIEWSTATE',
        '__EVENTVALIDATION',
        '_wpnonce',
        '_xsrf',
        'javax.faces.ViewState',
        'form_build_id',
        'PHPSESSID',
        'api_key',
      ].map((name) => `<input type="hidden" name="${name}" value="x">`),
      ...[
        'ssn',
        'user_ssn',
        'customerSSN',
        'iban',
        'pin',
        'pan',
        'pass',
        'passcode',
        'passphrase',
        'verificationCode',
        'g-recaptcha-response',
      ].map((name) => `<input name="${name}" value="x">`),
      ...['Password', 'Card number', 'CVC', 'Security code', 'SSN'].map(
        (words) => `<input name="a" placeholder="${words}" value="x">`,
      ),
      '<b id="b">Your</b><b id="c">CVC</b><input name="a" aria-labelledby="b c" value="x">',
      '<input name="a" value="4111 1111 1111 1111">',
      '<input name="a" value="378282246310005">',
      '<textarea name="a">my card is 4111-1111-1111-1111, thanks</textarea>',
      '<input name="a" value="4111 1111 1111 1111 12/28 737">',
      '<input name="a" value="3 4111 1111 1111 1111">',
      '<input name="a" value="4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1">',
      ...['.', '  ', '\u00a0', '\u2009', '\t', '\n', ' - ', '\u2013', '\u2011', '/', '_', ',', '\u200b'].map(
        (gap) => `<textarea name="a">${['4111', '1111', '1111', '1111'].join(gap)}</textarea>`,
      ),
      `<input name="a" value="${'4111111111111111'.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))}">`,
      '<input name="a" value="+4111 1111 1111 1111">',
      '<input name="a" value="+1 on Monday is fine. My card is 4111 1111 1111 1111">',
      '<input name="a" value="+1 305 555 0100 4111 1111 1111 1111">',
      '<input name="a" value="0044 20 7946 0018, card 4111111111111111">',
      ...[
        'my ssn is 078-05-1120 thanks',
        '078 05 1120',
        '078.05.1120',
        '078\u201305\u20131120',
        '078\u201105\u20111120',
      ].map((value) => `<input name="a" value="${value}">`),
      '<input name="a" data-cr-no-capture value="x">',
      '<div data-calltrk-ignore><input name="a" value="x"></div>',
      '<input name="__proto__" value="x">',
    ])('leaves out %s', (field) => {
      expect(fieldsOf(`<input name="who" value="Ann">${field}`)).toEqual({ who: 'Ann' });
    });

    test.each([
      ['cardiology_visit', 'yes'],
      ['businessname', 'x'],
      ['pinterest', 'x'],
      ['account', 'x'],
      ['accept', 'yes'],
      ['shipping', 'x'],
      ['profile', 'x'],
      ['announcement', 'x'],
      ['phone', '+49 1512 3456787'],
      ['phone', '0049 1512 3456787'],
      ['phone', '+1 (305) 555-0100, +1 (305) 555-0111'],
      ['phone', '305-555-0100, 305-555-0100'],
      ['phone', '+971 50 1234 567'],
      ['order', '4111 1111 1111 1112'],
      ['when', '2026-11-22 08:15:10'],
      ['sizes', '200, 50, 1000'],
      ...[
        'discard',
        'postcard',
        'wildcard',
        'scorecard',
        'interview_state',
        'Board / cardboard',
        'business_card_quantity',
        'graphics_card',
        'Cardiff',
        'cc_email',
        'cctv',
        'CCTV installation',
        'cscore',
        'CSV export',
        'ibanez',
        'pin_code',
        'pin_drop',
        'Pinto',
        'token_count',
        'tokens_needed',
        'nonces',
        'One-time or recurring?',
        'File a claim',
        'Phone2__c',
        'Fields_0__Value',
        'email-0f3cc1b2-7d41-4a3e-9b1c-2f64d8a9e701',
        'form_fields[field_7cc1a2b]',
      ].map((name): [string, string] => [name, 'x']),
    ])('keeps %s: %s', (name, value) => {
      expect(fieldsOf(`<input name="${name}" value="${value}">`)).toEqual({ [name]: value });
      expect(fieldsOf(`<label for="${name}">Words</label><input id="${name}" value="${value}">`)).toEqual({
        Words: value,
      });
    });

    test('leaves out a password that the page shows', async () => {
      const page = openPage(library, {
        html: '<form><input name="who" value="Ann"><input type="password" name="a" value="x"></form>',
      });
      await page.settle();
      page.document.querySelector('[type=password]')?.setAttribute('type', 'text');
      await page.settle();
      submit(page);
      expect(forms(page)[0]?.fields).toEqual({ who: 'Ann' });
    });

    test.each([
      [
        'a label around them',
        '<label>Country <select><option>USA</option><option selected>Canada</option><option>Credit card</option></select></label><label>Message: <textarea>Hello\nthere</textarea></label>',
        { Country: 'Canada', Message: 'Hello\nthere' },
      ],
      [
        'what labels them elsewhere, or nothing else than their placeholder',
        '<b id="b">Your</b> <b id="c">roof</b><input name="a" aria-labelledby="b c" value="x"><input placeholder="Town" value="y">',
        { 'Your roof': 'x', Town: 'y' },
      ],
      [
        'their name where a label is empty, and has all that was chosen',
        '<label> <select name="days" multiple><option selected>Mon<option>Tue<option selected>Wed</select></label>',
        { days: 'Mon, Wed' },
      ],
    ])('names fields by %s', (_, html, fields) => {
      expect(fieldsOf(html)).toEqual(fields);
    });

    test.each([
      ['has nothing in it', '<form><input name="a"></form>'],
      ['is excepted', '<form data-cr-no-capture><input name="a" value="x"></form>'],
      [
        'is in a part that is excepted',
        '<div data-calltrk-ignore><form><input name="a" value="x"></form></div>',
      ],
    ])('that %s is not told', (_, html) => {
      const page = openPage(library, { html });
      submit(page);
      expect(page.events()).toEqual([]);
      expect(page.cookies().calltrk_fcid).toBeUndefined();
    });

    test('is not told where the company does not want it', () => {
      const page = openPage(library, {
        html: '<form><input name="a" value="x"></form>',
        config: { forms: false },
      });
      submit(page);
      page.api.captureForm('form');
      expect(page.events()).toEqual([]);
    });

    test('is told once, however often it says the same within a second', async () => {
      const page = openPage(library, { html: '<form><input name="a" value="x"></form>' });
      submit(page);
      submit(page);
      expect(forms(page)).toHaveLength(1);
      (page.document.querySelector('input') as HTMLInputElement).value = 'y';
      submit(page);
      expect(forms(page)).toHaveLength(2);
      await page.settle(1100);
      submit(page);
      expect(forms(page)).toHaveLength(3);
      expect(new Set(forms(page).map(({ fcid }) => fcid)).size).toBe(1);
    });

    test('is another one if it is another form, though it says the same', () => {
      const html = '<form><input name="a" value="x"></form>';
      const page = openPage(library, { html: `${html}<div>${html}</div>` });
      submit(page);
      submit(page, 'div form');
      expect(forms(page)).toHaveLength(2);
    });

    test('goes by beacon as well where `fetch` fails', async () => {
      const page = openPage(library, {
        html: '<form><input name="a" value="x"></form>',
        answer: () => new Error('no'),
      });
      submit(page);
      await page.settle();
      expect(page.to('/v1/events').map(({ via }) => via)).toEqual(['fetch', 'beacon']);
      expect(new Set(forms(page).map(({ id }) => id)).size).toBe(1);
    });

    test('is kept longer than page views that cannot be sent either', async () => {
      const page = openPage(library, {
        html: '<form><input name="a" value="x"></form>',
        answer: () => ({ status: 503 }),
      });
      submit(page);
      await page.settle();
      const queue = () => JSON.parse(page.kept.storage[`calltrk-${KEY}-queue`] as string);
      for (let count = 0; count < 110; count++) {
        page.window.history.pushState(0, '', `?${count}`);
        await page.settle(1000);
      }
      expect(queue()).toHaveLength(100);
      expect(queue()[0].events[0].type).toBe('form');
    });

    test('is told though the page stops the event', () => {
      const page = openPage(library, { html: '<form><input name="a" value="x"></form>' });
      page.document.addEventListener('submit', (event) => event.stopImmediatePropagation(), true);
      submit(page);
      expect(forms(page)).toHaveLength(1);
    });

    test('with fields named like its own parts is told as any other', () => {
      const page = openPage(library, {
        html: '<form><input name="elements" value="1"><input name="closest" value="2"><input name="a" value="3"></form>',
      });
      submit(page);
      expect(forms(page)).toMatchObject([{ fields: { elements: '1', closest: '2', a: '3' } }]);
    });

    test('with endless words stays under what a browser hands over', () => {
      const long = 'x'.repeat(30_000);
      const page = openPage(library, {
        html: `<form>${[1, 2, 3].map((n) => `<textarea name="t${n}">${long}</textarea>`).join('')}</form>`,
      });
      submit(page);
      expect(JSON.stringify(page.to('/v1/events')[0]?.body).length).toBeLessThan(20_000);
    });
  });
});
