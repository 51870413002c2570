import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './faults.js';

/**
 * A folder that takes a while to make is made under another name and renamed when it is whole, so that a crash in
 * between never leaves half of one, and of two processes that make the same one the quicker wins.
 */
export async function makeDraft(home: string, name: string): Promise<string> {
  const draft = join(home, `${name}.new-${process.pid}-${randomUUID().slice(0, 8)}`);
  await mkdir(draft, { mode: 0o700 });
  await chmod(draft, 0o700);
  return draft;
}

/** Gives the draft its name, for good: false, and the draft is gone, when another process was quicker. */
export async function publishDraft(draft: string, home: string, name: string): Promise<boolean> {
  try {
    await rename(draft, join(home, name));
  } catch (error) {
    // rename(2) puts a folder in the place of an empty one only.
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
    await rm(draft, { recursive: true, force: true });
    return false;
  }
  await syncFolder(home);
  return true;
}

/**
 * Makes the names in a folder last: without it a power cut could undo a rename, after rows under it were promised to
 * be kept (fsync(2)).
 */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Removes the drafts of processes that are gone. A process id means little in a container, where every start has
 * the same ones, so an old draft goes too.
 */
export async function removeLeftovers(home: string): Promise<void> {
  for (const name of await readdir(home).catch(() => [])) {
    const maker = /\.new-(\d+)-[0-9a-f]{8}$/.exec(name)?.[1];
    if (maker === undefined) continue;
    const path = join(home, name);
    const made = await stat(path).catch(() => undefined);
    if (made !== undefined && isAlive(Number(maker)) && Date.now() - made.mtimeMs < OLD_DRAFT_MS) continue;
    await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

const OLD_DRAFT_MS = 10 * 60_000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
