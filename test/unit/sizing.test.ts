import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BLOCKING_GOALS,
  blockingCurve,
  erlangB,
  expectedRightness,
  numbersFor,
  type PoolLoad,
} from '../../server/domain/sizing.js';

/** The formula as Erlang wrote it, (A^N / N!) / Σ A^k / k!, by logarithms. */
function byDefinition(load: number, numbers: number): number {
  let logTerm = 0;
  const logs = [0];
  for (let k = 1; k <= numbers; k++) {
    logTerm += Math.log(load / k);
    logs.push(logTerm);
  }
  const most = Math.max(...logs);
  return Math.exp(logTerm - most) / logs.reduce((sum, log) => sum + Math.exp(log - most), 0);
}

describe('Erlang B', () => {
  test('is what tables say', () => {
    expect(erlangB(10, 10)).toBeCloseTo(0.2146, 4);
    expect(erlangB(1, 1)).toBe(0.5);
    // CCITT's table: 2 % of 20 channels are 13.18 Erlangs, 1 % of 100 are 84.06.
    expect(erlangB(13.18, 20)).toBeCloseTo(0.02, 4);
    expect(erlangB(84.06, 100)).toBeCloseTo(0.01, 4);
  });

  test('is its definition, for any load that is not whole, too', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 300, noNaN: true }),
        fc.integer({ min: 0, max: 400 }),
        (load, n) => {
          const expected = byDefinition(load, n);
          expect(Math.abs(erlangB(load, n) - expected)).toBeLessThanOrEqual(1e-9 + 1e-6 * expected);
          expect(blockingCurve(load, n)[n]).toBe(erlangB(load, n));
        },
      ),
    );
  });

  test.each<[number, number, number]>([
    [0, 0, 1],
    [0, 1, 0],
    [5, 0, 1],
    [Number.NaN, 1, 0],
  ])('of %d Erlangs on %d numbers is %d', (load, numbers, share) => {
    expect(erlangB(load, numbers)).toBe(share);
    expect(blockingCurve(load, numbers)[numbers]).toBe(share);
  });
});

describe('the recommended size', () => {
  test.each([
    [10, [15, 18, 21]],
    [20, [26, 30, 35]],
    [66.7, [73, 82, 91]],
    [0, [0, 0, 0]],
  ])('of %d Erlangs is %j', (load, sizes) => {
    expect(BLOCKING_GOALS.map((goal) => numbersFor(load, goal))).toEqual(sizes);
  });

  test('is the smallest that meets its goal', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 500, noNaN: true }),
        fc.constantFrom(...BLOCKING_GOALS),
        (load, goal) => {
          const numbers = numbersFor(load, goal);
          expect(erlangB(load, numbers)).toBeLessThanOrEqual(goal);
          expect(erlangB(load, numbers - 1)).toBeGreaterThan(goal);
        },
      ),
    );
  });

  test('of 100,000 Erlangs takes a moment', () => {
    const began = performance.now();
    const numbers = numbersFor(100_000, 0.001);
    expect(numbers).toBeGreaterThan(100_000);
    expect(numbers).toBeLessThan(101_500);
    expect(performance.now() - began).toBeLessThan(500);
  });
});

/** 300 visits an hour: eight campaigns on Google, five elsewhere, organic, direct, and forty sites with a long tail. */
function traffic(laneKey: PoolLoad['laneKey']): PoolLoad {
  const tail = (count: number, perHour: number) => {
    const all = Array.from({ length: count }, (_, at) => 1 / (at + 1)).reduce((a, b) => a + b);
    return Array.from({ length: count }, (_, at) => perHour / (at + 1) / all);
  };
  const campaigns = (source: string, rates: number[]) =>
    rates.map((perHour, at) => ({ source, campaign: `${source} ${at}`, perHour }));
  return {
    laneKey,
    visitMinutes: 2.15,
    arrivals: [
      ...campaigns('google_paid', tail(8, 120)),
      ...campaigns('bing_paid', [9, 9]),
      ...campaigns('facebook_paid', [9, 9, 9]),
      { source: 'google_organic', campaign: null, perHour: 75 },
      { source: 'direct', campaign: null, perHour: 36 },
      ...tail(40, 24).map((perHour, at) => ({ source: `site${at}.example`, campaign: null, perHour })),
    ],
  };
}

describe('what more numbers would be good for', () => {
  // Visit, source, campaign of first calls in percent, as a simulation of this kind of traffic has played them.
  test.each<[PoolLoad['laneKey'], number, [number, number, number]]>([
    ['none', 4, [55, 65, 61]],
    ['none', 8, [61, 69, 67]],
    ['none', 16, [71, 76, 74]],
    ['none', 32, [78, 82, 80]],
    ['none', 64, [81, 84, 83]],
    ['source', 4, [58, 90, 79]],
    ['source', 8, [63, 94, 83]],
    ['source', 16, [69, 97, 87]],
    ['source', 32, [77, 98, 91]],
    ['source', 64, [81, 99, 93]],
  ])('by %s with %d numbers is, within 5 points, %j', (laneKey, numbers, played) => {
    const { visit, source, campaign } = expectedRightness(traffic(laneKey), numbers);
    for (const [at, share] of [visit, source, campaign].entries()) {
      expect(Math.abs(share * 100 - (played[at] ?? 0))).toBeLessThanOrEqual(5);
    }
  });

  test('never less with more numbers, and a campaign is never known better than its source', () => {
    let before = 0;
    for (const numbers of [1, 2, 4, 8, 16, 32, 64, 500, 5000]) {
      const { visit, source, campaign } = expectedRightness(traffic('campaign'), numbers);
      expect(visit).toBeGreaterThanOrEqual(before);
      expect(campaign).toBeGreaterThanOrEqual(visit);
      expect(source).toBeGreaterThanOrEqual(campaign);
      expect(source).toBeLessThanOrEqual(1);
      before = visit;
    }
    expect(expectedRightness(traffic('none'), 0).visit).toBe(0);
    expect(expectedRightness({ ...traffic('none'), arrivals: [] }, 1).visit).toBe(1);
  });
});
