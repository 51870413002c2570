import pg from 'pg';
import { isRefusal } from '../../domain/errors.js';

/** What `pg` needs to know: a URL, or the socket folder of the embedded server. */
export type PostgresAddress =
  | { connectionString: string }
  // On a socket of this machine; said aloud, since PGSSLMODE in the environment would ask for TLS.
  | { host: string; port: number; user: string; database: string; ssl: false };

export interface PoolOptions {
  /** Shown in pg_stat_activity, so that an operator sees which part of calltrk a connection serves. */
  name: string;
  max: number;
  /** No statement runs longer. */
  statementTimeoutMs: number;
  /** How long a request may wait for a free connection, or for a new one to be made: a second if nobody says. */
  connectTimeoutMs?: number;
  onError: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 1000;

/**
 * A pool that never takes the process down: an error on an idle connection goes to `onError`
 * (node-postgres kills the process when nobody listens for it).
 */
export function createPool(address: PostgresAddress, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...address,
    application_name: `calltrk ${options.name}`,
    max: options.max,
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    statement_timeout: options.statementTimeoutMs,
    // A statement that never comes back (black hole) must end too; a little later than the server would end it.
    query_timeout: options.statementTimeoutMs + 1000,
  });
  pool.on('error', options.onError);
  pool.on('connect', (client) => client.on('error', options.onError));
  return pool;
}

/** Runs `work` in one transaction on one connection; a connection that failed is not used again. */
export async function transaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    failure = error as Error;
    // An answer with a SQLSTATE came from a living server, and a refusal is our own: the connection is good after a
    // rollback.
    if (sqlState(error) || isRefusal(error)) {
      await client.query('ROLLBACK').then(
        () => {
          failure = undefined;
        },
        () => undefined,
      );
    }
    throw error;
  } finally {
    client.release(failure);
  }
}

/** The five characters of an error that Postgres itself answered; undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  // Only what Postgres answered has a severity; EPIPE alone would pass for a SQLSTATE.
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}

/**
 * True when the statement itself is at fault (class 22 data exception, 23 integrity violation), so that sending it
 * again would fail again. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function isDataFault(error: unknown): boolean {
  return /^2[23]/.test(sqlState(error) ?? '');
}
