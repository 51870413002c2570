/**
 * `npm run test:browsers`: the main pages in Firefox and in WebKit, where the machine has them. What is missing is said
 * and skipped; ends with 1 where a page fails, or where there is no browser at all.
 */
import { parseArgs } from 'node:util';
import { startFirefox } from '../test/browsers/firefox.js';
import { openBrowserStage, VISITS } from '../test/browsers/visits.js';
import { startWebKit } from '../test/browsers/webkit.js';

const STARTS = { firefox: startFirefox, webkit: startWebKit };
const { values } = parseArgs({ options: { only: { type: 'string' } } });
const chosen = Object.entries(STARTS).filter(([name]) => values.only === undefined || values.only === name);
if (chosen.length === 0)
  console.error(`There is no ${values.only}; there are ${Object.keys(STARTS).join(', ')}.`);

const stage = await openBrowserStage();
let ran = 0;
let failed = 0;
try {
  for (const [, start] of chosen) {
    const browser = await start();
    if (typeof browser === 'string') {
      console.log(`skipped: ${browser}`);
      continue;
    }
    console.log(`\n${browser.name}`);
    try {
      for (const [claim, visit] of Object.entries(VISITS)) {
        const tab = await browser.newVisitor();
        ran++;
        try {
          await visit(stage, tab);
          console.log(`  ok      ${claim}`);
        } catch (error) {
          failed++;
          console.log(`  FAILED  ${claim}\n          ${error instanceof Error ? error.message : error}`);
        } finally {
          await tab.close();
        }
      }
    } finally {
      await browser.close();
    }
  }
} finally {
  await stage.close();
}
console.log(`\n${ran} run, ${failed} failed`);
process.exitCode = failed > 0 || ran === 0 ? 1 : 0;
