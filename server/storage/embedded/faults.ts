/** What went wrong with the private Postgres: a sentence on what and where, one on what to do, then its own words. */
class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

interface FaultDetail {
  /** What the operator should do; without it, the advice is chosen by what Postgres said. */
  advice?: string;
  /** The last lines of the log or of stderr. */
  said?: string;
  cause?: unknown;
}

/** Never throws; the caller throws what it returns. */
export function fault(what: string, detail: FaultDetail = {}): EmbeddedPostgresError {
  const because = reason(detail.cause);
  const words = [because, detail.said ?? ''].join('\n');
  const advice = detail.advice ?? ADVICE.find(([sign]) => sign.test(words))?.[1] ?? 'Repair what it names.';
  const message = [
    `${what}${because ? ` (${because})` : ''}. ${advice}`,
    ' To use a PostgreSQL server of your own instead, set DATABASE_URL.',
    detail.said ? `\n${detail.said.replace(/^/gm, '  | ')}` : '',
  ].join('');
  return new EmbeddedPostgresError(message, detail.cause === undefined ? undefined : { cause: detail.cause });
}

/** `ENOENT` and its like, or the SQLSTATE that `pg` puts in the same place. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

function reason(cause: unknown): string {
  if (cause === undefined) return '';
  return cause instanceof Error ? (cause.message.split('\n')[0] ?? cause.name) : String(cause);
}

const ADVICE: [RegExp, string][] = [
  [/No space left on device|ENOSPC|EDQUOT/, 'The disk is full: make room and start again.'],
  [/EROFS|Read-only file system/, 'The file system is read-only: point DATA_DIR to one that can be written.'],
  [
    /error while loading shared libraries|Library not loaded|symbol lookup error/,
    'A library is missing: install the packages again with `npm ci`, on a system with glibc (not Alpine) and libstdc++.',
  ],
  [
    // The kernel answers ENOENT for a program that is there when its dynamic loader is not, as glibc's on Alpine.
    /spawn .* ENOENT|Exec format error|ENOEXEC|EBADARCH/,
    'The program cannot run on this system; it needs glibc (not Alpine) and the CPU that the package was made for.',
  ],
  [/spawn\b.*(EPERM|EINVAL)/, 'Run calltrk as an ordinary user.'],
  [
    /could not look up effective user ID/,
    'Postgres needs a user that /etc/passwd knows: run calltrk as one, or add the `postgres` or `nobody` user.',
  ],
  [
    /Cannot allocate memory|out of memory|could not (create|map|resize) .*shared memory|ENOMEM/,
    'There is not enough memory, or /dev/shm is too small (with Docker: --shm-size=256m).',
  ],
  [
    /wrong ownership|invalid permissions/,
    'The folder must belong to the user that Postgres runs as, with mode 0700.',
  ],
  [
    /incompatible with server/,
    'The data is of another PostgreSQL version: take a backup with the calltrk that made it and restore it here.',
  ],
  [
    /could not bind|could not create lock file .*\.s\.PGSQL|could not create Unix.domain socket/i,
    'The folder cannot hold a Unix socket (some network and shared folders cannot): point DATA_DIR to a local disk.',
  ],
  [
    /already exists.*postmaster|Is another postmaster|pre-existing shared memory/s,
    'Another server has this data folder: stop that one first, or give this one a DATA_DIR of its own.',
  ],
  [
    /Permission denied|EACCES|EPERM/,
    'Let the user that runs calltrk (for root: the user that Postgres runs as) read and write there.',
  ],
];
