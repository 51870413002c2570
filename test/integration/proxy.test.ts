/** Behind a reverse proxy: whom it believes about the client, first-party mode, and restarts that nobody notices. */
import { request } from 'node:http';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { visitEmbeddedPostgres } from '../../server/storage/embedded/visit.js';
import { DEMO_NUMBER, type DemoCompany, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { startPostgres } from '../support/postgres.js';
import { exitOf, freePort, until } from '../support/processes.js';
import { startRedis } from '../support/redis.js';
import { type RollingProxy, startRollingProxy } from '../support/rolling-proxy.js';
import { newDataDir, type RunningServer, removeDataDir, startServer, visitor } from '../support/server.js';

/** A request with exactly these header lines; fetch would fold or refuse some. */
function ask(
  server: { url: string },
  path: string,
  headers: Record<string, string | string[]> = {},
  body?: object,
): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: any }> {
  return new Promise((done, fail) => {
    const agent = 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36';
    const method = body ? 'POST' : 'GET';
    const all = { 'user-agent': agent, 'content-type': 'text/plain', ...headers };
    const sent = request(server.url + path, { method, headers: all, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const json = /json/.test(response.headers['content-type'] ?? '') ? JSON.parse(text) : text;
        done({ status: response.statusCode ?? 0, headers: response.headers, body: json });
      });
    });
    sent.on('error', fail).end(body ? JSON.stringify(body) : undefined);
  });
}

function swapBody(key: string, more: object = {}) {
  return {
    key,
    session: crypto.randomUUID(),
    visit: { landing: 'https://shop.example/', referrer: 'direct' },
    page: { id: crypto.randomUUID(), url: 'https://shop.example/', title: 'Home' },
    targets: [DEMO_NUMBER],
    ...more,
  };
}

/** Every way in which a client may claim another address; a proxy passes on what it does not know. */
const CLAIMS: Record<string, string | string[]>[] = [
  { 'x-forwarded-for': '203.0.113.9' },
  { 'x-forwarded-for': '203.0.113.9, 127.0.0.1' },
  { 'x-forwarded-for': ['203.0.113.9', '198.51.100.7'] },
  { 'x-forwarded-for': '::ffff:203.0.113.9' },
  { 'x-real-ip': '203.0.113.9' },
  { forwarded: 'for=203.0.113.9;proto=https;host=shop.example' },
  { 'x-client-ip': '203.0.113.9', 'true-client-ip': '203.0.113.9', 'cf-connecting-ip': '203.0.113.9' },
  { 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' },
];

describe('who the client is', () => {
  describe.each([
    ['without TRUST_PROXY', {}],
    ['with TRUST_PROXY that lists others', { TRUST_PROXY: '10.0.0.0/8,2001:db8::/32' }],
  ])('%s', (_, env) => {
    const its = useServer(env as Record<string, string>);

    test('is the peer, whatever it claims: address, scheme and host', async () => {
      for (const claim of CLAIMS) {
        expect((await ask(its.server, '/metrics', claim)).status, JSON.stringify(claim)).toBe(200);
        const origin = { origin: 'https://shop.example' };
        const swap = await ask(its.server, '/v1/swap', { ...claim, ...origin }, swapBody(its.demo.scriptKey));
        expect(swap.headers['set-cookie'], JSON.stringify(claim)).toBeUndefined();
      }
      // This machine's own visits have no limit.
      for (let n = 0; n < 35; n++) {
        const { body } = await ask(its.server, '/v1/swap', CLAIMS[0], swapBody(its.demo.scriptKey));
        expect(body.numbers[DEMO_NUMBER]).not.toBeNull();
      }
    });
  });

  describe('with TRUST_PROXY that lists the peer', () => {
    const its = useServer({ TRUST_PROXY: '127.0.0.1,10.0.0.0/8' });
    const insider = async (forwarded: string | string[]) =>
      (await ask(its.server, '/metrics', { 'x-forwarded-for': forwarded })).status === 200;

    test('is whom the nearest trusted proxy saw, and nobody further left', async () => {
      // A proxy appends the peer that it saw; what stands before came from that peer.
      for (const forwarded of [
        '203.0.113.9',
        '127.0.0.1, 203.0.113.9',
        '::1, 127.0.0.1, 203.0.113.9',
        '127.0.0.1, 203.0.113.9, 10.0.0.1',
        '127.0.0.1,203.0.113.9,10.0.0.1,127.0.0.1',
        ['127.0.0.1', '203.0.113.9'],
        '::ffff:203.0.113.9',
        '2001:db8::1',
      ]) {
        expect(await insider(forwarded), String(forwarded)).toBe(false);
      }
      // The proxy's own machine, by way of the proxy.
      for (const forwarded of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.0.0.1, 10.0.0.1']) {
        expect(await insider(forwarded), String(forwarded)).toBe(true);
      }
    });

    test('is nobody of this machine when the address is none', async () => {
      for (const forwarded of [
        'unknown',
        '_hidden',
        '127.0.0.1:80',
        '127.1',
        '0x7f.0.0.1',
        '2130706433',
        '127.0.0.1.evil.example',
        '127.evil',
        '[::1]',
        '127.0.0.1, nonsense',
      ]) {
        expect(await insider(forwarded), forwarded).toBe(false);
      }
    });

    test('other headers than X-Forwarded-* say nothing', async () => {
      for (const claim of CLAIMS.slice(4, 7)) {
        expect((await ask(its.server, '/metrics', claim)).status, JSON.stringify(claim)).toBe(200);
        const forwarded = { ...claim, 'x-forwarded-for': '198.51.100.1' };
        expect((await ask(its.server, '/metrics', forwarded)).status, JSON.stringify(claim)).toBe(401);
      }
    });

    test('thirty new leases a minute are counted for the real client, and claims do not win more', async () => {
      const given = async (forwarded: string) => {
        const answers = [];
        for (let n = 0; n < 33; n++) {
          const headers = { 'x-forwarded-for': forwarded.replace('N', String(n)) };
          answers.push(await ask(its.server, '/v1/swap', headers, swapBody(its.demo.scriptKey)));
        }
        expect(answers.every(({ status }) => status === 200)).toBe(true);
        return answers.filter(({ body }) => body.numbers[DEMO_NUMBER] !== null).length;
      };
      expect(await given('198.51.100.2')).toBe(30);
      expect(await given('198.51.100.N, 198.51.100.3')).toBe(30);
      expect(await given('127.0.0.1, 198.51.100.N, 198.51.100.4, 10.1.2.3')).toBe(30);
      // Two clients behind one proxy are two.
      expect(await given('198.51.100.5, 10.1.2.3')).toBe(30);
      expect(await given('127.0.0.1')).toBe(33);
    });

    test('the last scheme and host count; a page of that origin gets cookies from the server', async () => {
      const cookies = async (headers: Record<string, string>) =>
        (await ask(its.server, '/v1/swap', headers, swapBody(its.demo.scriptKey))).headers['set-cookie'];
      const own = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'www.shop.example' };
      expect(await cookies({ ...own, origin: 'https://www.shop.example' })).toHaveLength(3);
      for (const headers of [
        { ...own, origin: 'https://evil.example' },
        { ...own, origin: 'https://evil.example', 'x-forwarded-host': 'evil.example, www.shop.example' },
        { ...own, origin: 'http://www.shop.example' },
        { ...own, origin: 'null' },
      ]) {
        expect(await cookies(headers), JSON.stringify(headers)).toBeUndefined();
      }
    });
  });
});

describe('first-party mode under a path of the site', () => {
  test('serves script, swap with cookies, and webhooks signed for PUBLIC_URL with that path', async () => {
    const port = await freePort();
    const proxy = await startRollingProxy({ servers: [port], prefix: '/ct' });
    const publicUrl = `${proxy.url}/ct`;
    const dataDir = newDataDir();
    const server = await startServer({
      dataDir,
      env: { PORT: String(port), TRUST_PROXY: '127.0.0.1', PUBLIC_URL: publicUrl },
    });
    try {
      const { scriptPath } = await demoCompany(server);
      const scriptKey = /^\/ct\/companies\/\d+\/(\w+)\/12\/swap\.js$/.exec(scriptPath)?.[1] ?? '';
      const script = await fetch(proxy.url + scriptPath);
      expect(script.status).toBe(200);
      expect(await script.text()).toContain(`"${scriptKey}"`);
      const { status, headers, body } = await ask(
        { url: publicUrl },
        '/v1/swap',
        { origin: proxy.url },
        swapBody(scriptKey),
      );
      expect(status).toBe(200);
      // For the whole site, not for the path of the API.
      expect(headers['set-cookie']).toEqual([
        expect.stringMatching(/^calltrk_session_id=[0-9a-f-]{36}; Path=\/;/),
        expect.stringMatching(/^calltrk_landing=.*Path=\/;/),
        expect.stringMatching(/^calltrk_referrer=.*Path=\/;/),
      ]);
      const call = incoming(body.numbers[DEMO_NUMBER].e164);
      const through = { ...server, url: publicUrl };
      const voice = await twilioWebhook(through, '/v1/telephony/twilio/voice', call, { publicUrl });
      expect([voice.status, voice.text]).toEqual([200, expect.stringContaining(DEMO_NUMBER)]);
      const wrong = await twilioWebhook(through, '/v1/telephony/twilio/voice', call, {
        publicUrl: proxy.url,
      });
      expect(wrong.status).toBe(403);
    } finally {
      await server.end('SIGINT');
      await proxy.close();
      removeDataDir(dataDir);
    }
  });
});

describe('a restart', () => {
  let dataDir: string;
  let server: RunningServer | undefined;
  let proxy: RollingProxy | undefined;
  beforeAll(() => {
    dataDir = newDataDir();
  });
  afterEach(async () => {
    await server?.end('SIGINT');
    await proxy?.close();
    server = undefined;
    proxy = undefined;
  });
  afterAll(() => removeDataDir(dataDir));

  test('by SIGTERM says so at /healthz and /readyz first, goes on answering, and closes connections by their answers', async () => {
    server = await startServer({ dataDir, env: { TRUST_PROXY: '127.0.0.1' } });
    const { scriptKey } = await demoCompany(server);
    for (const path of ['/healthz', '/readyz']) expect((await ask(server, path)).status).toBe(200);
    server.child.kill('SIGTERM');
    const told = Date.now();
    const { url } = server;
    const leaving = await until(async () => {
      const answer = await ask({ url }, '/readyz');
      return answer.status === 503 ? answer : undefined;
    });
    expect(leaving.body).toMatchObject({
      ready: false,
      dependencies: { server: { ok: false }, postgres: { ok: true } },
    });
    expect((await ask(server, '/healthz')).status).toBe(503);
    while (Date.now() - told < 2000) {
      const kept = { connection: 'keep-alive' };
      const swap = await ask(server, '/v1/swap', kept, swapBody(scriptKey));
      expect([swap.status, swap.headers.connection]).toEqual([200, 'close']);
    }
    expect(await exitOf(server.child)).toBe(0);
    expect(Date.now() - told).toBeLessThan(8000);
  });

  test.each([
    ['Ctrl-C', 'SIGINT', { TRUST_PROXY: '127.0.0.1' }],
    ['SIGTERM where there is no proxy', 'SIGTERM', {}],
  ] as const)('by %s does not wait', async (_, signal, env) => {
    server = await startServer({ dataDir, env });
    expect(await server.end(signal)).toBe(0);
    expect(server.said()).not.toContain('until the proxy looks elsewhere');
  });

  test('by Ctrl-C after SIGTERM is cut short', async () => {
    server = await startServer({ dataDir, env: { TRUST_PROXY: '127.0.0.1' } });
    server.child.kill('SIGTERM');
    const told = Date.now();
    const { url } = server;
    await until(async () => ((await ask({ url }, '/healthz')).status === 503 ? true : undefined));
    server.child.kill('SIGINT');
    await until(() =>
      ask({ url }, '/healthz').then(
        () => undefined,
        (error) => error.code === 'ECONNREFUSED' || undefined,
      ),
    );
    expect(Date.now() - told).toBeLessThan(2900);
    expect(await exitOf(server.child)).toBe(0);
  });

  test('behind a proxy that waits for its one server fails no request and loses no event', async () => {
    const port = await freePort();
    const env = { PORT: String(port), TRUST_PROXY: '127.0.0.1' };
    server = await startServer({ dataDir, env });
    const { scriptKey } = await demoCompany(server);
    proxy = await startRollingProxy({ servers: [port], repeat: true });
    const crowd = startCrowd(proxy, scriptKey);
    for (let round = 0; round < 2; round++) {
      const before = crowd.answered();
      await until(() => (crowd.answered() > before + 100 ? true : undefined));
      expect(await server.end()).toBe(0);
      server = await startServer({ dataDir, env });
    }
    const before = crowd.answered();
    await until(() => (crowd.answered() > before + 100 ? true : undefined));
    const { failures, taps } = await crowd.stop();
    expect(failures).toEqual([]);
    expect(await tapsKept(dataDir, taps)).toBe(taps.length);
  }, 90_000);

  test('of two servers one after the other fails no request, though the proxy repeats none, and loses no event', async () => {
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    const ports = [await freePort(), await freePort()];
    const url = await postgres.createDatabase();
    const servers: RunningServer[] = [];
    const all: RunningServer[] = [];
    const startOne = async (at: number) => {
      const one = await startServer({
        dataDir: `${dataDir}/server-${at}`,
        env: {
          PORT: String(ports[at]),
          TRUST_PROXY: '127.0.0.1',
          DATABASE_URL: url,
          REDIS_URL: redis.url,
          CALLTRK_API_KEY: 'k'.repeat(32),
        },
      });
      all.push(one);
      return one;
    };
    try {
      for (const at of ports.keys()) servers[at] = await startOne(at);
      const { scriptKey } = await demoCompany(servers[0] as RunningServer);
      const through = await startRollingProxy({ servers: ports });
      proxy = through;
      const crowd = startCrowd(proxy, scriptKey);
      const busy = async (at: number) => {
        const before = through.sent.get(ports[at] ?? 0) ?? 0;
        await until(() => ((through.sent.get(ports[at] ?? 0) ?? 0) > before + 50 ? true : undefined));
      };
      for (const at of ports.keys()) {
        await busy(at);
        expect(await servers[at]?.end()).toBe(0);
        servers[at] = await startOne(at);
        await busy(at);
      }
      const { failures, taps } = await crowd.stop();
      const said = all.map((one) => `${one.child.pid}: ${one.said()}${one.logged()}`).join('\n');
      expect(failures, said).toEqual([]);
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      expect(await countTaps(client, taps)).toBe(taps.length);
      await client.end();
    } finally {
      await Promise.all(servers.map((one) => one.end('SIGINT')));
      await Promise.all([postgres.close(), redis.close()]);
    }
  }, 120_000);
});

// ── What the tests need ──────────────────────────────────────────────────────────────────────────────────────

/** One server for the tests of a `describe`. */
function useServer(env: Record<string, string>): { server: RunningServer; demo: DemoCompany } {
  const its = {} as { server: RunningServer; demo: DemoCompany };
  beforeAll(async () => {
    its.server = await startServer({ env });
    its.demo = await demoCompany(its.server);
  });
  afterAll(async () => {
    await its.server.end('SIGINT');
    removeDataDir(its.server.dataDir);
  });
  return its;
}

/** Visitors who never stop: each sees a page, taps the number, looks at the script, and comes back. */
function startCrowd(through: { url: string }, key: string) {
  const failures: string[] = [];
  const taps: string[] = [];
  let answered = 0;
  let isOver = false;
  const check = (what: string, status: number, detail: unknown) => {
    answered++;
    if (status !== 200)
      failures.push(`${new Date().toISOString()} ${what}: ${status} ${JSON.stringify(detail)}`);
  };
  const visitors = Array.from({ length: 8 }, async () => {
    const someone = visitor(through, key);
    while (!isOver) {
      try {
        const swap = await someone.swap();
        check('swap', swap.status, swap.body);
        const number = swap.body.numbers?.[DEMO_NUMBER]?.e164 ?? '+13055550110';
        const tap = { id: crypto.randomUUID(), type: 'tap', number, target: DEMO_NUMBER };
        const events = await someone.send(tap);
        check('events', events.status, events.body);
        // Repeated: a proxy sent it again, and the first copy had arrived.
        if (events.body.accepted + events.body.repeated === 1) taps.push(tap.id);
        else failures.push(`tap: ${JSON.stringify(events.body)}`);
      } catch (error) {
        failures.push(`${new Date().toISOString()} ${error} ${(error as Error).cause}`);
      }
    }
  });
  return {
    answered: () => answered,
    async stop() {
      isOver = true;
      await Promise.all(visitors);
      return { failures, taps };
    },
  };
}

async function tapsKept(dataDir: string, ids: string[]): Promise<number> {
  const visit = await visitEmbeddedPostgres({ dataDir, log: () => undefined }, { make: false });
  const client = new pg.Client({ ...visit.connection, ssl: false });
  await client.connect();
  const count = await countTaps(client, ids);
  await client.end();
  await visit.end();
  return count;
}

async function countTaps(client: pg.Client, ids: string[]): Promise<number> {
  const { rows } = await client.query('SELECT count(*)::int AS n FROM taps WHERE tap_id = ANY ($1)', [ids]);
  return rows[0].n;
}
