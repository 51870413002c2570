import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCKING_GOALS, blockingCurve, erlangB, numbersFor } from '../../server/domain/sizing.js';

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
