import { createHash } from 'node:crypto';
import { parse, stringify } from 'node:querystring';
import fc from 'fast-check';
import twilio from 'twilio';
import { describe, expect, test } from 'vitest';
import { createTwilio } from '../../server/telephony/twilio.js';
import { twilioSignature } from '../../server/telephony/twilio-signature.js';

const TOKEN = 'a'.repeat(32);
const OLD_TOKEN = 'b'.repeat(32);
const FORM = 'application/x-www-form-urlencoded; charset=UTF-8';
const VOICE = '/v1/telephony/twilio/voice';

interface Sent {
  /** What we believe to be our address, and what comes after it. */
  publicUrl: string;
  path: string;
  method: 'GET' | 'POST';
  type: string | undefined;
  body: string;
  signature: string | undefined;
}

/** Whether our adapter takes a request as it comes over the wire. */
function weTake(sent: Sent, authTokens = [TOKEN]): boolean {
  const adapter = createTwilio({ authTokens, simulatorToken: null, publicUrl: () => sent.publicUrl });
  const headers = {
    ...(sent.signature === undefined ? {} : { 'x-twilio-signature': sent.signature }),
    ...(sent.type === undefined ? {} : { 'content-type': sent.type }),
  };
  const { method, path: url } = sent;
  return adapter.verify({ method, url, headers, body: Buffer.from(sent.body) }) !== null;
}

/** Whether the middleware of Twilio's own package takes it, with the body as Express reads it. */
function theyTake({ publicUrl, path, type, body, signature }: Sent): boolean {
  const request = {
    header: () => signature,
    originalUrl: path,
    rawBody: body,
    body: type === FORM ? parse(body) : {},
  };
  return twilio.validateExpressRequest(request as never, TOKEN, { url: publicUrl + path });
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const theirs = (token: string, url: string, body = '') =>
  twilio.getExpectedTwilioSignature(token, url, parse(body));
const posted = (parameters: Record<string, string | string[]>, more: Partial<Sent> = {}): Sent => {
  const sent = {
    publicUrl: 'https://calls.example.com',
    path: VOICE,
    method: 'POST' as const,
    type: FORM,
    body: stringify(parameters),
    ...more,
  };
  return { signature: theirs(TOKEN, sent.publicUrl + sent.path, sent.body), ...sent };
};
const CALL = { CallSid: 'CA1234567890ABCDE', From: '+12349013030', To: '+18005551212', CallerName: '' };

describe("Twilio's signature", () => {
  test('is made as the documentation has it', () => {
    const parameters = {
      CallSid: 'CA1234567890ABCDE',
      Caller: '+12349013030',
      Digits: '1234',
      From: '+12349013030',
      To: '+18005551212',
    };
    const form = new Map(Object.entries(parameters).map(([name, value]) => [name, [value]]));
    expect(twilioSignature('12345', 'https://mycompany.com/myapp.php?foo=1&bar=2', form)).toBe(
      '0/KCTR6DLpKmkAf8muzZqo1nDgQ=',
    );
  });

  test('is taken from either token while one is rotated, and from no other', () => {
    const withOld = {
      ...posted(CALL),
      signature: theirs(OLD_TOKEN, `https://calls.example.com${VOICE}`, stringify(CALL)),
    };
    expect(weTake(withOld, [TOKEN])).toBe(false);
    expect(weTake(withOld, [TOKEN, OLD_TOKEN])).toBe(true);
    expect(weTake(posted(CALL), [TOKEN, OLD_TOKEN])).toBe(true);
  });

  test('is refused when it is missing, empty, cut, or two in one header', () => {
    const good = posted(CALL);
    expect(weTake(good)).toBe(true);
    for (const signature of [
      undefined,
      '',
      '=',
      good.signature?.slice(0, -1),
      `${good.signature}, ${good.signature}`,
    ]) {
      expect(weTake({ ...good, signature })).toBe(false);
    }
  });

  test('of an empty token is nobody’s, though anybody can make it', () => {
    const forged = {
      ...posted(CALL),
      signature: theirs('', `https://calls.example.com${VOICE}`, stringify(CALL)),
    };
    expect(weTake(forged, [])).toBe(false);
    expect(weTake(forged, [''])).toBe(false);
    expect(weTake(forged, ['', TOKEN])).toBe(false);
  });

  test.each([
    ['with the standard port', 'https://calls.example.com', 'https://calls.example.com:443'],
    ['without the port', 'https://calls.example.com:8443', 'https://calls.example.com'],
    ['with the port', 'https://calls.example.com:8443', 'https://calls.example.com:8443'],
    ['with the standard port of http', 'http://10.0.0.7', 'http://10.0.0.7:80'],
    ['with a path that a proxy takes away', 'https://example.com/a/b', 'https://example.com/a/b'],
    ['without the port of an IPv6 address', 'http://[::1]:3000', 'http://[::1]'],
  ])('is taken %s', (_name, publicUrl, signedUrl) => {
    const signature = theirs(TOKEN, signedUrl + VOICE, stringify(CALL));
    expect(weTake(posted(CALL, { publicUrl, signature }))).toBe(true);
  });

  test.each([
    ['another host', 'https://evil.example.com'],
    ['another port', 'https://calls.example.com:8443'],
    ['another scheme', 'http://calls.example.com'],
    ['another path', 'https://calls.example.com/a'],
  ])('is refused when it was made for %s', (_name, signedUrl) => {
    const signature = theirs(TOKEN, signedUrl + VOICE, stringify(CALL));
    expect(weTake(posted(CALL, { signature }))).toBe(false);
  });

  test.each([
    ['raw', "?note=it's"],
    ['as %27', '?note=it%27s'],
  ])('is taken when the apostrophe was signed %s, however it is sent', (_name, query) => {
    const signature = theirs(TOKEN, `https://calls.example.com${VOICE}${query}`, stringify(CALL));
    expect(weTake(posted(CALL, { path: `${VOICE}?note=it's`, signature }))).toBe(true);
  });

  test('covers a repeated name once for each value, whatever their order', () => {
    const signature = theirs(TOKEN, `https://calls.example.com${VOICE}`, 'a=2&a=1&b=');
    const sent = (body: string) => weTake({ ...posted({}, { signature }), body });
    expect(sent('a=1&a=2&b=')).toBe(true);
    expect(sent('b=&a=2&a=1&a=2')).toBe(true);
    expect(sent('a=1&b=')).toBe(false);
    expect(sent('a=1&a=2&a=3&b=')).toBe(false);
    expect(sent('a=1&a=2&b=&c=')).toBe(false);
  });

  test('covers every parameter, whatever it is called', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (name, value) => {
        const good = posted({ ...CALL });
        const more = `${good.body}&${new URLSearchParams([[name, value]])}`;
        fc.pre(parse(more)[name] !== parse(good.body)[name]);
        expect(weTake({ ...good, body: more })).toBe(false);
      }),
    );
  });

  describe('of a body that is no form', () => {
    const body = JSON.stringify(CALL);
    const sent = (query: string, more: Partial<Sent> = {}) => {
      const path = `${VOICE}${query}`;
      const signature = theirs(TOKEN, `https://calls.example.com${path}`);
      return weTake(posted({}, { type: 'application/json', body, path, signature, ...more }));
    };

    test('covers it by its hash in the query', () => {
      expect(sent(`?bodySHA256=${sha256(body)}`)).toBe(true);
      expect(sent(`?a=b&bodySHA256=${sha256(body)}&c=d`)).toBe(true);
    });

    test('is refused when the hash is missing, wrong, cut, empty, or of another body', () => {
      const hash = sha256(body);
      for (const query of [
        '',
        '?bodySHA256=',
        `?bodySHA256=${sha256('x')}`,
        `?bodySHA256=${hash.slice(1)}`,
      ]) {
        expect(sent(query)).toBe(false);
      }
      expect(sent(`?bodySHA256=${hash}`, { body: `${body} ` })).toBe(false);
      expect(sent(`?bodySHA256=${sha256('x')}&bodySHA256=${hash}`)).toBe(false);
      expect(sent(`?bodySHA256=${hash}`, { signature: theirs(OLD_TOKEN, `https://x${VOICE}`) })).toBe(false);
    });

    test('of any other type is refused without a hash', () => {
      for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain', undefined]) {
        expect(sent('', { type, body: stringify(CALL) })).toBe(false);
      }
    });
  });

  test('of a request without a body covers its address', () => {
    const path = `${VOICE}?${stringify(CALL)}`;
    const signature = theirs(TOKEN, `https://calls.example.com${path}`);
    expect(weTake(posted({}, { method: 'GET', type: undefined, body: '', path, signature }))).toBe(true);
    expect(weTake(posted({}, { body: '', path, signature }))).toBe(true);
    expect(weTake(posted({}, { method: 'GET', body: '', path: `${path}&x=1`, signature }))).toBe(false);
  });
});

// ── Against Twilio's own package ─────────────────────────────────────────────────────────────────────────────

const piece = fc.constantFrom(
  ...[
    'a',
    'Z',
    '0',
    '-',
    '.',
    '_',
    '~',
    '!',
    '*',
    '(',
    ')',
    "'",
    '%27',
    '+',
    '%2B',
    '%20',
    '%7E',
    '%C3%A9',
    '%F0%9F%93%9E',
  ],
  ...[
    '|',
    '[',
    ']',
    '{',
    '"',
    '<',
    '\\',
    '^',
    '`',
    ':',
    '@',
    '/',
    '?',
    ';',
    '%',
    '%zz',
    '%E9',
    '%00',
    '%26',
    '%3D',
  ],
);
const raw = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
const rawPair = fc.oneof(
  fc.tuple(fc.constantFrom('number', 'q', 'CallSid', ''), raw).map((pair) => pair.join('=')),
  raw,
);
const anyQuery = fc.oneof(
  fc.constant(''),
  fc.constant('?'),
  fc.array(rawPair, { minLength: 1, maxLength: 3 }).map((pairs) => `?${pairs.join('&')}`),
);
const anyText = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 8 }));
const anyBody = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .array(fc.tuple(fc.constantFrom('CallSid', 'From', 'A', 'a', 'É', ''), anyText), { maxLength: 6 })
      .map((pairs) => String(new URLSearchParams(pairs))),
  },
  { weight: 1, arbitrary: fc.array(rawPair, { maxLength: 4 }).map((pairs) => pairs.join('&')) },
);

const anySent = fc.record({
  publicUrl: fc.constantFrom(
    'https://calls.example.com',
    'https://calls.example.com/tracking',
    'https://calls.example.com:8443/a/b',
    'http://localhost:3000',
    'http://10.0.0.7',
    'http://[::1]:8080',
  ),
  callback: fc.constantFrom('voice', 'dial', 'status', 'recording'),
  query: anyQuery,
  form: fc.constantFrom('form', 'form', 'form', 'get', 'json', 'json without a hash', 'form with a hash'),
  body: anyBody,
});

/** How a back end may write the URL before it signs it; the last two are nobody's way. */
const spelling = fc.constantFrom<(url: string) => string>(
  (url) => url,
  (url) => url,
  (url) => url.replace(/^(https?:\/\/(?:\[[^\]]*\]|[^/:?]*))(:\d+)?/, '$1'),
  (url) => url.replace(/^(https:\/\/[^/:?]*)(?=\/)/, '$1:443').replace(/^(http:\/\/[^/:?[]*)(?=\/)/, '$1:80'),
  (url) => new URL(url).href,
  (url) => url.replaceAll("'", '%27'),
  (url) => url.replaceAll('%27', "'"),
  (url) => (/\?./.test(url) ? url.replace(/\?.*$/, (query) => `?${stringify(parse(query.slice(1)))}`) : url),
  (url) => url.replace('/v1/', '/v1//'),
  (url) => url.replace(/:\d+/, ':9999'),
);

type Spoil = (sent: Sent) => Sent;
const swap = (text: string, at: number) => {
  const index = at % Math.max(1, text.length);
  return text.slice(0, index) + (text[index] === 'A' ? 'B' : 'A') + text.slice(index + 1);
};
/** What may be done to a request on its way. */
const spoil = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Spoil>((sent) => sent) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(100), raw).chain(([at, text]) =>
      fc.constantFrom<Spoil>(
        (sent) => ({ ...sent, signature: swap(sent.signature ?? '', at) }),
        (sent) => ({ ...sent, signature: sent.signature?.slice(0, at % 28) }),
        (sent) => ({ ...sent, signature: sent.signature?.toLowerCase() }),
        (sent) => ({ ...sent, signature: undefined }),
        (sent) => ({ ...sent, body: swap(sent.body, at) }),
        (sent) => ({ ...sent, body: `${sent.body}&${text}` }),
        (sent) => ({ ...sent, body: sent.body.split('&').slice(1).join('&') }),
        (sent) => ({ ...sent, body: sent.body.split('&').reverse().join('&') }),
        (sent) => ({ ...sent, body: `${sent.body}&${sent.body}` }),
        (sent) => ({ ...sent, path: `${sent.path}${sent.path.includes('?') ? '&' : '?'}${text}` }),
        (sent) => ({
          ...sent,
          path: sent.path.replace(/[0-9a-f](?=[^0-9a-f]*$)/, (digit) => (digit === '0' ? '1' : '0')),
        }),
        (sent) => ({
          ...sent,
          path: sent.path.replace(/bodySHA256=\w+/, (hash) =>
            hash.toUpperCase().replace('BODYSHA', 'bodySHA'),
          ),
        }),
        (sent) => ({ ...sent, publicUrl: sent.publicUrl.replace('http', 'https').replace('httpss', 'http') }),
        (sent) => ({ ...sent, publicUrl: `${sent.publicUrl}/x` }),
      ),
    ),
  },
);

describe("beside the validator of Twilio's own package", () => {
  test('ours says the same of 10,000 requests, signed in every way and spoilt on their way', () => {
    const said = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(
        anySent,
        spelling,
        fc.constantFrom(TOKEN, TOKEN, TOKEN, OLD_TOKEN),
        spoil,
        (made, spell, token, change) => {
          const isForm = made.form.startsWith('form');
          const body = made.form === 'get' ? '' : isForm ? made.body : JSON.stringify(parse(made.body));
          const hash =
            made.form === 'json' || made.form === 'form with a hash'
              ? `bodySHA256=${sha256(body || '{}')}`
              : '';
          const query = hash ? `${made.query || '?'}${made.query.length > 1 ? '&' : ''}${hash}` : made.query;
          const path = `/v1/telephony/twilio/${made.callback}${query}`;
          const sent = change({
            publicUrl: made.publicUrl,
            path,
            method: made.form === 'get' ? 'GET' : 'POST',
            type: made.form === 'get' ? undefined : isForm ? FORM : 'application/json',
            body,
            signature: theirs(token, spell(made.publicUrl + path), isForm && !hash ? body : ''),
          });
          // Differences that are meant, each with a test of its own below.
          fc.pre(made.form !== 'get' || sent.body === '');
          fc.pre(isForm || sent.body === '' || /[?&]bodySHA256=/.test(sent.path));
          const ours = weTake(sent);
          expect(ours).toBe(theyTake(sent));
          said[ours ? 'taken' : 'refused']++;
        },
      ),
      { numRuns: 10_000 },
    );
    expect(said.taken).toBeGreaterThan(2000);
    expect(said.refused).toBeGreaterThan(2000);
  });

  test('theirs takes what ours signs', () => {
    fc.assert(
      fc.property(anySent, ({ publicUrl, callback, query, body }) => {
        const path = `/v1/telephony/twilio/${callback}${query}`;
        const form = new Map<string, string[]>();
        for (const [name, value] of new URLSearchParams(`?${body}`))
          form.set(name, [...(form.get(name) ?? []), value]);
        const signature = twilioSignature(TOKEN, publicUrl + path, form);
        expect(theyTake({ publicUrl, path, method: 'POST', type: FORM, body, signature })).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  describe('ours is stricter:', () => {
    test('a body that is no form needs its hash, where theirs checks nothing but the address', () => {
      const sent = posted({}, { type: 'application/json', body: '{"CallSid":"forged"}' });
      const signature = theirs(TOKEN, `https://calls.example.com${VOICE}`);
      expect(theyTake({ ...sent, signature })).toBe(true);
      expect(weTake({ ...sent, signature })).toBe(false);
    });

    test('a form has a thousand parameters at most, so that nobody is read at length before he is known', () => {
      const form = (length: number) => Object.fromEntries(Array.from({ length }, (_, at) => [`p${at}`, '']));
      expect(weTake(posted(form(1000)))).toBe(true);
      expect(weTake(posted(form(1001)))).toBe(false);
    });

    test('an empty token signs nothing', () => {
      const url = `https://calls.example.com${VOICE}`;
      expect(twilio.validateRequest('', theirs('', url), url, {})).toBe(true);
      expect(weTake({ ...posted({}), signature: theirs('', url) }, [''])).toBe(false);
    });
  });

  test('ours is laxer: an empty body may be hashed as what it is, not as {} alone', () => {
    const sent = (hashed: string) =>
      posted({}, { type: 'application/json', path: `${VOICE}?bodySHA256=${sha256(hashed)}` });
    expect([weTake(sent('{}')), theyTake(sent('{}'))]).toEqual([true, true]);
    expect([weTake(sent('')), theyTake(sent(''))]).toEqual([true, false]);
  });
});
