/**
 * F37, F38. A captured webhook says nothing new however often it is played, a wrong signature is refused whatever it
 * looks like, and no secret and nobody's name or number is ever in a log, an error or a metric, also while stores fail.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_NUMBER, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { newDataDir, type RunningServer, removeDataDir, startServer, visitor } from '../support/server.js';

const VOICE = '/v1/telephony/twilio/voice';
const CANARY = {
  apiKey: 'canary-api-key-0123456789abcdef0123456789',
  twilioToken: 'canarytwiliotoken0123456789abcdef',
  databasePassword: 'canary-db-p4ssword',
  redisPassword: 'canary-redis-p4ssword',
  phone: '+12125558642',
  callerName: 'Canary Caller',
  email: 'canary.person@example.org',
  name: 'Canary Person',
  card: '4111111111111111',
  landing: 'https://x.example/?token=canary-landing',
  referrer: 'https://canary-referrer.example/',
  title: 'Canary title',
  search: 'canary-search',
};

let postgres: TestPostgres;
let redis: TestRedis;
let server: RunningServer;
let scriptKey: string;
let pool: string[];
const answers: string[] = [];
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres({ password: CANARY.databasePassword }), startRedis()]);
  redis.cli('CONFIG', 'SET', 'requirepass', CANARY.redisPassword);
  server = await startServer({
    dataDir: newDataDir(),
    env: {
      DATABASE_URL: await postgres.createDatabase(),
      REDIS_URL: redis.url.replace('redis://', `redis://:${CANARY.redisPassword}@`),
      CALLTRK_API_KEY: CANARY.apiKey,
      TWILIO_AUTH_TOKEN: CANARY.twilioToken,
      LOG_LEVEL: 'trace',
    },
  });
  const demo = await demoCompany(server);
  ({ scriptKey, pool } = demo);
});
afterAll(async () => {
  await server?.end();
  await redis?.close();
  await postgres?.close();
  removeDataDir(server.dataDir);
});

const webhook = (parameters: Record<string, string>, path = VOICE) =>
  twilioWebhook(server, path, parameters, { token: CANARY.twilioToken });
const get = async (path: string) => {
  const response = await fetch(`${server.url}/v3/a/${server.account}/${path}`, {
    headers: { authorization: `Token token="${CANARY.apiKey}"` },
  });
  return { status: response.status, text: await response.text() };
};

describe('a signed webhook', () => {
  test('that is played a hundred times, at once and later, is one call', async () => {
    const call = incoming(pool[0] ?? '', { From: '+14155550188' });
    const all = await Promise.all(Array.from({ length: 60 }, () => webhook(call)));
    for (let at = 0; at < 40; at++) all.push(await webhook(call));
    expect(new Set(all.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(all[0]).toMatchObject({ status: 200 });
    const { calls } = JSON.parse((await get(`calls.json?search=${encodeURIComponent('+14155550188')}`)).text);
    expect(calls).toHaveLength(1);
    expect(calls[0].duration).toBeNull();
  });

  test('does not vouch for another path, number or parameter', async () => {
    const call = incoming(pool[0] ?? '', { From: '+14155550189' });
    const twilio = (await import('twilio')).default;
    const base = server.url.replace('127.0.0.1', 'localhost');
    const signature = twilio.getExpectedTwilioSignature(CANARY.twilioToken, base + VOICE, call);
    const play = async (path: string, parameters: Record<string, string>, given: string | null = signature) =>
      (
        await fetch(server.url + path, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            ...(given === null ? {} : { 'x-twilio-signature': given }),
          },
          body: new URLSearchParams(parameters),
        })
      ).status;
    expect(await play(VOICE, call)).toBe(200);
    expect(await play('/v1/telephony/twilio/status', call)).toBe(403);
    expect(await play(`${VOICE}?number=%2B13055550199`, call)).toBe(403);
    expect(await play(VOICE, { ...call, From: '+14155550190' })).toBe(403);
    expect(await play(VOICE, { ...call, More: '1' })).toBe(403);
    const { CallStatus: _, ...fewer } = call;
    expect(await play(VOICE, fewer)).toBe(403);
    const wrong = [
      null,
      '',
      ' ',
      '=',
      signature.slice(0, -1),
      `${signature}=`,
      `${signature}, ${signature}`,
      signature.toLowerCase(),
      signature.replace(/[+/]/g, '_'),
      Buffer.from(signature, 'base64').toString('hex'),
      `${'A'.repeat(27)}=`,
      'A'.repeat(10_000),
      'é'.repeat(28),
      '%00',
    ];
    for (const given of wrong.filter((one) => one !== signature))
      expect([given, await play(VOICE, call, given)]).toEqual([given, 403]);
  });

  test('costs the same time whether its first or its last letter is wrong', async () => {
    const { isSignedByTwilio, twilioSignature } = await import('../../server/telephony/twilio-signature.js');
    const parameters = new Map([['CallSid', ['CA1']]]);
    const url = 'https://x.example/voice';
    const right = twilioSignature(CANARY.twilioToken, url, parameters);
    const other = (letter: string | undefined) => (letter === 'A' ? 'B' : 'A');
    const first = other(right[0]) + right.slice(1);
    const last = right.slice(0, 26) + other(right[26]) + right.slice(27);
    const ask = (signature: string) =>
      isSignedByTwilio([CANARY.twilioToken], {
        url,
        signature,
        contentType: 'application/x-www-form-urlencoded',
        body: Buffer.from('CallSid=CA1'),
        parameters: () => parameters,
      });
    expect([ask(right), ask(first), ask(last)]).toEqual([true, false, false]);
    const times: [number[], number[]] = [[], []];
    for (let turn = 0; turn < 5000; turn++) {
      for (const [at, signature] of [first, last].entries()) {
        const began = process.hrtime.bigint();
        ask(signature);
        times[at]?.push(Number(process.hrtime.bigint() - began));
      }
    }
    const [a, b] = times.map((list) => list.toSorted((x, y) => x - y)[2500] as number) as [number, number];
    // A comparison that stops at the first difference is nanoseconds off; one that hashes is far above them.
    expect(Math.abs(a - b) / Math.max(a, b)).toBeLessThan(0.1);
  });
});

describe('secrets and persons', () => {
  async function everything(): Promise<void> {
    const someone = visitor(server, scriptKey);
    const note = async (answer: Promise<{ status: number; body?: unknown; text?: string }>) => {
      const { status, body, text } = await answer.catch(
        (error) => ({ status: 0, text: String(error) }) as never,
      );
      if (status >= 400) answers.push(text ?? JSON.stringify(body));
    };
    const visit = { landing: CANARY.landing, referrer: CANARY.referrer };
    const page = { id: crypto.randomUUID(), url: CANARY.landing, title: CANARY.title };
    await note(someone.swap({ visit, page }));
    await note(someone.swap({ visit: { landing: CANARY.landing, referrer: 7 } }));
    await note(someone.swap({ key: CANARY.name.padEnd(20, 'x') }));
    const fields = { Name: CANARY.name, Email: CANARY.email, Phone: CANARY.phone, Note: CANARY.card };
    await note(someone.send({ type: 'form', url: CANARY.landing, fields }));
    await note(someone.send({ type: 'form', url: CANARY.landing, fields: CANARY.email }));
    await note(someone.send({ type: 'tap', number: CANARY.phone, target: DEMO_NUMBER }));
    const call = incoming(pool[1] ?? '', { From: CANARY.phone, CallerName: CANARY.callerName });
    await note(webhook(call));
    await note(webhook(call, '/v1/telephony/twilio/dial'));
    await note(webhook({ ...call, CallSid: `CA ${CANARY.name}` }));
    await note(twilioWebhook(server, VOICE, call, { token: 'x'.repeat(32) }));
    await note(get(`calls.json?search=${CANARY.search}`));
    await note(get(`calls.json?start_date=${CANARY.search}`));
    await note(get('calls/CALnone.json'));
    const wrong = await fetch(`${server.url}/v3/a.json`, {
      headers: { authorization: `Token token="${CANARY.apiKey}x"` },
    });
    answers.push(await wrong.text());
    const unknown = await fetch(`${server.url}/nowhere/${CANARY.email}?${CANARY.name}`);
    answers.push(await unknown.text());
  }

  test('are in no log, error or metric, with stores that work, are gone, or refuse', {
    timeout: 60_000,
  }, async () => {
    await everything();
    await redis.kill();
    await everything();
    await postgres.kill('SIGQUIT');
    await everything();
    await redis.start();
    redis.cli('CONFIG', 'SET', 'requirepass', 'another');
    await everything();
    await postgres.start();
    await until(async () => ((await get('calls.json')).status === 200 ? true : undefined), {
      timeoutMs: 20_000,
    });
    await everything();
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const outputs = { log: server.logged(), stderr: server.said(), metrics, errors: answers.join('\n') };
    expect(outputs.log).toContain('"route":"/v1/swap"');
    expect(outputs.log).toMatch(/the record does not answer in time/);
    const secrets = [
      ...Object.values(CANARY),
      'canary',
      pool[1] ?? '',
      ...[CANARY.phone, pool[1] ?? ''].map((n) => n.slice(-10)),
    ];
    const found = Object.entries(outputs).flatMap(([where, text]) =>
      text
        .split('\n')
        .flatMap((line) =>
          secrets.some((secret) => line.toLowerCase().includes(secret.toLowerCase()))
            ? [`${where}: ${line}`]
            : [],
        ),
    );
    expect(found.slice(0, 5)).toEqual([]);
  });
});
