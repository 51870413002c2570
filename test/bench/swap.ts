/**
 * `POST /v1/swap` against a bare Fastify POST with the same body and schemas, in turn in one run, since machines
 * drift: only the ratio means something.
 */
import { fork } from 'node:child_process';
import type autocannon from 'autocannon';
import pg from 'pg';
import { DEMO_NUMBER, demoCompany } from '../support/demo.js';
import { startPostgres } from '../support/postgres.js';
import { startRedis } from '../support/redis.js';
import { type RunningServer, removeDataDir, startServer } from '../support/server.js';
import { cpuOfChildren } from './cpu.js';
import { load, spread } from './load.js';

const ROUNDS = 5;
const SECONDS = 4;
/** A pool that is large for a small business. */
const POOL = 200;

interface Contender {
  name: string;
  /** Ratio to the yardstick that must be reached. */
  bar?: number;
  url: string;
  sites: { key: string; target: string }[];
  results: autocannon.Result[];
  cpu: Map<string, number>;
  close(): Promise<void>;
}

/** Measures the embedded default and Redis with Postgres, and prints how they compare. */
export async function benchSwap(): Promise<void> {
  const contenders = [await bare(), await embedded(), await external()];
  const [yardstick] = contenders;
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      for (const contender of contenders) await measure(contender, round);
      process.stderr.write(round === 0 ? 'warmed up' : ` · round ${round}`);
    }
    process.stderr.write('\n');
    const table: Record<string, object> = {};
    for (const { name, bar, results, cpu } of contenders) {
      const total = results.reduce((sum, { requests }) => sum + requests.total, 0);
      const ratios = results.map((result, at) => rate(result) / rate(yardstick?.results[at]));
      table[`${name}: requests/s`] = spread(results.map(rate));
      if (bar !== undefined) table[`${name}: ratio (bar ${bar.toFixed(2)})`] = spread(ratios);
      table[`${name}: p99 ms`] = spread(results.map(({ latency }) => latency.p99));
      for (const [program, us] of cpu) table[`${name}: µs of ${program} a request`] = spread([us / total]);
    }
    console.table(table);
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

const rate = (result: autocannon.Result | undefined) => result?.requests.average ?? Number.NaN;

async function measure(contender: Contender, round: number): Promise<void> {
  const { url, sites, results, cpu } = contender;
  const before = cpuOfChildren();
  const result = await load(url, { sites, seconds: SECONDS });
  // The first round warms up.
  if (round === 0) return;
  results.push(result);
  for (const [program, us] of cpuOfChildren()) {
    const used = us - (before.get(program) ?? 0);
    // What only idles beside it is none of its business.
    if (used > SECONDS * 10_000) cpu.set(program, (cpu.get(program) ?? 0) + used);
  }
}

async function bare(): Promise<Contender> {
  const child = fork('test/bench/bare-server.ts', { execArgv: ['--import', 'tsx'] });
  const port = await new Promise((done) => child.once('message', done));
  return {
    name: 'bare Fastify',
    url: `http://127.0.0.1:${port}`,
    sites: [{ key: '0'.repeat(20), target: DEMO_NUMBER }],
    results: [],
    cpu: new Map(),
    async close() {
      child.kill();
    },
  };
}

async function embedded(): Promise<Contender> {
  const server = await startServer();
  return {
    name: 'embedded default',
    bar: 0.4,
    url: server.url,
    sites: [await siteOf(server)],
    results: [],
    cpu: new Map(),
    async close() {
      await server.end();
      removeDataDir(server.dataDir);
    },
  };
}

async function external(): Promise<Contender> {
  const postgres = await startPostgres();
  const redis = await startRedis({ appendonly: 'yes' });
  const url = await postgres.createDatabase();
  const server = await startServer({ env: { DATABASE_URL: url, REDIS_URL: redis.url } });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const before = await written(client);
  const contender: Contender = {
    name: 'Redis + Postgres',
    bar: 0.35,
    url: server.url,
    sites: [await siteOf(server)],
    results: [],
    cpu: new Map(),
    async close() {
      const total = (await client.query('SELECT count(*) AS views FROM page_views')).rows[0].views;
      const after = await written(client);
      const micros = /cmdstat_evalsha:.*usec_per_call=([\d.]+)/.exec(redis.cli('info', 'commandstats'))?.[1];
      console.log(
        `a request: ${((after.rows - before.rows) / total).toFixed(2)} rows written, ` +
          `${Math.round((after.wal - before.wal) / total)} bytes of WAL, ` +
          `${Math.round((after.bytes - before.bytes) / total)} bytes of database, ${micros} µs a Redis script`,
      );
      await client.end();
      await server.end();
      await redis.close();
      await postgres.close();
      removeDataDir(server.dataDir);
    },
  };
  return contender;
}

async function written(client: pg.Client): Promise<{ rows: number; wal: number; bytes: number }> {
  await client.query('SELECT pg_stat_clear_snapshot()');
  const { rows } = await client.query(`SELECT
    (SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_user_tables)::float8 AS rows,
    (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 AS wal, pg_database_size(current_database())::float8 AS bytes`);
  return rows[0];
}

/** A business with a pool of its own, beside the demo. */
async function siteOf(server: RunningServer): Promise<{ key: string; target: string }> {
  const { id, scriptKey } = await demoCompany(server);
  const target = '+12125550100';
  const response = await fetch(`${server.url}/v3/a/${server.account}/trackers.json`, {
    method: 'POST',
    headers: { authorization: `Token token="${server.key}"`, 'content-type': 'application/json' },
    body: JSON.stringify({
      company_id: id,
      name: 'Bench',
      type: 'session',
      source: 'all',
      call_flow: { type: 'basic', destination_number: target },
      tracking_numbers: Array.from({ length: POOL }, (_, at) => `+1646555${String(1000 + at)}`),
    }),
  });
  if (!response.ok) throw new Error(await response.text());
  return { key: scriptKey, target };
}
