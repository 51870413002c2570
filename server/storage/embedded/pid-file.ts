import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './account.js';
import { codeOf, fault } from './faults.js';
import { type Place, PORT } from './place.js';

interface PidFile {
  pid: number;
  socketFolder: string;
  /** `starting`, `ready`, `stopping`, or empty at its very beginning. */
  status: string;
}

/**
 * What a server says of itself in the cluster; undefined if there is none. The lines are listed in
 * src/include/utils/pidfile.h of PostgreSQL, and are written one after the other.
 */
export async function readPidFile(place: Place): Promise<PidFile | undefined> {
  let text: string;
  try {
    text = await readFile(join(place.cluster, 'postmaster.pid'), 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw fault(`postmaster.pid in ${place.cluster} cannot be read`, { cause });
  }
  const lines = text.split('\n').map((line) => line.trim());
  return { pid: Math.abs(Number(lines[0])) || 0, socketFolder: lines[4] ?? '', status: lines[7] ?? '' };
}

/** Whether this process is a Postgres that was started on this cluster, by any of us. */
export async function runsCluster(pid: number, place: Place): Promise<boolean> {
  return (await commandOf(pid)).includes(` -D ${place.cluster} `);
}

/** The command line of a process; empty for none, for a zombie, and for one of which nothing is told. */
export async function commandOf(pid: number): Promise<string> {
  if (pid <= 0) return '';
  try {
    if (process.platform !== 'linux') return (await run('ps', ['-o', 'command=', '-p', String(pid)])).stdout;
    // proc(5): the arguments end in NUL; of a zombie there are none.
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/**
 * Postgres takes any live process with the number in its lock files for its predecessor. In a container the numbers
 * start over, and a zombie that init never reaps keeps its own, so it would refuse for good. Having asked the socket
 * and the process itself, we know better. Were we wrong, the shared memory segment that Postgres looks for
 * (CreateSharedMemory, keyed by the folder's inode) would still keep a second server away. True if one was moved.
 */
export async function setStaleLocksAside(place: Place, socketFolder: string): Promise<boolean> {
  const files = [join(place.cluster, 'postmaster.pid'), join(socketFolder, `.s.PGSQL.${PORT}.lock`)];
  const moved = await Promise.all(files.map((file) => setAside(file, place)));
  return moved.includes(true);
}

async function setAside(file: string, place: Place): Promise<boolean> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch {
    return false;
  }
  // Read only now: between a look and the rename another server may have taken the name.
  const pid = Number((await readFile(aside, 'utf8')).split('\n')[0]);
  const isStale = !(await runsCluster(Math.abs(pid), place));
  if (!isStale) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
  return isStale;
}
