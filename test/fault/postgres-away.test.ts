/**
 * F04, F05, F06. Postgres is gone, slow, deaf, locked, read-only or has no room: visitors are answered 2xx all the
 * same and at once, callers are connected, and when it is back everything is there once. The process never ends.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NOISE_MS } from '../support/processes.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import type { Watch } from './harness/book.js';
import { ROUNDS, sleep } from './harness/chance.js';
import { type CrowdOptions, connectCaller, isServerRunning, startCrowd } from './harness/crowd.js';
import { type Installation, type OnPostgres, onPostgres, untilReady } from './harness/installation.js';
import { reckon } from './harness/reckoning.js';
import { mountSmallDisk, type SmallDisk } from './harness/small-disk.js';

/** Long enough for several tries to reach it again. */
const AWAY_MS = ROUNDS > 10 ? 5000 : 1000;
/** 250 ms for the record, then the disk; the rest is for two cores that others use, too. */
const VISITOR_MS = 1500 + NOISE_MS;
/** What a caller is promised. */
const CALLER_MS = 1000 + NOISE_MS;

const scenarios = new Set<string>();

/** A crowd before, while and after Postgres is away; answers what was booked while it was. */
async function play(
  installation: Installation,
  scenario: string,
  fault: { begin: () => unknown; end: () => unknown },
  options: CrowdOptions = {},
): Promise<Away> {
  scenarios.add(scenario);
  const [server] = installation.servers;
  const crowd = startCrowd(installation, scenario, { visitors: 12, ...options });
  await sleep(400);
  await fault.begin();
  const away = crowd.watch();
  const calling = options.callers === 0 ? [] : callAtOnce(installation, scenario);
  const [callers] = await Promise.all([calling, sleep(AWAY_MS)]);
  away.end();
  // What began while it was away is answered while it is away.
  await sleep(400);
  await fault.end();
  await untilReady(installation, scenario);
  await sleep(300);
  await crowd.leave();
  expect(installation.servers[0]).toBe(server);
  expect(installation.servers.map(isServerRunning)).toEqual([true]);
  return { ...away, callers };
}

/** Some callers, whom nothing keeps waiting. */
function callAtOnce(place: Installation, scenario: string) {
  return Promise.all(place.pool.slice(0, 3).map((number) => connectCaller(place, scenario, number)));
}

type Away = Watch & { callers: { isConnected: boolean; ms: number }[] };

function expectServed(away: Away): void {
  expect(away.accepted).toBeGreaterThan(20);
  expect(away.refusals).toEqual({});
  expect(away.slowestMs).toBeLessThan(VISITOR_MS);
  expect(away.callers.map(({ isConnected }) => isConnected)).toEqual([true, true, true]);
  expect(away.slowestCallMs).toBeLessThan(CALLER_MS);
}

/** What the journal of a server holds: its files, without what is kept for people. */
function journalsOf({ servers: [server] }: Installation): string[] {
  const folder = join(server?.dataDir ?? '', 'journal');
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.journal')) : [];
}

describe('Postgres', () => {
  let proxy: TcpProxy;
  let place: OnPostgres;
  let direct: pg.Client;
  beforeAll(async () => {
    place = await onPostgres({
      async through(port) {
        proxy = await startTcpProxy({ port });
        return proxy.port;
      },
      remove: () => proxy.close(),
    });
  });
  afterEach(() => proxy.heal());
  afterAll(() => place.remove());

  const ask = async (...statements: string[]) => {
    direct = new pg.Client({
      connectionString: `postgres://postgres@127.0.0.1:${place.postgres.port}/test_1`,
    });
    direct.on('error', () => undefined);
    await direct.connect();
    for (const statement of statements) await direct.query(statement);
  };
  const leave = () => direct.end();

  it('F04 is stopped at once and started again', async () => {
    const { postgres } = place;
    expectServed(
      await play(place, 'F04 Postgres stopped at once', {
        begin: () => postgres.kill('SIGQUIT'),
        end: () => postgres.start(),
      }),
    );
  });

  it('F04 loses every connection again and again', async () => {
    let isOver = false;
    let storm: Promise<void>;
    await ask();
    const away = await play(place, 'F04 storm of pg_terminate_backend', {
      begin() {
        storm = (async () => {
          while (!isOver) {
            await direct.query(
              `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'calltrk %'`,
            );
            await sleep(50);
          }
        })();
      },
      async end() {
        isOver = true;
        await storm;
        await leave();
      },
    });
    expectServed(away);
  });

  it('F04 refuses connections', async () => {
    const begin = () => {
      proxy.refuse();
      proxy.cut();
    };
    expectServed(await play(place, 'F04 Postgres refuses connections', { begin, end: () => proxy.heal() }));
  });

  it('F05 answers after seconds', async () => {
    const fault = { begin: () => proxy.delay(5000), end: () => proxy.heal() };
    expectServed(await play(place, 'F05 Postgres slow by 5 s', fault));
  });

  it('F05 swallows what it is told', async () => {
    const fault = { begin: () => proxy.blackhole(), end: () => proxy.heal() };
    expectServed(await play(place, 'F05 Postgres black-holed', fault));
  });

  it('F05 waits for the lock of somebody else', async () => {
    // One table, for several might be taken in another order than the server's; every write and every join needs it.
    expectServed(
      await play(place, 'F05 LOCK TABLE', {
        begin: () => ask('BEGIN', 'LOCK TABLE visits IN ACCESS EXCLUSIVE MODE'),
        end: async () => {
          await direct.query('ROLLBACK');
          await leave();
        },
      }),
    );
  });

  it('F06 takes no writes', async () => {
    const set = (value: string) => [
      `ALTER SYSTEM ${value}`,
      'SELECT pg_reload_conf()',
      // Pools keep sessions that began before.
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'calltrk %'`,
    ];
    expectServed(
      await play(place, 'F06 Postgres read-only', {
        begin: async () => {
          await ask(...set('SET default_transaction_read_only = on'));
          await leave();
        },
        end: async () => {
          await ask('SET default_transaction_read_only = off', ...set('RESET default_transaction_read_only'));
          await leave();
        },
      }),
    );
  });

  it('and what was acknowledged is in the record, drained to the last line', async () => {
    await reckon(place, [...scenarios]);
    expect(journalsOf(place)).toEqual([]);
  });
});

describe('the disk', () => {
  const disks: SmallDisk[] = [];
  const places: Installation[] = [];
  afterAll(async () => {
    for (const place of places) await place.remove();
    for (const disk of disks) disk.remove();
  });
  const mount = (megabytes: number) => {
    const disk = mountSmallDisk(megabytes);
    if (disk) disks.push(disk);
    return disk;
  };

  it('F06 of Postgres is full', async (test) => {
    const disk = mount(300);
    if (!disk) return test.skip('only root may mount a small disk');
    const place = await onPostgres({
      postgresOptions: {
        parent: disk.path,
        settings: { max_wal_size: '64MB', min_wal_size: '32MB', autovacuum: 'off' },
      },
    });
    places.push(place);
    const away = await play(place, 'F06 disk of Postgres full', {
      begin: () => disk.fill(),
      async end() {
        disk.free();
        // Without room for its log it may have given up.
        if (!place.postgres.isRunning()) await place.postgres.start();
      },
    });
    expectServed(away);
    await reckon(place, ['F06 disk of Postgres full']);
  });

  it('F06 of the journal is full, too: 503, and callers are connected', async (test) => {
    const disk = mount(16);
    if (!disk) return test.skip('only root may mount a small disk');
    const place = await onPostgres({ dataDir: join(disk.path, 'data') });
    places.push(place);
    const answers: Awaited<ReturnType<typeof connectCaller>>[] = [];
    // A call that nobody can note is connected all the same; so it is none of those that are counted.
    const away = await play(
      place,
      'F06 Postgres gone, disk of the journal full',
      {
        async begin() {
          disk.fill();
          await place.postgres.kill('SIGQUIT');
          for (let at = 0; at < 5; at++)
            answers.push(await connectCaller(place, '', place.pool[at] ?? '', { nowhereToNote: true }));
        },
        async end() {
          disk.free();
          await place.postgres.start();
        },
      },
      { callers: 0 },
    );
    expect(answers.map(({ isConnected }) => isConnected)).toEqual(Array(5).fill(true));
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(CALLER_MS);
    expect(away.refused).toBeGreaterThan(0);
    expect(away.accepted).toBe(0);
    expect(away.slowestMs).toBeLessThan(VISITOR_MS);
    await reckon(place, ['F06 Postgres gone, disk of the journal full']);
  });
});
