import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { simulateCall } from '../../server/telephony/simulator.js';
import { DEMO_NUMBER, type DemoCompany, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { NOISE_MS } from '../support/processes.js';
import { type RunningServer, removeDataDir, report, startServer, visitor } from '../support/server.js';
import { recorded } from '../support/telephony.js';

const VOICE = '/v1/telephony/twilio/voice';
const STATUS = '/v1/telephony/twilio/status';
const dialPath = (number: string) => `/v1/telephony/twilio/dial?number=${encodeURIComponent(number)}`;

describe('telephony', () => {
  let server: RunningServer;
  let demo: DemoCompany;
  beforeAll(async () => {
    server = await startServer();
    demo = await demoCompany(server);
  });
  afterAll(async () => {
    await server.end();
    removeDataDir(server.dataDir);
  });

  const callsOf = async (caller: string) => {
    await recorded(server);
    const fields = 'attribution,call_type,first_call,prior_calls,landing_page_url,source';
    return (await report(server, `calls.json?search=${encodeURIComponent(caller)}&fields=${fields}`)).calls;
  };
  const shown = async (someone: ReturnType<typeof visitor>, more: object = {}) =>
    (await someone.swap(more)).body.numbers[DEMO_NUMBER].e164 as string;
  const newVisitor = () => visitor(server, demo.scriptKey);
  let callers = 0;
  const newCaller = () => `+1212555${String(1000 + ++callers)}`;

  test('a call is forwarded within a second, and becomes one row with its visit', async () => {
    const someone = newVisitor();
    const landing = 'https://bluebird.example/?gclid=abc';
    const number = await shown(someone, { visit: { landing, referrer: 'https://www.google.com/' } });
    const call = incoming(number, { From: newCaller() });
    const answer = await twilioWebhook(server, VOICE, call);
    expect(answer).toMatchObject({ status: 200, type: 'text/xml; charset=utf-8' });
    expect(answer.ms).toBeLessThan(1000 + NOISE_MS);
    expect(answer.text).toContain(`>${DEMO_NUMBER}</Number>`);
    const dial = { ...call, CallStatus: 'in-progress', DialCallStatus: 'completed', DialCallDuration: '42' };
    expect((await twilioWebhook(server, dialPath(number), dial)).text).toContain('<Hangup/>');
    await twilioWebhook(server, STATUS, { ...call, CallStatus: 'completed', CallDuration: '50' });

    const calls = await callsOf(call.From ?? '');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({
      answered: true,
      voicemail: false,
      duration: 42,
      call_type: 'answered',
      first_call: true,
      tracking_phone_number: number,
      customer_phone_number: call.From,
      customer_state: 'FL',
      source: 'Google Ads',
      landing_page_url: landing,
      attribution: {
        session: someone.session,
        source: 'google_paid',
        method: 'sole_holder',
        confidence: expect.closeTo(0.99, 1),
      },
    });
  });

  test('reports in any order, repeated, and fifty at once are one call', async () => {
    const number = await shown(newVisitor());
    const call = incoming(number, { From: newCaller() });
    const reports: [string, Record<string, string>][] = [
      [STATUS, { ...call, CallStatus: 'completed', CallDuration: '30' }],
      [dialPath(number), { ...call, DialCallStatus: 'no-answer' }],
      [VOICE, call],
    ];
    for (const [path, parameters] of reports) await twilioWebhook(server, path, parameters);
    await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        twilioWebhook(server, ...(reports[at % 3] as (typeof reports)[0])),
      ),
    );
    const calls = await callsOf(call.From ?? '');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ answered: false, call_type: 'missed' });
  });

  test('nobody answers: the caller may leave a message', async () => {
    const number = await shown(newVisitor());
    const call = incoming(number, { From: newCaller() });
    await twilioWebhook(server, VOICE, call);
    const offered = await twilioWebhook(server, dialPath(number), { ...call, DialCallStatus: 'busy' });
    const action =
      /<Record [^>]*action="([^"]+)"/.exec(offered.text)?.[1]?.replace(/^http:\/\/[^/]+/, '') ?? '';
    const recording = {
      RecordingSid: 'RE1',
      RecordingUrl: 'https://api.twilio.com/RE1',
      RecordingDuration: '12',
    };
    expect((await twilioWebhook(server, action, { ...call, ...recording })).text).toContain('<Hangup/>');
    await twilioWebhook(server, action, {
      AccountSid: call.AccountSid ?? '',
      CallSid: call.CallSid ?? '',
      RecordingStatus: 'completed',
      ...recording,
    });
    await twilioWebhook(server, STATUS, { ...call, CallStatus: 'completed', CallDuration: '40' });
    const [row] = await callsOf(call.From ?? '');
    expect(row).toMatchObject({
      answered: false,
      voicemail: true,
      call_type: 'voicemail',
      recording_duration: '12',
    });
    expect(row.recording).toContain(`/calls/${row.id}/recording.json`);
  });

  test('a tap just before is believed more than who holds the number', async () => {
    const someone = newVisitor();
    const number = await shown(someone);
    await someone.send({ type: 'tap', number, target: DEMO_NUMBER });
    const call = incoming(number, { From: newCaller() });
    await twilioWebhook(server, VOICE, call);
    const [row] = await callsOf(call.From ?? '');
    expect(row.attribution).toMatchObject({
      method: 'tap',
      confidence: expect.closeTo(0.99, 1),
      session: someone.session,
    });
  });

  test('who called before is known, whatever number he dials', async () => {
    const someone = newVisitor();
    const caller = newCaller();
    await twilioWebhook(server, VOICE, incoming(await shown(someone), { From: caller }));
    const another = await shown(newVisitor());
    await twilioWebhook(server, VOICE, incoming(another, { From: caller }));
    const [second, first] = await callsOf(caller);
    expect(first.attribution.method).toBe('sole_holder');
    expect(second).toMatchObject({
      first_call: false,
      prior_calls: 1,
      attribution: { method: 'known_caller', session: someone.session },
    });
  });

  test('a caller who hides his number is nobody, twice', async () => {
    const number = await shown(newVisitor());
    for (const From of ['anonymous', '+266696687']) {
      const call = incoming(number, { From });
      await twilioWebhook(server, VOICE, call);
      await twilioWebhook(server, STATUS, { ...call, CallStatus: 'completed', CallDuration: '5' });
    }
    await recorded(server);
    const { calls } = await report(
      server,
      'calls.json?per_page=250&fields=attribution,prior_calls,person_id',
    );
    const hidden = calls.filter(
      (call: any) =>
        call.tracking_phone_number === number && !/^\+1212/.test(call.customer_phone_number ?? ''),
    );
    expect(hidden).toHaveLength(2);
    for (const call of hidden) {
      expect(call.attribution.method).toBe('sole_holder');
      expect(call).toMatchObject({ person_id: null, prior_calls: 0 });
    }
  });

  test("a source tracker's number names its source", async () => {
    const call = incoming('+13055550120', { From: newCaller() });
    await twilioWebhook(server, VOICE, call);
    const [row] = await callsOf(call.From ?? '');
    expect(row.attribution).toMatchObject({
      method: 'tracker',
      session: null,
      source: 'yelp_organic',
      source_confidence: 1,
    });
  });

  test.each([
    ['answered', { call_type: 'answered', answered: true, duration: 30 }],
    ['voicemail', { call_type: 'voicemail', voicemail: true, recording_duration: '30' }],
    ['no-answer', { call_type: 'missed', answered: false }],
    ['busy', { call_type: 'missed', answered: false }],
    ['abandoned', { call_type: 'abandoned', answered: false, duration: 0 }],
  ] as const)('a simulated call goes as it is meant to: %s', async (answer, expected) => {
    const from = newCaller();
    const token = readFileSync(join(server.dataDir, 'simulator-token'), 'utf8').trim();
    const publicUrl = server.url.replace('127.0.0.1', 'localhost');
    const to = demo.pool[1] ?? '';
    await simulateCall({ baseUrl: server.url, publicUrl, token, from, to, answer, talkSeconds: 30 });
    expect(await callsOf(from)).toMatchObject([expected]);
  });

  describe('is refused', () => {
    test('without a signature, with a wrong one, and when it was made for another address', async () => {
      const call = incoming(demo.pool[0] ?? '');
      const bare = await fetch(server.url + VOICE, { method: 'POST', body: new URLSearchParams(call) });
      expect(bare.status).toBe(403);
      expect((await twilioWebhook(server, VOICE, call, { token: 'x'.repeat(64) })).status).toBe(403);
      expect((await twilioWebhook(server, VOICE, call, { publicUrl: 'https://evil.example' })).status).toBe(
        403,
      );
    });

    test("when the simulator calls a number that is not the demo company's", async () => {
      expect((await twilioWebhook(server, VOICE, incoming('+13055550199'))).status).toBe(403);
      expect((await twilioWebhook(server, VOICE, incoming('+14155551234'))).status).toBe(403);
    });

    test('with 400 when a parameter is missing, and 404 for a provider or callback that is none', async () => {
      const { To: _, ...call } = incoming('');
      expect(await twilioWebhook(server, VOICE, call)).toMatchObject({
        status: 400,
        text: expect.stringContaining('To'),
      });
      const { CallSid: __, ...nameless } = incoming(demo.pool[0] ?? '');
      expect(await twilioWebhook(server, VOICE, nameless)).toMatchObject({
        status: 400,
        text: expect.stringContaining('CallSid'),
      });
      expect((await twilioWebhook(server, '/v1/telephony/nobody/voice', call)).status).toBe(404);
      expect((await twilioWebhook(server, '/v1/telephony/twilio/dance', call)).status).toBe(404);
    });
  });
});

describe("telephony with Twilio's own token", () => {
  const TOKEN = 'a'.repeat(32);
  const PUBLIC_URL = 'https://calls.example.com/tracking';
  let server: RunningServer;
  let numbers: string[];
  beforeAll(async () => {
    server = await startServer({
      env: { TWILIO_AUTH_TOKEN: `${'b'.repeat(32)}, ${TOKEN}`, PUBLIC_URL, LOG_LEVEL: 'info' },
    });
    // The ready line names PUBLIC_URL; the socket is where the process says it listens.
    const port = /127\.0\.0\.1:(\d+)/.exec(server.logged())?.[1];
    server.url = `http://127.0.0.1:${port}`;
    numbers = (await demoCompany(server)).pool;
  });
  afterAll(async () => {
    await server.end();
    removeDataDir(server.dataDir);
  });

  test('a signature covers PUBLIC_URL, whatever host the request came to', async () => {
    const call = incoming(numbers[0] ?? '');
    const good = await twilioWebhook(server, VOICE, call, { token: TOKEN, publicUrl: PUBLIC_URL });
    expect(good.status).toBe(200);
    expect(good.text).toContain(`action="${PUBLIC_URL}/v1/telephony/twilio/dial?number=`);
    expect((await twilioWebhook(server, VOICE, call, { token: TOKEN, publicUrl: server.url })).status).toBe(
      403,
    );
  });

  test('a call to a number that is not ours gets a polite word', async () => {
    const answer = await twilioWebhook(server, VOICE, incoming('+14155551234'), {
      token: TOKEN,
      publicUrl: PUBLIC_URL,
    });
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining('not in service') });
  });
});
