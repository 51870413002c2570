import fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, test } from 'vitest';
import { planAfterDial, planAnswer, planWhisper } from '../../server/telephony/plan.js';
import type { Callback, ProviderRequest } from '../../server/telephony/provider.js';
import { createTwilio } from '../../server/telephony/twilio.js';
import { element, renderXml } from '../../server/telephony/xml.js';

const TOKEN = 'a'.repeat(32);
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

describe('what Twilio reports', () => {
  const NOW = 1_800_000_000_000;
  const asked = (callback: Callback, parameters: Record<string, string>, query = ''): ProviderRequest => ({
    method: 'POST',
    url: `/v1/telephony/twilio/${callback}${query}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(String(new URLSearchParams(parameters))),
  });
  const readRequest = (callback: Callback, request: ProviderRequest) => {
    const report = adapter.read(callback, request, NOW);
    if (!report.event) throw new Error('nothing is to be kept');
    return { ...report, event: report.event };
  };
  const read = (callback: Callback, parameters: Record<string, string>, query = '') =>
    readRequest(callback, asked(callback, parameters, query));
  const CALL = { CallSid: 'CA1', From: '+14155550123', To: '+13055550110', CallStatus: 'ringing' };
  const { To: _to, ...noTo } = CALL;
  const { CallSid: _callSid, ...noCallSid } = CALL;

  test.each([
    ['CallSid', noCallSid],
    ['CallSid', { ...CALL, CallSid: '' }],
    ['CallSid', { ...CALL, CallSid: "CA1'; --" }],
    ['CallSid', { ...CALL, CallSid: 'C'.repeat(65) }],
    ['To', noTo],
    ['To', { ...CALL, To: ' \u0000 ' }],
    ['ParentCallSid', { ...CALL, ParentCallSid: 'a b' }],
  ])('is refused, with the name of what is missing or malformed: %s', (field, parameters) => {
    expect(() => read('status', parameters)).toThrow(expect.objectContaining({ code: 'invalid', field }));
  });

  test.each([
    'anonymous',
    'Anonymous',
    'RESTRICTED',
    'unavailable',
    'Unknown',
    'private',
    'blocked',
    'withheld',
    'anonymous@anonymous.invalid',
    '266696687',
    '+266696687',
    '+1266696687',
    '7378742833',
    '+7378742833',
    '+17378742833',
    '86282452253',
    '+86282452253',
    '8656696',
    '+8656696',
    '2562533',
    '+2562533',
    'client:alice',
    'client:+14155550123',
    'sip:+14155550123@example.com',
    '911',
    'ACME',
    '4155550123',
    '+0123456789',
    '+1415555012345678',
  ])('of a caller who hides his number, or has none, is what it says and no number: %s', (From) => {
    expect(read('voice', { ...CALL, From }).event.caller).toEqual({ number: null, raw: From });
  });

  test.each(['+14155550123', '+26622123456', '+266966870', '+2666966871', '+73787428331', '+4930123456'])(
    'of a caller with a number is that number: %s',
    (From) => {
      expect(read('voice', { ...CALL, From }).event.caller).toEqual({ number: From, raw: From });
    },
  );

  test('of a caller without any word is nobody', () => {
    expect(read('voice', { ...CALL, From: '' }).event.caller).toEqual({ number: null, raw: null });
  });

  test("does not take our own number on the business's leg for the caller's", () => {
    const leg = { ...CALL, ParentCallSid: 'CA0', Direction: 'outbound-dial', To: '+13055550100' };
    const query = '?number=%2B13055550110';
    expect(read('status', { ...leg, From: '+13055550110' }, query).event).toMatchObject({
      kind: 'leg_status',
      providerCallId: 'CA0',
      trackingNumber: '+13055550110',
      destinationNumber: '+13055550100',
      caller: { number: null, raw: null },
    });
    expect(read('status', leg, query).event.caller.number).toBe('+14155550123');
  });

  test("knows the number's own status callback, which alone comes when the caller gives up", () => {
    const end = { ...CALL, CallStatus: 'no-answer', Direction: 'inbound', CallDuration: '0' };
    const expected = { kind: 'call_status', providerCallId: 'CA1', status: 'no_answer', seconds: 0 };
    expect(read('status', end).event).toMatchObject(expected);
    // A call from one number of an account to another has a parent of its own.
    expect(read('status', { ...end, ParentCallSid: 'CA9' }).event).toMatchObject(expected);
  });

  test.each([
    ['completed', 'completed'],
    ['answered', 'completed'],
    ['busy', 'busy'],
    ['no-answer', 'no_answer'],
    ['failed', 'failed'],
    ['canceled', 'canceled'],
    ['a word of next year', null],
  ])('has the end of a dial: %s', (DialCallStatus, status) => {
    expect(read('dial', { ...CALL, DialCallStatus }).event).toMatchObject({ kind: 'dial_ended', status });
  });

  test('tells the words about one recording apart, and the words about two', () => {
    const recording = { ...CALL, RecordingSid: 'RE1', RecordingUrl: 'https://api.twilio.com/RE1' };
    const keys = ['', 'in-progress', 'completed', 'absent', 'failed'].map(
      (RecordingStatus) => read('recording', { ...recording, RecordingStatus }).event.key,
    );
    keys.push(read('recording', { ...recording, RecordingSid: 'RE2' }).event.key);
    expect(new Set(keys).size).toBe(6);
  });

  test('keeps only an address of the web as a recording', () => {
    const urlOf = (RecordingUrl: string) => read('recording', { ...CALL, RecordingUrl }).event.recordingUrl;
    expect(urlOf('https://api.twilio.com/2010-04-01/RE1')).toBe('https://api.twilio.com/2010-04-01/RE1');
    expect(urlOf('javascript:alert(1)')).toBeNull();
    expect(urlOf('//api.twilio.com/RE1')).toBeNull();
  });

  test('happened when it says so, unless that cannot be', () => {
    const at = (Timestamp: string) => read('status', { ...CALL, Timestamp }).event.at;
    expect(at(new Date(NOW - 90_000).toUTCString())).toBe(NOW - 90_000);
    for (const odd of ['', 'soon', new Date(NOW + 5000).toUTCString(), 'Tue, 31 May 2016 18:00:00 +0000'])
      expect(at(odd)).toBe(NOW);
  });

  test('has lengths in whole seconds or not at all', () => {
    const seconds = (CallDuration: string) => read('status', { ...CALL, CallDuration }).event.seconds;
    expect([seconds('42'), seconds('0')]).toEqual([42, 0]);
    for (const odd of ['', '-1', '1.5', '1e3', '99999999', 'NaN']) expect(seconds(odd)).toBeNull();
  });

  test('can be stored, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => {
        const { event } = read('transcription', {
          ...CALL,
          From: text,
          CallerName: text,
          FromCity: text,
          TranscriptionText: text,
          RecordingUrl: text,
        });
        const stored = JSON.stringify(event);
        expect(stored).not.toContain('\\u0000');
        expect(stored).not.toMatch(/\\ud[89a-f]/i);
        expect(event.callerName?.length ?? 0).toBeLessThanOrEqual(500);
      }),
    );
  });

  test('is read from JSON, and from the address of a GET, as from a form', () => {
    const { at, ...expected } = read('voice', CALL).event;
    expect(at).toBe(NOW);
    const url = '/v1/telephony/twilio/voice';
    const json = { 'content-type': 'application/json' };
    const body = Buffer.from(JSON.stringify({ ...CALL, CallerName: null }));
    expect(readRequest('voice', { method: 'POST', url, headers: json, body }).event).toMatchObject(expected);
    const get = {
      method: 'GET',
      url: `${url}?${new URLSearchParams(CALL)}`,
      headers: {},
      body: Buffer.alloc(0),
    };
    expect(readRequest('voice', get).event).toMatchObject(expected);
  });

  test('is cut to a length, and never through the middle of a character', () => {
    const { event } = read('voice', { ...CALL, CallerName: `${'x'.repeat(499)}📞` });
    expect(event.callerName).toBe(`${'x'.repeat(499)}\ufffd`);
  });

  test('is not kept when somebody picks up and hears the whisper: the status of his leg is', () => {
    const leg = { CallSid: 'CA2', To: '+13055550100' };
    expect(adapter.read('whisper', asked('whisper', leg, '?number=%2B13055550110'), NOW)).toEqual({
      callback: 'whisper',
      event: null,
      trackingNumber: '+13055550110',
    });
  });

  describe('at the fallback address', () => {
    const failed = (path: string, more: Record<string, string> = {}) =>
      read('voice', {
        ...CALL,
        ...more,
        ErrorCode: '11200',
        ErrorUrl: `https://calls.example.com/v1/telephony/twilio/${path}`,
      });

    test('is the same call, with what went wrong', () => {
      const { callback, event } = failed('voice');
      expect(callback).toBe('voice');
      expect(event).toMatchObject({ kind: 'ringing', providerCallId: 'CA1', fault: { code: '11200' } });
      expect(event.key).not.toBe(read('voice', CALL).event.key);
      expect(read('voice', CALL).event).not.toHaveProperty('fault');
    });

    test('wants the answer that failed, so that nobody who has talked is put through again', () => {
      const ended = failed('dial?number=%2B13055550110', {
        DialCallStatus: 'completed',
        DialCallDuration: '42',
      });
      expect(ended.callback).toBe('dial');
      expect(ended.event).toMatchObject({ kind: 'dial_ended', status: 'completed', seconds: 42 });
      expect(failed('recording?number=%2B13055550110').callback).toBe('recording');
      // What nobody waits for has no answer that could keep a caller on the line.
      for (const path of ['status', 'transcription', 'nonsense', ''])
        expect(failed(path).callback).toBe('voice');
    });
  });
});

describe('the documents for Twilio', () => {
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
      // Four hours: so long after its last report a call is over, whatever was told.
      timeLimit: '14400',
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

  test('play a recorded greeting in place of the text', () => {
    const greetingRecordingUrl = 'https://cdn.example.com/hello.mp3?a=1&b=2';
    const xml = adapter.render(planAnswer({ ...route, greeting: 'Hello.', greetingRecordingUrl }), '+1').body;
    expect(Object.keys(parse(xml))).toEqual(['Play', 'Dial']);
    expect(parse(xml).Play).toBe(greetingRecordingUrl);
  });

  test('whisper to whoever picks up, where there is something to whisper', () => {
    const whispering = { ...route, whisper: 'A call from the website.' };
    expect(parse(adapter.render(planAnswer(whispering), '+13055550110').body).Dial.Number.url).toBe(
      'https://calls.example.com/v1/telephony/twilio/whisper?number=%2B13055550110',
    );
    expect(parse(adapter.render(planWhisper(whispering), '+1').body)).toEqual({
      Say: 'A call from the website.',
    });
    expect(parse(adapter.render(planAnswer(route), '+1').body).Dial.Number.url).toBeUndefined();
    for (const nothing of [route, { ...route, whisper: '' }, undefined])
      expect(adapter.render(planWhisper(nothing), '+1').body).toMatch(/<Response\/>$/);
  });

  test('take a message when nobody answered, hang up when somebody did', () => {
    expect(Object.keys(parse(adapter.render(planAfterDial(route, 'no_answer'), '+1').body))).toEqual([
      'Say',
      'Record',
      'Hangup',
    ]);
    expect(Object.keys(parse(adapter.render(planAfterDial(route, 'completed'), '+1').body))).toEqual([
      'Hangup',
    ]);
  });

  test('are polite to a number that is not ours', () => {
    expect(Object.keys(parse(adapter.render(planAnswer(undefined), '+1').body))).toEqual(['Say', 'Hangup']);
    expect(Object.keys(parse(adapter.render(planAfterDial(undefined, 'busy'), '+1').body))).toEqual([
      'Hangup',
    ]);
  });
});

describe('the number that is dialled', () => {
  const numberOf = (to: string) =>
    adapter.render([{ do: 'dial', to, ringSeconds: 25, limitSeconds: 60, whisper: false }], '+13055550110');

  test.each([
    '',
    '911',
    '13055550100',
    '+0123456789',
    '+1305555010012345',
    'sip:a@b',
    '+1305</Number>',
    '+1305 5550100',
    '+13055550100\n',
  ])('is one in E.164, and never %j', (to) => {
    expect(() => numberOf(to)).toThrow(TypeError);
    const answer = adapter.render(planAnswer({ ...route, destinationNumber: to }), '+13055550110').body;
    expect(answer).toContain('not in service');
    expect(answer).not.toContain('<Dial');
  });
});

describe('the XML serializer', () => {
  const reader = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    alwaysCreateTextNode: true,
    // Numeric references, too.
    htmlEntities: true,
  });

  test('what goes in comes out, but for what XML forbids', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc
        .array(
          fc.constantFrom(
            '<',
            '>',
            '&',
            '"',
            "'",
            '&amp;',
            ']]>',
            '<!--',
            '\r\n',
            '\t',
            '\u0007',
            '\ufffe',
            '📞',
            'é',
            ' ',
            'a',
          ),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(anyText, anyText, (text, attribute) => {
        const kept = (value: string) =>
          Buffer.from(value)
            .toString()
            .replace(/[\ufffe\uffff]|[^\t\n\r -\uffff]/g, '');
        const xml = renderXml(element('Response', {}, [element('Say', { voice: attribute }, [text, 'end'])]));
        expect(XMLValidator.validate(xml)).toBe(true);
        // Every reader makes spaces of these in an attribute, and line ends of line ends: they must be references.
        expect(/voice="[^"]*[\t\n\r]/.test(xml) || xml.includes('\r')).toBe(false);
        const { Say } = reader.parse(xml).Response;
        expect(Say['#text']).toBe(`${kept(text)}end`);
        expect(Say.voice).toBe(kept(attribute));
      }),
      { numRuns: 1000 },
    );
  });

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
