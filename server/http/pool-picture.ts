/**
 * The picture of a pool: how full it was by the hour, and what another size would mean. One SVG without a script,
 * readable in light and dark, alone or within a page.
 */
import { createHash } from 'node:crypto';
import type { PoolReport } from '../domain/pool-report.js';
import { blockingCurve } from '../domain/sizing.js';

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Layout {
  width: number;
  height: number;
  /** Of these so many stand in a row, so far apart. */
  figures: { inRow: number; step: number };
  hours: Box;
  sizes: Box;
}

const LAYOUTS = {
  /** The hours to the left, the sizes to the right. */
  wide: {
    width: 760,
    height: 372,
    figures: { inRow: 4, step: 184 },
    hours: { x: 52, y: 150, width: 372, height: 164 },
    sizes: { x: 506, y: 150, width: 222, height: 164 },
  },
  /** For a phone: one below the other, as large as they are read there. */
  tall: {
    width: 360,
    height: 708,
    figures: { inRow: 2, step: 166 },
    hours: { x: 52, y: 222, width: 286, height: 164 },
    sizes: { x: 52, y: 486, width: 286, height: 164 },
  },
} satisfies Record<string, Layout>;

const STYLE = `
.pool-picture { --paper: #fff; --ink: #14213d; --soft: #566580; --line: #dfe7f3; --bar: #5b9bf0; --peak: #1d5fbf;
  --size: #b3261e; --good: #1b7f4d; background: var(--paper); border-radius: 10px; max-width: 100%; height: auto;
  font: 13px system-ui, sans-serif; font-variant-numeric: tabular-nums }
@media (prefers-color-scheme: dark) { .pool-picture { --paper: #101a2c; --ink: #e9effa; --soft: #a3b3cd;
  --line: #26344f; --bar: #3f78c9; --peak: #9cc4ff; --size: #ff8f85; --good: #5fd39a } }
.pool-picture text { fill: var(--ink) }
.pool-picture .soft { fill: var(--soft); font-size: 12px }
.pool-picture .figure { font-size: 27px; font-weight: 650 }
.pool-picture .heading { font-weight: 650 }
.pool-picture .grid { stroke: var(--line); fill: none }
.pool-picture .bar { fill: var(--bar) }
.pool-picture .peak { stroke: var(--peak); stroke-width: 2 }
.pool-picture .size { stroke: var(--size); stroke-width: 1.5; stroke-dasharray: 5 4; fill: none }
.pool-picture .now { fill: var(--size); stroke: var(--paper); stroke-width: 2 }
.pool-picture text.now { stroke: none; font-weight: 650 }
.pool-picture .curve { stroke: var(--peak); stroke-width: 2.5; fill: none; stroke-linejoin: round }
.pool-picture .area { fill: var(--bar); opacity: 0.16 }
.pool-picture .goal { fill: var(--good); stroke: var(--paper); stroke-width: 2 }
.pool-picture text.goal { stroke: none; font-weight: 650; font-size: 12px }`;

/** Lets a page's Content-Security-Policy take this one style and no other (`style-src`). */
export const PICTURE_STYLE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/** Draws the report with the hours that it shows. */
export function drawPool(report: PoolReport, shape: keyof typeof LAYOUTS = 'wide'): string {
  const { width, height, figures, hours, sizes }: Layout = LAYOUTS[shape];
  const { numbers, offeredLoad, blocking } = report;
  const goal = report.recommended.find((one) => one.blocking === 0.01);
  const measured = blocking.measured === null ? '–' : percent(blocking.measured);
  const facts: [string, string][] = [
    [`${numbers.held} of ${numbers.leasable}`, 'numbers in use now'],
    [decimal(offeredLoad.erlangs), 'wanted in the busiest hour'],
    // Of the first minutes nothing is counted yet.
    [goal?.numbers ? String(goal.numbers) : '–', 'would be enough for 99 %'],
    [measured, 'found none free (7 days)'],
  ];
  const drawn = facts.map(([figure, what], at) => {
    const row = Math.floor(at / figures.inRow);
    return drawFigure(28 + (at % figures.inRow) * figures.step, 48 + row * 72, figure, what);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" class="pool-picture" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="pool-picture-title pool-picture-desc">
<title id="pool-picture-title">How full the pool “${escaped(report.trackerName)}” is</title>
<desc id="pool-picture-desc">${escaped(describe(report))}</desc>
<style>${STYLE}</style>
${drawn.join('\n')}
<path class="grid" d="M28 ${hours.y - 58}H${width - 28}"/>
${drawHours(report, hours)}
${drawSizes(report, sizes)}
</svg>
`;
}

/** What the picture shows, for who does not see it. */
function describe({ numbers, offeredLoad, recommended, blocking, hours }: PoolReport): string {
  const fullest = hours.reduce((most, hour) => Math.max(most, hour.peakHeld), 0);
  const sizes = recommended.map((one) => `${one.numbers} for ${percent(one.blocking)}`).join(', ');
  return (
    `${numbers.held} of ${numbers.leasable} numbers are held now, at most ${fullest} were in the last ${hours.length} ` +
    `hours. In the busiest hour ${decimal(offeredLoad.erlangs)} were wanted at once on average; then ` +
    `${percent(blocking.erlangBPeak)} of visitors find none of ${numbers.leasable} free. Recommended, by how many may ` +
    `find none: ${sizes}.`
  );
}

function drawFigure(x: number, y: number, figure: string, what: string): string {
  return `<text class="figure" x="${x}" y="${y}">${escaped(figure)}</text><text class="soft" x="${x}" y="${y + 22}">${escaped(what)}</text>`;
}

/** Bars: held on average. The tick above each: held at once at most. */
function drawHours({ hours, numbers }: PoolReport, box: Box): string {
  const { x, y, width, height } = box;
  const most = ceiling(Math.max(1, numbers.leasable, ...hours.map((hour) => hour.peakHeld)) * 1.08);
  const yOf = (held: number) => round(y + height - (height * held) / most);
  const step = width / Math.max(1, hours.length);
  const bars = hours.map((hour, at) => {
    const left = round(x + at * step + step * 0.14);
    const right = round(x + (at + 1) * step - step * 0.14);
    const held = hour.seconds > 0 ? hour.heldSeconds / hour.seconds : 0;
    const top = yOf(held);
    const bar = `<rect class="bar" x="${left}" y="${top}" width="${round(right - left)}" height="${round(y + height - top)}" rx="1.5"/>`;
    const peak = `<path class="peak" d="M${left} ${yOf(hour.peakHeld)}H${right}"/>`;
    return hour.peakHeld === 0
      ? ''
      : `<g><title>${clock(hour.hour)} UTC: ${decimal(held)} held on average, ${hour.peakHeld} at most</title>${bar}${peak}</g>`;
  });
  const labels = hours
    .map((hour, at) => ({ hour, at }))
    .filter(({ hour }) => new Date(hour.hour).getUTCHours() % (hours.length > 48 ? 24 : 6) === 0)
    .map(({ hour, at }) => axisLabel(round(x + (at + 0.5) * step), y + height + 18, clock(hour.hour)));
  const level = yOf(numbers.leasable);
  return [
    `<text class="heading" x="${x - 24}" y="${y - 24}">Numbers in use by hour</text>`,
    `<text class="soft" x="${x - 24}" y="${y + height + 38}">bar: average · line: most at once · UTC</text>`,
    ...scale(most).map((tick) => gridLine(box, yOf(tick), String(tick))),
    ...bars,
    `<path class="size" d="M${x} ${level}H${x + width}"/>`,
    `<text class="now" x="${x + width}" y="${level - 6}" text-anchor="end">${numbers.leasable} numbers</text>`,
    ...labels,
  ].join('\n');
}

/** Erlang's curve of the peak hour, with the size that the pool has and those it should have. */
function drawSizes({ numbers, offeredLoad, recommended, blocking }: PoolReport, box: Box): string {
  const { x, y, width, height } = box;
  const most = Math.max(
    4,
    Math.ceil(Math.max(numbers.leasable, ...recommended.map((one) => one.numbers)) * 1.12),
  );
  const xOf = (count: number) => round(x + (width * count) / most);
  const yOf = (share: number) => round(y + height * (1 - share));
  const all = blockingCurve(offeredLoad.erlangs, most);
  // As many points as there are places for them.
  const every = Math.max(1, Math.floor(most / width));
  const points = all
    .map((share, count) => ({ share, count }))
    .filter(({ count }) => count % every === 0 || count === most)
    .map(({ share, count }) => `${xOf(count)} ${yOf(share)}`);
  const here = { x: xOf(numbers.leasable), y: yOf(blocking.erlangBPeak) };
  const isLeft = numbers.leasable > most * 0.6;
  const goals = recommended.filter((one) => one.numbers > 0);
  const lines = [
    `<text class="heading" x="${x - 24}" y="${y - 24}">Visitors who find none free, by size</text>`,
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => gridLine(box, yOf(share), percent(share))),
  ];
  if (offeredLoad.erlangs > 0) {
    lines.push(
      `<path class="area" d="M${points.join('L')}L${x + width} ${y + height}L${x} ${y + height}Z"/>`,
      `<path class="curve" d="M${points.join('L')}"/>`,
      ...goals.map(
        (one) =>
          `<circle class="goal" cx="${xOf(one.numbers)}" cy="${yOf(all[one.numbers] ?? 0)}" r="5"><title>${one.numbers} numbers: ${percent(one.blocking)}</title></circle>`,
      ),
      `<path class="size" d="M${here.x} ${y + height}V${here.y}"/>`,
      `<circle class="now" cx="${here.x}" cy="${here.y}" r="6"/>`,
      `<text class="now" x="${here.x + (isLeft ? -8 : 10)}" y="${Math.max(y + 10, here.y - 9)}" text-anchor="${isLeft ? 'end' : 'start'}">${percent(blocking.erlangBPeak)} with ${numbers.leasable}</text>`,
      `<text class="goal" x="${x + width}" y="${y + height + 38}" text-anchor="end">${goals.map((one) => `${one.numbers} → ${percent(one.blocking)}`).join(' · ')}</text>`,
    );
  } else {
    lines.push(
      `<text class="soft" x="${x + width / 2}" y="${y + height * 0.4}" text-anchor="middle">nothing came yet</text>`,
    );
  }
  lines.push(...scale(most).map((tick) => axisLabel(xOf(tick), y + height + 18, String(tick))));
  return lines.join('\n');
}

function gridLine({ x, width }: Box, y: number, label: string): string {
  return `<path class="grid" d="M${x} ${y}H${x + width}"/><text class="soft" x="${x - 8}" y="${y + 4}" text-anchor="end">${label}</text>`;
}

function axisLabel(x: number, y: number, label: string): string {
  return `<text class="soft" x="${x}" y="${y}" text-anchor="middle">${label}</text>`;
}

/** Whole numbers from 0 to the last, four steps at most. */
function scale(last: number): number[] {
  const step = Math.max(1, Math.ceil(last / 4));
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, at) => at * step);
}

/** The next number that reads well at the end of an axis. */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 8, 10].map((digit) => digit * power).find((round) => round >= value) ?? value;
}

function percent(share: number): string {
  // What is less than one in ten thousand is nothing to who buys numbers.
  const value = share < 1e-4 ? 0 : share * 100;
  return `${value === 0 || value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} %`;
}

function decimal(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}

function clock(at: number): string {
  return `${String(new Date(at).getUTCHours()).padStart(2, '0')}:00`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
