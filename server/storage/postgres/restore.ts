import type pg from 'pg';
import { connectForCopy, quote, settleSession } from './backup.js';
import { BackupFault, type BackupHeader, type BackupReader, type BackupTable } from './backup-format.js';
import type { PostgresAddress } from './connect.js';
import { copyIn } from './copy.js';
import { applyMigration, knownMigrations, MIGRATION_LOCK, makeMigrationTable } from './migrate.js';

export interface RestoreOptions {
  /** Of this calltrk, for the message to who has a newer backup. */
  version: string;
  tell: (line: string) => void;
}

/** The database has tables of calltrk already. */
export class NotEmptyError extends Error {
  override readonly name = 'NotEmptyError';
  /** Process id of a calltrk server that is connected to it. */
  readonly server: string | null;
  constructor(server: string | null) {
    super(
      server === null
        ? 'the database is in use by calltrk already, and a restore never overwrites'
        : `a calltrk server (process ${server}) runs on this database, and a restore never overwrites`,
    );
    this.server = server;
  }
}

/**
 * Fills an empty database from a backup, in one transaction: all of it, brought up to this code's schema, or nothing.
 * A server that starts meanwhile waits. Throws NotEmptyError, a BackupFault, or what Postgres says.
 */
export async function restoreBackup(
  address: PostgresAddress,
  reader: BackupReader,
  options: RestoreOptions,
): Promise<BackupHeader> {
  const header = await reader.header();
  await requireKnownSchema(header, options.version);
  const client = await connectForCopy(address, 'restore');
  try {
    await client.query('BEGIN');
    await settleSession(client);
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await requireEmpty(client);
    const others = await relationsOfSchema(client);
    await makeMigrationTable(client);
    for (const name of header.migrations) await applyMigration(client, name);
    const all = await relationsOfSchema(client);
    const ours = new Set([...all].filter((name) => !others.has(name)));
    await fill(client, header, reader, ours, options.tell);
    const later = (await knownMigrations()).filter((name) => !header.migrations.includes(name));
    for (const name of later) {
      options.tell(`bringing it forward: ${name}`);
      await applyMigration(client, name);
    }
    // What heard of later versions of the directory than the backup's (pools in Redis) must take the next ones.
    await client.query(
      `UPDATE directory_version
       SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)`,
    );
    await client.query('COMMIT');
    // For the planner; Postgres does it by itself, only later.
    await client.query('ANALYZE').catch(() => undefined);
    return header;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Throws a BackupFault that names both versions when the backup is ahead of this code. */
export async function requireKnownSchema(header: BackupHeader, version: string): Promise<void> {
  const known = await knownMigrations();
  const unknown = header.migrations.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new BackupFault(
    `was made by calltrk ${header.calltrk}, whose schema (${header.migrations.at(-1)}) this calltrk ${version} ` +
      `does not know (it ends with ${known.at(-1)}): restore it with calltrk ${header.calltrk} or later`,
  );
}

async function requireEmpty(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ used: boolean }>(
    "SELECT to_regclass('schema_migrations') IS NOT NULL AS used",
  );
  if (!rows[0]?.used) return;
  const servers = await client.query<{ name: string }>(
    `SELECT application_name AS name FROM pg_stat_activity
     WHERE datname = current_database() AND application_name ~ '^calltrk server \\d+$' LIMIT 1`,
  );
  throw new NotEmptyError(servers.rows[0]?.name.split(' ')[2] ?? null);
}

async function fill(
  client: pg.ClientBase,
  header: BackupHeader,
  reader: BackupReader,
  ours: Set<string>,
  tell: (line: string) => void,
): Promise<void> {
  const filled = header.tables.filter(({ name }) => ours.has(name)).map(({ name }) => quote(name));
  // Migrations put rows in, too.
  await client.query(`TRUNCATE ${filled.join(', ')}`);
  for await (const { table, rows } of reader.tables(header)) {
    // Somebody else's, in the same schema: whoever made it makes it again.
    if (!ours.has(table.name)) {
      tell(`${table.name}: left out, it is not a table of calltrk`);
      continue;
    }
    const name = quote(table.name);
    for (const partition of table.partitions) await makePartition(client, table, partition);
    // What triggers did is in the backup.
    await client.query(`ALTER TABLE ${name} DISABLE TRIGGER USER`);
    const columns = table.columns.map(quote).join(', ');
    const count = await copyIn(client, `COPY ${name} (${columns}) FROM STDIN`, rows);
    if (count !== table.rows) {
      throw new BackupFault(`is damaged: ${table.name} has ${count} rows instead of ${table.rows}`);
    }
    await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    await client.query(`ALTER TABLE ${name} ENABLE TRIGGER USER`);
    if (count > 0) tell(`${table.name}: ${count}`);
  }
  for (const { name, last_value } of header.sequences) {
    if (ours.has(name)) await client.query('SELECT setval($1::regclass, $2)', [quote(name), last_value]);
  }
}

/** Names of the tables, without partitions, and of the sequences. */
async function relationsOfSchema(client: pg.ClientBase): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'S') AND NOT relispartition`,
  );
  return new Set(rows.map(({ name }) => name));
}

/** One clause, with no second statement behind it. */
const BOUNDS = /^(DEFAULT|FOR VALUES [^;]+)$/;

/** The months that a job had made: without them their rows would go to the catch-all and stay there. */
async function makePartition(
  client: pg.ClientBase,
  table: BackupTable,
  { name, bounds }: { name: string; bounds: string },
): Promise<void> {
  if (!BOUNDS.test(bounds)) {
    throw new BackupFault(`is damaged: ${bounds} are no bounds of ${name}`);
  }
  await client.query(`CREATE TABLE IF NOT EXISTS ${quote(name)} PARTITION OF ${quote(table.name)} ${bounds}`);
}
