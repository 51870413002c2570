/**
 * F07. The primary dies and a streaming standby takes its place: what was acknowledged before, while there was none
 * and after is in the record of the new primary once. Replication is synchronous, so that a commit that was
 * acknowledged is there; one whose outcome nobody heard is sent again under the same ids.
 */
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/processes.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { between, ROUNDS, sleep } from './harness/chance.js';
import { isServerRunning, startCrowd } from './harness/crowd.js';
import { type OnPostgres, onPostgres, untilReady } from './harness/installation.js';
import { reckon } from './harness/reckoning.js';

const FAILOVERS = ROUNDS > 10 ? 6 : 1;

let proxy: TcpProxy;
let place: OnPostgres;
let primary: TestPostgres;
const others: TestPostgres[] = [];
beforeAll(async () => {
  place = await onPostgres({
    async through(port) {
      proxy = await startTcpProxy({ port });
      return proxy.port;
    },
    remove: () => proxy.close(),
  });
  primary = place.postgres;
});
afterAll(async () => {
  await place?.remove();
  for (const other of others) await other.close();
});

const addressOf = ({ port }: TestPostgres) => `postgres://postgres@127.0.0.1:${port}/test_1`;

async function ask(server: TestPostgres, ...statements: string[]): Promise<any[]> {
  const client = new pg.Client({ connectionString: addressOf(server) });
  client.on('error', () => undefined);
  await client.connect();
  try {
    let rows: any[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

/** A standby that has everything; from now on the primary waits for it at every commit. */
async function addStandby(): Promise<TestPostgres> {
  const standby = await startPostgres({ standbyOf: primary.port });
  others.push(standby);
  await ask(primary, `ALTER SYSTEM SET synchronous_standby_names = '*'`, 'SELECT pg_reload_conf()');
  await until(
    async () =>
      (await ask(primary, `SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')`))
        .length === 1 || undefined,
    { what: 'a synchronous standby' },
  );
  return standby;
}

it(`F07 what was acknowledged is there once after each of ${FAILOVERS} failovers`, {
  timeout: 300_000,
}, async () => {
  const scenario = 'F07 failover to a standby';
  for (let time = 0; time < FAILOVERS; time++) {
    const standby = await addStandby();
    const crowd = startCrowd(place, scenario, { visitors: 12 });
    await sleep(between(500, 1200));
    // Out of reach before it dies, as a fence does, so that nobody can be told what only it knows.
    proxy.refuse();
    proxy.cut();
    await primary.kill('SIGQUIT');
    const away = crowd.watch();
    await sleep(between(300, 1000));
    away.end();
    await sleep(400);
    await ask(
      standby,
      'SELECT pg_promote()',
      `ALTER SYSTEM SET synchronous_standby_names = ''`,
      'SELECT pg_reload_conf()',
    );
    proxy.pointAt(standby);
    proxy.heal();
    place.lookAt({ connectionString: addressOf(standby) });
    primary = standby;
    await untilReady(place, scenario);
    await sleep(500);
    await crowd.leave();
    expect(away.refusals).toEqual({});
    expect(away.accepted).toBeGreaterThan(0);
    expect(place.servers.map(isServerRunning)).toEqual([true]);
  }
  await reckon(place, [scenario]);
});
