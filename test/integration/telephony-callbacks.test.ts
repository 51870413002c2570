import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import pg from 'pg';
import twilio from 'twilio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPool } from '../../server/storage/postgres/connect.js';
import { createHousekeeping } from '../../server/storage/postgres/housekeeping.js';
import { DEMO_NUMBER, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { NOISE_MS, until } from '../support/processes.js';
import { newDataDir, type RunningServer, removeDataDir, report, startServer } from '../support/server.js';
import { metric, recorded } from '../support/telephony.js';

const TOKEN = 'a'.repeat(32);
const OLD_TOKEN = 'b'.repeat(32);
/** A proxy takes the path away before it asks us. */
const PUBLIC_URL = 'https://calls.example.com/tracking';

const CALLBACK = '/v1/telephony/twilio';
const VOICE = `${CALLBACK}/voice`;
const STATUS = `${CALLBACK}/status`;

type Parameters = Record<string, string>;

/** Against a real Postgres that is looked into, and with Twilio's tokens: the simulator is not in it. */
describe('callbacks of a telephony provider', () => {
  let postgres: TestPostgres;
  let databaseUrl: string;
  let database: pg.Client;
  let server: RunningServer;
  let numbers: string[];

  const start = async (dataDir = newDataDir()) => {
    const env = {
      DATABASE_URL: databaseUrl,
      TWILIO_AUTH_TOKEN: `${TOKEN},${OLD_TOKEN}`,
      PUBLIC_URL,
      LOG_LEVEL: 'info',
    };
    const started = await startServer({ env, dataDir });
    // The ready line names PUBLIC_URL; the socket is where the process says it listens.
    started.url = `http://127.0.0.1:${/127\.0\.0\.1:(\d+)/.exec(started.logged())?.[1]}`;
    return started;
  };
  beforeAll(async () => {
    postgres = await startPostgres();
    databaseUrl = await postgres.createDatabase();
    // With a PUBLIC_URL no demo company is made.
    const before = await startServer({ env: { DATABASE_URL: databaseUrl } });
    await before.end();
    server = await start(before.dataDir);
    numbers = (await demoCompany(server)).pool;
    database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
  });
  afterAll(async () => {
    await server?.end();
    await database?.end();
    await postgres?.close();
    removeDataDir(server?.dataDir ?? '');
  });

  let calls = 0;
  const newCall = (more: Parameters = {}): Parameters =>
    incoming(numbers[calls++ % numbers.length] ?? '', { From: `+1212555${1000 + calls}`, ...more });
  const send = (path: string, parameters: Parameters, { token = TOKEN } = {}) =>
    twilioWebhook(server, path, parameters, { token, publicUrl: PUBLIC_URL });
  const ofNumber = (callback: string, call: Parameters) =>
    `${CALLBACK}/${callback}?number=${encodeURIComponent(call.To ?? '')}`;
  const legOf = (call: Parameters, CallStatus: string, more: Parameters = {}): [string, Parameters] => [
    ofNumber('status', call),
    {
      ...call,
      CallSid: `CA${createHash('md5')
        .update(call.CallSid ?? '')
        .digest('hex')}`,
      ParentCallSid: call.CallSid ?? '',
      To: DEMO_NUMBER,
      Direction: 'outbound-dial',
      CallStatus,
      ...more,
    },
  ];

  /** What the record has of a call: its rows, and the reports it was folded from. */
  const recordOf = async ({ CallSid }: Parameters) => {
    await recorded(server);
    const rows = await database.query('SELECT * FROM calls WHERE provider_call_id = $1', [CallSid]);
    const events = await database.query('SELECT event FROM call_events WHERE provider_call_id = $1', [
      CallSid,
    ]);
    return { rows: rows.rows, row: rows.rows[0], events: events.rows.map(({ event }) => event) };
  };
  /** What a marketer reads. */
  const reportOf = async (call: Parameters) => {
    const { row } = await recordOf(call);
    return report(
      server,
      `calls/${row.call_id}.json?fields=call_type,attribution,person_id,transcription,prior_calls`,
    );
  };

  describe('are genuine', () => {
    const raw = async (path: string, init: RequestInit, signedPath = path, parameters: Parameters = {}) => {
      const signature = twilio.getExpectedTwilioSignature(TOKEN, PUBLIC_URL + signedPath, parameters);
      const headers = { 'x-twilio-signature': signature, ...init.headers };
      return (await fetch(server.url + path, { ...init, headers })).status;
    };

    test('by either of two tokens, and by no third', async () => {
      expect((await send(VOICE, newCall(), { token: OLD_TOKEN })).status).toBe(200);
      expect((await send(VOICE, newCall(), { token: 'c'.repeat(32) })).status).toBe(403);
    });

    test('as a GET, whose parameters are in its address', async () => {
      const call = newCall();
      expect(await raw(`${VOICE}?${new URLSearchParams(call)}`, {})).toBe(200);
      expect(
        await raw(`${VOICE}?${new URLSearchParams(call)}&x=1`, {}, `${VOICE}?${new URLSearchParams(call)}`),
      ).toBe(403);
      expect((await recordOf(call)).rows).toHaveLength(1);
    });

    test('as JSON with its hash in the query, and not without it or with another', async () => {
      const call = newCall();
      const body = JSON.stringify(call);
      const init = { method: 'POST', body, headers: { 'content-type': 'application/json' } };
      const hash = createHash('sha256').update(body).digest('hex');
      expect(await raw(`${VOICE}?bodySHA256=${hash}`, init)).toBe(200);
      expect(await raw(`${VOICE}?bodySHA256=${hash}`, { ...init, body: `${body} ` })).toBe(403);
      expect(await raw(`${VOICE}?bodySHA256=${'0'.repeat(64)}`, init)).toBe(403);
      expect(await raw(VOICE, init)).toBe(403);
      expect((await recordOf(call)).rows).toHaveLength(1);
    });

    test('with an apostrophe in the query, signed raw or as %27', async () => {
      const query = "?number=%2B13055550110&note=it's";
      const call = newCall();
      const init = { method: 'POST', body: new URLSearchParams(call) };
      // fetch would write %27 itself.
      const sendRaw = (signedPath: string) =>
        new Promise<number | undefined>((done, fail) => {
          const headers = {
            'content-type': 'application/x-www-form-urlencoded',
            'x-twilio-signature': twilio.getExpectedTwilioSignature(TOKEN, PUBLIC_URL + signedPath, call),
          };
          request(server.url, { method: 'POST', path: VOICE + query, headers }, (response) => {
            response.resume();
            done(response.statusCode);
          })
            .on('error', fail)
            .end(String(init.body));
        });
      expect(await sendRaw(VOICE + query)).toBe(200);
      expect(await sendRaw(VOICE + query.replace("'", '%27'))).toBe(200);
      expect(await sendRaw(VOICE + query.replace("'", ''))).toBe(403);
    });

    test('and else refused, counted, and nothing is kept: no signature, two, one of an empty token, or for another host', async () => {
      const call = newCall();
      const before = await metric(server, 'calltrk_call_reports_total{outcome="unsigned"}');
      const init = { method: 'POST', body: new URLSearchParams(call) };
      const signature = (token: string, base = PUBLIC_URL) =>
        twilio.getExpectedTwilioSignature(token, base + VOICE, call);
      const attempts: HeadersInit[] = [
        [],
        [['x-twilio-signature', '']],
        [['x-twilio-signature', signature('')]],
        [['x-twilio-signature', signature(TOKEN, server.url)]],
        [
          ['x-twilio-signature', signature(TOKEN)],
          ['x-twilio-signature', signature(TOKEN)],
        ],
        [
          ['x-twilio-signature', signature(TOKEN, 'https://evil.example')],
          ['host', 'evil.example'],
          ['x-forwarded-host', 'evil.example'],
        ],
      ];
      for (const headers of attempts) {
        const answer = await fetch(server.url + VOICE, { ...init, headers });
        expect([answer.status, answer.headers.get('content-type')]).toEqual([
          403,
          'application/json; charset=utf-8',
        ]);
      }
      expect(await metric(server, 'calltrk_call_reports_total{outcome="unsigned"}')).toBe(
        before + attempts.length,
      );
      expect((await recordOf(call)).rows).toEqual([]);
    });
  });

  test('that are malformed are refused with 400 and the parameter at fault', async () => {
    const call = newCall();
    const { CallSid: _, ...nameless } = call;
    const { To: __, ...numberless } = call;
    for (const [field, parameters] of [
      ['CallSid', nameless],
      ['CallSid', { ...call, CallSid: '<script>' }],
      ['To', numberless],
    ] as const) {
      const answer = await send(VOICE, parameters);
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.text)).toMatchObject({ field });
    }
    expect((await recordOf(call)).rows).toEqual([]);
  });

  test('about a number that is not ours get a polite document, whatever they tell', async () => {
    const call = incoming('+14155551234');
    expect(await send(VOICE, call)).toMatchObject({
      status: 200,
      text: expect.stringContaining('not in service'),
    });
    expect((await send(VOICE, incoming('sip:sales@example.com'))).status).toBe(200);
    for (const callback of ['dial', 'status', 'recording', 'transcription'])
      expect(await send(ofNumber(callback, call), call)).toMatchObject({
        status: 200,
        type: 'text/xml; charset=utf-8',
      });
    expect((await send(`${CALLBACK}/message`, call)).status).toBe(404);
    expect((await recordOf(call)).rows).toEqual([]);
  });

  test('repeated fifty times at once, and again after a week, are one call with one event of a kind', async () => {
    const call = newCall();
    const reports: [string, Parameters][] = [
      [VOICE, call],
      [ofNumber('dial', call), { ...call, DialCallStatus: 'completed', DialCallDuration: '42' }],
      [STATUS, { ...call, CallStatus: 'completed', CallDuration: '50' }],
    ];
    for (const [path, parameters] of reports) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => send(path, parameters)));
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(answers[0]?.status).toBe(200);
    }
    const first = await recordOf(call);
    expect(first.rows).toHaveLength(1);
    expect(first.events.map(({ kind }) => kind).sort()).toEqual(['call_status', 'dial_ended', 'ringing']);

    // A week later nothing is left of the ledger, and everything is old.
    await database.query('DELETE FROM event_ledger');
    await database.query(
      `UPDATE call_events SET received_at = received_at - interval '8 days' WHERE provider_call_id = $1`,
      [call.CallSid],
    );
    for (const [path, parameters] of [...reports].reverse())
      expect((await send(path, parameters)).status).toBe(200);
    expect(await recordOf(call)).toMatchObject({ rows: [first.row] });
    expect((await recordOf(call)).events).toHaveLength(3);
  });

  test('in the worst order are the same call: what is told of a call nobody knows makes it', async () => {
    const call = newCall();
    const sid = { AccountSid: call.AccountSid ?? '', CallSid: call.CallSid ?? '' };
    const message = {
      ...sid,
      RecordingSid: 'RE1',
      RecordingUrl: 'https://api.twilio.com/RE1',
      RecordingDuration: '12',
    };
    const words = { ...sid, RecordingSid: 'RE1', TranscriptionSid: 'TR1', TranscriptionStatus: 'completed' };
    const transcription = { ...words, TranscriptionText: 'Please call me back.\nThank you.' };
    expect(await send(ofNumber('transcription', call), transcription)).toMatchObject({
      status: 200,
      text: expect.stringMatching(/<Response\/>$/),
    });
    expect((await recordOf(call)).row).toMatchObject({
      tracking_number: call.To,
      caller_number: null,
      state: 'ringing',
    });

    await send(ofNumber('recording', call), { ...message, RecordingStatus: 'in-progress' });
    await send(ofNumber('recording', call), { ...message, RecordingStatus: 'completed' });
    await send(STATUS, { ...call, CallStatus: 'completed', CallDuration: '40' });
    await send(ofNumber('recording', call), { ...call, ...message, CallStatus: 'completed' });
    await send(ofNumber('dial', call), { ...call, DialCallStatus: 'no-answer' });
    await send(...legOf(call, 'no-answer'));
    await send(VOICE, call);
    const { rows } = await recordOf(call);
    expect(rows).toHaveLength(1);
    expect(await reportOf(call)).toMatchObject({
      answered: false,
      voicemail: true,
      call_type: 'voicemail',
      duration: 40,
      recording_duration: '12',
      transcription: 'Please call me back.\nThank you.',
      customer_phone_number: call.From,
      customer_city: 'MIAMI',
    });
  });

  test('in any order, some of them at once and some twice, give the same row', async () => {
    const reportsOf = (call: Parameters): [string, Parameters][] => {
      const recording = { ...call, RecordingSid: 'RE1', RecordingUrl: 'https://api.twilio.com/RE1' };
      return [
        [VOICE, call],
        legOf(call, 'initiated'),
        legOf(call, 'ringing'),
        legOf(call, 'no-answer'),
        [ofNumber('dial', call), { ...call, DialCallStatus: 'no-answer' }],
        [ofNumber('recording', call), { ...recording, RecordingDuration: '12' }],
        [
          ofNumber('recording', call),
          { ...recording, RecordingStatus: 'completed', RecordingDuration: '12' },
        ],
        [
          ofNumber('transcription', call),
          { ...recording, TranscriptionSid: 'TR1', TranscriptionText: 'Hello.' },
        ],
        [STATUS, { ...call, CallStatus: 'completed', CallDuration: '40', CallerName: 'ACME' }],
      ];
    };
    const told = async (call: Parameters) => {
      const { rows, row, events } = await recordOf(call);
      expect(rows).toHaveLength(1);
      expect(events).toHaveLength(9);
      expect(row.ended_at.getTime()).toBeGreaterThanOrEqual(row.started_at.getTime());
      const { call_id, provider_call_id, person_id, started_at, ended_at, created_at, ...rest } = row;
      // When it was joined last, and what by fewer reports, is a matter of their order.
      const { joined_at, revised_at, revised_from, ...same } = rest;
      expect([call_id, person_id]).toEqual([expect.stringMatching(/^CAL/), expect.stringMatching(/^PER/)]);
      return same;
    };
    const to = numbers[0] ?? '';
    const straight = newCall({ To: to });
    for (const [path, parameters] of reportsOf(straight)) await send(path, parameters);
    const { caller_number, caller_raw, attribution, session_id, visit_id, ...expected } =
      await told(straight);
    expect(expected).toMatchObject({
      state: 'voicemail',
      duration: 40,
      caller_name: 'ACME',
      transcription: 'Hello.',
    });

    const places = reportsOf(straight).map((_, at) => at);
    const orders = fc.sample(
      fc.shuffledSubarray([...places, ...places], { minLength: 2 * places.length }),
      15,
    );
    for (const order of orders) {
      const call = newCall({ To: to });
      const reports = reportsOf(call);
      // By threes at once.
      for (let at = 0; at < order.length; at += 3) {
        const some = order.slice(at, at + 3).map((place) => reports[place] as [string, Parameters]);
        const answers = await Promise.all(some.map(([path, parameters]) => send(path, parameters)));
        expect(answers.map(({ status }) => status)).toEqual(some.map(() => 200));
      }
      expect(await told(call), `in the order ${order}`).toMatchObject(expected);
    }
  });

  test('of a message in which nobody spoke leave a missed call', async () => {
    const call = newCall();
    await send(VOICE, call);
    await send(ofNumber('dial', call), { ...call, DialCallStatus: 'failed' });
    await send(STATUS, { ...call, CallStatus: 'completed', CallDuration: '30' });
    await send(ofNumber('recording', call), {
      CallSid: call.CallSid ?? '',
      RecordingSid: 'RE1',
      RecordingStatus: 'absent',
    });
    expect(await reportOf(call)).toMatchObject({ call_type: 'missed', voicemail: false, recording: null });
  });

  describe('of a caller who gives up while it rings', () => {
    test("are the number's own status callback alone, and the call is abandoned", async () => {
      const call = newCall();
      await send(VOICE, call);
      await send(STATUS, { ...call, CallStatus: 'no-answer', CallDuration: '0' });
      expect((await recordOf(call)).row).toMatchObject({
        state: 'abandoned',
        answered: false,
        inferred: false,
      });
      expect(await reportOf(call)).toMatchObject({ call_type: 'abandoned', answered: false, duration: 0 });
    });

    test("may be followed by the leg's, late and out of order", async () => {
      const call = newCall();
      await send(VOICE, call);
      await send(STATUS, { ...call, CallStatus: 'completed', CallDuration: '6' });
      for (const status of ['canceled', 'ringing', 'initiated']) await send(...legOf(call, status));
      expect(await reportOf(call)).toMatchObject({ call_type: 'abandoned', answered: false, duration: 6 });
    });
  });

  describe('at the fallback address', () => {
    const failed = (callback: string, call: Parameters, more: Parameters = {}): Parameters => ({
      ...call,
      ErrorCode: '11200',
      ErrorUrl: `${PUBLIC_URL}${ofNumber(callback, call)}`,
      ...more,
    });

    test('are answered as the first one was, and are the same call, with a note', async () => {
      const call = newCall();
      const first = await send(VOICE, call);
      const again = await send(VOICE, failed('voice', call));
      expect(again).toMatchObject({ status: 200, text: first.text });
      const { rows, events } = await until(
        async () => {
          const found = await recordOf(call);
          return found.events.length === 2 ? found : undefined;
        },
        { what: 'both reports' },
      );
      expect(rows).toHaveLength(1);
      expect(events.filter(({ fault }) => fault)).toMatchObject([
        { kind: 'ringing', fault: { code: '11200' } },
      ]);
      expect(await metric(server, 'calltrk_call_reports_total{outcome="fallback"}')).toBeGreaterThan(0);
    });

    test('do not ring the business again for a caller who has talked', async () => {
      const call = newCall();
      await send(VOICE, call);
      const ended = { DialCallStatus: 'completed', DialCallDuration: '42' };
      const answer = await send(VOICE, failed('dial', call, ended));
      expect(answer.text).toContain('<Hangup/>');
      expect(answer.text).not.toContain('<Dial');
      await until(async () => (await recordOf(call)).row.duration === 42 || undefined, {
        what: 'the talk time',
      });
      expect((await send(VOICE, failed('recording', call))).text).toContain('<Hangup/>');
      expect((await send(VOICE, failed('dial', call, { DialCallStatus: 'busy' }))).text).toContain('<Record');
    });

    test('are answered at once while the record hangs, and kept when it is back', async () => {
      const [call, other] = [newCall(), newCall()];
      await database.query('BEGIN; LOCK TABLE call_events IN ACCESS EXCLUSIVE MODE');
      try {
        const [first, again] = await Promise.all([send(VOICE, call), send(VOICE, failed('voice', other))]);
        for (const answer of [first, again]) expect(answer.text).toContain(`>${DEMO_NUMBER}</Number>`);
        // The first one waits for the record a little; a caller who was let down once does not.
        expect(first.ms).toBeLessThan(1000 + NOISE_MS);
        expect(again.ms).toBeLessThan(first.ms);
      } finally {
        await database.query('ROLLBACK');
      }
      for (const { CallSid } of [call, other])
        await until(
          async () =>
            (await database.query('SELECT FROM calls WHERE provider_call_id = $1', [CallSid])).rowCount ||
            undefined,
          { what: 'the call in the record', timeoutMs: 20_000 },
        );
    });
  });

  test.each([
    'anonymous',
    'Restricted',
    '+266696687',
    '+17378742833',
    'client:alice',
    'sip:alice@example.com',
    '',
  ])('of a caller who hides his number are of nobody, each time: %j', async (From) => {
    const to = numbers[0] ?? '';
    const [first, second] = [newCall({ From, To: to }), newCall({ From, To: to })];
    for (const call of [first, second]) {
      await send(VOICE, call);
      // On the business's leg our own number stands for his.
      await send(...legOf(call, 'in-progress', { From: to }));
      await send(STATUS, { ...call, CallStatus: 'completed', CallDuration: '5' });
    }
    for (const call of [first, second]) {
      const shown = await reportOf(call);
      expect(shown).toMatchObject({ customer_phone_number: null, person_id: null, prior_calls: 0 });
      expect(shown.attribution.method).not.toBe('known_caller');
      expect((await recordOf(call)).row).toMatchObject({ caller_number: null, caller_raw: From || null });
    }
  });

  test('cannot put anything of theirs into a document, a log line or a query', async () => {
    const evil = `"/><Dial>+19005550199</Dial>\r\n]]>\u001b[31m\u202e'; DROP TABLE calls; --`;
    const call = newCall({ From: evil, CallerName: evil, FromCity: evil, FromState: '\u0000' });
    for (const [path, parameters] of [
      [VOICE, { ...call, ErrorCode: evil, ErrorUrl: evil }],
      [VOICE, call],
      [`${CALLBACK}/dial?number=${encodeURIComponent(evil)}`, call],
    ] as [string, Parameters][]) {
      const { status, text } = await send(path, parameters);
      expect(status).toBe(200);
      const { Response } = new XMLParser({ ignoreAttributes: false }).parse(text);
      expect(Object.keys(Response)).not.toContain('#text');
      expect(text).not.toContain('900555');
    }
    expect((await recordOf(call)).row).toMatchObject({ caller_number: null, caller_state: null });
    expect(await reportOf(call)).toMatchObject({
      customer_phone_number: null,
      customer_name: expect.stringContaining('<Dial>'),
    });
    for (const line of server
      .logged()
      .split('\n')
      .filter((one) => !one.startsWith('calltrk ready'))) {
      if (line) expect(() => JSON.parse(line)).not.toThrow();
      expect(line).not.toContain('900555');
    }
  });

  test('play the greeting and whisper to whoever picks up, from memory', async () => {
    const call = newCall();
    const change = (whisper: string | null, recording: string | null) =>
      database.query(
        `UPDATE trackers SET whisper_message = $1, call_flow = call_flow || jsonb_build_object('greeting_recording_url', $2::text)
         WHERE tracker_id = (SELECT tracker_id FROM tracking_numbers WHERE number = $3)`,
        [whisper, recording, call.To],
      );
    await change('A call from <the website>.', 'https://cdn.example.com/hello.mp3?a=1&b=2');
    const document = await until(
      async () => {
        const { text } = await send(VOICE, call);
        return text.includes('<Play>') ? text : undefined;
      },
      { what: 'the changed tracker' },
    );
    const { Play, Dial } = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(
      document,
    ).Response;
    expect(Play).toBe('https://cdn.example.com/hello.mp3?a=1&b=2');
    expect(Dial.Number.url).toBe(`${PUBLIC_URL}${ofNumber('whisper', call)}`);
    await recorded(server);
    await database.query('BEGIN; LOCK TABLE call_events, calls, trackers IN ACCESS EXCLUSIVE MODE');
    try {
      const leg = legOf(call, 'in-progress')[1];
      const whisper = await send(ofNumber('whisper', call), leg);
      expect(whisper.text).toContain('<Response><Say>A call from &lt;the website&gt;.</Say></Response>');
      expect(whisper.ms).toBeLessThan(500 + NOISE_MS);
      const unsigned = await fetch(server.url + ofNumber('whisper', call), {
        method: 'POST',
        body: new URLSearchParams(leg),
      });
      expect(unsigned.status).toBe(403);
    } finally {
      await database.query('ROLLBACK');
    }
    await change(null, null);
    expect((await recordOf(call)).events).toHaveLength(1);
  });

  describe('whose last one never comes', () => {
    /** Five hours pass for a call: longer than anybody may talk. */
    const passes = async (call: Parameters, interval = '5 hours') => {
      await recorded(server);
      await database.query(
        `UPDATE calls SET started_at = started_at - $2::interval WHERE provider_call_id = $1`,
        [call.CallSid, interval],
      );
      await database.query(
        `UPDATE call_events SET received_at = received_at - $2::interval,
           event = jsonb_set(event, '{at}', to_jsonb((event->>'at')::float8 - extract(epoch FROM $2::interval)::float8 * 1000))
         WHERE provider_call_id = $1`,
        [call.CallSid, interval],
      );
    };

    test('leave calls that are closed after the longest talk and a while, say so, and have no length', async () => {
      const heard = newCall();
      await send(VOICE, heard);
      await passes(heard);
      // Begun long ago, and heard of just now.
      await send(...legOf(heard, 'in-progress'));
      const [talking, ringing, missed, recent, done] = [
        newCall(),
        newCall(),
        newCall(),
        newCall(),
        newCall(),
      ];
      for (const call of [talking, ringing, missed, recent, done]) await send(VOICE, call);
      await send(...legOf(talking, 'in-progress'));
      await send(ofNumber('dial', missed), { ...missed, DialCallStatus: 'busy' });
      await send(STATUS, { ...done, CallStatus: 'completed', CallDuration: '7' });
      for (const call of [talking, ringing, missed, done]) await passes(call);
      await passes(recent, '4 hours 9 minutes');
      const before = (await recordOf(done)).row;

      // The job runs when a server starts, and every few minutes.
      await server.end();
      server = await start(server.dataDir);
      const closed = { inferred: true, duration: null, ended_at: expect.any(Date) };
      const closing = (call: Parameters) =>
        until(async () => ((await recordOf(call)).row.inferred ? (await recordOf(call)).row : undefined), {
          what: 'the call being closed',
        });
      expect(await closing(talking)).toMatchObject({ ...closed, state: 'answered', answered: true });
      expect(await closing(ringing)).toMatchObject({ ...closed, state: 'abandoned', answered: false });
      expect(await closing(missed)).toMatchObject({ ...closed, state: 'missed', answered: false });
      expect((await recordOf(recent)).row).toMatchObject({
        inferred: false,
        ended_at: null,
        state: 'ringing',
      });
      expect((await recordOf(heard)).row).toMatchObject({
        inferred: false,
        ended_at: null,
        state: 'in_progress',
      });
      expect((await recordOf(done)).row).toEqual(before);
      const { row } = await recordOf(talking);
      expect(Date.now() - row.ended_at.getTime()).toBeGreaterThan(4.9 * 3_600_000);

      // The end is told after all: it has the last word.
      await send(ofNumber('dial', talking), {
        ...talking,
        DialCallStatus: 'completed',
        DialCallDuration: '3600',
      });
      expect((await recordOf(talking)).row).toMatchObject({
        inferred: false,
        state: 'answered',
        duration: 3600,
      });
      expect((await recordOf(talking)).rows).toHaveLength(1);
    });

    test('are looked for by one server at a time, and each is closed although another cannot be', async () => {
      const silent = [newCall(), newCall(), newCall()];
      for (const call of silent) await send(VOICE, call);
      for (const call of silent) await passes(call);
      const pool = createPool(
        { connectionString: databaseUrl },
        { name: 'test', max: 4, statementTimeoutMs: 10_000, onError: () => undefined },
      );
      const housekeeping = createHousekeeping(pool);
      const closed: string[] = [];
      const close = async ({ providerCallId }: { providerCallId: string }) => {
        await sleep(50);
        closed.push(providerCallId);
        if (providerCallId === silent[0]?.CallSid) throw new Error('this one cannot be closed');
      };
      const runs = await Promise.allSettled(
        [1, 2, 3].map(() => housekeeping.closeSilentCalls(4 * 3600 + 600, close)),
      );
      await pool.end();
      expect(closed.filter((sid) => silent.some(({ CallSid }) => CallSid === sid)).sort()).toEqual(
        silent.map(({ CallSid }) => CallSid).sort(),
      );
      expect(runs.filter(({ status }) => status === 'rejected')).toHaveLength(1);
      expect(runs.filter((run) => run.status === 'fulfilled' && run.value === 0)).toHaveLength(2);
    });
  });
});
