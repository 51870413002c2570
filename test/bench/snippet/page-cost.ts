/** What a plain page loses by the script: layout shift, long tasks, and the time of its largest paint. */
import { spread } from '../load.js';
import type { Row } from './bars.js';
import { openLiveStage, type Tag, untilSwapped } from './live.js';

const RUNS = 10;
const FRAME_MS = 1000 / 60;
/** Shifts and tasks may come this long after the number is right. */
const REST_MS = 500;

/** Collects what the browser reports, from before the page's first byte of content. */
const WATCH = `<script>
window.cost = { shift: 0, longTasks: 0, largestPaint: 0 };
const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
watch('layout-shift', (entry) => { cost.shift += entry.value });
watch('longtask', () => { cost.longTasks++ });
watch('largest-contentful-paint', (entry) => { cost.largestPaint = entry.startTime });
</script>`;

interface Cost {
  /** Layout shift score, never less for input. */
  shift: number;
  longTasks: number;
  /** Milliseconds from navigation. */
  largestPaint: number;
}

/** A first visitor's page with the script and without it, in turn. */
export async function benchPageCost(): Promise<Row[]> {
  const stage = await openLiveStage(WATCH);
  const costs: Record<Tag, Cost[]> = { without: [], async: [], sync: [] };
  try {
    for (let run = 0; run <= RUNS; run++) {
      const order = (['without', 'async'] as const).toSorted(() => (run % 2 ? 1 : -1));
      for (const tag of order) {
        const visitor = await stage.chromium.newVisitor();
        const { page } = await stage.open(visitor);
        await page.goto(stage.url(tag));
        if (tag !== 'without') await untilSwapped(page);
        await page.waitForTimeout(REST_MS);
        const cost = await page.evaluate(() => (window as unknown as { cost: Cost }).cost);
        await visitor.close();
        // The first run warms up.
        if (run > 0) costs[tag].push(cost);
      }
      process.stderr.write(run === 0 ? 'warmed up' : ` · run ${run}`);
    }
    process.stderr.write('\n');
  } finally {
    await stage.close();
  }
  const of = (tag: Tag, what: keyof Cost) => costs[tag].map((cost) => cost[what]);
  const added = (what: keyof Cost) =>
    of('async', what).map((value, run) => value - (of('without', what)[run] ?? 0));
  return [
    { what: 'layout shift without us', ...spread(of('without', 'shift')) },
    { what: 'layout shift that we add', ...spread(added('shift')), most: 0, of: 'max' },
    { what: 'long tasks without us', ...spread(of('without', 'longTasks')) },
    { what: 'long tasks that we add', ...spread(added('longTasks')), most: 0 },
    { what: 'largest paint without us, ms', ...spread(of('without', 'largestPaint')) },
    { what: 'largest paint with us, ms', ...spread(of('async', 'largestPaint')) },
    {
      what: 'largest paint, later with us by ms (bar: a frame, or the quartiles without us)',
      ...spread(added('largestPaint')),
      most: Math.max(FRAME_MS, quartiles(of('without', 'largestPaint'))),
    },
  ];
}

/** How far apart the middle half is: what chance alone does. */
function quartiles(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? 0;
  return Number((at(0.75) - at(0.25)).toPrecision(3));
}
