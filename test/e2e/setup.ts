import { shareChromium } from '../support/chromium.js';

/** All files of the suite have one browser; each test has visitors of its own. */
export default async function prepareSuite(): Promise<() => Promise<void>> {
  const browser = await shareChromium();
  return () => browser.close();
}
