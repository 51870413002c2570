import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { removeOtherCopies } from './binaries.js';
import { USER } from './cluster.js';
import { codeOf, fault } from './faults.js';
import { commandOf, readPidFile, runsCluster, setStaleLocksAside } from './pid-file.js';
import { makeSocketFolder, type Place, PORT, removeSocketFolder, usualSocketFolder } from './place.js';
import { logTail, type Postmaster, type Server, spawnPostgres } from './postmaster.js';

// What says that there is a server is `postmaster.pid` in the cluster: Postgres makes it with O_EXCL, so of two
// processes that start at once one gets it, and the other finds the winner's server. A process id alone proves nothing
// (it may be another program's by now, a zombie's, or of another container), so a server is ours when it answers on
// its socket and sees a file that we have just put into the cluster.

interface BringUpOptions {
  /** Where the socket has to be, if that is settled already. */
  socketFolder?: string;
  /** Asked before each step; when true, what was started is stopped and the promise rejects. */
  isCancelled?: () => boolean;
}

/**
 * Adopts the server that runs on this cluster, or starts one; resolves when it answers. Waits for one that is
 * starting, recovering from a crash, or shutting down.
 */
export async function bringUp(place: Place, options: BringUpOptions = {}): Promise<Server> {
  const { isCancelled = () => false } = options;
  const deadline = Date.now() + START_LIMIT_MS;
  let { socketFolder } = options;
  let own: Postmaster | undefined;
  let refusedSince: number | undefined;
  for (;;) {
    if (isCancelled()) {
      if (own !== undefined) await shutDown(own);
      throw fault('The start of the embedded Postgres was broken off');
    }
    const seen = await look(place, own);
    if (seen.state === 'ready') {
      if (own?.pid === seen.pid) return own;
      if (socketFolder && socketFolder !== seen.socketFolder) await removeSocketFolder(place, socketFolder);
      return adopt(seen);
    }
    if (own === undefined && seen.state === 'none') {
      socketFolder = await makeSocketFolder(place, socketFolder);
      await removeOtherCopies(place.home, place.binaries);
      own = await spawnPostgres(place, socketFolder);
    } else if (own?.hasExited()) {
      const since = seen.state === 'none' ? (refusedSince ?? Date.now()) : undefined;
      refusedSince = await judgeRefusal(place, own, since);
      own = undefined;
      await sleep(RETRY_MS);
    }
    if (Date.now() > deadline) {
      const state = seen.state === 'busy' ? seen.what : 'does not answer';
      throw fault(`Postgres on ${place.cluster} ${state} after ${START_LIMIT_MS / 1000} s`, {
        advice: 'It may go on in the background: start again when its log says that it is ready.',
        said: await logTail(place),
      });
    }
    await sleep(POLL_MS);
  }
}

/**
 * Fast shutdown: open transactions are rolled back and everything is written ("18.5. Shutting Down the Server" in
 * the PostgreSQL manual). Resolves when it is gone.
 */
export async function shutDown(server: Server): Promise<void> {
  if (await stopWith(server, 'SIGINT', STOP_PATIENCE_MS)) return;
  // Immediate shutdown leaves without the last checkpoint: the next start recovers from the log, nothing is lost.
  await stopWith(server, 'SIGQUIT', Number.POSITIVE_INFINITY);
}

/** A client that is connected over the socket; the caller ends it. */
export async function connect(socketFolder: string, database: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: socketFolder,
    port: PORT,
    user: USER,
    database,
    ssl: false,
    connectionTimeoutMillis: 5_000,
    query_timeout: 60_000,
  });
  // An idle connection that breaks emits an error, and one that nobody listens to ends the process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

const START_LIMIT_MS = 60_000;
const STOP_PATIENCE_MS = 60_000;
const LOCK_PATIENCE_MS = 5_000;
const RETRY_MS = 200;
const POLL_MS = 10;
const ADOPTED_POLL_MS = 1_000;

async function stopWith(server: Server, signal: NodeJS.Signals, patienceMs: number): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  if (!(await server.isRunning())) return true;
  try {
    process.kill(server.pid, signal);
  } catch (cause) {
    if (codeOf(cause) !== 'ESRCH')
      throw fault(`Postgres, process ${server.pid}, cannot be stopped`, { cause });
  }
  while (await server.isRunning()) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/**
 * Returns if Postgres did not start because something still holds the folder, for then another try may do: the server
 * of a process that started at the same moment, the last backends of one that was killed, or a process id that is a
 * zombie's, which init has not reaped yet, or another program's by now. `since` is when that began with no server in
 * sight; what it returns is the `since` of the next try.
 */
async function judgeRefusal(
  place: Place,
  own: Postmaster,
  since: number | undefined,
): Promise<number | undefined> {
  const said = await own.said();
  const isLocked = /lock file ".*" already exists/.test(said);
  if (!isLocked && !/pre-existing shared memory block/.test(said)) {
    throw fault(`Postgres did not start on ${place.cluster}`, { said, cause: own.problem });
  }
  if (!isLocked || since === undefined || Date.now() - since < LOCK_PATIENCE_MS) return since;
  if (await setStaleLocksAside(place, own.socketFolder)) return undefined;
  throw fault(`Postgres did not start on ${place.cluster}`, { said });
}

type Sighting =
  | { state: 'ready'; pid: number; socketFolder: string }
  | { state: 'busy'; what: string }
  | { state: 'none' };

async function look(place: Place, own: Postmaster | undefined): Promise<Sighting> {
  const file = await readPidFile(place);
  if (file === undefined) return { state: 'none' };
  const isOwn = file.pid === own?.pid;
  const isHere = isOwn ? !own.hasExited() : await runsCluster(file.pid, place);
  if (isHere && file.status !== 'ready')
    return { state: 'busy', what: `is still ${file.status || 'starting'}` };
  // The folder may have been moved, or be mounted under another name where its server runs.
  const folders = new Set([file.socketFolder, usualSocketFolder(place)]);
  for (const socketFolder of folders) {
    if (!socketFolder) continue;
    const answer = await ask(place, socketFolder, isOwn);
    if (answer === 'ours') return { state: 'ready', pid: file.pid, socketFolder };
    if (answer !== 'nobody') return { state: 'busy', what: `says "${answer.refusal}"` };
  }
  return isHere ? { state: 'busy', what: 'runs but does not answer' } : { state: 'none' };
}

/** Who answers on this socket: our cluster's server, one that cannot say yet, or nobody of ours. */
async function ask(
  place: Place,
  socketFolder: string,
  isOwn: boolean,
): Promise<'ours' | 'nobody' | { refusal: string }> {
  let client: pg.Client | undefined;
  const mark = `calltrk-${randomUUID()}`;
  try {
    client = await connect(socketFolder, 'postgres');
    if (isOwn) return 'ours';
    // SHOW data_directory would name the same path for two containers, and another one for a folder that was moved.
    await writeFile(join(place.cluster, mark), '');
    const seen = await client.query('select (pg_stat_file($1, true)).size is not null as "sees"', [mark]);
    return seen.rows[0]?.sees === true ? 'ours' : 'nobody';
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR'].includes(code)) return 'nobody';
    if (code === 'EACCES' || code === 'EPERM') {
      throw fault(`Postgres runs on ${place.cluster}, but its socket in ${socketFolder} is closed to us`, {
        cause: error,
      });
    }
    // cannot_connect_now (57P03) while it starts or stops; a broken connection when it does just then.
    return { refusal: (error as Error).message };
  } finally {
    await client?.end().catch(() => undefined);
    await rm(join(place.cluster, mark), { force: true }).catch(() => undefined);
  }
}

function adopt(seen: { pid: number; socketFolder: string }): Server {
  const command = commandOf(seen.pid);
  const isRunning = async () => (await command) !== '' && (await commandOf(seen.pid)) === (await command);
  return {
    ...seen,
    adopted: true,
    isRunning,
    async gone() {
      while (await isRunning()) await sleep(ADOPTED_POLL_MS, undefined, { ref: false });
    },
  };
}
