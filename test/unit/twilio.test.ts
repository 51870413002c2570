import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import twilio from 'twilio';
import { describe, expect, test } from 'vitest';
import { planAfterDial, planAnswer } from '../../server/telephony/plan.js';
import { createTwilio } from '../../server/telephony/twilio.js';
import { isSignedByTwilio, twilioSignature } from '../../server/telephony/twilio-signature.js';
import { element, renderXml } from '../../server/telephony/xml.js';

const TOKEN = '12345';
const form = (parameters: Record<string, string | string[]>) =>
  new Map(Object.entries(parameters).map(([name, value]) => [name, [value].flat()]));
const signed = (url: string, parameters: Record<string, string | string[]>, signature: string) => ({
  url,
  signature,
  contentType: 'application/x-www-form-urlencoded',
  body: new Uint8Array([1]),
  parameters: form(parameters),
});

describe("Twilio's signature", () => {
  // The example in Twilio's security documentation.
  const url = 'https://mycompany.com/myapp.php?foo=1&bar=2';
  const parameters = {
    CallSid: 'CA1234567890ABCDE',
    Caller: '+12349013030',
    Digits: '1234',
    From: '+12349013030',
    To: '+18005551212',
  };

  test('is made as the documentation has it', () => {
    expect(twilioSignature(TOKEN, url, form(parameters))).toBe('0/KCTR6DLpKmkAf8muzZqo1nDgQ=');
  });

  test('is refused when missing, wrong, of another token, or when there is no token', () => {
    const right = twilioSignature(TOKEN, url, form(parameters));
    expect(isSignedByTwilio([TOKEN], signed(url, parameters, right))).toBe(true);
    expect(isSignedByTwilio(['new-token', TOKEN], signed(url, parameters, right))).toBe(true);
    expect(isSignedByTwilio([], signed(url, parameters, right))).toBe(false);
    expect(isSignedByTwilio(['other'], signed(url, parameters, right))).toBe(false);
    expect(isSignedByTwilio([TOKEN], signed(url, { ...parameters, Digits: '1' }, right))).toBe(false);
    expect(isSignedByTwilio([TOKEN], { ...signed(url, parameters, right), signature: undefined })).toBe(
      false,
    );
    expect(isSignedByTwilio([TOKEN], signed(url, parameters, ''))).toBe(false);
  });

  const anyUrl = fc
    .tuple(
      fc.constantFrom('http', 'https'),
      fc.constantFrom('calls.example.com', 'localhost', '127.0.0.1'),
      fc.option(fc.integer({ min: 1, max: 65_535 })),
      fc.constantFrom('/v1/telephony/twilio/voice', '/base/v1/telephony/twilio/status'),
      fc.array(fc.tuple(fc.constantFrom('number', 'q', "it's"), fc.string({ maxLength: 12 })), {
        maxLength: 3,
      }),
    )
    .map(([scheme, host, port, path, query]) => {
      const search = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
      return `${scheme}://${host}${port === null ? '' : `:${port}`}${path}${search ? `?${search}` : ''}`;
    });
  const anyForm = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 10 }).filter((name) => name !== '__proto__'),
    fc.oneof(fc.string(), fc.array(fc.string(), { minLength: 1, maxLength: 3 })),
    { maxKeys: 6 },
  );

  test("agrees with Twilio's own package, both ways", () => {
    fc.assert(
      fc.property(anyUrl, anyForm, fc.boolean(), (address, parameters, spoil) => {
        const theirs = twilio.getExpectedTwilioSignature(TOKEN, address, parameters);
        const given = spoil ? theirs.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) : theirs;
        expect(isSignedByTwilio([TOKEN], signed(address, parameters, given))).toBe(!spoil);
        const ours = twilioSignature(TOKEN, address, form(parameters));
        expect(twilio.validateRequest(TOKEN, ours, address, parameters)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('covers a JSON body by its hash in the query', () => {
    const body = Buffer.from('{"CallSid":"CA1"}');
    const hash = createHash('sha256').update(body).digest('hex');
    const address = `https://calls.example.com/v1/telephony/twilio/status?bodySHA256=${hash}`;
    const signature = twilio.getExpectedTwilioSignature(TOKEN, address, {});
    const request = { url: address, signature, contentType: 'application/json', body, parameters: new Map() };
    expect(isSignedByTwilio([TOKEN], request)).toBe(true);
    expect(isSignedByTwilio([TOKEN], { ...request, body: Buffer.from('{"CallSid":"CA2"}') })).toBe(false);
    expect(isSignedByTwilio([TOKEN], { ...request, url: 'https://calls.example.com/' })).toBe(false);
  });
});

describe('the documents for Twilio', () => {
  const adapter = createTwilio({
    authTokens: [TOKEN],
    simulatorToken: null,
    publicUrl: () => 'https://calls.example.com',
  });
  const route = {
    companyId: 'COM1',
    trackerId: 'TRK1',
    destinationNumber: '+13055550100',
    greeting: null,
    demo: false,
  };
  const parse = (xml: string) => {
    expect(XMLValidator.validate(xml)).toBe(true);
    return new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', parseTagValue: false }).parse(
      xml,
    ).Response;
  };

  test('forward to the destination, tell us the end, and leave the caller id as it is', () => {
    const { Dial } = parse(adapter.render(planAnswer(route), '+13055550110').body);
    expect(Dial).toMatchObject({
      answerOnBridge: 'true',
      action: 'https://calls.example.com/v1/telephony/twilio/dial?number=%2B13055550110',
      Number: { '#text': '+13055550100' },
    });
    expect(Dial.callerId).toBeUndefined();
  });

  test('say the greeting before they dial', () => {
    const xml = adapter.render(
      planAnswer({ ...route, greeting: 'Calls may be recorded.' }),
      '+13055550110',
    ).body;
    expect(Object.keys(parse(xml))).toEqual(['Say', 'Dial']);
  });

  test('take a message when nobody answered, hang up when somebody did', () => {
    expect(Object.keys(parse(adapter.render(planAfterDial('no_answer'), '+1').body))).toEqual([
      'Say',
      'Record',
      'Hangup',
    ]);
    expect(Object.keys(parse(adapter.render(planAfterDial('completed'), '+1').body))).toEqual(['Hangup']);
  });

  test('are polite to a number that is not ours', () => {
    expect(Object.keys(parse(adapter.render(planAnswer(undefined), '+1').body))).toEqual(['Say', 'Hangup']);
  });
});

describe('the XML serializer', () => {
  test('lets nothing out of a value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const xml = renderXml(element('Response', {}, [element('Say', { voice: text }, [text])]));
        expect(XMLValidator.validate(xml)).toBe(true);
        expect(xml.match(/</g)).toEqual(xml.match(/<(?=\?xml |\/?Response>|\/?Say\b)/g));
      }),
    );
  });

  test('drops what XML forbids and escapes the rest', () => {
    expect(renderXml(element('Say', {}, ['a\u0000\u0008<b>&"\'\ud800']))).toContain(
      '>a&lt;b&gt;&amp;&quot;&apos;\ufffd<',
    );
  });
});
