/** The CSS that snippet/README.md gives to sites that hide a number until it is swapped. */
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { startChromium } from '../support/chromium.js';

const CSS = /```css\n(.*?)```/s.exec(readFileSync('snippet/README.md', 'utf8'))?.[1] ?? '';

test('a hidden number shows when the script says so, and by itself where the script never comes', async () => {
  const chromium = await startChromium();
  onTestFinished(() => chromium.close());
  const page = await (await chromium.newVisitor()).newPage();
  await page.setContent(`<style>${CSS}</style><p class="phoneswap">305-555-0100</p>
    <nav style="visibility: hidden"><b class="phoneswap">305-555-0100</b></nav>`);
  // The clock of the page's own animations, so that nothing depends on how fast this machine is.
  const at = (ms: number) =>
    page.evaluate((ms) => {
      for (const animation of document.getAnimations()) {
        animation.pause();
        animation.currentTime = ms;
      }
    }, ms);
  const seenOf = (what: string) => page.$eval(what, (number) => getComputedStyle(number).visibility);
  const seen = () => seenOf('p');
  await at(990);
  expect(await seen()).toBe('hidden');
  await at(1010);
  expect(await seen()).toBe('visible');
  // A menu that is closed stays closed.
  expect(await seenOf('b')).toBe('hidden');
  await at(10);
  expect(await seen()).toBe('hidden');
  // As `snippet/reveal.ts` shows it.
  await page.$$eval('.phoneswap', (numbers) => {
    for (const number of numbers as HTMLElement[]) number.style.visibility = 'inherit';
  });
  expect(await seen()).toBe('visible');
  expect(await seenOf('b')).toBe('hidden');
  await page.$eval('nav', (menu) => menu.removeAttribute('style'));
  expect(await seenOf('b')).toBe('visible');
});
