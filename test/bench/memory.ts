/** The memory of a server on external stores after a hundred thousand sessions. */
import { readFileSync } from 'node:fs';
import { DEMO_NUMBER, demoCompany } from '../support/demo.js';
import { startPostgres } from '../support/postgres.js';
import { startRedis } from '../support/redis.js';
import { removeDataDir, startServer } from '../support/server.js';
import { load } from './load.js';

const SESSIONS = 100_000;
const BAR_MB = 250;

export async function benchMemory(): Promise<void> {
  const postgres = await startPostgres();
  const redis = await startRedis();
  const server = await startServer({
    env: { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url },
  });
  try {
    const { scriptKey: key } = await demoCompany(server);
    const before = residentMb(server.child.pid);
    await load(server.url, { sites: [{ key, target: DEMO_NUMBER }], amount: SESSIONS, views: 1 });
    const after = residentMb(server.child.pid);
    console.table({
      [`MB resident (bar ${BAR_MB})`]: { 'at start': before, [`after ${SESSIONS} sessions`]: after },
    });
  } finally {
    await server.end();
    await redis.close();
    await postgres.close();
    removeDataDir(server.dataDir);
  }
}

function residentMb(pid: number | undefined): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}
