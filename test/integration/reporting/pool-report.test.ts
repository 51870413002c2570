/** `pool.json`: how a pool fares, over a real record. */
import { Value } from 'typebox/value';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { poolJobs } from '../../../server/jobs/plan-lanes.js';
import { createHousekeeping } from '../../../server/storage/postgres/housekeeping.js';
import { PoolReportSchema } from '../../../shared/contract/pool-report.js';
import { insert, seedVisit } from '../../support/seed.js';
import { NOW } from './api.js';
import { fresh, type Json, startTrackersApi, type TrackersApi } from './trackers-api.js';

const MINUTE = 60_000;
let api: TrackersApi;
beforeAll(async () => {
  api = await startTrackersApi();
});
afterAll(() => api.close());

const poolOf = (tracker: Json, query = '') => api.get(`trackers/${tracker.id}/pool.json${query}`);

async function hold(tracker: Json, number: string, source: string, from: number, until: number | null) {
  const session_id = crypto.randomUUID();
  const visit_id = await seedVisit(api.pool, api.company, session_id, new Date(from), { source });
  await insert(api.pool, 'leases', {
    company_id: api.company,
    lease_id: crypto.randomUUID(),
    tracker_id: tracker.id,
    number,
    session_id,
    visit_id,
    started_at: new Date(from),
    ended_at: until === null ? null : new Date(until),
    hold_seconds: 1200,
    shared: false,
  });
}

it('tells what came, how full the pool was, and how many numbers it should have', async () => {
  const numbers = [fresh(), fresh(), fresh(), fresh()] as const;
  const tracker = await api.createPool({ tracking_numbers: numbers });
  // Two hours ago twelve visits of half an hour each, on two numbers one after the other and on one another.
  for (let at = 0; at < 12; at++) {
    const from = NOW - 2 * 60 * MINUTE + at * 5 * MINUTE;
    await hold(
      tracker,
      numbers[at % 2] as string,
      at < 9 ? 'google_paid' : 'direct',
      from,
      from + 30 * MINUTE,
    );
  }
  await hold(tracker, numbers[3], 'direct', NOW - 5 * MINUTE, null);
  for (const job of poolJobs(createHousekeeping(api.pool), () => NOW).toReversed()) await job.run();

  const { status, body } = await poolOf(tracker);
  expect(status).toBe(200);
  expect([...Value.Errors(PoolReportSchema, body)]).toEqual([]);
  expect(body).toMatchObject({
    tracker_id: tracker.id,
    tracker_name: 'Some',
    company_id: api.company,
    at: '2026-02-15T17:00:00.000Z',
    settings: { hold_seconds: 1200, lane_key: 'campaign', when_full: 'share' },
    numbers: { total: 4, leasable: 4, held: 1 },
    offered_load: { erlangs: 6, hour: '2026-02-15T15:00:00.000Z', leases: 12, mean_lease_seconds: 1800 },
    // The first two found their numbers free.
    blocking: { leases: 13, shared: 0, reissued: 10, diverted: 0, measured: 0.7692 },
    recommended: [
      { blocking: 0.05, numbers: 10 },
      { blocking: 0.01, numbers: 13 },
      { blocking: 0.001, numbers: 15 },
    ],
  });
  expect(body.blocking.erlang_b_peak).toBeCloseTo(0.4696, 3);
  expect(body.lanes.flatMap((lane: any) => lane.numbers).sort()).toEqual([...numbers].sort());
  expect(body.lanes.map((lane: any) => lane.source)).toContain('google_paid');
  expect(body.arrivals[0]).toMatchObject({ source: 'google_paid', campaign: null });
  expect(body.hours).toHaveLength(24);
  expect(body.hours.at(-3)).toMatchObject({
    hour: '2026-02-15T15:00:00.000Z',
    visits: 12,
    leases: 12,
    reissued: 10,
    peak_held: 2,
    numbers: 4,
  });
  // One number from :00 on, the other from :05 on, of four.
  expect(body.hours.at(-3).utilisation).toBeCloseTo((60 + 55) / 240, 4);
  expect(body.hours.at(-1)).toMatchObject({ hour: '2026-02-15T17:00:00.000Z', visits: 0 });
  expect(body.expected.map((one: any) => one.numbers)).toEqual([2, 4, 8, 10, 13, 15, 16]);

  expect((await poolOf(tracker, '?hours=168')).body.hours).toHaveLength(168);
  expect((await poolOf(tracker, '?hours=9999')).body.hours).toHaveLength(168);
  expect((await poolOf(tracker, '?hours=x')).body).toMatchObject({ field: 'hours' });
});

it('is of pools, and of one’s own account, only', async () => {
  const flyer = await api.createFlyer();
  expect((await poolOf(flyer)).status).toBe(404);
  const theirs = await api.createTheirs({
    type: 'session',
    source: 'all',
    tracking_numbers: [fresh()],
    tracking_number: undefined,
  });
  expect(theirs.status).toBe(201);
  expect((await poolOf(theirs.body)).status).toBe(404);
  expect((await api.get(`trackers/${theirs.body.id}/pool.json`, { key: 'nobody' })).status).toBe(401);
  expect((await api.call('POST', `trackers/${flyer.id}/pool.json`)).status).toBe(405);
});
