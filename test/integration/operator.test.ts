import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_NUMBER, type DemoCompany, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { until } from '../support/processes.js';
import { type RunningServer, removeDataDir, startServer, visitor } from '../support/server.js';

describe("what an operator's tools see", () => {
  let server: RunningServer;
  let demo: DemoCompany;
  beforeAll(async () => {
    server = await startServer({ env: { TRUST_PROXY: '127.0.0.1', LOG_LEVEL: 'trace' } });
    demo = await demoCompany(server);
  });
  afterAll(async () => {
    await server.end();
    removeDataDir(server.dataDir);
  });
  const stranger = { 'x-forwarded-for': '203.0.113.9' };

  test('alive and ready', async () => {
    expect(await (await fetch(`${server.url}/healthz`)).json()).toEqual({ status: 'ok' });
    const ready = await fetch(`${server.url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ ready: true, dependencies: { postgres: { ok: true } } });
  });

  test('metrics and the demo answer loopback peers, and others only with an API key', async () => {
    for (const path of ['/metrics', '/demo', '/demo/demo.css', '/demo/demo.js']) {
      expect((await fetch(server.url + path)).status).toBe(200);
      expect((await fetch(server.url + path, { headers: stranger })).status).toBe(401);
      const authorization = `Token token="${server.key}"`;
      expect((await fetch(server.url + path, { headers: { ...stranger, authorization } })).status).toBe(200);
    }
  });

  test('what the README tells to write makes a company, a pool and a source tracker', async () => {
    const text = readFileSync('README.md', 'utf8');
    const section = text.slice(text.indexOf('## Your first report'), text.indexOf('2. Paste'));
    const commands = [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, code = '']) => code).join('\n');
    const script = commands
      .replaceAll('http://localhost:3000', server.url)
      .replace('.data/api-key', join(server.dataDir, 'api-key'));
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script]);
    expect(stdout).toMatch(/"calls":\[.*"script_url":"\/\/.*"type":"session".*"type":"source"/s);
    // … and of the other kinds of source each line is one.
    const company_id = /COM[0-9a-f]+/.exec(stdout)?.[0];
    const sources = readFileSync('API.md', 'utf8').split('## Source trackers')[1]?.split('```')[1] ?? '';
    const lines = sources.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(10);
    for (const [at, line] of lines.entries()) {
      const answer = await fetch(`${server.url}/v3/a/${server.account}/trackers.json`, {
        method: 'POST',
        headers: { authorization: `Token token="${server.key}"`, 'content-type': 'application/json' },
        body: JSON.stringify({
          company_id,
          name: line,
          type: 'source',
          source: JSON.parse(line),
          call_flow: { type: 'basic', destination_number: '+12125550100' },
          tracking_number: `+1212555${2000 + at}`,
        }),
      });
      expect([line, answer.status]).toEqual([line, 201]);
    }
  });

  test('the front door leads who may see the demo there, and tells others what runs here', async () => {
    const open = (headers = {}) => fetch(`${server.url}/`, { redirect: 'manual', headers });
    const inside = await open();
    // Relative, as a proxy may have taken a path away.
    expect([inside.status, inside.headers.get('location')]).toEqual([302, 'demo']);
    const outside = await open(stranger);
    expect([outside.status, await outside.text()]).toEqual([
      200,
      expect.stringMatching(/^calltrk runs here/),
    ]);
  });

  test('counts in the metrics', async () => {
    // Pools are looked at when the start is over, and then once a minute.
    await until(async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return text.includes('calltrk_pool_offered_load{') ? true : undefined;
    });
    const someone = visitor(server, demo.scriptKey);
    const { body } = await someone.swap();
    await someone.send({ type: 'ping' }, { type: 'dance' });
    await twilioWebhook(server, '/v1/telephony/twilio/voice', incoming(body.numbers[DEMO_NUMBER].e164));
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    for (const line of [
      /^calltrk_swaps_total [1-9]/m,
      /^calltrk_events_total\{outcome="accepted"\} [1-9]/m,
      /^calltrk_events_total\{outcome="rejected"\} [1-9]/m,
      /^calltrk_leases_total\{kind="opened"\} [1-9]/m,
      /^calltrk_call_reports_total\{outcome="report"\} [1-9]/m,
      /^calltrk_pool_offered_load\{tracker_id="TRK\w+"\} 0$/m,
      /^calltrk_pool_recommended_numbers\{tracker_id="TRK\w+",blocking="0.01"\} 0$/m,
      /^calltrk_pool_leases\{tracker_id="TRK\w+",state="shared"\} 0$/m,
      /^calltrk_http_request_seconds_count\{method="POST",route="\/v1\/swap",status="200"\} [1-9]/m,
    ]) {
      expect(metrics).toMatch(line);
    }
  });

  test('/openapi.json describes every route, and every route has a schema', async () => {
    const { paths, openapi } = (await (await fetch(`${server.url}/openapi.json`)).json()) as any;
    expect(openapi).toBe('3.1.0');
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining([
        '/v1/swap',
        '/v1/events',
        '/healthz',
        '/v1/telephony/{provider}/{callback}',
        '/v3/a.json',
      ]),
    );
    const bare = Object.entries(paths).flatMap(([path, methods]: [string, any]) =>
      Object.entries(methods)
        .filter(([, route]: [string, any]) => !route.summary || !route.responses || !route.tags)
        .map(([method]) => `${method} ${path}`),
    );
    expect(bare).toEqual([]);
  });

  test('logs hold no personal data, at any level', async () => {
    const canary = {
      phone: '+12125559876',
      name: 'Canary Person',
      email: 'canary@example.org',
      landing: 'https://x.example/?secret=canary-landing',
    };
    const someone = visitor(server, demo.scriptKey);
    const visit = { landing: canary.landing, referrer: 'https://canary-referrer.example/' };
    const { body } = await someone.swap({ visit });
    const fields = { Name: canary.name, Email: canary.email, Phone: canary.phone };
    await someone.send({ type: 'form', url: 'https://x.example/canary-form', fields });
    await someone.send({ type: 'form', url: canary.landing, fields: 'canary-wrong' });
    await someone.swap({ visit: { landing: canary.landing, referrer: 7 } });
    const number = body.numbers[DEMO_NUMBER].e164;
    await twilioWebhook(
      server,
      '/v1/telephony/twilio/voice',
      incoming(number, { From: canary.phone, CallerName: canary.name }),
    );
    await fetch(`${server.url}/v3/a/${server.account}/calls.json?search=canary-search`, {
      headers: { authorization: `Token token=${server.key}` },
    });
    const output = server.logged() + server.said();
    expect(output).toContain('"route":"/v1/swap"');
    for (const secret of [...Object.values(canary), 'canary', number, someone.session, server.key]) {
      expect(output.toLowerCase()).not.toContain(secret.toLowerCase());
    }
  });

  test('an unknown path is 404 with a sentence, and a broken URL is 400', async () => {
    const unknown = await fetch(`${server.url}/nowhere`);
    expect([unknown.status, await unknown.json()]).toEqual([404, { error: 'Not found' }]);
    const status = await new Promise((done, fail) => {
      request(`${server.url}/companies/%E0%A4%A/x/12/swap.js`, (response) => done(response.statusCode))
        .on('error', fail)
        .end();
    });
    expect(status).toBe(400);
  });

  test('a request that never ends is cut off, and others are served meanwhile', async () => {
    const { hostname, port } = new URL(server.url);
    const slow = connect(Number(port), hostname);
    slow.on('error', () => undefined);
    slow.write(
      'POST /v1/swap HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\n{',
    );
    const began = Date.now();
    const closed = new Promise<string>((done) => {
      let answer = '';
      slow.on('data', (chunk) => {
        answer += chunk;
      });
      slow.on('close', () => done(answer));
    });
    expect((await visitor(server, demo.scriptKey).swap()).status).toBe(200);
    expect(await closed).toContain('408');
    expect(Date.now() - began).toBeLessThan(20_000);
  }, 60_000);
});
