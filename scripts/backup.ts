/** `npm run backup FILE`: every row of the database as of one moment into one file, while servers go on. */
import { access, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { syncFolder } from '../server/storage/embedded/drafts.js';
import { takeBackup } from '../server/storage/postgres/backup.js';
import { type DatabaseTask, runOnDatabase } from './database-command.js';

const HELP = `npm run backup FILE      (FILE -: to standard output; then start it by node dist/scripts/backup.js -)
It reads DATABASE_URL, or without one the embedded Postgres in DATA_DIR, whether a server runs or not.
FILE must not exist; it is complete when it has its name, and readable by its owner only.`;

await runOnDatabase({ name: 'backup', help: HELP, makeDatabase: false, work: backup });

async function backup(file: string, { address, version, tell, signal }: DatabaseTask): Promise<string> {
  const options = { version, tell, signal };
  if (file === '-') return summary(await takeBackup(address, process.stdout, options));
  const path = resolve(file);
  if (await isThere(path)) throw new Error(`${path} is there already: give another name, or move it away`);
  if (!(await isThere(dirname(path)))) throw new Error(`there is no folder ${dirname(path)}: make it first`);
  const partial = `${path}.${process.pid}.partial`;
  const handle = await open(partial, 'wx', 0o600);
  try {
    const header = await takeBackup(address, handle.createWriteStream({ flush: true }), options);
    await rename(partial, path);
    await syncFolder(dirname(path));
    return `${path}: ${summary(header)}`;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await handle.close().catch(() => undefined);
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function summary({ tables, made_at, migrations }: Awaited<ReturnType<typeof takeBackup>>): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return `${rows} rows of ${tables.length} tables as of ${made_at}, schema ${migrations.at(-1)}`;
}
