/** `npm run restore FILE`: fills an empty database from a backup, all of it or nothing. */
import { createReadStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { addAbortSignal, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BackupFault, BackupReader } from '../server/storage/postgres/backup-format.js';
import { NotEmptyError, requireKnownSchema, restoreBackup } from '../server/storage/postgres/restore.js';
import { runOnDatabase } from './database-command.js';

const HELP = `npm run restore FILE     (FILE -: from standard input)
It writes to the database of DATABASE_URL, or without one makes an embedded one in DATA_DIR. The database must be empty.
Older backups are brought forward; what a newer calltrk made is refused.`;

await runOnDatabase({
  name: 'restore',
  help: HELP,
  makeDatabase: true,
  // Before a database is made for it, and from front to end: it is either whole or not touched.
  prepare: async (file, { version, signal }) => {
    if (file !== '-') await inWords(file, () => check(file, version, signal));
  },
  work: (file, { address, version, tell, signal }) =>
    inWords(file, async () => {
      const header = await restoreBackup(address, open(file, signal), { version, tell });
      return `restored what was there at ${header.made_at}. Start the server now.`;
    }),
});

function open(file: string, signal: AbortSignal): BackupReader {
  const source = file === '-' ? process.stdin : createReadStream(file);
  // Errors come out of it when it is read.
  const bytes = pipeline(source, addAbortSignal(signal, createGunzip()), () => undefined);
  return new BackupReader(bytes);
}

async function check(file: string, version: string, signal: AbortSignal): Promise<void> {
  await access(file, constants.R_OK).catch(({ code, message }: NodeJS.ErrnoException) => {
    throw new Error(code === 'ENOENT' ? `there is no file ${file}` : `${file} cannot be read: ${message}`);
  });
  const reader = open(file, signal);
  const header = await reader.header();
  await requireKnownSchema(header, version);
  for await (const { rows } of reader.tables(header)) for await (const _ of rows);
}

async function inWords<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BackupFault) {
      throw new Error(`${file === '-' ? 'standard input' : file} ${error.message}. Nothing was restored`);
    }
    if (error instanceof NotEmptyError) {
      throw new Error(
        `${error.message}. Make a new, empty database and set DATABASE_URL to it; for an embedded one set DATA_DIR ` +
          'to a new folder, or stop the server and move the old folder away',
      );
    }
    throw error;
  }
}
