import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Arrivals, type Lane, laneOf, planLanes, REST, ratesOf } from '../../server/domain/lanes.js';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 5, 1);

const ads = (campaign: string, perHour: number): Arrivals => ({ source: 'google_paid', campaign, perHour });
const from = (source: string, perHour: number): Arrivals => ({ source, campaign: null, perHour });
const numbers = (count: number) => Array.from({ length: count }, (_, at) => `+1305555${1000 + at}`);
const sizes = (lanes: readonly Lane[]) =>
  Object.fromEntries(lanes.map((lane) => [lane.lane, lane.numbers.length]));

const SITE: Arrivals[] = [
  ads('brand', 40),
  ads('doors', 20),
  ads('roofs', 15),
  from('google_organic', 70),
  from('direct', 40),
  from('facebook_paid', 25),
  ...Array.from({ length: 30 }, (_, at) => from(`site${at}.com`, 1)),
];

test('four numbers go to the three largest sources and the rest', () => {
  expect(sizes(planLanes(SITE, numbers(4), 'campaign'))).toEqual({
    google_paid: 1,
    google_organic: 1,
    direct: 1,
    [REST]: 1,
  });
});

test('lanes have numbers in proportion to visits, and campaigns lanes of their own where there are enough', () => {
  const lanes = planLanes(SITE, numbers(24), 'campaign');
  const paid = lanes.filter((lane) => lane.source === 'google_paid');
  expect(paid.reduce((sum, lane) => sum + lane.numbers.length, 0)).toBe(7);
  expect(laneOf(lanes, 'google_paid', 'brand')).not.toBe(laneOf(lanes, 'google_paid', 'doors'));
  expect(laneOf(lanes, 'google_paid', 'doors')).not.toBe(laneOf(lanes, 'google_paid', 'roofs'));
  expect(sizes(lanes).google_organic).toBe(7);
});

test('a source without a lane is served by the rest, a new campaign by its source', () => {
  const lanes = planLanes(SITE, numbers(24), 'campaign');
  expect(laneOf(lanes, 'site7.com', null)).toBe(REST);
  expect(laneOf(lanes, 'nobody-knows.com', 'spring')).toBe(REST);
  expect(laneOf(lanes, 'google_paid', 'new')).toMatch(/^google_paid\//);
  expect(laneOf([], 'direct', null)).toBe(REST);
});

test('the key decides what a pool is divided by', () => {
  const bySource = planLanes(SITE, numbers(24), 'source');
  expect(bySource.every((lane) => lane.campaigns === null)).toBe(true);
  expect(laneOf(bySource, 'google_paid', 'brand')).toBe('google_paid');
  expect(sizes(planLanes(SITE, numbers(24), 'none'))).toEqual({ [REST]: 24 });
});

test('a pool with one number, or without visits, has one lane', () => {
  expect(sizes(planLanes(SITE, numbers(1), 'campaign'))).toEqual({ [REST]: 1 });
  expect(sizes(planLanes([], numbers(8), 'campaign'))).toEqual({ [REST]: 8 });
  expect(planLanes(SITE, [], 'campaign').flatMap((lane) => lane.numbers)).toEqual([]);
});

test('small changes of traffic change nothing, a new campaign does', () => {
  const before = planLanes(SITE, numbers(24), 'campaign');
  const similar = SITE.map((one, at) => ({ ...one, perHour: one.perHour * (at % 2 ? 1.08 : 0.93) }));
  expect(planLanes(similar, numbers(24), 'campaign', before)).toEqual(before);
  const grown = [...SITE, from('bing_paid', 60)];
  const after = planLanes(grown, numbers(24), 'campaign', before);
  expect(sizes(after).bing_paid).toBeGreaterThanOrEqual(4);
});

test('numbers stay with their source when the pool is divided anew', () => {
  const before = planLanes(SITE, numbers(24), 'campaign');
  const after = planLanes([...SITE, from('bing_paid', 60)], numbers(24), 'campaign', before);
  const sourceOf = (lanes: readonly Lane[]) =>
    new Map(lanes.flatMap((lane) => lane.numbers.map((number) => [number, lane.source] as const)));
  const [was, is] = [sourceOf(before), sourceOf(after)];
  const moved = numbers(24).filter((number) => was.get(number) !== is.get(number));
  expect(moved.length).toBeLessThanOrEqual((sizes(after).bing_paid ?? 0) + 2);
});

test('numbers that are added or removed are taken in, and the others stay', () => {
  const before = planLanes(SITE, numbers(24), 'campaign');
  const fewer = planLanes(SITE, numbers(23), 'campaign', before);
  expect(fewer.flatMap((lane) => lane.numbers).sort()).toEqual(numbers(23));
});

test('every number is in one lane, and every lane has one, whatever the traffic', () => {
  const arrivals = fc.array(
    fc.record({
      source: fc.constantFrom('google_paid', 'direct', 'a.com', 'b.com', 'constructor', '__proto__', '*'),
      campaign: fc.option(fc.constantFrom('one', 'two', 'three', '')),
      perHour: fc.double({ min: 0, max: 1e6, noNaN: true }),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(
      arrivals,
      arrivals,
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 70 }),
      fc.constantFrom('campaign' as const, 'source' as const, 'none' as const),
      (first, second, size, resized, key) => {
        const before = planLanes(first, numbers(size), key);
        const after = planLanes(second, numbers(resized), key, before);
        for (const [lanes, count] of [
          [before, size],
          [after, resized],
        ] as const) {
          expect(lanes.flatMap((lane) => lane.numbers).sort()).toEqual(numbers(count));
          expect(lanes.every((lane) => lane.numbers.length > 0)).toBe(true);
          expect(new Set(lanes.map((lane) => lane.lane)).size).toBe(lanes.length);
          expect(lanes.filter((lane) => lane.source === null)).toHaveLength(1);
          for (const { source, campaign } of [...first, ...second]) {
            expect(lanes.map((lane) => lane.lane)).toContain(laneOf(lanes, source, campaign));
          }
        }
      },
    ),
  );
});

test('five thousand numbers and two thousand sources are divided', () => {
  const many = Array.from({ length: 2000 }, (_, at) => from(`site${at}.com`, 1 + (at % 97)));
  const lanes = planLanes(many, numbers(5000), 'campaign');
  expect(lanes.length).toBeGreaterThan(1000);
  expect(new Set(lanes.flatMap((lane) => lane.numbers)).size).toBe(5000);
});

test('a rate is the visits of an hour, and yesterday weighs half', () => {
  const steady = Array.from({ length: 72 }, (_, at) => ({
    source: 'direct',
    campaign: null,
    hour: NOW - (at + 1) * HOUR,
    visits: 12,
    firstAt: NOW - (at + 1) * HOUR,
  }));
  expect(ratesOf(steady, NOW)[0]?.perHour).toBeCloseTo(12, 0);
  const stopped = steady.map((one) => ({
    ...one,
    hour: one.hour - 24 * HOUR,
    firstAt: one.firstAt - 24 * HOUR,
  }));
  expect(ratesOf(stopped, NOW)[0]?.perHour).toBeLessThan(7);
});

test('a campaign that began twenty minutes ago is known by what it brings now', () => {
  const firstAt = NOW - 30 * 60_000;
  const [rate] = ratesOf(
    [{ source: 'google_paid', campaign: 'new', hour: NOW - HOUR, visits: 40, firstAt }],
    NOW,
  );
  expect(rate?.perHour).toBeGreaterThan(70);
  expect(rate?.perHour).toBeLessThan(90);
});
