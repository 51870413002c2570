/** The journals of a data folder: this process's own, and those that processes left which are gone. */
import { randomBytes } from 'node:crypto';
import { readdir, rename, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { JournalFile } from './journal-file.js';

/** A living process touches its journal this often … */
export const TOUCH_MS = 5000;
/** … so one that was not touched for so long has lost its owner, wherever that one ran. */
const ABANDONED_MS = 30_000;

/** When it was begun, on which machine, by which process; the rest makes it the only one. */
const NAME = /^(\d{15})-(.+)-(\d+)-([0-9a-f]{8})\.journal$/;

/** The journal of this process: a file that comes to be with its first line. */
export function ownJournal(folder: string): JournalFile {
  return JournalFile.toBe(join(folder, newName()));
}

/**
 * The journals whose processes are gone, oldest first. Each is renamed to a name of this process, so that of several
 * servers on one folder only one has it.
 */
export async function adoptJournals(folder: string): Promise<JournalFile[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const adopted: JournalFile[] = [];
  for (const name of names.filter((one) => NAME.test(one)).sort()) {
    if (mine.has(name) || !(await isAbandoned(folder, name))) continue;
    const path = join(folder, newName(name.slice(0, 15)));
    // Another server was quicker: it is his.
    const isOurs = await rename(join(folder, name), path).then(
      () => true,
      () => false,
    );
    if (isOurs) adopted.push(await JournalFile.left(path));
  }
  return adopted;
}

/** Names that this process has given. */
const mine = new Set<string>();

function newName(begun = String(Date.now()).padStart(15, '0')): string {
  const name = `${begun}-${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}.journal`;
  mine.add(name);
  return name;
}

async function isAbandoned(folder: string, name: string): Promise<boolean> {
  const [, , host, pid] = NAME.exec(name) ?? [];
  // In a container every process may be number 1: our own number under a name that is not ours is our predecessor's.
  if (host === hostname() && (Number(pid) === process.pid || !isAlive(Number(pid)))) return true;
  const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
  return Date.now() - mtimeMs > ABANDONED_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
