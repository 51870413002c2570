/**
 * Debian's PostgreSQL for tests: a private cluster on a free port of 127.0.0.1, in a temporary folder, stopped and
 * removed afterwards. The embedded one is started by the product's own supervisor (see `postgres-servers.ts`).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { exitOf, freePort, until } from './processes.js';
import { fromTemplate } from './run.js';

export interface TestPostgres {
  /** A database of its own on this server. */
  createDatabase(): Promise<string>;
  /** Ends it without a checkpoint; SIGKILL takes only its postmaster, as the kernel does when memory is short. */
  kill(signal?: 'SIGQUIT' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same folder and port. */
  start(): Promise<void>;
  /** False: its postmaster has ended, by itself or not. */
  isRunning(): boolean;
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

export interface TestPostgresOptions {
  settings?: Record<string, string>;
  /** Where its folder is made. */
  parent?: string;
  /** A standby of the server on this port, which it follows until it is promoted. */
  standbyOf?: number;
  /** Asked of everybody (SCRAM); without one, everybody is trusted. */
  password?: string;
}

export async function startPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const { settings = {}, password, parent = tmpdir(), standbyOf } = options;
  const bin = binFolder();
  const who = unprivileged();
  const folder = mkdtempSync(join(parent, 'calltrk-pg-'));
  chmodSync(folder, 0o755);
  if (who.uid !== undefined) chownSync(folder, who.uid, who.gid ?? who.uid);
  const data = join(folder, 'data');
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const passwordFile = join(folder, 'password');
  if (password !== undefined) writeFileSync(passwordFile, password, { mode: 0o644 });
  const access = password === undefined ? ['-A', 'trust'] : ['-A', 'scram-sha-256', '--pwfile', passwordFile];
  const create = (program: string, into: string, ...args: string[]) =>
    execFileSync(join(bin, program), ['-D', into, '-U', 'postgres', ...args], {
      ...who,
      env,
      cwd: folder,
      stdio: 'ignore',
    });
  const init = async (into: string) => {
    mkdirSync(into);
    if (who.uid !== undefined) chownSync(into, who.uid, who.gid ?? who.uid);
    create('initdb', into, ...access, '-E', 'UTF8', '-N');
  };
  if (standbyOf !== undefined)
    create('pg_basebackup', data, '-h', '127.0.0.1', '-p', String(standbyOf), '-R', '-c', 'fast', '-N');
  else if (password === undefined) await fromTemplate('postgres', data, init);
  else await init(data);
  const port = await freePort();
  let child: ChildProcess | undefined;
  const user = password === undefined ? 'postgres' : `postgres:${encodeURIComponent(password)}`;
  const urlOf = (database: string) => `postgres://${user}@127.0.0.1:${port}/${database}`;

  const start = async () => {
    const options = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: folder,
      ...settings,
    };
    const args = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const launch = () =>
      spawn(join(bin, 'postgres'), ['-D', data, ...args], { ...who, env, cwd: folder, stdio: 'ignore' });
    child = launch();
    await until(
      async () => {
        // It refuses while a process of its killed predecessor is left.
        if (child?.exitCode !== null) child = launch();
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
    isRunning: () => child?.exitCode === null && child.signalCode === null,
    kill: (signal = 'SIGQUIT') => stop(signal),
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
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
