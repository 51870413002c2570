import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileRule } from '../../shared/source-compile.js';
import { type DemoCompany, demoCompany } from '../support/demo.js';
import { until } from '../support/processes.js';
import { type RunningServer, removeDataDir, startServer } from '../support/server.js';

describe("the company's script", () => {
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

  /** node:http, since fetch asks for encodings and undoes them by itself. */
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<{ status: number; headers: Record<string, any>; body: Buffer }>((done, fail) => {
      request(server.url + path, { method, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          done({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      })
        .on('error', fail)
        .end();
    });
  /** The JSON that the server wrote into the script: from its first member to the brace that closes it. */
  function configIn(script: string): any {
    const start = script.indexOf('{"key":');
    for (let end = script.indexOf('}', start); end > 0; end = script.indexOf('}', end + 1)) {
      try {
        return JSON.parse(script.slice(start, end + 1));
      } catch {
        // Not the last brace yet.
      }
    }
    throw new Error('there is no configuration in the script');
  }

  test('is served at the path that its URL says, with and without the version, by numeric and by long id', async () => {
    const paths = [
      demo.scriptPath,
      demo.scriptPath.replace('/12/', '/'),
      demo.scriptPath.replace(/\d{9}/, demo.id),
    ];
    const answers = await Promise.all(paths.map((path) => get(path)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.toString())).size).toBe(1);
    expect(demo.scriptPath).toMatch(/^\/companies\/\d{9}\/[0-9a-f]{20}\/12\/swap\.js$/);
  });

  test('has its types beside it', async () => {
    const { status, headers, body } = await get('/calltrk.d.ts');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(body.toString()).toContain('interface CallTrkApi');
  });

  test('has the headers that let any page and any cache use it', async () => {
    const { headers } = await get(demo.scriptPath);
    expect(headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=300, stale-while-revalidate=3600',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
      etag: expect.stringMatching(/^"[^"]+"$/),
    });
  });

  test('comes compressed as the browser likes it, and each encoding has an ETag of its own', async () => {
    const plain = await get(demo.scriptPath, { 'accept-encoding': 'identity' });
    const gzip = await get(demo.scriptPath, { 'accept-encoding': 'gzip, deflate' });
    const brotli = await get(demo.scriptPath, { 'accept-encoding': 'gzip, deflate, br, zstd' });
    const refused = await get(demo.scriptPath, { 'accept-encoding': 'br;q=0, gzip;q=0' });
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect(brotli.headers['content-encoding']).toBe('br');
    expect(refused.headers['content-encoding']).toBeUndefined();
    expect(gunzipSync(gzip.body)).toEqual(plain.body);
    expect(brotliDecompressSync(brotli.body)).toEqual(plain.body);
    expect(new Set([plain, gzip, brotli].map(({ headers }) => headers.etag)).size).toBe(3);
  });

  test('is not sent again while it is the same, and HEAD tells as much as GET', async () => {
    const { headers } = await get(demo.scriptPath);
    const again = await get(demo.scriptPath, { 'if-none-match': `"other", ${headers.etag}` });
    expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    expect(again.headers.etag).toBe(headers.etag);
    expect((await get(demo.scriptPath, { 'if-none-match': '"other"' })).status).toBe(200);
    const head = await get(demo.scriptPath, {}, 'HEAD');
    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(head.headers.etag).toBe(headers.etag);
  });

  test("carries this company's configuration and nobody else's, as JSON that ends no script element", async () => {
    const body = (await get(demo.scriptPath)).body.toString();
    expect(body).not.toContain('__CALLTRK_CONFIG__');
    expect(body).not.toContain('</');
    expect(configIn(body)).toMatchObject({
      key: demo.scriptKey,
      targets: ['+13055550100'],
      pooled: ['+13055550100'],
      forms: true,
      cookie_days: 180,
      sources: [
        {
          rule: compileRule({ type: 'landing_params', landing: 'promo=summer-mailer' }),
          number: { e164: '+13055550121' },
        },
        {
          rule: compileRule({ type: 'web_referrer', referrer: 'yelp.com' }),
          number: { e164: '+13055550120' },
        },
      ],
    });
  });

  test('follows a change of the configuration within five seconds', async () => {
    const before = await get(demo.scriptPath);
    const response = await fetch(`${server.url}/v3/a/${server.account}/companies/${demo.id}.json`, {
      method: 'PUT',
      headers: { authorization: `Token token=${server.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ external_form_capture: false }),
    });
    expect(response.status).toBe(200);
    const after = await until(
      async () => {
        const now = await get(demo.scriptPath);
        return now.headers.etag === before.headers.etag ? undefined : now;
      },
      { timeoutMs: 5000, what: 'a new script' },
    );
    expect(configIn(after.body.toString()).forms).toBe(false);
  });

  test('of nobody is 404', async () => {
    expect((await get(demo.scriptPath.replace(demo.scriptKey, 'f'.repeat(20)))).status).toBe(404);
    expect((await get(demo.scriptPath.replace(/\d{9}/, '123456789'))).status).toBe(404);
  });
});
