/** What comes to a pool, counted from leases and visits, and the lanes that follow from it. Time is an argument. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { laneOf } from '../../server/domain/lanes.js';
import type { Tracker } from '../../server/domain/ports.js';
import { poolJobs } from '../../server/jobs/plan-lanes.js';
import { type PoolHealth, watchPools } from '../../server/jobs/watch-pools.js';
import { createHousekeeping } from '../../server/storage/postgres/housekeeping.js';
import { migrate } from '../../server/storage/postgres/migrate.js';
import { createRecordStore } from '../../server/storage/postgres/record-store.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { insert, seedAccount, seedCompany, seedTracker, seedVisit } from '../support/seed.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOON = Date.parse('2026-03-02T12:00:00Z');
const numbersOf = (count: number) =>
  Array.from({ length: count }, (_, at) => `+1305555${String(last * 100 + at).padStart(4, '0')}`);
let last = 0;

let postgres: TestPostgres;
let pool: pg.Pool;
let company: string;
beforeAll(async () => {
  postgres = await startPostgres();
  pool = new pg.Pool({ connectionString: await postgres.createDatabase() });
  await migrate(pool);
});
beforeEach(async () => {
  last++;
  company = await seedCompany(pool, (await seedAccount(pool)).accountId);
});
afterAll(async () => {
  await pool?.end();
  await postgres?.close();
});

async function newPool(numbers: string[], more: Record<string, unknown> = {}): Promise<string> {
  const tracker = await seedTracker(pool, company, more);
  for (const [position, number] of numbers.entries())
    await insert(pool, 'tracking_numbers', { company_id: company, tracker_id: tracker, number, position });
  return tracker;
}

interface Held {
  session?: string;
  from: number;
  /** When it ended; null: it is open. */
  until?: number | null;
  lastSeen?: number;
  source?: string;
  campaign?: string | null;
  shared?: boolean;
}

/** A visit with its lease of a number, as `pool.ts` keeps them. */
async function hold(
  tracker: string,
  number: string,
  { session, from, until = null, lastSeen = from, shared = false, source = 'direct', campaign = null }: Held,
): Promise<string> {
  const session_id = session ?? crypto.randomUUID();
  const last_seen = new Date(lastSeen);
  const visit_id = await seedVisit(pool, company, session_id, new Date(from), {
    source,
    campaign,
    last_seen,
  });
  const lease_id = crypto.randomUUID();
  const ids = { company_id: company, tracker_id: tracker, lease_id, session_id, visit_id };
  await insert(pool, 'leases', {
    ...ids,
    number,
    started_at: new Date(from),
    ended_at: until === null ? null : new Date(until),
    hold_seconds: 1200,
    shared,
  });
  return lease_id;
}

const arrivalsOf = async (tracker: string) =>
  (
    await pool.query(
      `SELECT hour, source, campaign, visits, first_at, leases, lease_seconds, shared, reissued, diverted
       FROM arrivals WHERE tracker_id = $1 ORDER BY hour, source, campaign`,
      [tracker],
    )
  ).rows;
const hoursOf = async (tracker: string) =>
  (await pool.query('SELECT * FROM pool_hours WHERE tracker_id = $1 ORDER BY hour', [tracker])).rows;
const trackerOf = async (id: string) => {
  const { loadDirectory } = createRecordStore({ pool, callPool: pool, writePool: pool });
  const { trackers, version } = await loadDirectory();
  return { version, tracker: trackers.find(({ trackerId }) => trackerId === id) as Tracker };
};

test('an hour has its visits by source and campaign, and what became of their leases', async () => {
  const [one, two, fixed] = numbersOf(3) as [string, string, string];
  const tracker = await newPool([one, two, fixed], { when_full: 'static', static_number: fixed });
  const record = createHousekeeping(pool);
  const ad = { source: 'google_paid', campaign: 'drains' };
  // Before the hour, and lasting into it.
  await hold(tracker, one, { from: NOON - 30 * MINUTE, until: NOON + 10 * MINUTE });
  // On a number that is free, on one that is held, the same session's next visit, and on the static one.
  await hold(tracker, one, { from: NOON + 10 * MINUTE, until: NOON + 40 * MINUTE, ...ad, shared: true });
  const session = crypto.randomUUID();
  await hold(tracker, one, { from: NOON + 20 * MINUTE, until: NOON + 30 * MINUTE, session, shared: true });
  await hold(tracker, one, {
    from: NOON + 30 * MINUTE,
    until: NOON + 50 * MINUTE,
    session,
    ...ad,
    shared: true,
  });
  await hold(tracker, two, { from: NOON + 15 * MINUTE, lastSeen: NOON + 20 * MINUTE, ...ad });
  await hold(tracker, fixed, { from: NOON + 40 * MINUTE, until: NOON + 45 * MINUTE, shared: true });
  // Of the next hour, and another tracker's of before.
  await hold(tracker, two, { from: NOON + HOUR, until: NOON + HOUR + MINUTE });
  await hold('TRKother', one, { from: NOON + 5 * MINUTE, until: NOON + 6 * MINUTE });

  await record.countHour(NOON, NOON + 2 * HOUR);
  const expected = [
    {
      hour: new Date(NOON),
      source: 'direct',
      campaign: '',
      visits: 2,
      first_at: new Date(NOON + 20 * MINUTE),
      leases: 2,
      lease_seconds: 600 + 300,
      shared: 2,
      reissued: 1,
      diverted: 1,
    },
    {
      hour: new Date(NOON),
      source: 'google_paid',
      campaign: 'drains',
      visits: 3,
      first_at: new Date(NOON + 10 * MINUTE),
      leases: 3,
      lease_seconds: 1800 + 1200 + 300 + 1200,
      shared: 2,
      reissued: 0,
      diverted: 0,
    },
  ];
  expect(await arrivalsOf(tracker)).toEqual(expected);
  // The first number from 12:00 to 12:50, the second from 12:15 to 12:40; the static one is not the pool's.
  const hours = [{ numbers: 2, seconds: 3600, held_seconds: 3000 + 1500, peak_held: 2 }];
  expect(await hoursOf(tracker)).toMatchObject(hours);

  // Counted again it is the same; what has changed meanwhile takes the place of what was.
  await record.countHour(NOON, NOON + 3 * HOUR);
  expect(await arrivalsOf(tracker)).toEqual(expected);
  await hold(tracker, two, { from: NOON + 50 * MINUTE, until: NOON + 51 * MINUTE, source: 'yelp.com' });
  await pool.query(`UPDATE visits SET source = 'bing_paid' WHERE company_id = $1 AND source = 'direct'`, [
    company,
  ]);
  await record.countHour(NOON, NOON + 3 * HOUR);
  const again = await arrivalsOf(tracker);
  expect(again.map(({ source, visits }) => [source, visits])).toEqual([
    ['bing_paid', 2],
    ['google_paid', 3],
    ['yelp.com', 1],
  ]);
  expect(await hoursOf(tracker)).toMatchObject([{ held_seconds: 3000 + 1500 + 60, peak_held: 2 }]);
});

test('of the hour that lasts as much is counted as has passed', async () => {
  const [number] = numbersOf(1) as [string];
  const tracker = await newPool([number]);
  await hold(tracker, number, { from: NOON, lastSeen: NOON + 5 * MINUTE });
  const { countHour } = createHousekeeping(pool);
  await countHour(NOON, NOON + 15 * MINUTE);
  expect(await hoursOf(tracker)).toMatchObject([{ seconds: 900, held_seconds: 900, peak_held: 1 }]);
  // How long it will be held at least is known already.
  expect(await arrivalsOf(tracker)).toMatchObject([{ lease_seconds: 1500 }]);
  await countHour(NOON, NOON + 2 * HOUR);
  expect(await hoursOf(tracker)).toMatchObject([{ seconds: 3600, held_seconds: 1500 }]);
});

test('a number that was taken out still counts in its hours, and made-up names have room', async () => {
  const [number, other] = numbersOf(2) as [string, string];
  const tracker = await newPool([number, other]);
  await pool.query('UPDATE tracking_numbers SET removed_at = $2 WHERE number = $1', [
    number,
    new Date(NOON + 30 * MINUTE),
  ]);
  await hold(tracker, number, { from: NOON + MINUTE, until: NOON + 2 * MINUTE, campaign: '📞'.repeat(5000) });
  await createHousekeeping(pool).countHour(NOON, NOON + HOUR);
  expect(await arrivalsOf(tracker)).toMatchObject([{ visits: 1, campaign: '📞'.repeat(255) }]);
  expect(await hoursOf(tracker)).toMatchObject([{ numbers: 1 }]);
});

test('a new campaign has numbers of its own within the hour, and a quiet minute changes nothing', async () => {
  const numbers = numbersOf(12);
  const tracker = await newPool(numbers);
  let now = NOON;
  const [plan] = poolJobs(createHousekeeping(pool), () => now);
  const come = async (every: number, source: string, campaign: string | null) => {
    if ((now / MINUTE) % every !== 0) return;
    const number = numbers[(now / MINUTE) % numbers.length] ?? '';
    await hold(tracker, number, { from: now, until: now + 5 * MINUTE, source, campaign });
  };
  for (; now < NOON + 3 * HOUR; now += MINUTE) {
    await come(2, 'google_paid', 'drains');
    await come(3, 'google_organic', null);
    await come(6, 'direct', null);
    if (now % HOUR === 0) await plan?.run();
  }
  await plan?.run();
  const before = await trackerOf(tracker);
  expect(before.tracker.lanes.flatMap((lane) => lane.numbers).sort()).toEqual(numbers);
  const laneBefore = laneOf(before.tracker.lanes, 'facebook_paid', 'spring');
  expect(before.tracker.lanes.find(({ lane }) => lane === laneBefore)?.source).toBeNull();
  await plan?.run();
  expect((await trackerOf(tracker)).version).toBe(before.version);

  const began = now;
  let servedAt = Number.POSITIVE_INFINITY;
  for (; now < began + HOUR && servedAt > now; now += MINUTE) {
    await come(1, 'facebook_paid', 'spring');
    await come(2, 'google_paid', 'drains');
    await come(3, 'google_organic', null);
    await plan?.run();
    const { lanes } = (await trackerOf(tracker)).tracker;
    const own = lanes.find(({ lane }) => lane === laneOf(lanes, 'facebook_paid', 'spring'));
    if (own?.source === 'facebook_paid' && own.numbers.length >= 3) servedAt = now;
  }
  expect((servedAt - began) / MINUTE).toBeLessThan(45);
  const after = await trackerOf(tracker);
  expect(after.tracker.lanes.flatMap((lane) => lane.numbers).sort()).toEqual(numbers);
  expect(Number(after.version)).toBeGreaterThan(Number(before.version));
}, 60_000);

test('a few visits divide nothing: any of the first visitors gets any number', async () => {
  const numbers = numbersOf(8);
  const tracker = await newPool(numbers);
  let now = NOON;
  const [plan] = poolJobs(createHousekeeping(pool), () => now);
  const lanesAfter = async (visits: number) => {
    for (let visit = 0; visit < visits; visit++, now += 2 * MINUTE) {
      const source = visit % 2 ? 'direct' : 'google_paid';
      await hold(tracker, numbers[visit % 8] ?? '', { from: now, until: now + MINUTE, source });
    }
    await plan?.run();
    return (await trackerOf(tracker)).tracker.lanes;
  };
  expect(await lanesAfter(2)).toMatchObject([{ source: null, numbers }]);
  expect((await lanesAfter(22)).length).toBeGreaterThan(1);
});

test('several servers plan once, and what is long gone is forgotten', async () => {
  const numbers = numbersOf(3);
  const tracker = await newPool(numbers);
  await hold(tracker, numbers[0] ?? '', { from: NOON + MINUTE, until: NOON + 2 * MINUTE });
  const version = async () => Number((await trackerOf(tracker)).version);
  const before = await version();
  let now = NOON + HOUR;
  const jobs = [1, 2, 3].map(() => poolJobs(createHousekeeping(pool), () => now));
  await Promise.all(jobs.map(([plan]) => plan?.run()));
  expect(await version()).toBe(before + 1);
  expect((await arrivalsOf(tracker)).length).toBe(1);
  now = NOON + 34 * 24 * HOUR;
  await Promise.all(jobs.map(([, daily]) => daily?.run()));
  expect([(await arrivalsOf(tracker)).length, (await hoursOf(tracker)).length]).toEqual([1, 1]);
  now = NOON + 36 * 24 * HOUR;
  await Promise.all(jobs.map(([, daily]) => daily?.run()));
  expect([(await arrivalsOf(tracker)).length, (await hoursOf(tracker)).length]).toEqual([0, 0]);
});

test('alarms go by the busiest hour, and by the sharing of the last day', async () => {
  const numbers = numbersOf(20);
  const tracker = await newPool(numbers);
  const quiet = await newPool([]);
  // Forty leases of half an hour in one hour: twenty Erlangs. Two more on the next day, one of them shared.
  for (let at = 0; at < 40; at++) {
    const from = NOON + at * MINUTE;
    await hold(tracker, numbers[at % 20] ?? '', { from, until: from + 30 * MINUTE });
  }
  const later = NOON + 25 * HOUR;
  await hold(tracker, numbers[0] ?? '', { from: later, until: later + MINUTE, shared: true });
  await hold(tracker, numbers[1] ?? '', { from: later, until: later + MINUTE });
  const record = createHousekeeping(pool);
  for (const hour of [NOON, later]) await record.countHour(hour, later + HOUR);
  const told: PoolHealth[] = [];
  const records = createRecordStore({ pool, callPool: pool, writePool: pool });
  await watchPools(
    records,
    (pools) => told.push(...pools),
    () => later + 30 * MINUTE,
  ).run();
  expect(told.find(({ trackerId }) => trackerId === tracker)).toEqual({
    trackerId: tracker,
    offeredLoad: 20,
    recommended: [
      { blocking: 0.05, numbers: 26 },
      { blocking: 0.01, numbers: 30 },
      { blocking: 0.001, numbers: 35 },
    ],
    leases: 2,
    shared: 1,
  });
  expect(told.find(({ trackerId }) => trackerId === quiet)).toMatchObject({ offeredLoad: 0, leases: 0 });
});
