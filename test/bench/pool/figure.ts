/** The figure of `npm run bench:pool`: how often source and visit are right, over the size of the pool. */
import { ENGINE, INCUMBENT, ONE_POOL, type Row } from './index.js';

const WIDTH = 760;
const HEIGHT = 330;
const PLOT = { left: 46, top: 58, width: 300, height: 210, gap: 66 };
const CURVES = [
  { policy: ENGINE, name: 'calltrk', color: '#2563eb', dash: '' },
  { policy: ONE_POOL, name: 'one pool, same join', color: '#0d9488', dash: '6 4' },
  { policy: INCUMBENT, name: 'one pool, last holder', color: '#b45309', dash: '2 4' },
];

/** An SVG that reads on a light ground and on a dark one. */
export function drawFigure(rows: readonly Row[], site: string): string {
  const own = rows.filter((row) => row.site === site);
  const sizes = [...new Set(own.map(({ numbers }) => numbers))];
  const panels = (['source', 'visit'] as const).map((what, at) =>
    drawPanel(own, sizes, what, PLOT.left + at * (PLOT.width + PLOT.gap)),
  );
  const legend = CURVES.map(
    ({ name, color, dash }, at) =>
      `<g transform="translate(${PLOT.left + at * 190} ${HEIGHT - 14})"><path d="M0 -4h26" stroke="${color}" stroke-width="2.5" stroke-dasharray="${dash}"/><text x="33">${name}</text></g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="t d">
<title id="t">First calls that were joined rightly</title>
<desc id="d">${describe(own, sizes)}</desc>
<style>text{font:13px system-ui,sans-serif;fill:#334155}.h{font-weight:600;font-size:14px}.g{stroke:#94a3b8;stroke-opacity:.35}.b{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#cbd5e1}.b{fill:#0f172a}}</style>
<rect class="b" width="${WIDTH}" height="${HEIGHT}" rx="8"/>
<text class="h" x="${PLOT.left}" y="24">First calls joined rightly, by the numbers in the pool (${site})</text>
${panels.join('\n')}
${legend.join('\n')}
</svg>
`;
}

function drawPanel(
  rows: readonly Row[],
  sizes: readonly number[],
  what: 'source' | 'visit',
  left: number,
): string {
  const x = (at: number) => left + (at * PLOT.width) / (sizes.length - 1);
  const y = (share: number) => PLOT.top + (1 - share) * PLOT.height;
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<path class="g" d="M${left} ${y(share)}h${PLOT.width}"/><text x="${left - 8}" y="${y(share) + 4}" text-anchor="end">${share * 100}</text>`,
  );
  const ticks = sizes.map(
    (size, at) => `<text x="${x(at)}" y="${PLOT.top + PLOT.height + 18}" text-anchor="middle">${size}</text>`,
  );
  const curves = CURVES.map(({ policy, color, dash }) => {
    const points = sizes.map((size, at) => {
      const row = rows.find((one) => one.policy === policy && one.numbers === size);
      return `${x(at).toFixed(1)} ${y(row?.[what] ?? 0).toFixed(1)}`;
    });
    const dots = points.map(
      (point) => `<circle cx="${point.split(' ')[0]}" cy="${point.split(' ')[1]}" r="3" fill="${color}"/>`,
    );
    return `<path d="M${points.join('L')}" fill="none" stroke="${color}" stroke-width="2.5" stroke-dasharray="${dash}"/>${dots.join('')}`;
  });
  const title = what === 'source' ? 'source, percent' : 'visit, percent';
  return `<text x="${left}" y="${PLOT.top - 10}">${title}</text>${grid.join('')}${ticks.join('')}${curves.join('')}`;
}

function describe(rows: readonly Row[], sizes: readonly number[]): string {
  return CURVES.map(({ policy, name }) => {
    const shares = sizes.map((size) => {
      const row = rows.find((one) => one.policy === policy && one.numbers === size);
      return `${size} numbers: source ${percent(row?.source)}, visit ${percent(row?.visit)}`;
    });
    return `${name}: ${shares.join('; ')}.`;
  }).join(' ');
}

function percent(share = 0): string {
  return `${(share * 100).toFixed(0)} %`;
}
