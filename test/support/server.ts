/** The built server as a process of its own, as `npm start` runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exitOf } from './processes.js';
import { fromTemplate } from './run.js';

const MAIN = resolve('dist/server/main.js');

export interface RunningServer {
  url: string;
  account: string;
  /** The first user's API key. */
  key: string;
  dataDir: string;
  child: ChildProcess;
  /** Everything on stderr so far. */
  said(): string;
  /** Everything on stdout so far. */
  logged(): string;
  /** Ends it by a signal and answers how it went. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

export interface ServerOptions {
  env?: Record<string, string>;
  dataDir?: string;
  main?: string;
  args?: string[];
}

/** A folder for DATA_DIR that the account of the embedded Postgres can reach. */
export function newDataDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'calltrk-data-'));
  chmodSync(folder, 0o755);
  return folder;
}

/** Makes a DATA_DIR in which a server ran and was stopped; nobody has visited it. The folder must not be there yet. */
export function makeUsedDataDir(folder: string): Promise<void> {
  return fromTemplate('data-dir', folder, async (dataDir) => {
    mkdirSync(dataDir);
    const server = await startServer({ dataDir });
    await server.end();
  });
}

export function removeDataDir(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** A clean environment: what the tests' own machine has set must not reach the server. */
function environment(dataDir: string, env: Record<string, string>): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return {
    PATH,
    HOME,
    ...(TMPDIR ? { TMPDIR } : {}),
    PORT: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'warn',
    ...env,
  };
}

/** Starts it and does not wait: for starts that are meant to fail. */
export function spawnServer({
  env = {},
  dataDir = newDataDir(),
  main = MAIN,
  args = [],
}: ServerOptions = {}) {
  const child = spawn(process.execPath, ['--enable-source-maps', main, ...args], {
    env: environment(dataDir, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let logged = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  child.stdout.on('data', (chunk) => {
    logged += chunk;
  });
  return { child, dataDir, said: () => said, logged: () => logged };
}

/**
 * Starts it and resolves with its ready line read; rejects with what it said when it ends before. Without a DATA_DIR it
 * is given one in which a server ran before: a first start takes twice as long.
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const server = spawnServer({ dataDir: options.dataDir ?? (await dataDirFor(options)), ...options });
  const { child, dataDir } = server;
  const ready = await new Promise<Record<string, string>>((done, fail) => {
    const look = () => {
      const line = /^calltrk ready (.*)$/m.exec(server.logged())?.[1];
      if (line === undefined) return;
      done(
        Object.fromEntries(
          line.split(' ').map((fact) => {
            const at = fact.indexOf('=');
            return [fact.slice(0, at), decodeURIComponent(fact.slice(at + 1))];
          }),
        ),
      );
    };
    child.stdout.on('data', look);
    exitOf(child).then((how) =>
      fail(new Error(`the server ended (${how}) before it was ready:\n${server.said()}`)),
    );
    setTimeout(
      () => fail(new Error(`the server was not ready within 60 s:\n${server.said()}`)),
      60_000,
    ).unref();
  });
  const { url = '', account = '', key_file = '-' } = ready;
  return {
    ...server,
    url: url.replace('localhost', '127.0.0.1'),
    account,
    key: key_file === '-' ? (options.env?.CALLTRK_API_KEY ?? '') : readFileSync(key_file, 'utf8').trim(),
    dataDir,
    async end(signal = 'SIGTERM') {
      const gone = exitOf(child);
      child.kill(signal);
      return gone;
    },
  };
}

async function dataDirFor({ env = {} }: ServerOptions): Promise<string> {
  const dataDir = newDataDir();
  if (env.DATABASE_URL ?? env.CALLTRK_API_KEY) return dataDir;
  rmSync(dataDir, { recursive: true });
  await makeUsedDataDir(dataDir);
  return dataDir;
}

/** A GET of the reporting API; throws when it is refused. */
export async function report(server: RunningServer, path: string): Promise<any> {
  const response = await fetch(`${server.url}/v3/a/${server.account}/${path}`, {
    headers: { authorization: `Token token="${server.key}"` },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** What a page's script would do, with fetch. */
export function visitor(
  server: Pick<RunningServer, 'url'>,
  key: string,
  session: string = crypto.randomUUID(),
) {
  const post = async (path: string, body: object) => {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'text/plain',
        'user-agent': 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36',
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as any };
  };
  return {
    session,
    swap: (more: object = {}) =>
      post('/v1/swap', {
        key,
        session,
        visit: { landing: 'https://bluebird.example/', referrer: 'direct' },
        page: { id: crypto.randomUUID(), url: 'https://bluebird.example/', title: 'Home' },
        targets: ['+13055550100'],
        ...more,
      }),
    send: (...events: object[]) =>
      post('/v1/events', {
        key,
        session,
        events: events.map((event) => ({ id: crypto.randomUUID(), ...event })),
      }),
  };
}
