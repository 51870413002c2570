import pg from 'pg';
import type { PostgresAddress } from './connect.js';

/**
 * Names the use of this database by servers among all advisory locks: held alone by one whose leases are in its memory,
 * together by those whose leases are in Redis. So neither kind can be mixed with the other.
 */
const SERVER_LOCK = 0x63746c73;
/** Held together with the database of Redis that the leases are in: servers with different ones do not see each other's. */
const REDIS_LOCK = 0x63746c72;
/** A server that was killed leaves its lock until Postgres sees the closed connection: well under this time. */
const PATIENCE_MS = 2000;
const RETRY_MS = 3000;

/** Another server has the lock. */
export class NotOnlyServerError extends Error {
  override readonly name = 'NotOnlyServerError';
  /** Process id of the other server, where it is on this machine. */
  readonly holder: string | null;
  /** The database of Redis in which the other server has its leases, where it is another one than ours. */
  readonly otherDb: number | null;
  constructor(holder: string | null, otherDb: number | null = null) {
    super(`another calltrk server${holder ? ` (process ${holder})` : ''} uses this database`);
    this.holder = holder;
    this.otherDb = otherDb;
  }
}

export interface OnlyServer {
  release(): Promise<void>;
}

export interface OnlyServerOptions {
  /** False: others that say so, too, may use the database beside this one. */
  alone: boolean;
  /** Of REDIS_URL: others must have the same. */
  redisDb?: number | undefined;
  /** Another server took the lock while the connection was lost: this one must stop. */
  onLost: (error: NotOnlyServerError) => void;
}

/**
 * Makes sure that this is the only server for this database (or that nobody claims to be the only one), by an advisory
 * lock that lasts as long as a connection of its own. A lost connection is made again. Throws NotOnlyServerError when
 * the lock is not to be had.
 */
export async function becomeOnlyServer(
  address: PostgresAddress,
  { onLost, ...use }: OnlyServerOptions,
): Promise<OnlyServer> {
  let released = false;
  let client = await lock(address, use, reconnect);

  function reconnect(): void {
    if (released) return;
    setTimeout(async () => {
      try {
        if (!released) client = await lock(address, use, reconnect);
      } catch (error) {
        if (error instanceof NotOnlyServerError) onLost(error);
        else reconnect();
      }
    }, RETRY_MS).unref();
  }

  return {
    async release() {
      released = true;
      await client.end().catch(() => undefined);
    },
  };
}

async function lock(
  address: PostgresAddress,
  { alone, redisDb }: Omit<OnlyServerOptions, 'onLost'>,
  onEnd: () => void,
): Promise<pg.Client> {
  const client = new pg.Client({
    ...address,
    application_name: `calltrk server ${process.pid}`,
    connectionTimeoutMillis: 2000,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const end = Date.now() + PATIENCE_MS;
    const pause = () => new Promise((done) => setTimeout(done, 100));
    for (;;) {
      const { rows } = await client.query<{ ok: boolean }>(
        `SELECT pg_try_advisory_lock${alone ? '' : '_shared'}($1) AS ok`,
        [SERVER_LOCK],
      );
      if (rows[0]?.ok) break;
      if (Date.now() > end) throw new NotOnlyServerError(await holderOf(client));
      await pause();
    }
    if (redisDb !== undefined) {
      // First said, then looked: of two at once at least one sees the other.
      await client.query('SELECT pg_advisory_lock_shared($1, $2)', [REDIS_LOCK, redisDb]);
      for (;;) {
        const other = await otherDbOf(client, redisDb);
        if (other === undefined) break;
        if (Date.now() > end) throw new NotOnlyServerError(null, other);
        await pause();
      }
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  client.once('end', onEnd);
  return client;
}

async function otherDbOf(client: pg.Client, redisDb: number): Promise<number | undefined> {
  const { rows } = await client.query<{ db: number }>(
    `SELECT objid::int AS db FROM pg_locks
     WHERE locktype = 'advisory' AND classid = $1 AND objsubid = 2 AND objid <> $2 AND granted AND database =
       (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [REDIS_LOCK, redisDb],
  );
  return rows[0]?.db;
}

async function holderOf(client: pg.Client): Promise<string | null> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.objid = $1 AND l.granted AND l.database =
       (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [SERVER_LOCK],
  );
  return /^calltrk server (\d+)$/.exec(rows[0]?.name ?? '')?.[1] ?? null;
}
