import { type ChildProcess, spawn } from 'node:child_process';
import { open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runAs } from './account.js';
import { fault } from './faults.js';
import { type Place, PORT } from './place.js';

/** A Postgres that runs on the cluster. */
export interface Server {
  pid: number;
  socketFolder: string;
  /** Somebody else started it. */
  adopted: boolean;
  isRunning(): Promise<boolean>;
  /** Resolves when it is no longer running; waiting for it does not keep Node alive. */
  gone(): Promise<void>;
}

/** A server that this process started. */
export interface Postmaster extends Server {
  /** Why it could not even be run. */
  problem: Error | undefined;
  hasExited(): boolean;
  /** What it has written to the log. */
  said(): Promise<string>;
}

/** Runs Postgres on the cluster, apart from us; resolves at once, long before it answers. */
export async function spawnPostgres(place: Place, socketFolder: string): Promise<Postmaster> {
  const log = await openLog(place);
  const { size } = await log.stat();
  try {
    const child = spawn(join(place.binaries.folder, 'bin/postgres'), settings(place, socketFolder), {
      ...runAs(place.account),
      // A group of its own: neither Ctrl-C in a terminal nor our own death reaches it.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.unref();
    return watch(child, socketFolder, () => logTail(place, size));
  } catch (cause) {
    throw fault(`Postgres did not start on ${place.cluster}`, { cause });
  } finally {
    await log.close();
  }
}

/** Listens at once: a Postgres that is refused is gone within milliseconds. */
function watch(child: ChildProcess, socketFolder: string, said: () => Promise<string>): Postmaster {
  let hasExited = false;
  const postmaster: Postmaster = {
    // None, if it could not be run: that is told by an event, after spawn has returned.
    pid: child.pid ?? -1,
    socketFolder,
    adopted: false,
    problem: undefined,
    hasExited: () => hasExited,
    isRunning: async () => !hasExited,
    gone: () => gone,
    said,
  };
  const gone = new Promise<void>((resolve) => {
    const end = () => {
      hasExited = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', (error) => {
      postmaster.problem = error;
      if (child.pid === undefined) end();
    });
  });
  return postmaster;
}

function settings(place: Place, socketFolder: string): string[] {
  const values = {
    listen_addresses: '',
    port: PORT,
    unix_socket_directories: quoted(socketFolder),
    unix_socket_permissions: '0700',
    cluster_name: 'calltrk',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // The log is for faults; it is only cut when Postgres starts.
    log_checkpoints: 'off',
    logging_collector: 'off',
  };
  return [
    '-D',
    place.cluster,
    ...Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

/** The setting is a list, in which a comma or a space parts two folders. */
function quoted(folder: string): string {
  return `"${folder.replaceAll('"', '""')}"`;
}

async function openLog(place: Place) {
  try {
    const { size } = await stat(place.logFile).catch(() => ({ size: 0 }));
    if (size > MAX_LOG_BYTES) await rename(place.logFile, `${place.logFile}.1`);
    // Statements that fail are quoted in it, with what visitors typed.
    return await open(place.logFile, 'a', 0o600);
  } catch (cause) {
    throw fault(`The log of Postgres, ${place.logFile}, cannot be written`, { cause });
  }
}

/** The last lines of Postgres's log, for an error message. */
export async function logTail(place: Place, from = 0): Promise<string> {
  const file = await open(place.logFile, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(from, size - 8_192);
    if (start >= size) return '';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer.toString('utf8', 0, bytesRead).trim().split('\n');
    return lines.slice(-12).join('\n');
  } finally {
    await file.close();
  }
}

const MAX_LOG_BYTES = 10 * 1024 * 1024;
