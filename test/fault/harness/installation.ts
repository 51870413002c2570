/** Servers with their Postgres, where crowds go; and what the tests remember of what was sent and acknowledged. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect } from 'vitest';
import { type Lane, REST } from '../../../server/domain/lanes.js';
import { readSource } from '../../../shared/source.js';
import { demoCompany } from '../../support/demo.js';
import { startPostgres, type TestPostgres, type TestPostgresOptions } from '../../support/postgres.js';
import { exitOf, processesWith, until } from '../../support/processes.js';
import { newDataDir, type RunningServer, removeDataDir, startServer } from '../../support/server.js';
import { between, sleep } from './chance.js';

/** The provider's token on every server here. */
export const TWILIO_TOKEN = 'f'.repeat(32);
/** Short, so that numbers change hands; longer than the 5 s to which the record knows a visit's last sign of life. */
const HOLD_SECONDS = 7;
/** With the 8 of the demo company: enough for many to have one alone, and now and then the pool is full. */
const MORE_NUMBERS = Array.from({ length: 200 }, (_, at) => `+13055600${String(at).padStart(3, '0')}`);

/**
 * How visitors come. Each way has a lane of the pool to itself but the last one, which has what is left, until the
 * servers divide it anew by what came.
 */
export const WAYS = [
  'https://bluebird.example/?gclid=1',
  'https://bluebird.example/?utm_source=facebook&utm_medium=paid_social&utm_campaign=spring',
  'https://bluebird.example/',
] as const;

export type EventKind = 'page_view' | 'ping' | 'tap' | 'form' | 'leave';

/** A page was told to show this number. */
export interface Shown {
  session: string;
  number: string;
  from: number;
  to: number;
}

/** A caller whose call was forwarded. */
export interface PlacedCall {
  scenario: string;
  callSid: string;
  caller: string;
  number: string;
  /** Who was shown the number when the call began, if it was a visitor of ours. */
  session: string | null;
  /** How long it took from there until the caller was connected; servers may have been dead. */
  waitedMs: number;
  outcome: { answered: boolean; seconds: number };
}

export interface Installation {
  name: string;
  servers: RunningServer[];
  /** Starts a server where it was, in place of the one that ended. */
  start(at?: number): Promise<RunningServer>;
  /** Ends a server as the kernel does, and waits until it is gone. */
  kill(at?: number): Promise<void>;
  /** Straight from Postgres, by a connection that is made anew when it broke. */
  query(sql: string, values?: unknown[]): Promise<any[]>;
  /** The account and the address of the record as the tests reach it may change: a standby takes over. */
  lookAt(database: pg.ClientConfig): void;
  remove(): Promise<void>;
  account: string;
  apiKey: string;
  companyId: string;
  key: string;
  pool: string[];
  /** Ids of good events. */
  sent: Set<string>;
  acknowledged: Map<string, { scenario: string; type: EventKind }>;
  /** Provider ids of all calls that were placed, and those that got their document. */
  dialled: Set<string>;
  calls: Map<string, PlacedCall>;
  /** Callers by themselves who were put through, with their scenario. */
  connected: Map<string, string>;
  shown: Shown[];
  /** Answers that should not have been given. */
  surprises: Set<string>;
}

export interface InstallOptions {
  name: string;
  /** How the tests reach the record. */
  database: pg.ClientConfig;
  /** What each server is told; without DATABASE_URL it runs its own Postgres. */
  env?: Record<string, string>;
  servers?: number;
  holdSeconds?: number;
  moreNumbers?: readonly string[];
  dataDir?: string;
  /** Sees each server as soon as it runs, before anybody asks it. */
  onStart?: (server: RunningServer) => void;
  /** After the servers have ended. */
  remove?: () => Promise<void> | void;
}

/** Starts the servers and gives the demo company a larger pool that forgets soon. */
export async function install(options: InstallOptions): Promise<Installation> {
  const { holdSeconds = HOLD_SECONDS, moreNumbers = MORE_NUMBERS } = options;
  let { database } = options;
  let client: pg.Client | undefined;
  // One key for all servers: each that starts would set its own.
  const env = { TWILIO_AUTH_TOKEN: TWILIO_TOKEN, CALLTRK_API_KEY: 'k'.repeat(40), ...options.env };
  const folders = Array.from({ length: options.servers ?? 1 }, (_, at) =>
    at === 0 && options.dataDir ? options.dataDir : newDataDir(),
  );
  const servers: RunningServer[] = [];
  const launch = (at: number) => startServer({ env, dataDir: folders[at] as string });

  const installation: Installation = {
    name: options.name,
    servers,
    async start(at = 0) {
      const server = await launch(at);
      options.onStart?.(server);
      servers[at] = server;
      return server;
    },
    async kill(at = 0) {
      const { child } = servers[at] as RunningServer;
      child.kill('SIGKILL');
      await exitOf(child);
    },
    async query(sql, values) {
      if (client === undefined) {
        const fresh = new pg.Client({ ...database, connectionTimeoutMillis: 3000 });
        client = fresh;
        const forget = () => {
          if (client === fresh) client = undefined;
        };
        fresh.on('error', forget);
        fresh.once('end', forget);
        await fresh.connect().catch((error) => {
          forget();
          throw error;
        });
      }
      return (await client.query(sql, values)).rows;
    },
    lookAt(next) {
      database = next;
      client?.end().catch(() => undefined);
      client = undefined;
    },
    async remove() {
      await client?.end().catch(() => undefined);
      // Ctrl-C: after SIGTERM one behind a proxy would take its time.
      const ends = await Promise.allSettled(servers.map((server) => server.end('SIGINT')));
      await options.remove?.();
      for (const folder of folders) removeDataDir(folder);
      expect(ends.map((end) => (end.status === 'fulfilled' ? end.value : end.reason))).toEqual(
        servers.map(() => 0),
      );
    },
    account: '',
    apiKey: '',
    companyId: '',
    key: '',
    pool: [],
    sent: new Set(),
    acknowledged: new Map(),
    dialled: new Set(),
    calls: new Map(),
    connected: new Map(),
    shown: [],
    surprises: new Set(),
  };
  try {
    for (const at of folders.keys()) await installation.start(at);
    await enlarge(installation, holdSeconds, moreNumbers);
  } catch (error) {
    for (const server of servers) await server.end('SIGKILL');
    await options.remove?.();
    for (const folder of folders) removeDataDir(folder);
    throw error;
  }
  return installation;
}

async function enlarge(
  installation: Installation,
  holdSeconds: number,
  numbers: readonly string[],
): Promise<void> {
  const { query, servers } = installation;
  const [first] = servers as [RunningServer];
  const { id, scriptKey, pool: demoPool } = await demoCompany(first);
  const pool = [...demoPool, ...numbers];
  await query(`UPDATE trackers SET hold_seconds = $1, lanes = $2 WHERE type = 'session'`, [
    holdSeconds,
    JSON.stringify(lanesOf(pool)),
  ]);
  // Last, since the servers tell how many they know.
  await query(
    `INSERT INTO tracking_numbers (company_id, tracker_id, number, position)
     SELECT company_id, tracker_id, number, 100 + position
     FROM trackers, unnest($1::text[]) WITH ORDINALITY AS n(number, position) WHERE type = 'session'`,
    [numbers],
  );
  Object.assign(installation, {
    account: first.account,
    apiKey: first.key,
    companyId: id,
    key: scriptKey,
    pool,
  });
  // Servers look after their pools every ten seconds, and tell then.
  const options = { timeoutMs: 40_000, what: 'every server knowing the pool' };
  for (const server of servers) await until(() => knowsPool(server, pool.length), options);
}

/** As many numbers for each of the `WAYS`. */
function lanesOf(pool: readonly string[]): Lane[] {
  return WAYS.map((landing, way) => {
    const { source } = readSource(landing, 'direct');
    const isRest = way === WAYS.length - 1;
    return {
      lane: isRest ? REST : source,
      source: isRest ? null : source,
      campaigns: null,
      numbers: pool.filter((_, at) => at % WAYS.length === way),
    };
  });
}

/** Whether the server's own copy of the directory has so many numbers. */
async function knowsPool(server: RunningServer, size: number): Promise<true | undefined> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  return (
    new RegExp(`^calltrk_pool_numbers\\{[^}]*state="all"[^}]*\\} ${size}$`, 'm').test(metrics) || undefined
  );
}

/** One server that runs its own Postgres. */
export async function embedded(): Promise<Installation & { killPostgres(): Promise<void> }> {
  const dataDir = newDataDir();
  const cluster = ` -D ${join(dataDir, 'postgres')} `;
  const installation = await install({
    name: 'embedded Postgres',
    database: { host: join(dataDir, 'socket'), port: 5432, user: 'calltrk', database: 'calltrk' },
    dataDir,
    remove() {
      const left = processesWith(cluster);
      for (const pid of left) process.kill(pid, 'SIGKILL');
      expect(left).toEqual([]);
    },
  });
  return Object.assign(installation, {
    async killPostgres() {
      const postmaster = Number.parseInt(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10);
      process.kill(postmaster, 'SIGKILL');
    },
  });
}

export interface OnPostgres extends Installation {
  postgres: TestPostgres;
}

/**
 * Servers on Debian's PostgreSQL. `through` may put something between: it is told where Postgres is and says where
 * the servers should look for it.
 */
export async function onPostgres({
  postgresOptions = {} as TestPostgresOptions,
  through = (port: number) => Promise.resolve(port),
  ...options
}: Partial<InstallOptions> & {
  postgresOptions?: TestPostgresOptions;
  through?: (port: number) => Promise<number>;
} = {}): Promise<OnPostgres> {
  const postgres = await startPostgres(postgresOptions);
  try {
    const connectionString = await postgres.createDatabase();
    const port = await through(postgres.port);
    const seen = connectionString.replace(`:${postgres.port}/`, `:${port}/`);
    const installation = await install({
      name: "Debian's PostgreSQL",
      database: { connectionString },
      ...options,
      env: { DATABASE_URL: seen, ...options.env },
      async remove() {
        await postgres.close();
        await options.remove?.();
      },
    });
    return Object.assign(installation, { postgres });
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

/** The postmaster dies, stays away for a moment, and comes back. */
export async function killAndRestart(postgres: TestPostgres): Promise<void> {
  await postgres.kill('SIGKILL');
  await sleep(between(0, 600));
  await postgres.start();
}

/** Every server answers that it has what it needs. */
export async function untilReady({ servers }: Installation, what: string): Promise<void> {
  for (const server of servers) {
    await until(() => isReady(server), { timeoutMs: 20_000 }).catch((error) => {
      const { child, said } = server;
      throw new Error(`not ready after ${what} (exit code ${child.exitCode}):\n${said()}`, { cause: error });
    });
  }
}

async function isReady(server: RunningServer): Promise<true | undefined> {
  const { status } = await fetch(`${server.url}/readyz`, { signal: AbortSignal.timeout(3000) });
  return status === 200 || undefined;
}
