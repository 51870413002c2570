import { setTimeout as sleep } from 'node:timers/promises';
import { findBinaries } from './binaries.js';
import { createCluster, requireSameVersion, USER } from './cluster.js';
import { removeLeftovers } from './drafts.js';
import { codeOf, fault } from './faults.js';
import {
  claimHome,
  findPlace,
  type Machine,
  type Place,
  PORT,
  removeSocketFolder,
  thisMachine,
} from './place.js';
import { logTail, type Server } from './postmaster.js';
import { bringUp, connect, shutDown } from './server.js';

export interface EmbeddedPostgres {
  /** For `pg`; the host is the folder of the Unix socket. Stays the same when Postgres is started again. */
  readonly connection: { host: string; port: number; user: string; database: string };
  /** True when somebody else started the server: a process of ours that crashed, or one that is still there. */
  readonly adopted: boolean;
  /** Stops Postgres (open transactions are rolled back) and resolves when it is gone. May be called again. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Holds the cluster and the log of Postgres; made if missing. */
  dataDir: string;
  log: (message: string, facts?: Record<string, unknown>) => void;
  /** Where node_modules is searched from; this file, if not given. */
  projectRoot?: string;
}

/**
 * Runs a private PostgreSQL on a Unix socket, with its data in `dataDir`. It outlives a crash of ours and is adopted
 * by the next start; if it dies itself, it is started again, until `stop()`. Rejects with one sentence on what is
 * wrong and one on what to do. `machine` is for tests.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
  machine: Partial<Machine> = {},
): Promise<EmbeddedPostgres> {
  const { log } = options;
  const begun = Date.now();
  const place = await makePlace(options, { ...thisMachine, ...machine });
  let server = await bringUp(place);
  const { socketFolder, adopted } = server;
  try {
    await createDatabase(socketFolder);
  } catch (error) {
    if (!adopted) await shutDown(server);
    throw error;
  }
  log(adopted ? 'adopted the embedded Postgres that was running' : 'started the embedded Postgres', {
    cluster: place.cluster,
    pid: server.pid,
    user: place.account?.name,
    took_ms: Date.now() - begun,
  });

  let stopped: Promise<void> | undefined;
  let isStopping = false;
  let restart: Promise<unknown> = Promise.resolve();
  void supervise();

  return {
    connection: { host: socketFolder, port: PORT, user: USER, database: DATABASE },
    adopted,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };

  async function stop(): Promise<void> {
    isStopping = true;
    await restart.catch(() => undefined);
    await shutDown(server);
    await removeSocketFolder(place, socketFolder);
    log('stopped the embedded Postgres', { pid: server.pid });
  }

  /** The kernel may kill Postgres when memory is short, and then nobody else would start this private one again. */
  async function supervise(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    let upSince = Date.now();
    for (;;) {
      await server.gone();
      if (isStopping) return;
      if (Date.now() - upSince > CALM_MS) pauseMs = FIRST_PAUSE_MS;
      log('the embedded Postgres stopped by itself; starting it again', {
        pid: server.pid,
        said: await logTail(place).catch(() => ''),
      });
      for (;;) {
        await sleep(pauseMs, undefined, { ref: false });
        if (isStopping) return;
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        const attempt = bringUpAgain();
        restart = attempt;
        try {
          server = await attempt;
          break;
        } catch (error) {
          if (isStopping) return;
          log('the embedded Postgres could not be started again; trying once more', {
            problem: error instanceof Error ? error.message : String(error),
          });
        }
      }
      upSince = Date.now();
      log('the embedded Postgres is back', { pid: server.pid });
    }
  }

  /** Only over data that is there: an emptied folder must not turn into an empty database unseen. */
  async function bringUpAgain(): Promise<Server> {
    await requireSameVersion(place);
    return bringUp(place, { socketFolder, isCancelled: () => isStopping });
  }
}

/** The one database of the cluster that is used. */
export const DATABASE = 'calltrk';
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
const CALM_MS = 60_000;

/** Finds where the cluster lives and makes it if there is none. */
export async function makePlace(options: EmbeddedPostgresOptions, machine: Machine): Promise<Place> {
  const binaries = await findBinaries(options.projectRoot);
  for (;;) {
    const place = await findPlace(options.dataDir, binaries, machine);
    await removeLeftovers(place.home);
    if (!place.hasCluster) {
      options.log('making a new database', { cluster: place.cluster });
      await createCluster(place);
    }
    await requireSameVersion(place);
    if (await claimHome(place)) return place;
  }
}

/** Makes the database that is used, if it is not there. */
export async function createDatabase(socketFolder: string): Promise<void> {
  let client: Awaited<ReturnType<typeof connect>> | undefined;
  try {
    client = await connect(socketFolder, 'postgres');
    const found = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
  } catch (error) {
    // duplicate_database, or its unique_violation in a race: another process made it.
    if (codeOf(error) === '42P04' || codeOf(error) === '23505') return;
    throw fault(`The database "${DATABASE}" could not be made in ${socketFolder}`, { cause: error });
  } finally {
    await client?.end().catch(() => undefined);
  }
}
