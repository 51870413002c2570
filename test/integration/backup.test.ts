/** `npm run backup` and `restore` as an operator has them, between both kinds of Postgres. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGunzip as gunzip, gunzipSync, gzipSync } from 'node:zlib';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { visitEmbeddedPostgres } from '../../server/storage/embedded/visit.js';
import { takeBackup } from '../../server/storage/postgres/backup.js';
import { BackupReader } from '../../server/storage/postgres/backup-format.js';
import {
  applyMigration,
  knownMigrations,
  makeMigrationTable,
} from '../../server/storage/postgres/migrate.js';
import { restoreBackup } from '../../server/storage/postgres/restore.js';
import { DEMO_NUMBER, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { exitOf, processesWith, until } from '../support/processes.js';
import {
  insert,
  seedAccount,
  seedCall,
  seedCompany,
  seedForm,
  seedSession,
  seedVisit,
} from '../support/seed.js';
import {
  newDataDir,
  type RunningServer,
  removeDataDir,
  report,
  type ServerOptions,
  startServer,
  visitor,
} from '../support/server.js';

const folders: string[] = [];
const servers: RunningServer[] = [];
const pools: pg.Pool[] = [];
let debian: TestPostgres;

beforeAll(async () => {
  debian = await startPostgres();
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
  await Promise.all(servers.splice(0).map((server) => server.end()));
});
afterAll(async () => {
  await debian.close();
  for (const folder of folders) removeDataDir(folder);
});

describe('a backup and its restore', () => {
  test('carry everything from the embedded Postgres to PostgreSQL 15 and back, and the API answers the same', async () => {
    const dataDir = join(newFolder(), 'data');
    const first = await start({ dataDir });
    await use(first);
    const embedded = await poolOfEmbedded(dataDir);
    await addAwkwardRows(embedded);
    const before = await contentOf(embedded);
    for (const [table, rows] of Object.entries(before.rows)) expect(rows.length, table).toBeGreaterThan(0);
    const answers = await ask(first);
    expect(answers.calls.calls.length).toBeGreaterThan(0);

    const one = join(newFolder(), 'one.gz');
    expect(await run('backup', one, { DATA_DIR: dataDir })).toMatchObject({ code: 0 });
    expect(statSync(one).mode & 0o777).toBe(0o600);
    expect(await ask(first)).toEqual(answers);
    await embedded.end();
    await first.end();

    const url = await debian.createDatabase();
    expect(await run('restore', one, { DATABASE_URL: url })).toMatchObject({ code: 0 });
    expect(await contentOf(poolOf(url))).toEqual(before);
    const second = await start({ env: { DATABASE_URL: url, CALLTRK_API_KEY: first.key } });
    expect(await ask(second)).toEqual(answers);
    await second.end();

    const two = join(newFolder(), 'two.gz');
    expect(await run('backup', two, { DATABASE_URL: url })).toMatchObject({ code: 0 });
    const home = join(newFolder(), 'data');
    expect(await run('restore', two, { DATA_DIR: home })).toMatchObject({ code: 0 });
    const back = await poolOfEmbedded(home);
    expect(await contentOf(back)).toEqual(await contentOf(poolOf(url)));
    await back.end();
    const third = await start({ dataDir: home, env: { CALLTRK_API_KEY: first.key } });
    expect(await ask(third)).toEqual(answers);
    // What comes next is kept, counted and joined as ever.
    await use(third);
    const { calls } = await ask(third);
    expect(calls.total_records).toBe(answers.calls.total_records + 1);
  }, 120_000);

  test('are of one moment while others write, and rows go to their months', async () => {
    const url = await debian.createDatabase();
    const pool = await migrated(url);
    await pool.query(
      `CREATE TABLE page_views_2025_03 PARTITION OF page_views
         FOR VALUES FROM ('2025-03-01 00:00:00+00') TO ('2025-04-01 00:00:00+00');
       INSERT INTO page_views (company_id, page_view_id, session_id, visit_id, url, viewed_at)
       SELECT 'COM1', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'https://x.example/' || n,
              '2025-03-01'::timestamptz + n * interval '5 s' FROM generate_series(1, 150000) AS n`,
    );
    // accounts are copied first and visits last: only in one snapshot are there as many of each.
    let isOver = false;
    const writing = (async () => {
      for (let n = 0; !isOver; n++) {
        await pool.query(
          `WITH one AS (INSERT INTO accounts (account_id, numeric_id, name) VALUES ('ACC' || $1::int, $1::int, 'x'))
           INSERT INTO visits (company_id, visit_id, session_id, landing, referrer, source, source_name, medium,
                               started_at, last_seen)
           VALUES ('COM1', gen_random_uuid(), gen_random_uuid(), 'x', 'x', 'x', 'x', 'x', now(), now())`,
          [n],
        );
      }
      return pool.query('SELECT count(*)::int AS all FROM accounts');
    })();
    const file = join(newFolder(), 'live.gz');
    const { code, said } = await run('backup', file, { DATABASE_URL: url });
    isOver = true;
    const written = (await writing).rows[0].all;
    expect([code, said]).toEqual([0, expect.stringContaining('page_views: 150000')]);

    const target = await debian.createDatabase();
    const restored = await run('restore', file, { DATABASE_URL: target });
    expect([restored.code, restored.said]).toEqual([0, expect.not.stringContaining('Warning')]);
    const { rows } = await poolOf(target).query(
      `SELECT (SELECT count(*)::int FROM accounts) AS accounts, (SELECT count(*)::int FROM visits) AS visits,
              (SELECT count(*)::int FROM page_views_2025_03) AS march,
              (SELECT count(*)::int FROM page_views_default) AS elsewhere`,
    );
    expect(rows[0]).toMatchObject({ accounts: rows[0].visits, march: 150_000, elsewhere: 0 });
    expect(rows[0].accounts).toBeLessThan(written);
  });

  test('of an older schema: it is brought forward', async () => {
    const url = await debian.createDatabase();
    const [first = '', ...later] = await knownMigrations();
    const old = await migrated(url, [first]);
    await seedCompany(old, (await seedAccount(old)).accountId, { name: 'From long ago' });
    const target = await debian.createDatabase();
    await restore(await backup(url), target);
    const { rows } = await poolOf(target).query('SELECT name FROM schema_migrations ORDER BY 1');
    expect(rows.map(({ name }) => name)).toEqual([first, ...later]);
    const server = await start({ env: { DATABASE_URL: target } });
    const { companies } = await report(server, 'companies.json');
    expect(companies).toMatchObject([{ name: 'From long ago' }]);
  });

  test("leave triggers working, and other people's tables in the same schema alone", async () => {
    const url = await debian.createDatabase();
    const pool = await migrated(url);
    const { accountId } = await seedAccount(pool);
    await seedCompany(pool, accountId);
    const version = async (at: pg.Pool) =>
      Number((await at.query('SELECT version FROM directory_version')).rows[0].version);
    const before = await version(pool);
    const foreign = 'CREATE TABLE foreign_to_us (n int GENERATED ALWAYS AS IDENTITY)';
    await pool.query(`${foreign}; INSERT INTO foreign_to_us DEFAULT VALUES`);
    const target = await debian.createDatabase();
    await poolOf(target).query(`${foreign}; INSERT INTO foreign_to_us SELECT FROM generate_series(1, 3)`);
    const told: string[] = [];
    await restore(await backup(url), target, told);
    expect(told.join()).toMatch(/foreign_to_us: left out/);
    const restored = poolOf(target);
    await restored.query('INSERT INTO foreign_to_us DEFAULT VALUES');
    expect((await restored.query('SELECT max(n), count(*)::int FROM foreign_to_us')).rows).toEqual([
      { max: 4, count: 4 },
    ]);
    // Beyond all that the backed-up one has had since: whoever heard of those must take the next one.
    const after = await version(restored);
    expect(after).toBeGreaterThan(before + 1e6);
    await seedCompany(restored, accountId);
    expect(await version(restored)).toBe(after + 1);
  });
});

describe('a backup', () => {
  test('of an embedded Postgres that does not run starts it and stops it; without one nothing is made', async () => {
    const dataDir = join(newFolder(), 'data');
    await (await start({ dataDir })).end();
    const file = join(newFolder(), 'b.gz');
    expect(await run('backup', file, { DATA_DIR: dataDir })).toMatchObject({ code: 0 });
    expect(processesWith(` -D ${dataDir}/postgres `)).toEqual([]);

    const nowhere = join(newFolder(), 'nowhere');
    const { code, said } = await run('backup', `${file}.2`, { DATA_DIR: nowhere });
    expect([code, said]).toEqual([1, expect.stringContaining(`no database in ${nowhere}`)]);
    expect(existsSync(nowhere) || existsSync(`${file}.2`)).toBe(false);
  });

  test('that started the embedded Postgres leaves it to a server that came meanwhile', async () => {
    const dataDir = join(newFolder(), 'data');
    await (await start({ dataDir })).end();
    const visit = await visitEmbeddedPostgres({ dataDir, log: () => undefined }, { make: false });
    const server = await start({ dataDir });
    await visit.end();
    expect(server.said()).toContain('adopted');
    expect((await report(server, 'companies.json')).total_records).toBe(1);
    expect(server.said()).not.toContain('stopped by itself');
    await server.end();
    expect(processesWith(` -D ${dataDir}/postgres `)).toEqual([]);
  });

  test('never takes the place of a file, and leaves none when it is broken off or fails', async () => {
    const url = await debian.createDatabase();
    const pool = await migrated(url);
    await pool.query(
      `INSERT INTO page_views (company_id, page_view_id, session_id, visit_id, url, viewed_at)
       SELECT 'COM1', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), repeat(md5(n::text), 9), now()
       FROM generate_series(1, 100000) AS n`,
    );
    const file = join(newFolder(), 'b.gz');
    writeFileSync(file, 'precious');
    const refused = await run('backup', file, { DATABASE_URL: url });
    expect([refused.code, refused.said]).toEqual([1, expect.stringContaining(`${file} is there already`)]);
    const nowhere = await run('backup', join(file, 'nope/b.gz'), { DATABASE_URL: url });
    expect(nowhere.said).toContain(`there is no folder ${join(file, 'nope')}: make it`);
    const nothing = await run('restore', `${file}.nope`, { DATABASE_URL: url });
    expect([nothing.code, nothing.said]).toEqual([
      1,
      expect.stringContaining(`there is no file ${file}.nope`),
    ]);
    expect(readFileSync(file, 'utf8')).toBe('precious');

    for (const end of ['SIGTERM', 'the server goes']) {
      const name = join(newFolder(), 'cut.gz');
      const { child, result } = begin('backup', name, { DATABASE_URL: url });
      await until(
        () => readdirSync(dirname(name)).some((one) => sizeOf(join(dirname(name), one)) > 1e5) || undefined,
      );
      if (end === 'SIGTERM') child.kill('SIGTERM');
      else {
        const admin = poolOf(await debian.createDatabase());
        await admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'calltrk backup'`,
        );
      }
      const { code, said } = await result;
      expect([code, said], end).toEqual([1, expect.stringContaining('failed')]);
      expect(readdirSync(dirname(name)), end).toEqual([]);
    }
  });

  test('of an empty database says that there is nothing', async () => {
    const { code, said } = await run('backup', join(newFolder(), 'b.gz'), {
      DATABASE_URL: await debian.createDatabase(),
    });
    expect([code, said]).toEqual([1, expect.stringContaining('nothing to back up')]);
  });
});

describe('a restore', () => {
  let whole: Buffer;
  beforeAll(async () => {
    const url = await debian.createDatabase();
    const pool = await migrated(url);
    const companyId = await seedCompany(pool, (await seedAccount(pool)).accountId);
    for (let n = 0; n < 50; n++) await seedCall(pool, companyId, new Date());
    whole = await backup(url);
  });

  test('of a file that was cut anywhere is refused, and the database stays empty', async () => {
    const url = await debian.createDatabase();
    for (let part = 0; part < 12; part++) {
      const cut = whole.subarray(0, Math.floor((whole.length * part) / 12));
      await expect(restore(cut, url), `${part}/12`).rejects.toThrow(/cut off|not a backup/);
    }
    // Cut where gzip is none the wiser.
    const text = gunzipSync(whole);
    for (const end of [text.lastIndexOf('end '), text.lastIndexOf('\\.\n'), text.indexOf('\n') + 1]) {
      await expect(restore(gzipSync(text.subarray(0, end)), url)).rejects.toThrow('cut off');
    }
    expect(await tablesOf(url)).toEqual([]);
  });

  test('of a damaged file is refused, and the database stays empty', async () => {
    const url = await debian.createDatabase();
    const flipped = Buffer.from(whole);
    flipped[flipped.length >> 1] = ~(flipped[flipped.length >> 1] as number);
    await expect(restore(flipped, url)).rejects.toThrow();
    const text = gunzipSync(whole).toString();
    const altered = text.replace('Ada Lovelace', 'Eve Lovelace');
    await expect(restore(gzipSync(altered), url)).rejects.toThrow('checksum');
    await expect(restore(gzipSync(`${text}more`), url)).rejects.toThrow('goes on');
    await expect(
      restore(gzipSync(text.replace('calltrk backup 1', 'calltrk backup 2')), url),
    ).rejects.toThrow(/calltrk backup 2.*calltrk backup 1/);
    await expect(restore(Buffer.from('{}'), url)).rejects.toThrow('not a backup of calltrk');
    expect(await tablesOf(url)).toEqual([]);
    // The same bytes unharmed are taken.
    await restore(gzipSync(text), url);
  });

  test('of what a newer calltrk made names both versions, before a database is made', async () => {
    const url = await debian.createDatabase();
    const pool = await migrated(url);
    await pool.query("INSERT INTO schema_migrations VALUES ('9999_of_the_future.sql')");
    const file = join(newFolder(), 'new.gz');
    writeFileSync(file, await backup(url, '9.8.7'));
    const dataDir = join(newFolder(), 'data');
    const { code, said } = await run('restore', file, { DATA_DIR: dataDir });
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect([code, said]).toEqual([1, expect.stringMatching(/calltrk 9\.8\.7.*9999_of_the_future/)]);
    expect(said).toContain(`this calltrk ${version}`);
    expect(existsSync(dataDir)).toBe(false);
  });

  test('into a database that is in use is refused, with the server named that runs there', async () => {
    const dataDir = join(newFolder(), 'data');
    const server = await start({ dataDir });
    const pool = await poolOfEmbedded(dataDir);
    // What the server itself writes at its start.
    const planned = "SELECT FROM trackers WHERE type = 'session' AND lanes <> '[]'";
    await until(async () => ((await pool.query(planned)).rowCount ? true : undefined));
    const before = await contentOf(pool);
    const file = join(newFolder(), 'b.gz');
    writeFileSync(file, whole);
    const refused = await run('restore', file, { DATA_DIR: dataDir });
    expect([refused.code, refused.said]).toEqual([1, expect.stringContaining(`process ${server.child.pid}`)]);
    expect(await contentOf(pool)).toEqual(before);
    await pool.end();
    await server.end();
    const again = await run('restore', file, { DATA_DIR: dataDir });
    expect([again.code, again.said]).toEqual([1, expect.stringContaining('never overwrites')]);
    expect(processesWith(` -D ${dataDir}/postgres `)).toEqual([]);
  });

  test('makes a server that starts meanwhile wait, and it finds everything', async () => {
    const url = await debian.createDatabase();
    const slow = new PassThrough();
    slow.write(whole.subarray(0, whole.length - 20));
    const restoring = restoreBackup({ connectionString: url }, new BackupReader(slow.pipe(gunzip())), {
      version: '0',
      tell: () => undefined,
    });
    await until(async () => ((await locksOf(url)) > 0 ? true : undefined));
    const starting = start({ env: { DATABASE_URL: url } });
    await until(async () => ((await locksOf(url)) > 1 ? true : undefined));
    slow.end(whole.subarray(whole.length - 20));
    await restoring;
    const server = await starting;
    expect((await report(server, 'companies.json')).total_records).toBe(1);
    expect((await report(server, 'calls.json')).total_records).toBe(50);
  });
});

// ── What the tests need ──────────────────────────────────────────────────────────────────────────────────────

function newFolder(): string {
  const folder = newDataDir();
  folders.push(folder);
  return folder;
}

async function start(options: ServerOptions): Promise<RunningServer> {
  const server = await startServer({ dataDir: newFolder(), ...options });
  servers.push(server);
  return server;
}

function begin(script: 'backup' | 'restore', file: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [resolve(`dist/scripts/${script}.js`), file], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  return { child, result: exitOf(child).then((code) => ({ code, said })) };
}

const run = (script: 'backup' | 'restore', file: string, env: Record<string, string>) =>
  begin(script, file, env).result;

async function backup(url: string, version = '0.0.0'): Promise<Buffer> {
  const out = new PassThrough();
  const bytes = buffer(out);
  const options = { version, tell: () => undefined, signal: new AbortController().signal };
  await takeBackup({ connectionString: url }, out, options);
  return bytes;
}

async function restore(bytes: Buffer, url: string, told: string[] = []): Promise<void> {
  const reader = new BackupReader(Readable.from(chunksOf(bytes)).pipe(gunzip()));
  const options = { version: '0.0.0', tell: (line: string) => told.push(line) };
  await restoreBackup({ connectionString: url }, reader, options);
}

/** In odd pieces, so that lines and ends are cut in two. */
function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 97) yield bytes.subarray(at, at + 97);
}

function poolOf(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pools.push(pool);
  return pool;
}

async function poolOfEmbedded(dataDir: string): Promise<pg.Pool> {
  const visit = await visitEmbeddedPostgres({ dataDir, log: () => undefined }, { make: false });
  const pool = new pg.Pool({ ...visit.connection, ssl: false, max: 2 });
  const end = pool.end.bind(pool);
  pool.end = async () => {
    await end();
    await visit.end();
  };
  return pool;
}

async function migrated(url: string, names?: string[]): Promise<pg.Pool> {
  const pool = poolOf(url);
  const client = await pool.connect();
  await makeMigrationTable(client);
  for (const name of names ?? (await knownMigrations())) await applyMigration(client, name);
  client.release();
  return pool;
}

/** One of everything that happens by itself: a visit with page view, tap and form, and a call. */
async function use(server: RunningServer): Promise<void> {
  const { scriptKey } = await demoCompany(server);
  const someone = visitor(server, scriptKey);
  const { body } = await someone.swap();
  const number = body.numbers[DEMO_NUMBER].e164;
  const fields = { Name: 'Grace Hopper', Email: 'grace@example.com', Phone: '+12125550123' };
  const form = { type: 'form', url: 'https://bluebird.example/contact', form_name: 'Contact', fields };
  await someone.send({ type: 'tap', number, target: DEMO_NUMBER }, form);
  const calls = async () => (await report(server, 'calls.json')).total_records;
  const before = await calls();
  await twilioWebhook(server, '/v1/telephony/twilio/voice', incoming(number));
  await until(async () => ((await calls()) > before ? true : undefined));
}

/** What a text format could get wrong. */
async function addAwkwardRows(pool: pg.Pool): Promise<void> {
  const { accountId } = await seedAccount(pool, { name: 'Tab\tnew\nline\rback\\slash' });
  const companyId = await seedCompany(pool, accountId, { name: '\\.', disabled_at: null });
  await seedCompany(pool, accountId, {
    name: '\n\\.\n',
    script_settings: { consent: 'wait', keepSelectors: ['a[title="\\t"]'] },
  });
  await seedCompany(pool, accountId, { name: '\\N', swap_landing_override: '' });
  const sessionId = await seedSession(pool, companyId, { device: null });
  await seedVisit(pool, companyId, sessionId, '2025-03-30T01:30:00.123456Z', {
    landing: 'https://x.example/?q=ü😀\u2028"\'',
    click_ids: { gclid: '\\x41\t"{}\\.' },
  });
  await seedCall(pool, companyId, '1969-12-31T23:59:59.999999Z', {
    value: '0.10',
    tags: ['a,b', '"', '', 'NULL'],
  });
  await seedForm(pool, companyId, '9999-12-31T00:00:00Z', { fields: { '': 'x'.repeat(200_000) }, note: '' });
  for (const [person_id, merged_into] of [
    ['PER1', null],
    ['PER2', 'PER1'],
  ]) {
    const created_at = '2025-03-30T01:30:00.123456Z';
    await insert(pool, 'persons', { company_id: companyId, person_id, merged_into, created_at });
  }
  const merge = {
    company_id: companyId,
    one_id: 'PER1',
    other_id: 'PER2',
    one_stand_in: 'PER1',
    other_stand_in: 'PER2',
    lead_id: 'a\tb',
  };
  await insert(pool, 'person_merges', { ...merge, reason: 'form' });
  const hour = { company_id: companyId, tracker_id: 'TRK1', hour: '2025-03-30T01:00:00Z' };
  await insert(pool, 'arrivals', {
    ...hour,
    source: 'google_paid',
    campaign: 'tab\t\\N',
    visits: 3,
    first_at: '2025-03-30T01:30:00.123456Z',
    leases: 3,
    lease_seconds: 0.1 + 0.2,
    shared: 2,
    reissued: 1,
    diverted: 0,
  });
  await insert(pool, 'pool_hours', {
    ...hour,
    numbers: 8,
    seconds: 3600,
    held_seconds: 1e9 / 3,
    peak_held: 8,
  });
  await pool.query(
    `CREATE TABLE IF NOT EXISTS page_views_2025_03 PARTITION OF page_views
       FOR VALUES FROM ('2025-03-01 00:00:00+00') TO ('2025-04-01 00:00:00+00')`,
  );
  for (const viewed_at of ['2025-03-01T00:00:00Z', '2025-03-31T23:59:59.999Z', '2001-01-01T00:00:00Z']) {
    const ids = { page_view_id: crypto.randomUUID(), visit_id: crypto.randomUUID() };
    await insert(pool, 'page_views', {
      company_id: companyId,
      session_id: sessionId,
      ...ids,
      url: '/',
      viewed_at,
    });
  }
}

/** Every row of every table with the partition that it is in, and what the schema is made of. */
async function contentOf(pool: pg.Pool) {
  const client = await pool.connect();
  await client.query("SET timezone = 'UTC'");
  const list = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows;
  const tables = await list(
    `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
       AND NOT relispartition AND relname <> 'directory_version' ORDER BY 1`,
  );
  const rows: Record<string, unknown[]> = {};
  for (const [name] of tables) {
    rows[name] = await list(`SELECT tableoid::regclass::text, t::text FROM "${name}" t ORDER BY 1, 2`);
  }
  const schema = {
    columns: await list(
      `SELECT attrelid::regclass::text, attname, atttypid::regtype::text, attnotnull FROM pg_attribute
       JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0 ORDER BY 1, 2`,
    ),
    indexes: await list("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"),
    partitions: await list(
      `SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY 1`,
    ),
    triggers: await list(
      `SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2`,
    ),
    functions: await list(
      `SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1`,
    ),
    sequences: await list(
      `SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1`,
    ),
  };
  client.release();
  return { rows, schema };
}

/** What marketers are told, without the address at which they asked. */
async function ask(server: RunningServer): Promise<any> {
  const answers = {
    calls: await report(server, 'calls.json?fields=source,attribution,milestones,person_id&per_page=250'),
    forms: await report(server, 'form_submissions.json?fields=attribution'),
    companies: await report(server, 'companies.json'),
    trackers: await report(server, 'trackers.json'),
  };
  return JSON.parse(JSON.stringify(answers).replaceAll(new URL(server.url).host, 'HOST'));
}

async function tablesOf(url: string): Promise<string[]> {
  const { rows } = await poolOf(url).query(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
  );
  return rows.map(({ relname }) => relname);
}

/** How many have, or wait for, the lock behind which the schema is made. */
async function locksOf(url: string): Promise<number> {
  const { rows } = await poolOf(url).query(
    `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = ${0x63616c6c}
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return rows[0].n;
}

const sizeOf = (path: string) => (existsSync(path) ? statSync(path).size : 0);
