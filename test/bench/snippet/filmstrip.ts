/**
 * From navigation to the right number on screen, by what the screen showed: frames of Chromium's screencast, a first and
 * a returning visitor, the tag in the head with `async` and without. `write` makes a picture of them.
 */
import { writeFileSync } from 'node:fs';
import type { BrowserContext } from 'playwright-core';
import { spread } from '../load.js';
import type { Row } from './bars.js';
import { type LiveStage, NETWORK, openLiveStage, type Tag, untilSwapped } from './live.js';

const RUNS = 10;
const STEP_MS = 50;
const VIEWPORT = { width: 320, height: 180 };
/** The number is right; the frame that shows it may be on its way. */
const REST_MS = 400;
/** A frame with nothing on it is a much smaller file than one with text. */
const BLANK_LENGTH = 5000;
const FILE = new URL('filmstrip.png', import.meta.url);

interface Frame {
  /** Milliseconds from navigation. */
  at: number;
  png: string;
}

interface Film {
  frames: Frame[];
  /** Milliseconds until something, and until what stays, was on screen. */
  firstAt: number;
  rightAt: number;
}

const CASES: { name: string; tag: Tag; returning: boolean }[] = [
  { name: 'first visit, async', tag: 'async', returning: false },
  { name: 'first visit, not async', tag: 'sync', returning: false },
  { name: 'returning visitor, async', tag: 'async', returning: true },
  { name: 'returning visitor, not async', tag: 'sync', returning: true },
];

/** Times each case, in turn; with `write` renews `filmstrip.png` from the run in the middle. */
export async function benchFilmstrip({ write = false } = {}): Promise<Row[]> {
  const stage = await openLiveStage();
  const films = CASES.map(() => [] as Film[]);
  try {
    for (let run = 0; run <= RUNS; run++) {
      for (const [place, one] of CASES.entries()) {
        const visitor = await stage.chromium.newVisitor({ viewport: VIEWPORT, deviceScaleFactor: 1 });
        if (one.returning) await film(stage, visitor, one.tag);
        const taken = await film(stage, visitor, one.tag);
        await visitor.close();
        if (run > 0) films[place]?.push(taken);
      }
      process.stderr.write(run === 0 ? 'warmed up' : ` · run ${run}`);
    }
    process.stderr.write('\n');
    if (write) writeFileSync(FILE, await develop(stage, films));
  } finally {
    await stage.close();
  }
  return CASES.flatMap(({ name, tag, returning }, place) => {
    const taken = films[place] ?? [];
    return [
      { what: `${name}: something on screen, ms`, ...spread(taken.map(({ firstAt }) => firstAt)) },
      { what: `${name}: the right number on screen, ms`, ...spread(taken.map(({ rightAt }) => rightAt)) },
      {
        what: `${name}: the site's own number was seen for, ms`,
        ...spread(taken.map(({ firstAt, rightAt }) => rightAt - firstAt)),
        // Who comes back to a page that waits for the script never sees another number than his own.
        ...(returning && tag === 'sync' && { most: 0, of: 'max' as const }),
      },
    ];
  });
}

async function film(stage: LiveStage, visitor: BrowserContext, tag: Tag): Promise<Film> {
  const { page, cdp } = await stage.open(visitor);
  const shots: { time: number; png: string }[] = [];
  cdp.on('Page.screencastFrame', ({ data, metadata, sessionId }) => {
    shots.push({ time: (metadata.timestamp ?? 0) * 1000, png: data });
    cdp.send('Page.screencastFrameAck', { sessionId }).catch(() => undefined);
  });
  await cdp.send('Page.startScreencast', { format: 'png', everyNthFrame: 1 });
  await page.goto(stage.url(tag));
  await untilSwapped(page);
  await page.waitForTimeout(REST_MS);
  const began = await page.evaluate(() => performance.timeOrigin);
  await cdp.send('Page.stopScreencast');
  await page.close();
  const frames = shots.map(({ time, png }) => ({ at: time - began, png })).filter(({ at }) => at > 0);
  const first = frames.find(({ png }) => png.length > BLANK_LENGTH);
  const last = frames.at(-1);
  // The frames compare byte by byte: nothing on the page moves but the number.
  const right = frames.find(({ png }) => png === last?.png);
  if (!first || !right) throw new Error('the screencast shows nothing');
  return { frames, firstAt: first.at, rightAt: right.at };
}

/** One picture of all cases: a line each, a column every few milliseconds. */
async function develop(stage: LiveStage, films: readonly Film[][]): Promise<Buffer> {
  const middles = films.map(inTheMiddle);
  const latest = Math.max(...middles.map(({ rightAt }) => rightAt));
  const times = Array.from({ length: Math.ceil(latest / STEP_MS) }, (_, column) => (column + 1) * STEP_MS);
  const lines = CASES.map(({ name }, place) => {
    const middle = middles[place] as Film;
    let wasRight = false;
    const cells = times.map((time) => {
      const frame = middle.frames.findLast(({ at }) => at <= time);
      const isRight = time >= middle.rightAt;
      const mark = isRight && !wasRight ? ' class="right"' : '';
      wasRight = isRight;
      return `<td${mark}>${frame ? `<img src="data:image/png;base64,${frame.png}">` : '<div></div>'}</td>`;
    });
    return `<tr><th>${name}<br><b>${Math.round(middle.rightAt)} ms</b></th>${cells.join('')}</tr>`;
  });
  const html = `<!doctype html><meta charset="utf-8"><style>body{margin:12px;background:#fff;font:13px sans-serif;width:max-content}
td{border:2px solid #ddd;padding:0}td.right{border-color:#0b5}img,div{display:block;width:160px;height:90px}th{text-align:left;font-weight:normal;padding-right:10px;width:110px}
b{color:#084}tr:first-child td{border:0;text-align:center;color:#666}</style>
<table cellspacing="3"><tr><th></th>${times.map((time) => `<td>${time} ms</td>`).join('')}</tr>${lines.join('')}</table>
<p>From navigation to the right number on screen (green), network with ${NETWORK.latencyMs} ms a round trip and ${NETWORK.mbit} Mbit/s.</p>`;
  const visitor = await stage.chromium.newVisitor({ viewport: { width: 4000, height: 540 } });
  const page = await visitor.newPage();
  await page.setContent(html);
  const picture = await page.locator('body').screenshot({ type: 'png' });
  await visitor.close();
  return picture;
}

function inTheMiddle(films: readonly Film[]): Film {
  const film = films.toSorted((a, b) => a.rightAt - b.rightAt)[Math.floor(films.length / 2)];
  if (!film) throw new Error('nothing was filmed');
  return film;
}
