/**
 * `npm run bench`: measures what must stay fast, in turn and against a yardstick where there is one. Needs a quiet
 * machine. `--only swap|memory|join|lanes` runs one.
 */
import { parseArgs } from 'node:util';
import { benchJoin } from '../test/bench/join.js';
import { benchLanes } from '../test/bench/lanes.js';
import { benchMemory } from '../test/bench/memory.js';
import { benchSwap } from '../test/bench/swap.js';

const BENCHES = { swap: benchSwap, memory: benchMemory, join: benchJoin, lanes: benchLanes };
const { values } = parseArgs({ options: { only: { type: 'string' } } });
const names = Object.keys(BENCHES) as (keyof typeof BENCHES)[];
const chosen = names.filter((name) => values.only === undefined || values.only === name);
if (chosen.length === 0) {
  console.error(`There is no bench ${values.only}; there are ${names.join(', ')}.`);
  process.exitCode = 1;
}
for (const name of chosen) {
  console.log(`\n> ${name}`);
  await BENCHES[name]();
}
