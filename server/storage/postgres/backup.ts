import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import pg from 'pg';
import { type BackupHeader, type BackupTable, encodeBackup } from './backup-format.js';
import type { PostgresAddress } from './connect.js';
import { CopyOut } from './copy.js';

export interface BackupOptions {
  /** Of calltrk; the backup says who made it. */
  version: string;
  /** One line on how far it is, now and then. */
  tell: (line: string) => void;
  signal: AbortSignal;
}

/** How long the database may take to be reached; a backup has time. */
const CONNECT_MS = 10_000;
const TELL_MS = 5000;

/** A connection for a backup or a restore: without limits of time, and with values written the same everywhere. */
export async function connectForCopy(address: PostgresAddress, name: string): Promise<pg.Client> {
  const client = new pg.Client({
    ...address,
    application_name: `calltrk ${name}`,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
  });
  // The query that runs is told, too; without a listener the process would end here.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Within a transaction: behind a pooler the next one may be on another connection. */
export async function settleSession(client: pg.ClientBase): Promise<void> {
  await client.query(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL client_encoding = 'UTF8';
    SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';
    SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1`);
}

/**
 * Writes a backup of the database to `out`, and ends it: every row of calltrk's tables as of one moment, while
 * servers go on. Migrations wait until it is done.
 */
export async function takeBackup(
  address: PostgresAddress,
  out: Writable,
  { version, tell, signal }: BackupOptions,
): Promise<BackupHeader> {
  const client = await connectForCopy(address, 'backup');
  try {
    const names = await tableNames(client);
    if (!names.includes('schema_migrations')) {
      throw new Error('there is nothing to back up: no calltrk server has used this database yet');
    }
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await settleSession(client);
    // Before the first question, with which the snapshot is taken: so the tables are as they were at that moment.
    await client.query(`LOCK TABLE ${names.map(quote).join(', ')} IN ACCESS SHARE MODE`);
    const header = await describe(client, version);
    const rowsOf = (table: BackupTable) => copyTable(client, table, tell);
    await pipeline(encodeBackup(header, rowsOf), createGzip(), out, { signal });
    await client.query('COMMIT');
    return header;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function* copyTable(
  client: pg.ClientBase,
  table: BackupTable,
  tell: (line: string) => void,
): AsyncGenerator<Buffer> {
  const columns = table.columns.map(quote).join(', ');
  // COPY of a query, since a partitioned table itself cannot be copied before PostgreSQL 19.
  const rows = new CopyOut(client, `COPY (SELECT ${columns} FROM ${quote(table.name)}) TO STDOUT`);
  let told = Date.now();
  for await (const block of rows) {
    if (Date.now() - told > TELL_MS) {
      told = Date.now();
      tell(`${table.name}: ${rows.rows} of ${table.rows} …`);
    }
    yield block as Buffer;
  }
  if (rows.rows !== table.rows) throw new Error(`${table.name} had ${table.rows} rows and gave ${rows.rows}`);
  if (table.rows > 0) tell(`${table.name}: ${table.rows}`);
}

/** Tables of the schema in use, without partitions, and without what an extension brought. */
async function tableNames(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND NOT EXISTS (SELECT FROM pg_depend d
                       WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

async function describe(client: pg.ClientBase, version: string): Promise<BackupHeader> {
  const facts = await client.query<{ postgres: string; made_at: Date }>(
    "SELECT current_setting('server_version') AS postgres, statement_timestamp() AS made_at",
  );
  const migrations = await client.query<{ name: string }>('SELECT name FROM schema_migrations ORDER BY name');
  const tables: BackupTable[] = [];
  for (const name of await inFillingOrder(client, await tableNames(client))) {
    const columns = await client.query<{ name: string }>(
      // What is generated is generated again.
      `SELECT attname AS name FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
      [quote(name)],
    );
    const partitions = await client.query<{ name: string; bounds: string }>(
      `SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds
       FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass ORDER BY 1`,
      [quote(name)],
    );
    const count = await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${quote(name)}`);
    tables.push({
      name,
      columns: columns.rows.map((column) => column.name),
      rows: Number(count.rows[0]?.rows),
      partitions: partitions.rows,
    });
  }
  const sequences = await client.query<{ name: string; last_value: string }>(
    `SELECT sequencename AS name, last_value::text FROM pg_sequences
     WHERE schemaname = current_schema() AND last_value IS NOT NULL ORDER BY 1`,
  );
  return {
    calltrk: version,
    postgres: facts.rows[0]?.postgres ?? '',
    made_at: facts.rows[0]?.made_at.toISOString() ?? '',
    migrations: migrations.rows.map(({ name }) => name),
    tables,
    sequences: sequences.rows,
  };
}

/** A table comes after those that its foreign keys refer to. */
async function inFillingOrder(client: pg.ClientBase, names: string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string; needs: string }>(
    `SELECT a.relname AS name, b.relname AS needs FROM pg_constraint f
     JOIN pg_class a ON a.oid = f.conrelid JOIN pg_class b ON b.oid = f.confrelid
     WHERE f.contype = 'f' AND a.relnamespace = current_schema()::regnamespace`,
  );
  const ordered = new Set<string>();
  const add = (name: string, path: string[]) => {
    if (ordered.has(name) || path.includes(name)) return;
    for (const row of rows) if (row.name === name) add(row.needs, [...path, name]);
    if (names.includes(name)) ordered.add(name);
  };
  for (const name of names) add(name, []);
  return [...ordered];
}

/** A name as an identifier in SQL. */
export function quote(name: string): string {
  return pg.escapeIdentifier(name);
}
