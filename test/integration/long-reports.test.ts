/** A report that looks at very many rows takes its time, and nobody else waits for it. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoCompany } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { NOISE_MS } from '../support/processes.js';
import { type RunningServer, removeDataDir, report, startServer, visitor } from '../support/server.js';

let postgres: TestPostgres;
let url: string;
let server: RunningServer;
beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.createDatabase();
  server = await startServer({ env: { DATABASE_URL: url } });
});
afterAll(async () => {
  await server.end();
  await postgres.close();
  removeDataDir(server.dataDir);
});

test('many long reports at once hold up neither visitors nor short reports, and are answered in the end', async () => {
  const { scriptKey } = await demoCompany(server);
  const locker = new pg.Client({ connectionString: url });
  await locker.connect();
  await locker.query('BEGIN; LOCK TABLE form_submissions IN ACCESS EXCLUSIVE MODE');
  const long = Array.from({ length: 12 }, () => report(server, 'forms/summary.json?group_by=source'));
  const answers = Promise.all(long);
  for (let turn = 0; turn < 5; turn++) {
    const began = performance.now();
    await Promise.all([
      visitor(server, scriptKey).swap(),
      report(server, 'companies.json'),
      report(server, 'calls.json'),
    ]);
    expect(performance.now() - began).toBeLessThan(1000 + NOISE_MS);
  }
  await locker.query('COMMIT');
  await locker.end();
  expect(await answers).toHaveLength(12);
});
