/**
 * Debian's PostgreSQL for tests: a private cluster on a free port of 127.0.0.1, in a temporary folder, stopped and
 * removed afterwards. The embedded one is started by the product's own supervisor (see `postgres-servers.ts`).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { exitOf, freePort, until } from './processes.js';

export interface TestPostgres {
  /** A database of its own on this server. */
  createDatabase(): Promise<string>;
  /** SIGKILL to the postmaster, or a clean stop, and a start on the same folder. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
  readonly port: number;
}

function binFolder(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((v) => join(root, v, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
  if (!found) throw new Error('PostgreSQL is missing: apt-get install postgresql-15');
  return found;
}

function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const passwd = readFileSync('/etc/passwd', 'utf8');
  const [, , uid, gid] = (/^postgres:.*$/m.exec(passwd) ?? /^nobody:.*$/m.exec(passwd))?.[0].split(':') ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

export async function startPostgres({ settings = {} as Record<string, string> } = {}): Promise<TestPostgres> {
  const bin = binFolder();
  const who = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'calltrk-pg-'));
  chmodSync(folder, 0o755);
  if (who.uid !== undefined) chownSync(folder, who.uid, who.gid ?? who.uid);
  const data = join(folder, 'data');
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '-N'], {
    ...who,
    env,
    cwd: folder,
    stdio: 'ignore',
  });
  const port = await freePort();
  let child: ChildProcess | undefined;
  const urlOf = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`;

  const start = async () => {
    const options = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: folder,
      ...settings,
    };
    const args = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    child = spawn(join(bin, 'postgres'), ['-D', data, ...args], {
      ...who,
      env,
      cwd: folder,
      stdio: 'ignore',
    });
    await until(
      async () => {
        const client = new pg.Client({ connectionString: urlOf('postgres') });
        client.on('error', () => undefined);
        await client.connect();
        await client.end();
        return true;
      },
      { what: 'PostgreSQL accepting connections' },
    );
  };
  const stop = async (signal: NodeJS.Signals) => {
    if (!child) return;
    const gone = exitOf(child);
    child.kill(signal);
    await gone;
    child = undefined;
  };
  await start();

  let databases = 0;
  return {
    port,
    start,
    kill: () => stop('SIGQUIT'),
    async createDatabase() {
      const name = `test_${++databases}`;
      const client = new pg.Client({ connectionString: urlOf('postgres') });
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return urlOf(name);
    },
    async close() {
      await stop('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
