import { describe, expect, test } from 'vitest';
import { type PoolHour, type PoolTraffic, reportPool } from '../../server/domain/pool-report.js';
import { erlangB, numbersFor } from '../../server/domain/sizing.js';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-03-02T12:30:00Z');
const NOON = NOW - HOUR / 2;
const numbers = Array.from({ length: 12 }, (_, at) => `+130555501${10 + at}`);

const hourOf = (hour: number, more: Partial<PoolHour> = {}): PoolHour => ({
  hour,
  numbers: 12,
  seconds: 3600,
  heldSeconds: 0,
  peakHeld: 0,
  visits: 0,
  leases: 0,
  leaseSeconds: 0,
  shared: 0,
  reissued: 0,
  diverted: 0,
  ...more,
});

function trafficOf(more: Partial<PoolTraffic> = {}): PoolTraffic {
  return {
    companyId: 'COM1',
    trackerId: 'TRK1',
    trackerName: 'Website pool',
    settings: {
      holdSeconds: 1200,
      laneKey: 'source',
      whenFull: 'share',
      staticNumber: null,
      visitThreshold: 0.5,
      sourceThreshold: 0.5,
    },
    numbers,
    lanes: [],
    held: 0,
    hours: [],
    counts: [],
    ...more,
  };
}

describe('the report of a pool', () => {
  test('to which nothing came says so, and has its hours all the same', () => {
    const report = reportPool(trafficOf(), NOW, 24);
    expect(report.offeredLoad).toEqual({ erlangs: 0, hour: null, leases: 0, meanLeaseSeconds: 0 });
    expect(report.recommended.map((one) => one.numbers)).toEqual([0, 0, 0]);
    expect(report.blocking).toMatchObject({ measured: null, erlangB: null, erlangBPeak: 0, erlangBLanes: 0 });
    expect(report.expected).toEqual([]);
    expect(report.lanes).toMatchObject([{ lane: '*', source: null, numbers, load: 0, erlangB: 0 }]);
    expect(report.hours).toHaveLength(24);
    expect(report.hours[0]).toMatchObject({ hour: NOON - 23 * HOUR, utilisation: 0 });
    expect(report.hours.at(-1)).toMatchObject({ hour: NOON, seconds: 1800 });
  });

  test('offers what the busiest hour brought, and recommends by it', () => {
    const hours = [
      hourOf(NOON - 50 * HOUR, { visits: 26, leases: 27, leaseSeconds: 36_000, reissued: 4, shared: 9 }),
      hourOf(NOON - 2 * HOUR, {
        visits: 9,
        leases: 9,
        leaseSeconds: 13_500,
        heldSeconds: 10_800,
        peakHeld: 5,
      }),
      hourOf(NOON, { seconds: 1800, heldSeconds: 5400, leases: 4, leaseSeconds: 6000, diverted: 1 }),
    ];
    const { offeredLoad, recommended, blocking, hours: shown } = reportPool(trafficOf({ hours }), NOW, 3);
    expect(offeredLoad).toEqual({
      erlangs: 10,
      hour: NOON - 50 * HOUR,
      leases: 27,
      meanLeaseSeconds: 36_000 / 27,
    });
    expect(recommended).toEqual([
      { blocking: 0.05, numbers: 15 },
      { blocking: 0.01, numbers: 18 },
      { blocking: 0.001, numbers: 21 },
    ]);
    expect(blocking).toMatchObject({ leases: 40, shared: 9, reissued: 4, diverted: 1, measured: 5 / 40 });
    expect(blocking.erlangBPeak).toBe(erlangB(10, 12));
    // Each hour with its own load.
    const byHours = (27 * erlangB(10, 12) + 9 * erlangB(3.75, 12) + 4 * erlangB(6000 / 3600, 12)) / 40;
    expect(blocking.erlangB).toBeCloseTo(byHours, 12);
    expect(shown.map(({ utilisation }) => utilisation)).toEqual([0.25, 0, 0.25]);
  });

  test('knows what its lanes are offered: together they block more than the whole would', () => {
    const counts = (['google_paid', 'direct', 'yelp.com'] as const).map((source, at) => ({
      source,
      campaign: null,
      hour: NOON - HOUR,
      visits: [30, 10, 10][at] ?? 0,
      firstAt: NOON - HOUR,
    }));
    const lanes = [
      { lane: 'google_paid', source: 'google_paid', campaigns: null, numbers: numbers.slice(0, 6) },
      { lane: '*', source: null, campaigns: null, numbers: numbers.slice(6, 9) },
    ];
    const hours = [hourOf(NOON - HOUR, { visits: 50, leases: 50, leaseSeconds: 36_000 })];
    const report = reportPool(trafficOf({ counts, lanes, hours, numbers: numbers.slice(1) }), NOW, 24);
    const [ads, rest] = report.lanes;
    // A number that has gone is in no lane, and one that no lane has is the rest's.
    expect([ads?.numbers, rest?.numbers]).toEqual([numbers.slice(1, 6), numbers.slice(6)]);
    expect([ads?.load, rest?.load].map((load) => Math.round((load ?? 0) * 1e6) / 1e6)).toEqual([6, 4]);
    expect(rest?.erlangB).toBeCloseTo(erlangB(4, 6), 6);
    expect(report.blocking.erlangBLanes).toBeCloseTo(0.6 * erlangB(6, 5) + 0.4 * erlangB(4, 6), 6);
    expect(report.blocking.erlangBLanes).toBeGreaterThan(report.blocking.erlangBPeak);
    expect(report.arrivals.map(({ source }) => source)).toEqual(['google_paid', 'direct', 'yelp.com']);
    const sizes = [6, 11, 22, 44, ...[0.05, 0.01, 0.001].map((goal) => numbersFor(10, goal))];
    expect(report.expected.map((one) => one.numbers)).toEqual(sizes.sort((a, b) => a - b));
    const rightness = report.expected.map((one) => one.source);
    expect(rightness).toEqual(rightness.toSorted((a, b) => a - b));
  });

  test('leaves the static number out of the pool, and does not say what it cannot count', () => {
    const settings = { ...trafficOf().settings, whenFull: 'static' as const, staticNumber: numbers[3] ?? '' };
    const fixed = reportPool(trafficOf({ settings }), NOW, 24);
    expect(fixed.numbers).toEqual({ total: 12, leasable: 11, held: 0 });
    expect(fixed.lanes[0]?.numbers).not.toContain(numbers[3]);
    const hours = [hourOf(NOON, { leases: 5, leaseSeconds: 100 })];
    const keep = reportPool(trafficOf({ hours, settings: { ...settings, whenFull: 'keep' } }), NOW, 24);
    expect([keep.numbers.leasable, keep.blocking.measured]).toEqual([12, null]);
  });
});
