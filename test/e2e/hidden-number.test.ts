/** The CSS that snippet/README.md gives to sites that hide a number until it is swapped. */
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { startChromium } from '../support/chromium.js';

const CSS = /```css\n(.*?)```/s.exec(readFileSync('snippet/README.md', 'utf8'))?.[1] ?? '';

test('a hidden number shows when the script says so, and by itself where the script never comes', async () => {
  const chromium = await startChromium();
  onTestFinished(() => chromium.close());
  const page = await (await chromium.newVisitor()).newPage();
  await page.setContent(`<style>${CSS}</style><p class="phoneswap">305-555-0100</p>`);
  // The clock of the page's own animations, so that nothing depends on how fast this machine is.
  const at = (ms: number) =>
    page.evaluate((ms) => {
      for (const animation of document.getAnimations()) {
        animation.pause();
        animation.currentTime = ms;
      }
    }, ms);
  const seen = () => page.$eval('p', (number) => getComputedStyle(number).visibility);
  await at(990);
  expect(await seen()).toBe('hidden');
  await at(1010);
  expect(await seen()).toBe('visible');
  await at(10);
  expect(await seen()).toBe('hidden');
  // As `snippet/reveal.ts` shows it.
  await page.$eval('p', (number) => {
    number.style.visibility = 'visible';
  });
  expect(await seen()).toBe('visible');
});
