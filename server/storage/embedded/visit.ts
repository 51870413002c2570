import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { USER } from './cluster.js';
import { fault } from './faults.js';
import {
  createDatabase,
  DATABASE,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  makePlace,
} from './index.js';
import { PORT, removeSocketFolder, thisMachine } from './place.js';
import { bringUp, connect, shutDown } from './server.js';

export interface Visit {
  readonly connection: EmbeddedPostgres['connection'];
  /** Leaves Postgres running if it ran before, or if somebody uses it by now; else stops it. */
  end(): Promise<void>;
}

/**
 * The private PostgreSQL of `dataDir` for a short task: the one that runs, or one that is started for it. Unlike
 * `startEmbeddedPostgres` it does not watch over it, so that whoever runs it may stop it meanwhile. With `make` an
 * empty database is made where there is none; without, that is an error.
 */
export async function visitEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
  { make }: { make: boolean },
): Promise<Visit> {
  if (!make) await requireDatabase(options.dataDir);
  const place = await makePlace(options, thisMachine);
  const server = await bringUp(place);
  const { socketFolder, adopted } = server;
  if (!adopted) options.log('started the embedded Postgres', { pid: server.pid });

  async function end(): Promise<void> {
    if (adopted || (await hasGuests(socketFolder))) return;
    await shutDown(server);
    await removeSocketFolder(place, socketFolder);
    options.log('stopped the embedded Postgres', { pid: server.pid });
  }

  try {
    await createDatabase(socketFolder);
  } catch (error) {
    await end();
    throw error;
  }
  return { connection: { host: socketFolder, port: PORT, user: USER, database: DATABASE }, end };
}

async function requireDatabase(dataDir: string): Promise<void> {
  for (const name of ['postgres', 'embedded-id']) {
    const isThere = await access(join(dataDir, name)).then(
      () => true,
      () => false,
    );
    if (isThere) return;
  }
  throw fault(`There is no database in ${dataDir}`, {
    advice: 'Set DATA_DIR to where the server has its data.',
  });
}

/** Whether anybody else is connected: a server that was started meanwhile has adopted it. */
async function hasGuests(socketFolder: string): Promise<boolean> {
  const client = await connect(socketFolder, 'postgres');
  try {
    const { rowCount } = await client.query(
      `select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1`,
    );
    return rowCount !== 0;
  } finally {
    await client.end().catch(() => undefined);
  }
}
