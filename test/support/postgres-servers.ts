import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../server/storage/embedded/index.js';
import type { PostgresAddress } from '../../server/storage/postgres/connect.js';
import { startPostgres } from './postgres.js';

export interface PostgresServer {
  /** A fresh database on it. */
  createDatabase(): Promise<PostgresAddress>;
  close(): Promise<void>;
}

/** The two kinds of Postgres that people run calltrk on: the embedded one, and one that they give. */
export const POSTGRES_SERVERS: { name: string; start: () => Promise<PostgresServer> }[] = [
  { name: 'embedded Postgres', start: startEmbedded },
  {
    name: "Debian's PostgreSQL",
    async start() {
      const server = await startPostgres();
      return {
        createDatabase: async () => ({ connectionString: await server.createDatabase() }),
        close: () => server.close(),
      };
    },
  },
];

async function startEmbedded(): Promise<PostgresServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'calltrk-embedded-'));
  chmodSync(dataDir, 0o755);
  const server = await startEmbeddedPostgres({ dataDir, log: () => undefined });
  let databases = 0;
  return {
    async createDatabase() {
      const database = `test_${++databases}`;
      const client = new pg.Client({ ...server.connection });
      await client.connect();
      await client.query(`CREATE DATABASE ${database}`);
      await client.end();
      return { ...server.connection, database, ssl: false };
    },
    async close() {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
