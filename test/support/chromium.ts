import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';
import { exitOf, until } from './processes.js';

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
/**
 * Each window has an address bar whose lists are pages of the browser's own: without them it costs half. Chromium heeds
 * the last such list only, so this one repeats of Playwright's what matters here.
 */
const WITHOUT_FEATURES = `--disable-features=${[
  'WebUIOmniboxPopup',
  'WebUIOmniboxAimPopup',
  'WebUIOmniboxFullPopup',
  'AimEnabled',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
  'ThirdPartyStoragePartitioning',
]}`;
/** Where `shareChromium` says that there is one already. */
const SHARED = 'CALLTRK_TEST_CHROMIUM';

export interface Chromium {
  /** A browser profile of its own: another visitor. */
  newVisitor(options?: BrowserContextOptions): Promise<BrowserContext>;
  close(): Promise<void>;
}

export interface ChromiumOptions {
  /** Further arguments. */
  args?: string[];
  /** Arguments of Playwright's own that this browser is to go without. */
  without?: string[];
}

/**
 * A headless Chromium; nothing is downloaded. Visitors are all its own, the browser may be the one that test files
 * share (see `shareChromium`): with arguments or without some of the usual ones it is started anew.
 */
export async function startChromium({ args = [], without = [] }: ChromiumOptions = {}): Promise<Chromium> {
  const shared = process.env[SHARED];
  if (shared && args.length + without.length === 0) {
    const browser = await chromium.connect(shared);
    // Of a browser that is only connected to, this closes the visitors of this connection.
    return { newVisitor: (options = {}) => browser.newContext(options), close: () => browser.close() };
  }
  const profile = mkdtempSync(join(tmpdir(), 'calltrk-chromium-'));
  const first = await chromium.launchPersistentContext(profile, {
    executablePath: executable(),
    args: [...ARGUMENTS, WITHOUT_FEATURES, ...args],
    ignoreDefaultArgs: without,
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

/** Starts the one browser that every `startChromium` of the processes begun from now on is given. */
export async function shareChromium(): Promise<{ close(): Promise<void> }> {
  const server = await chromium.launchServer({
    executablePath: executable(),
    args: [...ARGUMENTS, WITHOUT_FEATURES],
  });
  process.env[SHARED] = server.wsEndpoint();
  return {
    async close() {
      delete process.env[SHARED];
      await server.close();
    },
  };
}

/**
 * Opens an address in a Chromium that nobody looks into: with a debugger attached it does not render in advance, for
 * one. What the page does is seen by the servers that it talks to.
 */
export function openUnwatched(url: string): { close(): Promise<void> } {
  const profile = mkdtempSync(join(tmpdir(), 'calltrk-chromium-'));
  const alone = [
    '--headless=new',
    '--remote-debugging-port=0',
    `--user-data-dir=${profile}`,
    '--no-default-browser-check',
  ];
  const child = spawn(executable(), [...ARGUMENTS, ...alone, url], { stdio: 'ignore' });
  return {
    async close() {
      child.kill();
      await exitOf(child);
      // Its helpers write until they have noticed.
      await until(() => {
        rmSync(profile, { recursive: true, force: true });
        return true;
      });
    },
  };
}
