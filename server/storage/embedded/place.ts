import { randomUUID } from 'node:crypto';
import {
  chmod,
  chown,
  link,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { type Account, accountOf, canEnter, canRun, chooseAccount } from './account.js';
import { type Binaries, copyBinaries } from './binaries.js';
import { syncFolder } from './drafts.js';
import { codeOf, fault } from './faults.js';

/** Where one private Postgres lives, and as whom. */
export interface Place {
  dataDir: string;
  /** Holds the cluster, its socket and, if need be, the binaries: DATA_DIR, or a folder of /var/lib/calltrk. */
  home: string;
  cluster: string;
  hasCluster: boolean;
  binaries: Binaries;
  /** Undefined: as the user that we are. */
  account: Account | undefined;
  logFile: string;
  /** Of a home outside DATA_DIR that DATA_DIR does not know of yet: see `claimHome`. */
  newId: string | undefined;
}

/** What the choice depends on beside the folder. */
export interface Machine {
  isRoot: boolean;
  /** The text of /etc/passwd. */
  passwd: () => Promise<string>;
  /** Where clusters go that must live outside DATA_DIR. */
  outside: string;
}

export const thisMachine: Machine = {
  isRoot: process.getuid?.() === 0,
  passwd: () => readFile('/etc/passwd', 'utf8').catch(() => ''),
  outside: '/var/lib/calltrk',
};

export const PORT = 5432;

/**
 * Decides where the cluster is or will be. A cluster that exists is never passed over for an empty one: if it
 * cannot be reached, that is an error.
 */
export async function findPlace(wanted: string, binaries: Binaries, machine: Machine): Promise<Place> {
  const dataDir = await openDataDir(wanted, machine);
  const inside = await ownerOf(join(dataDir, 'postgres'));
  const id = inside === undefined ? await readId(dataDir) : undefined;
  const home = id === undefined ? dataDir : join(machine.outside, id);
  const owner = inside ?? (await ownerOf(join(home, 'postgres')));
  const place: Place = {
    dataDir,
    home,
    cluster: join(home, 'postgres'),
    hasCluster: owner !== undefined,
    binaries,
    account: undefined,
    logFile: join(dataDir, 'postgres.log'),
    newId: undefined,
  };
  if (id !== undefined && owner === undefined) {
    throw fault(`The database of ${dataDir} was in ${place.cluster}, and is gone`, {
      advice: `Put it back; or, to begin with an empty database, delete ${idFile(dataDir)}.`,
    });
  }
  return machine.isRoot ? placeForAnotherUser(place, owner, machine) : place;
}

/**
 * Writes into DATA_DIR that its cluster is elsewhere, once that one is whole. False, and the new home is removed,
 * when another process was quicker: then look again.
 */
export async function claimHome(place: Place): Promise<boolean> {
  if (place.newId === undefined) return true;
  const draft = `${idFile(place.dataDir)}.${place.newId}`;
  await writeFile(draft, `${place.newId}\n`, { flush: true });
  try {
    await link(draft, idFile(place.dataDir));
    await syncFolder(place.dataDir);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await rm(place.home, { recursive: true, force: true });
    return false;
  } finally {
    await rm(draft, { force: true });
  }
}

/** The folder in the cluster's home for the socket; undefined if the socket's path would be too long there. */
export function usualSocketFolder(place: Place): string | undefined {
  const folder = join(place.home, 'socket');
  return isShort(folder) ? folder : undefined;
}

/**
 * Makes the folder for the socket. Trust authentication is safe as long as nobody else can enter it, so it has mode
 * 0700 ("18.4. Trust Authentication" in the PostgreSQL manual, on unix_socket_directories). A long path does not
 * fit into sockaddr_un (108 bytes on Linux, 104 on macOS): then it is a new temporary folder, which
 * `postmaster.pid` remembers for who comes after a crash.
 */
export async function makeSocketFolder(place: Place, before?: string): Promise<string> {
  const folder = before ?? usualSocketFolder(place) ?? (await makeTemporaryFolder(place.account));
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    if (place.account !== undefined) await chown(folder, place.account.uid, place.account.gid);
  } catch (cause) {
    throw fault(`The folder for Postgres's socket, ${folder}, cannot be used`, { cause });
  }
  return folder;
}

/** A temporary socket folder goes when its server has stopped; one in the cluster's home stays. */
export async function removeSocketFolder(place: Place, folder: string): Promise<void> {
  if (folder === usualSocketFolder(place) || !basename(folder).startsWith(TEMPORARY)) return;
  await rm(folder, { recursive: true, force: true });
}

const TEMPORARY = 'calltrk-socket-';

async function makeTemporaryFolder(account: Account | undefined): Promise<string> {
  for (const base of [tmpdir(), '/tmp']) {
    if (!isShort(join(base, `${TEMPORARY}XXXXXX`))) continue;
    if (account === undefined || (await canEnter(account, base))) return mkdtemp(join(base, TEMPORARY));
  }
  throw fault('There is no temporary folder with a path short enough for a Unix socket', {
    advice: 'Set TMPDIR to one, or give DATA_DIR a shorter path.',
  });
}

function isShort(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${PORT}`)) <= 100;
}

async function placeForAnotherUser(
  place: Place,
  owner: { uid: number; gid: number } | undefined,
  machine: Machine,
): Promise<Place> {
  const passwd = await machine.passwd();
  const account = owner === undefined ? chooseAccount(passwd) : accountOf(owner, passwd);
  if (account.uid === 0) {
    const heir = chooseAccount(passwd).name;
    throw fault(`The database in ${place.cluster} belongs to root, and Postgres refuses to run as root`, {
      advice: `Give it away: chown -R ${heir} ${place.cluster}`,
    });
  }
  let { home, newId } = place;
  if (!(await canEnter(account, home))) {
    if (owner !== undefined) {
      throw fault(`The database in ${place.cluster} belongs to ${account.name}, who cannot get there`, {
        advice: `Let everyone pass through the folders above it (chmod o+x).`,
      });
    }
    newId = randomUUID();
    home = join(machine.outside, newId);
    await makePassable(machine.outside);
    await makePassable(home);
  }
  let { binaries } = place;
  if (!(await canRun(account, join(binaries.folder, 'bin/postgres')))) {
    binaries = await copyBinaries(binaries, home);
    if (!(await canRun(account, join(binaries.folder, 'bin/postgres')))) {
      throw fault(`${account.name} cannot run the programs of the embedded Postgres in ${binaries.folder}`, {
        advice: 'Mount that file system without noexec, or run calltrk as an ordinary user.',
      });
    }
  }
  return { ...place, home, cluster: join(home, 'postgres'), account, binaries, newId };
}

/** Root's folders are entered by the user that Postgres runs as, but not listed: the names in it stay unknown. */
async function makePassable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o711);
  } catch (cause) {
    throw fault(`${folder} could not be made`, { cause });
  }
}

async function openDataDir(wanted: string, machine: Machine): Promise<string> {
  const path = resolve(wanted);
  try {
    const made = await mkdir(path, { recursive: true });
    // A folder that root makes here lets Postgres's user through, so that the data can stay in it.
    if (made !== undefined) await chmod(path, machine.isRoot ? 0o711 : 0o700);
    return await realpath(path);
  } catch (cause) {
    throw fault(`The data folder ${path} cannot be used`, {
      advice: 'DATA_DIR must be a folder that calltrk can make, enter and write.',
      cause,
    });
  }
}

async function ownerOf(cluster: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    return await stat(cluster);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw fault(`The database folder ${cluster} cannot be read`, { cause });
  }
}

async function readId(dataDir: string): Promise<string | undefined> {
  const text = await readFile(idFile(dataDir), 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw fault(`${idFile(dataDir)} cannot be read`, { cause: error });
  });
  if (text === undefined) return undefined;
  const id = text.trim();
  if (/^[0-9a-f-]{36}$/.test(id)) return id;
  throw fault(`${idFile(dataDir)} does not hold the id of a database`, {
    advice: 'Put the right one back: it is the name of a folder in /var/lib/calltrk.',
  });
}

const idFile = (dataDir: string) => join(dataDir, 'embedded-id');
