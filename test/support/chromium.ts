import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';

/** Debian's Chromium, or what the machine has under one of the usual names. */
function executable(): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    for (const folder of folders) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not here.
      }
    }
  }
  throw new Error('Chromium is missing: apt-get install --no-install-recommends chromium');
}

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
];

export interface Chromium {
  /** A browser profile of its own: another visitor. */
  newVisitor(options?: BrowserContextOptions): Promise<BrowserContext>;
  close(): Promise<void>;
}

/** Starts a headless Chromium with a new profile folder; nothing is downloaded. */
export async function startChromium(): Promise<Chromium> {
  const profile = mkdtempSync(join(tmpdir(), 'calltrk-chromium-'));
  const first = await chromium.launchPersistentContext(profile, {
    executablePath: executable(),
    args: ARGUMENTS,
  });
  const browser = first.browser();
  if (!browser) throw new Error('Chromium gave no browser');
  return {
    newVisitor: (options = {}) => browser.newContext(options),
    async close() {
      await first.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
