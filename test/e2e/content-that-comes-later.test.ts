import { afterAll, beforeAll, expect, test } from 'vitest';
import { numberShown, openStage, type Stage } from '../support/e2e.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

test('content that is added later is swapped without a further request', async () => {
  const { page, troubles } = await stage.visit();
  const last = (await numberShown(page)).slice(-2);
  let requests = 0;
  page.on('request', () => requests++);
  await page.evaluate(() => {
    const later = document.getElementById('later');
    if (later) later.innerHTML = '<p>New: <span>(305) 555-0100</span> <a href="tel:3055550100">call</a></p>';
  });
  await page.waitForFunction(() => !document.getElementById('later')?.textContent?.includes('0100'));
  expect(await page.textContent('#later span')).toBe(`(305) 555-01${last}`);
  expect(await page.getAttribute('#later a', 'href')).toBe(`tel:+130555501${last}`);
  expect(requests).toBe(0);
  expect(troubles).toEqual([]);
});

test('a framework that writes the old number back into the same node is answered in the same frame', async () => {
  const { page, troubles } = await stage.visit();
  const last = (await numberShown(page)).slice(-2);
  const shown = await page.evaluate(async () => {
    const text = document.querySelector('h1')?.firstChild as Text;
    text.nodeValue = 'Ring (305) 555-0100';
    await new Promise(requestAnimationFrame);
    return text.nodeValue;
  });
  expect(shown).toBe(`Ring (305) 555-01${last}`);
  expect(troubles).toEqual([]);
});

test('a page that had no number asks for one when it gets one', async () => {
  const page = await (await stage.chromium.newVisitor()).newPage();
  const first = page.waitForRequest('**/v1/swap');
  await page.goto(`${stage.site.url}/numberless`);
  expect(JSON.parse((await first).postData() ?? '')).toMatchObject({
    targets: [],
    page: { id: expect.any(String) },
  });
  const second = page.waitForRequest('**/v1/swap');
  await page.evaluate(() => {
    document.getElementById('x')?.append(' Call 305-555-0100');
  });
  expect(JSON.parse((await second).postData() ?? '')).toMatchObject({
    targets: ['+13055550100'],
    page: null,
  });
  await page.waitForFunction(() => !document.getElementById('x')?.textContent?.includes('0100'));
});
