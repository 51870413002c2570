/** `npm run screenshots`: takes the README's pictures of the demo page, in a real Chromium against a real server. */
import { mkdirSync } from 'node:fs';
import { startChromium } from '../test/support/chromium.js';
import { removeDataDir, startServer } from '../test/support/server.js';

const FOLDER = '.github/images';
mkdirSync(FOLDER, { recursive: true });
const server = await startServer({ env: { PORT: process.env.PORT ?? '3000' } });
const chromium = await startChromium();
try {
  const url = server.url.replace('127.0.0.1', 'localhost');
  const visitor = await chromium.newVisitor({ viewport: { width: 900, height: 420 }, deviceScaleFactor: 2 });
  const page = await visitor.newPage();

  await page.route('**/swap.js', (route) => route.abort());
  await page.goto(`${url}/demo`);
  await page.screenshot({ path: `${FOLDER}/before.png` });

  await page.unroute('**/swap.js');
  await page.goto(`${url}/demo?gclid=demo-click&utm_campaign=burst-pipes`);
  await page.waitForFunction(
    () => document.getElementById('header-phone')?.textContent?.endsWith('0100') === false,
  );
  await page.screenshot({ path: `${FOLDER}/after.png` });

  await page.click('#call');
  await page.waitForSelector('#result dd');
  await page.setViewportSize({ width: 900, height: 900 });
  await page.locator('.behind').screenshot({ path: `${FOLDER}/call.png` });
  console.log(`before.png, after.png and call.png are in ${FOLDER}`);
} finally {
  await chromium.close();
  await server.end();
  removeDataDir(server.dataDir);
}
