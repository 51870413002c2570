import { readdir, readFile } from 'node:fs/promises';
import type pg from 'pg';

const FOLDER = new URL('./migrations/', import.meta.url);

/** Names this installation's migrations among all advisory locks of a database: "calltrk" in ASCII, cut to fit. */
export const MIGRATION_LOCK = 0x63616c6c;

/** The names of all migrations that this code knows, in their order. */
export async function knownMigrations(): Promise<string[]> {
  return (await readdir(FOLDER)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
}

/** Makes the table of the migrations that a database has seen, if it is not there. */
export async function makeMigrationTable(client: pg.ClientBase): Promise<void> {
  await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`);
}

/** Applies one migration and notes that it was. Within a transaction of the caller's. */
export async function applyMigration(client: pg.ClientBase, name: string): Promise<void> {
  const sql = await readFile(new URL(name, FOLDER), 'utf8');
  await client.query('INSERT INTO schema_migrations (name) VALUES ($1)', [name]);
  await client.query(sql);
}

/**
 * Brings the schema up to date: each `NNNN_name.sql` that the database has not seen runs in a transaction of its
 * own, together with the row that says so. Any number of servers may start at once: they take turns behind a lock,
 * and who comes second finds nothing left to do. Refuses a database that is ahead of this code.
 * A released file is never edited: a new number is added.
 */
export async function migrate(pool: pg.Pool): Promise<{ applied: string[] }> {
  const files = await knownMigrations();
  const client = await pool.connect();
  const applied: string[] = [];
  try {
    // Waiting for the others may take as long as their migrations do.
    await client.query('SET statement_timeout = 0');
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await makeMigrationTable(client);
    const { rows } = await client.query<{ name: string }>('SELECT name FROM schema_migrations');
    const seen = new Set(rows.map((row) => row.name));
    const unknown = [...seen].filter((name) => !files.includes(name)).sort();
    if (unknown.length > 0) {
      throw new Error(
        `The database has migrations that this version of calltrk does not know (${unknown.join(', ')}). ` +
          'It was used by a newer version: start that one, or use another database.',
      );
    }
    for (const name of files.filter((file) => !seen.has(file))) {
      await client.query('BEGIN');
      await applyMigration(client, name);
      await client.query('COMMIT');
      applied.push(name);
    }
    return { applied };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    await client.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    // Not given back to the pool: its statement_timeout was changed.
    client.release(true);
  }
}
