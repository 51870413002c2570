/**
 * The script's pass over a whole page, finding and swapping twenty numbers, against a bare pass that only reads every
 * text, in turn on the same page; and the longest task of ours while a page loads.
 */
import type { BrowserContext, Page } from 'playwright-core';
import { type Chromium, startChromium } from '../../support/chromium.js';
import { spread } from '../load.js';
import type { Row } from './bars.js';
import {
  ASYNC_TAG,
  type BenchSite,
  POOL_DIGITS,
  pageOf,
  SCRIPT_TAG,
  SITE_DIGITS,
  startBenchSite,
} from './pages.js';
import { recordTrace, type ScriptTime } from './trace.js';

/** Text nodes of a page, and how often both passes run on it. */
const PAGES = { 1000: 30, 10000: 30, 100000: 10 };
const WARM_UP = 3;
const LOADS = 5;
const RATIO_BAR = { nodes: 10_000, most: 2.5 };
const TASK_BAR = { nodes: 100_000, most: 10 };
/** Slices of work may follow for this long after the last number is right. */
const REST_MS = 300;

const HARNESS = '<script src="/in-page.js"></script><script>performance.mark("begin load")</script>';
const LOADED = (digits: string) =>
  `<script>bench.untilShown('${digits}').then(() => bench.wait(${REST_MS})).then(() => performance.mark('end load')).then(() => console.log('loaded'))</script>`;

/** Measures each size, or only that of pages with `nodes` text nodes, and answers a row a figure. */
export async function benchScan({ nodes }: { nodes?: number | undefined } = {}): Promise<Row[]> {
  const sizes = nodes ? [nodes] : Object.keys(PAGES).map(Number);
  const pages: Record<string, string> = {};
  for (const size of sizes) {
    const bare = '<script src="/bare.js"></script>';
    pages[`/${size}`] = pageOf(size, HARNESS, bare + SCRIPT_TAG + LOADED(POOL_DIGITS));
    pages[`/${size}/async`] = pageOf(size, HARNESS + ASYNC_TAG, LOADED(POOL_DIGITS));
    pages[`/${size}/bare`] = pageOf(
      size,
      HARNESS,
      `<script src="/bare.js" data-now></script>${LOADED(SITE_DIGITS)}`,
    );
  }
  const site = await startBenchSite(pages);
  const chromium = await startChromium();
  try {
    const rows: Row[] = [];
    for (const size of sizes) {
      rows.push(...(await benchPasses(chromium, site, size)), ...(await benchLoads(chromium, site, size)));
      process.stderr.write(`${size} text nodes · `);
    }
    process.stderr.write('\n');
    return rows;
  } finally {
    await chromium.close();
    await site.close();
  }
}

/** Passes on a page that is there, by a script that has seen it before. */
async function benchPasses(chromium: Chromium, site: BenchSite, size: number): Promise<Row[]> {
  const runs = (PAGES as Record<number, number>)[size] ?? 10;
  const context = await chromium.newVisitor();
  const page = await context.newPage();
  const bare: ScriptTime[] = [];
  const own: ScriptTime[] = [];
  const trace = await recordTrace(page, async () => {
    await load(page, `${site.url}/${size}`);
    for (let run = 0; run < runs + WARM_UP; run++) {
      // Now one goes first, now the other.
      const steps = run % 2 ? ['bare', 'swap'] : ['swap', 'bare'];
      for (const step of steps) {
        await page.evaluate(
          ([name, what, number, site, rest]) => {
            const { bench, CallTrk, bare } = window as any;
            if (what === 'bare') return bench.measured(name, bare, null, 0);
            CallTrk.restore();
            return bench
              .untilShown(site)
              .then(() => bench.wait(rest))
              .then(() => bench.measured(name, CallTrk.swap, number, rest));
          },
          [`${step} ${run}`, step, POOL_DIGITS, SITE_DIGITS, REST_MS] as const,
        );
      }
    }
  });
  const { count } = await page.evaluate(() => (window as any).bareRead);
  if (count < size || count > size + 10) throw new Error(`the page has ${count} text nodes, not ${size}`);
  for (let run = WARM_UP; run < runs + WARM_UP; run++) {
    bare.push(trace.scriptTime(`bare ${run}`, '/bare.js'));
    own.push(trace.scriptTime(`swap ${run}`, '/swap.js'));
  }
  await context.close();

  const totals = (times: ScriptTime[]) => times.map(({ total }) => total);
  const ratios = totals(own).map((ms, run) => ms / (bare[run]?.total ?? Number.NaN));
  return [
    { what: `${size} nodes: bare pass, ms`, ...spread(totals(bare)) },
    { what: `${size} nodes: swap() after restore(), ms`, ...spread(totals(own)) },
    {
      what: `${size} nodes: ratio of the two`,
      ...spread(ratios),
      ...(size === RATIO_BAR.nodes && { most: RATIO_BAR.most }),
    },
    { what: `${size} nodes: slices of a pass`, ...spread(own.map(({ tasks }) => tasks)) },
    {
      what: `${size} nodes: longest slice of a pass, ms`,
      ...spread(own.map(({ longest }) => longest)),
      ...barOfTask(size),
    },
  ];
}

/** Whole loads of a page: the script's start is in them, and code that no compiler has seen yet. */
async function benchLoads(chromium: Chromium, site: BenchSite, size: number): Promise<Row[]> {
  const times = { bare: [], first: [], returning: [], async: [] } as Record<string, ScriptTime[]>;
  for (let round = 0; round < LOADS; round++) {
    const visitor = await chromium.newVisitor();
    times.bare?.push(await timeLoad(visitor, `${site.url}/${size}/bare`, '/bare.js'));
    times.first?.push(await timeLoad(visitor, `${site.url}/${size}`, '/swap.js'));
    times.returning?.push(await timeLoad(visitor, `${site.url}/${size}`, '/swap.js'));
    await visitor.close();
    const other = await chromium.newVisitor();
    times.async?.push(await timeLoad(other, `${site.url}/${size}/async`, '/swap.js'));
    await other.close();
  }
  const names = {
    bare: 'bare pass of a fresh page',
    first: 'load of a first visitor, script at the end',
    returning: 'load of a returning visitor, script at the end',
    async: 'load of a first visitor, async script in head',
  };
  return Object.entries(names).flatMap(([key, name]) => {
    const all = times[key] ?? [];
    const rows: Row[] = [{ what: `${size} nodes: ${name}, ms`, ...spread(all.map(({ total }) => total)) }];
    if (key !== 'bare') {
      const longest = spread(all.map((one) => one.longest));
      rows.push({ what: `${size} nodes: its longest task of ours, ms`, ...longest, ...barOfTask(size) });
    }
    return rows;
  });
}

function barOfTask(size: number): Pick<Row, 'most' | 'of'> {
  return size === TASK_BAR.nodes ? { most: TASK_BAR.most, of: 'max' } : {};
}

async function timeLoad(context: BrowserContext, url: string, file: string): Promise<ScriptTime> {
  const page = await context.newPage();
  const trace = await recordTrace(page, async () => {
    await load(page, url);
  });
  await page.close();
  return trace.scriptTime('load', file);
}

/** Waits until the page says that it is ready: to ask it would run in the tasks that are measured. */
async function load(page: Page, url: string): Promise<void> {
  const ready = page.waitForEvent('console', {
    predicate: (message) => message.text() === 'loaded',
    timeout: 60_000,
  });
  await page.goto(url, { waitUntil: 'commit' });
  await ready;
}
