import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { codeOf, fault } from './faults.js';

/** Whom Postgres runs as when calltrk runs as root, which Postgres refuses. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/**
 * `postgres` if /etc/passwd has it, else `nobody`. No user is made: that would outlive calltrk on the machine.
 * initdb refuses a user id that /etc/passwd does not know, so it cannot be an arbitrary one.
 */
export function chooseAccount(passwd: string): Account {
  const users = readPasswd(passwd);
  const named = (name: string) => users.find((user) => user.name === name && user.uid !== 0);
  return named('postgres') ?? named('nobody') ?? { name: 'nobody', uid: 65_534, gid: 65_534 };
}

/** Who owns the files of a cluster goes on running it, known to /etc/passwd or not. */
export function accountOf(owner: { uid: number; gid: number }, passwd: string): Account {
  const known = readPasswd(passwd).find((user) => user.uid === owner.uid);
  return known ?? { name: `user ${owner.uid}`, uid: owner.uid, gid: owner.gid };
}

/** Whether this user can pass through every folder above `folder` and enter it; asked of the kernel, as that user. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  return succeeds('/bin/sh', ['-c', 'test -d "$1" && test -x "$1"', 'sh', folder], account);
}

/** Whether this user can run the program, with its libraries. */
export async function canRun(account: Account, program: string): Promise<boolean> {
  return succeeds(program, ['--version'], account);
}

/**
 * The options to run a program of Postgres with: nothing of our environment reaches it (PGDATA, PGPORT and PGTZ
 * would be obeyed), and it starts in a folder that every user may enter.
 */
export function runAs(account: Account | undefined) {
  return {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  };
}

export const run = promisify(execFile);

async function succeeds(program: string, args: string[], account: Account): Promise<boolean> {
  try {
    await run(program, args, runAs(account));
    return true;
  } catch (error) {
    // Not that the file is closed, but that root is not allowed to be another (a container with one user id).
    if (codeOf(error) === 'EPERM' || codeOf(error) === 'EINVAL') {
      throw fault(`Postgres refuses to run as root, and this root cannot become ${account.name}`, {
        cause: error,
      });
    }
    return false;
  }
}

// passwd(5): name:password:uid:gid:comment:home:shell
function readPasswd(passwd: string): Account[] {
  return passwd.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    if (!name || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return [];
    return [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}
