/**
 * `npm run bench:pool`: plays simulated sites through the engine and through what others do, and says how often calls
 * were joined rightly. `--site NAME` plays one, `--seed N` other visitors, `--write` renews the figures in the docs.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { drawFigure } from '../test/bench/pool/figure.js';
import {
  ENGINE,
  INCUMBENT,
  measureSite,
  ONE_POOL,
  ORACLE,
  type Row,
  SITES,
  SIZES,
} from '../test/bench/pool/index.js';

const { values } = parseArgs({
  options: { site: { type: 'string' }, seed: { type: 'string', default: '1' }, write: { type: 'boolean' } },
});
const sites = SITES.filter(({ name }) => values.site === undefined || name === values.site);
if (sites.length === 0) {
  console.error(`There is no site ${values.site}; there are ${SITES.map(({ name }) => name).join(', ')}.`);
  process.exit(1);
}

const percent = (share: number) => (share * 100).toFixed(1);
const rows: Row[] = [];
for (const site of sites) {
  console.log(`\n${site.name}: ${site.about}`);
  console.log('First calls joined rightly, percent; calibration error of the confidence, 0 to 1.\n');
  console.log(
    ['numbers', 'visit', 'source', 'campaign', 'error', 'src err', 'shared', 'policy'].map(cell).join(''),
  );
  rows.push(
    ...measureSite(site, Number(values.seed), SIZES, (row) => {
      const { numbers, policy, visit, source, campaign, visitError, sourceError, shared } = row;
      const shares = [visit, source, campaign].map(percent);
      const errors = [visitError, sourceError, shared].map((error) => error.toFixed(3));
      console.log(`${[numbers, ...shares, ...errors].map(cell).join('')}  ${policy}`);
    }),
  );
}

const find = (site: string, numbers: number, policy: string): Row => {
  const row = rows.find((one) => one.site === site && one.numbers === numbers && one.policy === policy);
  if (!row) throw new Error(`no row of ${policy} with ${numbers} numbers on ${site}`);
  return row;
};
/** What is sold today; the engine's own join in one pool is a half of the engine, and told beside the bars. */
const sold = (site: string, numbers: number) =>
  rows.filter((one) => one.site === site && one.numbers === numbers && one.policy.endsWith('last holder'));

/** All bars are about the first site; on the others the source must be right more often than by any other policy. */
const SOURCE_BARS: Record<number, number> = { 4: 0.9, 8: 0.94, 16: 0.97 };
console.log('\nBars, and what is no bar in brackets');
for (const { name } of sites) {
  const isFirst = name === SITES[0]?.name;
  for (const numbers of SIZES) {
    const own = find(name, numbers, ENGINE);
    const best = (what: 'visit' | 'source') => Math.max(...sold(name, numbers).map((row) => row[what]));
    const source = Math.max((isFirst && SOURCE_BARS[numbers]) || 0, best('source'));
    const behind = (than: number) => `visit ${percent(own.visit - than)} points from`;
    const oracle = find(name, numbers, ORACLE).visit;
    const onePool = find(name, numbers, ONE_POOL).visit;
    const told = [
      bar(`source ${percent(own.source)}, at least ${percent(source)}`, own.source >= source),
      bar(`${behind(best('visit'))} the best that is sold`, own.visit >= best('visit') - 0.02, isFirst),
      bar(`${behind(oracle)} the oracle`, own.visit >= oracle - 0.03, isFirst),
      bar(`calibration error ${own.visitError.toFixed(3)}`, own.visitError <= 0.05, isFirst),
      bar(`${behind(onePool)} the same join in one pool`, true, false),
    ];
    console.log(`${name}, ${numbers} numbers: ${told.join('; ')}`);
  }
}
if (values.write) {
  const folder = new URL('../test/bench/pool/', import.meta.url);
  const lines = rows.map((row) => `  ${JSON.stringify(rounded(row))}`);
  writeFileSync(new URL('results.json', folder), `[\n${lines.join(',\n')}\n]\n`);
  writeFileSync(new URL('rightness.svg', folder), drawFigure(rows, sites[0]?.name ?? ''));
}
console.log(`\n${INCUMBENT} is what is sold today; ${ORACLE} knows the site's true figures.`);

function bar(text: string, isHeld: boolean, isBar = true): string {
  return isBar ? `${text} ${isHeld ? 'held' : 'NOT HELD'}` : `[${text}]`;
}

function cell(value: string | number): string {
  return String(value).padStart(9);
}

function rounded(row: Row): Row {
  const entries = Object.entries(row).map(([name, value]) => [
    name,
    typeof value === 'number' ? Math.round(value * 10_000) / 10_000 : value,
  ]);
  return Object.fromEntries(entries) as Row;
}
