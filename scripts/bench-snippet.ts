/**
 * `npm run bench:snippet`: what the script costs the page that it is on, in Chromium. Needs a quiet machine. Ends with 1
 * where a bar is not held. `--only scan|observer|page|filmstrip` runs one; `--nodes 10000` scans pages of this size
 * only, `--write` renews filmstrip.png.
 */
import { parseArgs } from 'node:util';
import { holdBars } from '../test/bench/snippet/bars.js';
import { benchFilmstrip } from '../test/bench/snippet/filmstrip.js';
import { benchObserver } from '../test/bench/snippet/observer.js';
import { benchPageCost } from '../test/bench/snippet/page-cost.js';
import { benchScan } from '../test/bench/snippet/scan.js';

const { values } = parseArgs({
  options: { only: { type: 'string' }, nodes: { type: 'string' }, write: { type: 'boolean' } },
});
const BENCHES = {
  scan: () => benchScan({ nodes: values.nodes ? Number(values.nodes) : undefined }),
  observer: benchObserver,
  page: benchPageCost,
  filmstrip: () => benchFilmstrip({ write: values.write }),
};
const names = Object.keys(BENCHES) as (keyof typeof BENCHES)[];
const chosen = names.filter((name) => values.only === undefined || values.only === name);
if (chosen.length === 0) {
  console.error(`There is no bench ${values.only}; there are ${names.join(', ')}.`);
  process.exitCode = 1;
}
for (const name of chosen) {
  console.log(`\n> ${name}\n`);
  if (!holdBars(await BENCHES[name]())) process.exitCode = 1;
}
