import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEMO_NUMBER, demoCompany } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { freePort, until } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { removeDataDir, startServer, visitor } from '../support/server.js';

const PASSWORD = 'a p@ss/word,';
let folder: string;
let tlsPort: number;
let postgres: TestPostgres;
let redis: TestRedis;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'calltrk-tls-'));
  const files = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') };
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'].concat([
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      files.key,
      '-out',
      files.cert,
    ]),
    { stdio: 'ignore' },
  );
  tlsPort = await freePort();
  postgres = await startPostgres();
  redis = await startRedis({
    'tls-port': String(tlsPort),
    'tls-cert-file': files.cert,
    'tls-key-file': files.key,
    'tls-auth-clients': 'no',
  });
  // As a hosted Redis has it: nothing but the own keys, neither INFO nor CONFIG.
  redis.cli(
    'ACL',
    'SETUSER',
    'calltrk',
    'on',
    `>${PASSWORD}`,
    '~calltrk:*',
    '+@all',
    '-@dangerous',
    '-@admin',
  );
});
afterAll(async () => {
  await Promise.all([postgres?.close(), redis?.close()]);
  rmSync(folder, { recursive: true, force: true });
});

async function serve(password: string, path = '') {
  const DATABASE_URL = await postgres.createDatabase();
  const REDIS_URL = `rediss://calltrk:${encodeURIComponent(password)}@localhost:${tlsPort}${path}`;
  const NODE_EXTRA_CA_CERTS = join(folder, 'cert.pem');
  return startServer({ env: { DATABASE_URL, REDIS_URL, NODE_EXTRA_CA_CERTS, LOG_LEVEL: 'trace' } });
}

test('a server gets in with TLS, as a user who may read nothing but its own keys', async () => {
  const server = await serve(PASSWORD);
  const { scriptKey } = await demoCompany(server);
  await until(async () => (await visitor(server, scriptKey).swap()).body.numbers[DEMO_NUMBER] ?? undefined);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect(server.said() + server.logged()).not.toMatch(/no append-only file/);
  await server.end();
  removeDataDir(server.dataDir);
});

test('a server with the wrong password says so without the password, and serves pages', async () => {
  const server = await serve('not the password');
  const { scriptKey } = await demoCompany(server);
  expect((await visitor(server, scriptKey).swap()).status).toBe(200);
  const ready = await fetch(`${server.url}/readyz`);
  expect(ready.status).toBe(503);
  const said = () => server.said() + server.logged();
  await until(
    () => /Redis refuses what REDIS_URL says \(WRONGPASS.*check its user/.exec(said()) ?? undefined,
    {
      what: 'the reason in the log',
    },
  );
  expect(said() + (await ready.text())).not.toMatch(/not(%20| )the(%20| )password/);
  await server.end();
  removeDataDir(server.dataDir);
});

test('a server with a database that Redis does not have says so, and never writes into another', async () => {
  redis.cli('FLUSHALL');
  const server = await serve(PASSWORD, '/99');
  const { scriptKey } = await demoCompany(server);
  const said = () => server.said() + server.logged();
  await until(
    () => /Redis refuses what REDIS_URL says \(ERR DB index is out of range\)/.exec(said()) ?? undefined,
    {
      what: 'the reason in the log',
    },
  );
  const { status, body } = await visitor(server, scriptKey).swap();
  expect([status, body.numbers[DEMO_NUMBER]]).toEqual([200, null]);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  expect(redis.cli('DBSIZE')).toBe('0');
  await server.end();
  removeDataDir(server.dataDir);
});
