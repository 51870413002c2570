import { JSDOM } from 'jsdom';
import { describe, expect, test } from 'vitest';
import { type PoolHour, type PoolTraffic, reportPool } from '../../server/domain/pool-report.js';
import { drawPool } from '../../server/http/pool-picture.js';

const HOUR = 3_600_000;
const NOON = Date.parse('2026-03-02T12:00:00Z');

/** A pool in which so many were held in each of the last hours, on average and at most. */
function draw(
  size: number,
  held: [number, number][],
  more: Partial<PoolTraffic> = {},
  shape?: Parameters<typeof drawPool>[1],
) {
  const hours = held.map(
    ([average, peakHeld], at): PoolHour => ({
      hour: NOON - (held.length - at) * HOUR,
      numbers: size,
      seconds: 3600,
      heldSeconds: Math.min(average, peakHeld) * 3600,
      peakHeld,
      visits: average,
      leases: average * 3,
      leaseSeconds: average * 3600,
      shared: 0,
      reissued: 0,
      diverted: 0,
    }),
  );
  const traffic: PoolTraffic = {
    companyId: 'COM1',
    trackerId: 'TRK1',
    trackerName: 'Website pool',
    settings: {
      holdSeconds: 1200,
      laneKey: 'campaign',
      whenFull: 'share',
      staticNumber: null,
      visitThreshold: 0.5,
      sourceThreshold: 0.5,
    },
    numbers: Array.from({ length: size }, (_, at) => `+1305555${String(at).padStart(4, '0')}`),
    lanes: [],
    held: 0,
    hours,
    counts: [],
    ...more,
  };
  // Not well-formed: it throws.
  const { document } = new JSDOM(drawPool(reportPool(traffic, NOON, 24), shape), {
    contentType: 'image/svg+xml',
  }).window;
  const all = (selector: string) => [...document.querySelectorAll(selector)];
  return { document, all, texts: (selector: string) => all(selector).map((one) => one.textContent) };
}

/** Every number that a shape is drawn at. */
function places(elements: Element[]): number[] {
  return elements.flatMap((one) =>
    [...one.attributes]
      .filter(({ name }) => ['x', 'y', 'cx', 'cy', 'd', 'width', 'height'].includes(name))
      .flatMap(({ value }) =>
        [...value.matchAll(/-?\d+(\.\d+)?|NaN|Infinity/g)].map(([number]) => Number(number)),
      ),
  );
}

describe('the picture of a pool', () => {
  test('has its figures, its hours, and the sizes that it should have', () => {
    const { all, texts, document } = draw(
      8,
      [
        [2, 4],
        [10, 8],
        [5, 8],
      ],
      { held: 3 },
    );
    expect(texts('.figure')).toEqual(['3 of 8', '10', '18', '0 %']);
    expect(all('.bar')).toHaveLength(3);
    expect(all('.peak')).toHaveLength(3);
    expect(texts('circle.goal title')).toEqual(['15 numbers: 5 %', '18 numbers: 1 %', '21 numbers: 0.1 %']);
    expect(texts('text.now')).toEqual(['8 numbers', '34 % with 8']);
    expect(texts('g title')[0]).toBe('09:00 UTC: 2 held on average, 4 at most');
    const [root] = all('svg');
    const described = root?.getAttribute('aria-labelledby')?.split(' ') ?? [];
    expect(described.map((id) => document.getElementById(id)?.localName)).toEqual(['title', 'desc']);
    expect(document.querySelector('desc')?.textContent).toBe(
      '3 of 8 numbers are held now, at most 8 were in the last 24 hours. In the busiest hour 10 were wanted at once on ' +
        'average; then 34 % of visitors find none of 8 free. Recommended, by how many may find none: 15 for 5 %, ' +
        '18 for 1 %, 21 for 0.1 %.',
    );
    // The fuller hour has the higher bar.
    const heights = all('.bar').map((bar) => Number(bar.getAttribute('height')));
    expect(heights[1]).toBeGreaterThan(heights[2] ?? 0);
    expect(heights[2]).toBeGreaterThan(heights[0] ?? 0);
  });

  test.each<[string, number, [number, number][]]>([
    ['to which nothing came', 8, []],
    ['without a number', 0, []],
    ['of one number that everybody wants', 1, [[900, 1]]],
    ['of 5,000 numbers', 5000, [[4200, 4900]]],
  ])('is whole of a pool %s', (_what, size, held) => {
    const { all, texts } = draw(size, held);
    for (const place of places(all('*'))) {
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThanOrEqual(760);
    }
    expect(texts('.soft').includes('nothing came yet')).toBe(held.length === 0);
    // Nobody is told that no number would do.
    if (held.length === 0) expect(texts('.figure')[2]).toBe('–');
  });

  test('for a phone says the same, and has everything within its width', () => {
    const busy: [number, number][] = Array.from({ length: 24 }, (_, hour) => [hour / 2, 8]);
    const tall = draw(8, busy, { held: 3 }, 'tall');
    const wide = draw(8, busy, { held: 3 });
    expect(tall.texts('text, desc, circle title')).toEqual(wide.texts('text, desc, circle title'));
    const sideways = tall
      .all('text, rect, circle')
      .map((one) => one.getAttribute('x') ?? one.getAttribute('cx'));
    for (const x of sideways) expect(Number(x)).toBeLessThanOrEqual(360);
  });

  test('takes any name for a name', () => {
    const { texts } = draw(2, [], { trackerName: `<script>alert('"&')</script>` });
    expect(texts('svg > title')).toEqual([`How full the pool “<script>alert('"&')</script>” is`]);
  });
});
