import pg from 'pg';
import type { PostgresAddress } from './connect.js';

/**
 * Names the use of this database by servers among all advisory locks: held alone by one whose leases are in its memory,
 * together by those whose leases are in Redis. So neither kind can be mixed with the other.
 */
const SERVER_LOCK = 0x63746c73;
/** A server that was killed leaves its lock until Postgres sees the closed connection: well under this time. */
const PATIENCE_MS = 2000;
const RETRY_MS = 3000;

/** Another server has the lock. */
export class NotOnlyServerError extends Error {
  override readonly name = 'NotOnlyServerError';
  /** Process id of the other server, where it is on this machine. */
  readonly holder: string | null;
  constructor(holder: string | null) {
    super(`another calltrk server${holder ? ` (process ${holder})` : ''} uses this database`);
    this.holder = holder;
  }
}

export interface OnlyServer {
  release(): Promise<void>;
}

export interface OnlyServerOptions {
  /** False: others that say so, too, may use the database beside this one. */
  alone: boolean;
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
  { alone, onLost }: OnlyServerOptions,
): Promise<OnlyServer> {
  let released = false;
  let client = await lock(address, alone, reconnect);

  function reconnect(): void {
    if (released) return;
    setTimeout(async () => {
      try {
        if (!released) client = await lock(address, alone, reconnect);
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

async function lock(address: PostgresAddress, alone: boolean, onEnd: () => void): Promise<pg.Client> {
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
    for (;;) {
      const { rows } = await client.query<{ ok: boolean }>(
        `SELECT pg_try_advisory_lock${alone ? '' : '_shared'}($1) AS ok`,
        [SERVER_LOCK],
      );
      if (rows[0]?.ok) break;
      if (Date.now() > end) throw new NotOnlyServerError(await holderOf(client));
      await new Promise((done) => setTimeout(done, 100));
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  client.once('end', onEnd);
  return client;
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
