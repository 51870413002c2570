/** What a company says is kept reaches the page as one selector: whatever else is in the list, each one holds. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { indexDirectory } from '../../server/domain/directory.js';
import { faultOfSelector } from '../../server/domain/script-settings.js';
import { type Chromium, startChromium } from '../support/chromium.js';
import { aCompany, aTracker } from '../support/directory.js';

let chromium: Chromium;
beforeAll(async () => {
  chromium = await startChromium();
});
afterAll(() => chromium?.close());

function keepOf(keepSelectors: string[]): string {
  const company = aCompany({ script: { keepSelectors } });
  const lookup = indexDirectory({ version: '1', companies: [company], trackers: [aTracker()] });
  return lookup.scriptConfig(company).keep ?? '';
}

/** For each selector whether it fits the one element, `.kept`; null: the browser refuses it. */
async function askBrowser(selectors: string[]): Promise<(boolean | null)[]> {
  const visitor = await chromium.newVisitor();
  const page = await visitor.newPage();
  await page.setContent('<p class="kept"></p>');
  const answers = await page.evaluate((all) => {
    const element = document.querySelector('.kept') as Element;
    return all.map((selector) => {
      try {
        return element.matches(selector);
      } catch {
        return null;
      }
    });
  }, selectors);
  await visitor.close();
  return answers;
}

it('a selector that the browser does not know spoils no other', async () => {
  const broken = ['a > > b', '..x', '.5', 'p::nonsense', ':unheard-of(.x)', '[a=b c]', '*|*|*', 'p:not()'];
  const lists = broken.flatMap((one) => [keepOf([one, '.kept']), keepOf(['.kept', one])]);
  expect(await askBrowser(lists)).toEqual(lists.map(() => true));
  // They are broken, each for itself.
  expect(new Set(await askBrowser(broken))).toEqual(new Set([null]));
});

it('nothing that is taken for a selector reaches beyond itself', async () => {
  const piece = fc.constantFrom(
    ...['.', '#', 'a', 'x', ' ', '>', '+', ',', ':', '::', 'not', 'is', '(', ')', '[', ']', '=', '"', "'"],
    ...['\\', '*', '|', '/', '-', '5', '~', '^', '$', 'é', '&', '%', '/*', 'url('],
  );
  const texts = fc.sample(fc.array(piece, { minLength: 1, maxLength: 7 }), { numRuns: 20_000, seed: 7 });
  const accepted = texts.map((text) => text.join('').trim()).filter((text) => faultOfSelector(text) === null);
  expect(accepted.length).toBeGreaterThan(1000);
  const lists = accepted.map((text) => keepOf([text, '.kept', text]));
  const answers = await askBrowser(lists);
  expect(lists.filter((_, at) => answers[at] !== true)).toEqual([]);
});
