import { chown, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run, runAs } from './account.js';
import { makeDraft, publishDraft } from './drafts.js';
import { codeOf, fault } from './faults.js';
import type { Place } from './place.js';

/** The one role of the cluster: its superuser, named after the database. */
export const USER = 'calltrk';

/** Makes an empty cluster, all of it or nothing; fine if another process makes the same one at the same time. */
export async function createCluster(place: Place): Promise<void> {
  let draft: string | undefined;
  try {
    draft = await makeDraft(place.home, 'postgres');
    if (place.account !== undefined) await chown(draft, place.account.uid, place.account.gid);
    await run(
      join(place.binaries.folder, 'bin/initdb'),
      [
        `--pgdata=${draft}`,
        `--username=${USER}`,
        '--encoding=UTF8',
        // Sorted by code point with Unicode case mapping, by Postgres itself: an index never breaks because the
        // system's C library or ICU got a new collation ("23.1.4. Locale Providers" in the PostgreSQL manual).
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        // Nobody else can enter the socket's folder (place.ts), and there is no TCP.
        '--auth-local=trust',
        '--auth-host=reject',
        '--no-instructions',
      ],
      runAs(place.account),
    );
    await publishDraft(draft, place.home, 'postgres');
  } catch (error) {
    if (draft !== undefined) await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    // A slow one may have been taken for a leftover, or cut short by the disk that the quicker one filled.
    if (await stat(join(place.cluster, 'PG_VERSION')).catch(() => undefined)) return;
    const said = (error as { stderr?: string }).stderr?.trim();
    throw fault(`A new database could not be made in ${place.home}`, said ? { said } : { cause: error });
  }
}

/** A cluster runs under its own major version only; throws if the binaries have moved on. */
export async function requireSameVersion(place: Place): Promise<void> {
  const file = join(place.cluster, 'PG_VERSION');
  const made = await readFile(file, 'utf8').catch((cause: unknown) => {
    if (codeOf(cause) !== 'ENOENT') throw fault(`The database in ${place.cluster} cannot be read`, { cause });
    throw fault(`There is no Postgres database in ${place.cluster}`, {
      advice: 'Put back the data that was there, or move the folder away to begin with an empty database.',
    });
  });
  const ours = Number.parseInt(place.binaries.version, 10);
  if (Number.parseInt(made, 10) === ours) return;
  throw fault(
    `The data in ${place.cluster} is of PostgreSQL ${made.trim()}, and this calltrk brings ${ours}`,
    {
      advice: 'Take a backup with the calltrk that made it and restore it into a new DATA_DIR with this one.',
    },
  );
}
