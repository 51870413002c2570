import { afterAll, beforeAll, expect, test } from 'vitest';
import { numberShown, openStage, type Stage } from '../support/e2e.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

async function visitWithoutApi(path: string, referer?: string) {
  const context = await stage.chromium.newVisitor();
  await context.route('**/v1/**', (route) => route.abort());
  const page = await context.newPage();
  await page.goto(stage.site.url + path, referer ? { referer } : {});
  return page;
}

test('the number of a landing parameter is shown with the server away', async () => {
  expect(await numberShown(await visitWithoutApi('/?promo=summer-mailer'))).toBe('+13055550121');
});

test('the number of a referrer is shown with the server away, and on the next page, too', async () => {
  const page = await visitWithoutApi('/', 'https://www.yelp.com/biz/bluebird');
  expect(await numberShown(page)).toBe('+13055550120');
  await page.goto(`${stage.site.url}/?page=2`);
  expect(await numberShown(page)).toBe('+13055550120');
});

test('a referrer that only contains the name is another site', async () => {
  const page = await visitWithoutApi('/', 'https://notyelp.com.example/yelp.com');
  await page.waitForLoadState('networkidle');
  expect(await page.getAttribute('#link', 'href')).toBe('tel:+13055550100');
});
