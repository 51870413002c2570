/**
 * Whatever is sent to whatever is public: a 4xx that comes at once, or a 2xx where it does no harm; never a 5xx,
 * nothing half stored, and the next visitor is served as ever.
 */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import pg from 'pg';
import twilio from 'twilio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_NUMBER, type DemoCompany, demoCompany, incoming } from '../support/demo.js';
import { HOSTILE_BODIES, HOSTILE_TEXTS } from '../support/hostile.js';
import {
  newDataDir,
  type RunningServer,
  removeDataDir,
  report,
  startServer,
  visitor,
} from '../support/server.js';

const TOKEN = 'e'.repeat(32);
const VOICE = '/v1/telephony/twilio/voice';
/** Generous, for two cores that others use, too; an answer that hangs is far above. */
const AT_ONCE_MS = 2000;
/** Tells by SIGWINCH what is in Object.prototype that does not belong there. */
const WATCH_PROTOTYPE = `process.on('SIGWINCH', () => {
  const found = []; for (const name in {}) found.push(name);
  process.stderr.write('prototype ' + JSON.stringify([found, Object.getOwnPropertyNames(Object.prototype).length]) + '\\n');
});`;

let server: RunningServer;
let demo: DemoCompany;
let database: pg.Client;
beforeAll(async () => {
  const dataDir = newDataDir();
  server = await startServer({
    dataDir,
    env: {
      TWILIO_AUTH_TOKEN: TOKEN,
      LOG_LEVEL: 'info',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(WATCH_PROTOTYPE)}`,
    },
  });
  demo = await demoCompany(server);
  database = new pg.Client({
    host: join(dataDir, 'socket'),
    port: 5432,
    user: 'calltrk',
    database: 'calltrk',
  });
  database.on('error', () => undefined);
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await server.end();
  removeDataDir(server.dataDir);
});

interface Answer {
  status: number;
  text: string;
  headers: Record<string, string | string[] | undefined>;
  ms: number;
}

/** With node:http, which sends what fetch would refuse to. */
function send(
  method: string,
  path: string,
  body: string | Buffer = '',
  headers: Record<string, string | string[]> = {},
): Promise<Answer> {
  const began = performance.now();
  return new Promise((done, fail) => {
    const { hostname, port } = new URL(server.url);
    const outgoing = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () =>
        done({
          status: response.statusCode ?? 0,
          text,
          headers: response.headers,
          ms: performance.now() - began,
        }),
      );
      response.on('error', fail);
    });
    outgoing.setTimeout(20_000, () => outgoing.destroy(new Error('no answer within 20 s')));
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

/** Raw bytes; resolves with the answer's first line, or 'closed' when the connection was closed without one. */
function sendRaw(bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((done) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      done(answer.split('\r\n')[0] || 'closed');
    };
    const timer = setTimeout(finish, 3000);
    socket.on('data', (chunk) => {
      answer += chunk;
      if (answer.includes('\r\n\r\n')) finish();
    });
    socket.on('close', finish).on('error', () => undefined);
    socket.end(bytes);
  });
}

const POST_TEXT = { 'content-type': 'text/plain', 'user-agent': 'Mozilla/5.0 Chrome/156.0' };
const withKey = () => ({ authorization: `Token token="${server.key}"` });
const signed = (path: string, parameters: Record<string, any>) => {
  const base = server.url.replace('127.0.0.1', 'localhost');
  return {
    'content-type': 'application/x-www-form-urlencoded',
    'x-twilio-signature': twilio.getExpectedTwilioSignature(TOKEN, base + path, parameters),
  };
};

function expectRefusedOrHarmless({ status, ms, text }: Answer, what: string): void {
  expect(status, `${what}: ${text.slice(0, 200)}`).toBeGreaterThanOrEqual(200);
  expect(status, `${what}: ${text.slice(0, 200)}`).toBeLessThan(500);
  expect(ms, what).toBeLessThan(AT_ONCE_MS);
}

/** Rows of every table that a visitor or a caller can fill. */
async function countRows(): Promise<Record<string, number>> {
  const tables = [
    'sessions',
    'visits',
    'leases',
    'page_views',
    'taps',
    'form_submissions',
    'event_ledger',
    'calls',
  ];
  const counts = tables.map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`);
  const { rows } = await database.query(`SELECT ${counts.join()}`);
  return rows[0];
}

/** Of the log, what was looked at. */
let read = 0;

/** Every other test may have been the one that broke something: each ends with a healthy visitor. */
async function expectHealthy(): Promise<void> {
  expect([server.child.exitCode, server.child.signalCode]).toEqual([null, null]);
  const someone = visitor(server, demo.scriptKey);
  const { status, body } = await someone.swap();
  expect([status, Object.keys(body.numbers)]).toEqual([200, [DEMO_NUMBER]]);
  expect((await someone.send({ type: 'ping' })).body).toMatchObject({ accepted: 1, rejected: [] });
  const log = server.logged();
  const errors = log
    .slice(read)
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"/.test(line))
    .map((line) => JSON.parse(line))
    .map(({ msg, callback, err }) => `${msg} ${callback}: ${err?.message} ${err?.stack?.split('\n')[0]}`);
  read = log.length;
  expect([...new Set(errors)]).toEqual([]);
}

describe('bodies that are no requests', () => {
  const PUBLIC_POSTS = ['/v1/swap', '/v1/events', VOICE, '/v1/telephony/twilio/status', '/v3/a.json'];
  test('are refused at once at every path that takes one, and leave no row', async () => {
    const before = await countRows();
    for (const path of PUBLIC_POSTS) {
      for (const [name, body] of HOSTILE_BODIES) {
        for (const type of ['text/plain', 'application/json']) {
          const answer = await send('POST', path, body, { ...POST_TEXT, 'content-type': type });
          expectRefusedOrHarmless(answer, `${name} as ${type} to ${path}`);
          expect(answer.status, `${name} to ${path}`).toBeGreaterThanOrEqual(400);
        }
      }
    }
    expect(await countRows()).toEqual(before);
    await expectHealthy();
  });

  test('are refused at once where a marketer creates things', async () => {
    for (const path of ['companies.json', 'trackers.json', 'calls/CALx.json', 'form_submissions/FORx.json']) {
      for (const [name, body] of HOSTILE_BODIES) {
        const method = path.includes('/') ? 'PUT' : 'POST';
        const answer = await send(method, `/v3/a/${server.account}/${path}`, body, {
          ...withKey(),
          'content-type': 'application/json',
        });
        expectRefusedOrHarmless(answer, `${name} to ${path}`);
        expect(answer.status, `${name} to ${path}`).toBeGreaterThanOrEqual(400);
      }
    }
    await expectHealthy();
  });

  test('are refused also when they are packed, typed or coded in a way that nobody asked for', async () => {
    const body = JSON.stringify({ key: demo.scriptKey, session: crypto.randomUUID(), events: [] });
    const bomb = gzipSync(Buffer.alloc(5_000_000, '['));
    const before = await countRows();
    const headers: [string, Record<string, string>, string | Buffer][] = [
      ['gzip', { 'content-encoding': 'gzip' }, gzipSync(body)],
      ['a gzip bomb', { 'content-encoding': 'gzip' }, bomb],
      ['brotli that is none', { 'content-encoding': 'br' }, body.replace('{', '\u0001')],
      ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, body],
      ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }, `--x\r\n\r\n${body}\r\n--x--`],
      ['multipart without boundary', { 'content-type': 'multipart/form-data' }, body],
      ['no type of this world', { 'content-type': 'a/b/c; ;;charset' }, body],
      ['an empty type', { 'content-type': '' }, body],
      ['a very long type', { 'content-type': `text/${'x'.repeat(10_000)}` }, body],
    ];
    for (const [name, more, bytes] of headers) {
      const answer = await send('POST', '/v1/events', bytes, { ...POST_TEXT, ...more });
      expectRefusedOrHarmless(answer, name);
      expect(answer.status, name).toBeGreaterThanOrEqual(400);
    }
    for (const charset of ['utf-16', 'iso-8859-1', 'utf-7', 'x'.repeat(500)]) {
      const more = { 'content-type': `text/plain; charset=${charset}` };
      const name = { Name: 'é€\u{1F600}' };
      const event = { id: crypto.randomUUID(), type: 'form', url: 'https://x.example/', fields: name };
      const bytes = JSON.stringify({ key: demo.scriptKey, session: crypto.randomUUID(), events: [event] });
      // JSON is UTF-8 (RFC 8259), whatever is said of it; refused or right, never another text.
      const answer = await send('POST', '/v1/events', bytes, { ...POST_TEXT, ...more });
      expectRefusedOrHarmless(answer, charset);
      const { rows } = await database.query('SELECT fields FROM form_submissions WHERE event_id = $1', [
        event.id,
      ]);
      expect(rows, charset).toEqual(answer.status === 200 ? [{ fields: name }] : []);
    }
    expect((await countRows()).calls).toBe(before.calls);
    await expectHealthy();
  });

  test('of more parameters or bytes than anybody needs are refused', async () => {
    const many = Array.from({ length: 100_000 }, (_, at) => `p${at}=1`).join('&');
    for (const path of ['/v1/swap', '/v1/events', VOICE]) {
      const answer = await send('POST', path, many, {
        'content-type': path === VOICE ? 'application/x-www-form-urlencoded' : 'text/plain',
      });
      expectRefusedOrHarmless(answer, path);
      expect(answer.status).toBe(413);
    }
    const near = Array.from({ length: 12_000 }, (_, at) => `p${at}=1`).join('&');
    const parameters = Object.fromEntries(new URLSearchParams(near));
    const answer = await send('POST', VOICE, near, signed(VOICE, parameters));
    expectRefusedOrHarmless(answer, 'a signed crowd of parameters');
    // Nobody reads so many to find out whether they are signed.
    expect(answer.status).toBe(403);
    await expectHealthy();
  });
});

describe('texts that have broken software before', () => {
  test('in every field of a swap are stored as they are, or refused with nothing stored', async () => {
    for (const text of HOSTILE_TEXTS) {
      const session = crypto.randomUUID();
      const someone = visitor(server, demo.scriptKey, session);
      const fields: object[] = [
        { visit: { landing: text, referrer: 'direct' } },
        { visit: { landing: 'https://x.example/', referrer: text } },
        { page: { id: crypto.randomUUID(), url: text, title: text } },
        { targets: [text] },
        { page: { id: text, url: 'https://x.example/' } },
      ];
      let stored = false;
      for (const more of fields) {
        const { status, body } = await someone.swap(more);
        expect([200, 400], `${JSON.stringify(text)}: ${JSON.stringify(body)}`).toContain(status);
        stored ||= status === 200;
      }
      const { rows } = await database.query(
        'SELECT (SELECT count(*)::int FROM visits WHERE session_id = $1) AS visits, (SELECT count(*)::int FROM sessions WHERE session_id = $1) AS sessions',
        [session],
      );
      expect(rows[0].sessions, JSON.stringify(text)).toBe(stored ? 1 : 0);
      expect(rows[0].visits > 0, JSON.stringify(text)).toBe(stored);
      for (const key of ['key', 'session']) {
        const { status } = await someone.swap({ [key]: text });
        expect(status, `${key}: ${JSON.stringify(text)}`).toBe(400);
      }
    }
    await expectHealthy();
  });

  test('in a form come back as they were written, but for what Postgres cannot hold', async () => {
    const someone = visitor(server, demo.scriptKey);
    await someone.swap();
    const texts = HOSTILE_TEXTS.filter((text) => text.length <= 512 && text !== '__proto__');
    const sent = texts.map((text) => ({
      id: crypto.randomUUID(),
      type: 'form',
      url: 'https://x.example/hostile',
      form_name: text,
      fields: { [text]: text, phone: text, 'e-mail': text, name: text },
    }));
    for (let at = 0; at < sent.length; at += 10) {
      const batch = sent.slice(at, at + 10);
      const { status, body } = await someone.send(...batch);
      expect([status, body]).toEqual([200, { accepted: batch.length, repeated: 0, rejected: [] }]);
    }
    const clean = (text: string) => text.replaceAll('\0', '').toWellFormed();
    const { rows } = await database.query(
      'SELECT event_id, fields FROM form_submissions WHERE session_id = $1',
      [someone.session],
    );
    const byId = new Map(rows.map((row) => [row.event_id, row.fields]));
    for (const { id, form_name } of sent) {
      expect(byId.get(id)[clean(form_name)], JSON.stringify(form_name)).toBe(clean(form_name));
    }
    const { form_submissions } = await report(server, 'form_submissions.json?per_page=250&fields=form_name');
    const shown = form_submissions.filter((form: any) => form.form_url === 'https://x.example/hostile');
    expect(shown.map((form: any) => form.form_name).sort()).toEqual(texts.map(clean).sort());
    await expectHealthy();
  });

  test('as type, id or time of an event are rejected by themselves, and their neighbours are kept', async () => {
    const someone = visitor(server, demo.scriptKey);
    await someone.swap();
    for (const text of HOSTILE_TEXTS) {
      const { status, body } = await someone.send(
        { type: 'ping' },
        { type: text },
        { id: text, type: 'ping' },
        { type: 'ping', at: text },
        { type: 'tap', number: text },
      );
      expect([status, body.accepted, body.rejected.length], JSON.stringify(text)).toEqual([200, 1, 4]);
    }
    const times = '[1e400,-1e400,1e308,-1e308,0,-0,1e-400,9007199254740993,253402300800000]';
    const events = (JSON.parse(times) as number[]).map(
      (_, at) => `{"id":"${crypto.randomUUID()}","type":"ping","at":${times.slice(1, -1).split(',')[at]}}`,
    );
    const raw = `{"key":"${demo.scriptKey}","session":"${someone.session}","events":[${events}]}`;
    const answer = await send('POST', '/v1/events', raw, POST_TEXT);
    const { accepted, rejected } = JSON.parse(answer.text);
    expect([answer.status, accepted + rejected.length]).toEqual([200, events.length]);
    await expectHealthy();
  });

  test('in what the provider tells are stored as they are, and the caller is connected', async () => {
    for (const text of HOSTILE_TEXTS.filter((one) => one.length < 3000)) {
      const call = incoming(demo.pool[0] ?? '', { From: '+14155550142', CallerName: text, FromCity: text });
      const all = { ...call, FromState: text, FromZip: text, [`X-${text}`]: text };
      const {
        status,
        text: document,
        ms,
      } = await send(
        'POST',
        VOICE,
        new URLSearchParams(all).toString(),
        // The signature covers what arrives: a form cannot carry half a surrogate pair.
        signed(VOICE, Object.fromEntries(new URLSearchParams(new URLSearchParams(all).toString()))),
      );
      expect([status, XMLValidator.validate(document)], JSON.stringify(text)).toEqual([200, true]);
      expect(document).toContain(`>${DEMO_NUMBER}</Number>`);
      expect(ms).toBeLessThan(AT_ONCE_MS);
      const { rows } = await database.query('SELECT caller_name FROM calls WHERE provider_call_id = $1', [
        call.CallSid,
      ]);
      const readable = text
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are no part of anybody's name
        .replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, '')
        .toWellFormed()
        .trim();
      const name = rows[0]?.caller_name ?? '';
      expect([rows.length, readable.startsWith(name), name.length], JSON.stringify(text)).toEqual([
        1,
        true,
        Math.min(500, readable.length),
      ]);
    }
    await expectHealthy();
  });

  test('as caller, callee, call id, status or seconds never fail on our side', async () => {
    for (const text of HOSTILE_TEXTS) {
      for (const name of [
        'From',
        'To',
        'CallSid',
        'CallStatus',
        'CallDuration',
        'RecordingUrl',
        'RecordingSid',
      ]) {
        for (const path of [VOICE, '/v1/telephony/twilio/status', '/v1/telephony/twilio/recording']) {
          const all = { ...incoming(demo.pool[1] ?? ''), RecordingSid: 'RE1', [name]: text };
          const body = new URLSearchParams(all).toString();
          const headers = signed(path, Object.fromEntries(new URLSearchParams(body)));
          const answer = await send('POST', path, body, headers);
          expectRefusedOrHarmless(answer, `${name} ${JSON.stringify(text.slice(0, 60))} to ${path}`);
          if (answer.status === 200) expect(XMLValidator.validate(answer.text)).toBe(true);
        }
      }
    }
    await expectHealthy();
  });

  test('in the query of a report are answered with a list, or a 4xx that says why', async () => {
    const names = [
      'search',
      'fields',
      'sort',
      'order',
      'page',
      'per_page',
      'start_date',
      'date_range',
      'time_zone',
    ];
    for (const text of HOSTILE_TEXTS.filter((one) => one.length < 5000)) {
      const value = encodeURIComponent(text.toWellFormed());
      for (const resource of ['calls', 'form_submissions', 'trackers', 'companies', 'users']) {
        const query = names.map((name) => [name, `${name}=${value}`] as const);
        const [name, one] = query[Math.floor(Math.random() * query.length)] as (typeof query)[0];
        for (const path of [`${resource}.json?${one}`, `${resource}.json?${one.replace('=', '[]=')}`]) {
          const answer = await send('GET', `/v3/a/${server.account}/${path}`, '', withKey());
          expectRefusedOrHarmless(answer, `${resource} ${name}=${text.slice(0, 60)}`);
        }
      }
      const id = await send('GET', `/v3/a/${server.account}/calls/${value || 'x'}.json`, '', withKey());
      expectRefusedOrHarmless(id, text);
      const asset = await send('GET', `/companies/${value || 'x'}/${value || 'x'}/12/swap.js`);
      expectRefusedOrHarmless(asset, text);
    }
    for (const raw of [
      '%',
      '%ff',
      '%00',
      '%c0%af',
      'a[__proto__]=1',
      'page[]=1&page[]=2',
      `${'x&'.repeat(3000)}`,
    ]) {
      expectRefusedOrHarmless(
        await send('GET', `/v3/a/${server.account}/calls.json?${raw}`, '', withKey()),
        raw,
      );
      expectRefusedOrHarmless(
        await send('GET', `/v3/a/${server.account}/calls.json?search=${raw}`, '', withKey()),
        raw,
      );
    }
    await expectHealthy();
  });
});

describe('requests that are hardly HTTP', () => {
  const line = (first: string, more = '') => `${first}\r\nhost: x\r\n${more}connection: close\r\n\r\n`;
  const smuggled = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';
  const raw: [string, string | Buffer, RegExp][] = [
    [
      'two lengths',
      `${line('POST /v1/swap HTTP/1.1', 'content-length: 5\r\ncontent-length: 6\r\n')}hello!`,
      /400|closed/,
    ],
    [
      'a length and chunks',
      `${line('POST /v1/swap HTTP/1.1', 'content-length: 4\r\ntransfer-encoding: chunked\r\n')}0\r\n\r\n${smuggled}`,
      /400|closed/,
    ],
    [
      'chunks that are none',
      `${line('POST /v1/swap HTTP/1.1', 'transfer-encoding: chunked\r\n')}zz\r\nx`,
      // 415: without a content type the body is not even looked at.
      /4(00|15)|closed/,
    ],
    [
      'an encoding that is none',
      line('POST /v1/swap HTTP/1.1', 'transfer-encoding: xchunked\r\n'),
      /4(00|15)|501|closed/,
    ],
    ['a header with a space', `GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n`, /400|closed/],
    ['a folded header', `GET /healthz HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n`, /400|closed/],
    ['a NUL in a header', `GET /healthz HTTP/1.1\r\nhost: x\r\na: \0\r\n\r\n`, /400|closed/],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', /400|closed/],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /[45]0\d|closed/],
    ['TLS', Buffer.from('160301020001000001fc0303', 'hex'), /400|closed/],
    ['a method that is none', line('DANCE / HTTP/1.1'), /400|closed/],
    ['CONNECT', line('CONNECT x:443 HTTP/1.1'), /40\d|closed/],
    ['TRACE', line('TRACE / HTTP/1.1'), /40\d|501|closed/],
    ['a path with a NUL', line('GET /\0 HTTP/1.1'), /40\d|closed/],
    ['a path that climbs', line('GET /demo/../../../../etc/passwd HTTP/1.1'), /40\d|closed/],
    ['a path that climbs in disguise', line('GET /demo/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1'), /40\d|closed/],
    ['another host in the path', line('GET http://evil.example/v3/a.json HTTP/1.1'), /40\d|closed/],
    [
      'an upgrade',
      line('GET /v3/a.json HTTP/1.1', 'upgrade: websocket\r\nsec-websocket-version: 13\r\n'),
      /40\d|closed/,
    ],
    ['an expectation', line('GET /v3/a.json HTTP/1.1', 'expect: the-unexpected\r\n'), /4\d\d|closed/],
    [
      'a header of a megabyte',
      line('GET /healthz HTTP/1.1', `a: ${'x'.repeat(1_000_000)}\r\n`),
      /431|closed/,
    ],
    [
      'a cookie of a megabyte',
      line('GET /healthz HTTP/1.1', `cookie: ${'a=b; '.repeat(200_000)}\r\n`),
      /431|closed/,
    ],
    ['a path of a megabyte', line(`GET /${'x'.repeat(1_000_000)} HTTP/1.1`), /4[13][41]|closed/],
    ['ten thousand headers', line('GET /healthz HTTP/1.1', 'a: b\r\n'.repeat(10_000)), /431|400|closed/],
  ];
  test.each(raw)('%s: refused', async (_name, bytes, answer) => {
    expect(await sendRaw(bytes)).toMatch(answer);
  });

  test('and the next visitor is served as ever', async () => {
    await expectHealthy();
  });
});

describe('what is written into documents and headers', () => {
  async function greet(greeting: string): Promise<string> {
    const number = `+1305444${String(greetings++).padStart(4, '0')}`;
    const answer = await send(
      'POST',
      `/v3/a/${server.account}/trackers.json`,
      JSON.stringify({
        name: greeting || 'x',
        type: 'source',
        company_id: demo.id,
        call_flow: {
          type: 'basic',
          recording_enabled: false,
          destination_number: DEMO_NUMBER,
          greeting_text: greeting,
        },
        source: { type: 'offline' },
        tracking_number: number,
      }),
      { ...withKey(), 'content-type': 'application/json' },
    );
    if (answer.status === 400) return '';
    expect(answer.status, answer.text).toBe(201);
    return number;
  }
  let greetings = 1000;

  test('a greeting is spoken, whatever is in it: the document has one Say and one Dial', async () => {
    const parser = new XMLParser({ ignoreAttributes: false, processEntities: true, trimValues: false });
    const greetable = HOSTILE_TEXTS.filter((text) => text.length < 500 && text.trim() !== '');
    let spoken = 0;
    for (const greeting of greetable) {
      const number = await greet(greeting);
      if (number === '') continue;
      spoken++;
      const call = incoming(number, { From: '+14155550143' });
      const { text } = await send('POST', VOICE, new URLSearchParams(call).toString(), signed(VOICE, call));
      expect(XMLValidator.validate(text), text).toBe(true);
      const { Response } = parser.parse(text);
      expect(Object.keys(Response).sort(), text).toEqual(['Dial', 'Say']);
      expect([typeof Response.Say, Array.isArray(Response.Dial)], text).not.toContain('object');
      expect(Response.Dial.Number['#text'].toString(), text).toBe(DEMO_NUMBER.slice(1));
      // Of the control characters XML 1.0 knows three.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(text).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/);
    }
    expect(spoken).toBeGreaterThan(20);
    await expectHealthy();
  });

  test('a landing page with line ends sets the cookies that it should and no other', async () => {
    const session = crypto.randomUUID();
    const landing = 'https://x.example/?a=1\r\nSet-Cookie: evil=1; Domain=x\r\n\r\n<html>; Path=/evil; "\\,';
    const body = JSON.stringify({
      key: demo.scriptKey,
      session,
      visit: { landing, referrer: 'a;b=c\r\nx: y' },
      page: null,
      targets: [],
    });
    const answer = await send('POST', '/v1/swap', body, {
      ...POST_TEXT,
      origin: server.url,
      host: new URL(server.url).host,
      cookie: 'calltrk_referrer=x"; evil=1; a==; =b; ;;',
    });
    expect(answer.status).toBe(200);
    const cookies = answer.headers['set-cookie'] as string[];
    expect(cookies.map((cookie) => cookie.split('=')[0])).toEqual([
      'calltrk_session_id',
      'calltrk_landing',
      'calltrk_referrer',
    ]);
    for (const cookie of cookies) {
      expect(
        cookie
          .split('; ')
          .map((part) => part.split('=')[0])
          .slice(1),
      ).toEqual(['Path', 'Max-Age', 'SameSite']);
      expect(cookie).toContain('Path=/;');
    }
    expect(Object.keys(answer.headers)).not.toContain('x');
  });

  test('each line of the log is one JSON object of the server, whatever a caller is called', async () => {
    const lines = server.logged().trim().split('\n');
    const wild = lines.filter((one) => !one.startsWith('{') && !one.startsWith('calltrk ready '));
    expect(wild).toEqual([]);
    for (const one of lines.filter((each) => each.startsWith('{'))) {
      expect(JSON.parse(one)).toMatchObject({ level: expect.any(String), time: expect.any(String) });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(one).not.toMatch(/[\0-\x1f\x7f]/);
      expect(one).not.toContain('forged');
    }
  });
});

describe('prototypes', () => {
  const PAYLOADS = ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty'];

  test('as names of form fields are fields like others, or refused', async () => {
    const someone = visitor(server, demo.scriptKey);
    await someone.swap();
    for (const name of PAYLOADS) {
      const id = crypto.randomUUID();
      const raw = `{"key":"${demo.scriptKey}","session":"${someone.session}","events":[
        {"id":"${id}","type":"form","url":"https://x.example/p","fields":{"${name}":"polluted","Name":"Ada"}}]}`;
      const answer = await send('POST', '/v1/events', raw, POST_TEXT);
      const { rows } = await database.query('SELECT fields FROM form_submissions WHERE event_id = $1', [id]);
      if (answer.status === 400) {
        expect([name, rows]).toEqual(['__proto__', []]);
      } else {
        expect(JSON.parse(answer.text)).toMatchObject({ accepted: 1 });
        expect(Object.entries(rows[0].fields).sort()).toEqual(
          [
            ['Name', 'Ada'],
            [name, 'polluted'],
          ].sort(),
        );
      }
    }
  });

  test('as parameters, names of fields, sources and events change nothing for anybody', async () => {
    const someone = visitor(server, demo.scriptKey);
    for (const name of PAYLOADS) {
      const spellings = [
        `${name}=1`,
        `${name}[polluted]=1`,
        `a[${name}][polluted]=1`,
        `constructor[prototype][${name}]=1`,
      ];
      for (const spelling of spellings) {
        const landing = `https://x.example/?utm_${spelling}&${spelling}&utm_source=${name}`;
        expect(
          (await someone.swap({ visit: { landing, referrer: `https://${name}.example/` } })).status,
        ).toBe(200);
        const query = `/v3/a/${server.account}/calls.json?${spelling}&fields=${name}&sort=${name}`;
        expectRefusedOrHarmless(await send('GET', query, '', withKey()), query);
        const form = `${spelling}&CallSid=x`;
        const parameters = Object.fromEntries(new URLSearchParams(form).entries());
        expectRefusedOrHarmless(await send('POST', VOICE, form, signed(VOICE, parameters)), form);
      }
      const { status, body } = await someone.send({ type: name, [`${name} `]: 1 }, { type: 'ping' });
      expect([status, body.accepted]).toEqual([200, 1]);
      expectRefusedOrHarmless(await send('POST', `/v1/telephony/${name}/${name}`), name);
      expectRefusedOrHarmless(await send('GET', `/v3/a/${name}/${name}.json`, '', withKey()), name);
      for (const resource of ['companies', 'trackers']) {
        const created = await send(
          'POST',
          `/v3/a/${server.account}/${resource}.json`,
          `{"name": "x", "${name}": {"polluted": 1}, "type": "${name}", "source": {"type": "${name}"}}`,
          { ...withKey(), 'content-type': 'application/json' },
        );
        expectRefusedOrHarmless(created, `${resource} ${name}`);
      }
    }
    server.child.kill('SIGWINCH');
    await expect.poll(() => server.said()).toContain('prototype [');
    const clean = [[], Object.getOwnPropertyNames(Object.prototype).length];
    expect(server.said()).toContain(`prototype ${JSON.stringify(clean)}`);
    const ghost = await visitor(server, demo.scriptKey).swap();
    expect(Object.keys(ghost.body).sort()).toEqual(
      ['session', 'visit', 'config', 'held_seconds', 'ping_seconds', 'numbers', 'source'].sort(),
    );
    await expectHealthy();
  });
});
