/** What it costs a page to insert nodes while the script watches, against the same page without it, in turn. */
import { type Chromium, startChromium } from '../../support/chromium.js';
import { spread } from '../load.js';
import type { Row } from './bars.js';
import { type BenchSite, POOL_DIGITS, SCRIPT_TAG, startBenchSite } from './pages.js';
import { recordTrace } from './trace.js';

const ROUNDS = 5;
const BATCHES = 100;
const BATCH = 100;
/** One of so many items holds a number. */
const NUMBER_EVERY = 500;
const BAR = 1.25;

interface Times {
  /** Milliseconds of all scripts, ours and the page's. */
  scripts: number;
  /** Of the page's main thread altogether: style, layout and paint are in it. */
  everything: number;
}

/** Answers the times with the script and without it, and their ratios. */
export async function benchObserver(): Promise<Row[]> {
  const html = (tag: string) =>
    `<!doctype html><html lang="en"><head><title>Bluebird</title><script src="/in-page.js"></script></head><body><p>Call <b class="spot">(305) 555-0100</b></p>${tag}</body></html>`;
  const site = await startBenchSite({ '/with': html(SCRIPT_TAG), '/without': html('') });
  const chromium = await startChromium();
  const times = { with: [] as Times[], without: [] as Times[] };
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      const order = round % 2 ? (['with', 'without'] as const) : (['without', 'with'] as const);
      for (const way of order) {
        const time = await timeInserts(chromium, site, way);
        if (round > 0) times[way].push(time);
      }
      process.stderr.write(round === 0 ? 'warmed up' : ` · round ${round}`);
    }
    process.stderr.write('\n');
  } finally {
    await chromium.close();
    await site.close();
  }
  const rows: Row[] = [];
  for (const [key, name] of [
    ['everything', 'whole main thread'],
    ['scripts', 'scripts alone'],
  ] as const) {
    const of = (way: 'with' | 'without') => times[way].map((time) => time[key]);
    const ratios = of('with').map((ms, round) => ms / (of('without')[round] ?? Number.NaN));
    rows.push(
      { what: `${name} without us, ms`, ...spread(of('without')) },
      { what: `${name} with us, ms`, ...spread(of('with')) },
      { what: `${name}: ratio of the two`, ...spread(ratios), ...(key === 'everything' && { most: BAR }) },
    );
  }
  return rows;
}

async function timeInserts(chromium: Chromium, site: BenchSite, way: 'with' | 'without'): Promise<Times> {
  const visitor = await chromium.newVisitor();
  try {
    const page = await visitor.newPage();
    await page.goto(`${site.url}/${way}`);
    if (way === 'with')
      await page.evaluate((digits) => (window as any).bench.untilShown(digits), POOL_DIGITS);
    const run = (name: string, batches: number) =>
      page.evaluate(
        ([name, batches, size, every]) => (window as any).bench.insert(name, batches, size, every),
        [name, batches, BATCH, NUMBER_EVERY] as const,
      );
    await run('warm-up', BATCHES / 5);
    let wrong = 0;
    const trace = await recordTrace(page, async () => {
      wrong = await run('insert', BATCHES);
    });
    const expected = way === 'with' ? 0 : (BATCHES * BATCH) / NUMBER_EVERY;
    if (wrong !== expected) throw new Error(`${way} the script ${wrong} items show the site's own number`);
    return { scripts: trace.allScripts('insert').total, everything: trace.everything('insert').total };
  } finally {
    await visitor.close();
  }
}
