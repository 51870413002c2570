/** A real server with the demo company's pool, and a plain business page with its script: what a visitor would meet. */
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import { type Chromium, startChromium } from '../../support/chromium.js';
import { demoCompany } from '../../support/demo.js';
import { removeDataDir, startServer } from '../../support/server.js';
import { startSite } from '../../support/site.js';

/** What a phone on a good network has: a round trip and a speed in each direction. */
export const NETWORK = { latencyMs: 60, mbit: 10 };

/** Paths of the same page: without the script, and with it by two kinds of tag in its head. */
export const TAGS = { without: '/without', async: '/async', sync: '/sync' } as const;
export type Tag = keyof typeof TAGS;

export interface LiveStage {
  chromium: Chromium;
  /** An empty page of this visitor, with the network slowed down. */
  open(visitor: BrowserContext): Promise<{ page: Page; cdp: CDPSession }>;
  url(tag: Tag): string;
  close(): Promise<void>;
}

const PAGE = (tag: string, head: string) => `<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Bluebird Plumbing</title><meta name="viewport" content="width=device-width">
<style>body{margin:0;font:15px/1.4 sans-serif;color:#123}header{background:#0b5;color:#fff;padding:10px 14px;font-size:22px}
p{margin:10px 14px}a{color:#06c}.spot{white-space:nowrap}</style>${head}${tag}</head><body>
<header>Bluebird Plumbing</header><p>Pipes, drains and boilers, day and night, all over Miami.</p>
<p style="font-size:26px"><b class="spot">(305) 555-0100</b></p><p><a class="spot" href="tel:+13055550100">305-555-0100</a> Call us now</p>
</body></html>`;

/** `head` goes into every page. */
export async function openLiveStage(head = ''): Promise<LiveStage> {
  const server = await startServer();
  const { scriptPath } = await demoCompany(server);
  const src = server.url + scriptPath;
  const site = await startSite(src, {
    [TAGS.without]: { body: PAGE('', head) },
    [TAGS.async]: { body: PAGE(`<script async src="${src}"></script>`, head) },
    [TAGS.sync]: { body: PAGE(`<script src="${src}"></script>`, head) },
  });
  const chromium = await startChromium();
  return {
    chromium,
    url: (tag) => site.url + TAGS[tag],
    async open(visitor) {
      const page = await visitor.newPage();
      const cdp = await visitor.newCDPSession(page);
      const throughput = (NETWORK.mbit * 1_000_000) / 8;
      await cdp.send('Network.enable');
      await cdp.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: NETWORK.latencyMs,
        downloadThroughput: throughput,
        uploadThroughput: throughput,
      });
      return { page, cdp };
    },
    async close() {
      await chromium.close();
      await site.close();
      await server.end();
      removeDataDir(server.dataDir);
    },
  };
}

/** Resolves once every place on the page shows another number than the site's own. */
export async function untilSwapped(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.spot')].every((spot) => !spot.textContent?.endsWith('555-0100')),
  );
}
