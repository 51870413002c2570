import type { BrowserContextOptions, Page } from 'playwright-core';
import { type Chromium, startChromium } from './chromium.js';
import { type DemoCompany, demoCompany } from './demo.js';
import { until } from './processes.js';
import { type RunningServer, removeDataDir, startServer } from './server.js';
import { BUSINESS, type Site, startSite, troublesOf } from './site.js';

/** A server, a site with the demo company's script on it, and a browser. */
export interface Stage {
  server: RunningServer;
  demo: DemoCompany;
  site: Site;
  chromium: Chromium;
  /** A new visitor on the site's first page; what goes wrong there is collected. */
  visit(
    path?: string,
    options?: BrowserContextOptions & { referer?: string },
  ): Promise<{ page: Page; troubles: string[] }>;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const server = await startServer();
  const demo = await demoCompany(server);
  const policy = [
    "default-src 'none'",
    `script-src ${server.url}`,
    `connect-src ${server.url}`,
    "form-action 'self'",
    "require-trusted-types-for 'script'",
  ].join('; ');
  const site = await startSite(server.url + demo.scriptPath, {
    '/': { body: BUSINESS },
    '/strict': { body: BUSINESS, headers: { 'content-security-policy': policy } },
    '/thanks': {
      body: '<!doctype html><title>Thanks</title>{{script}}<p>Thank you. Questions? 305-555-0100</p>',
    },
    '/numberless': { body: '<!doctype html><title>Blog</title>{{script}}<p id="x">Nothing yet.</p>' },
  });
  const chromium = await startChromium();
  return {
    server,
    demo,
    site,
    chromium,
    async visit(path = '/', { referer, ...options } = {}) {
      const context = await chromium.newVisitor(options);
      const page = await context.newPage();
      const troubles = troublesOf(page);
      await page.goto(site.url + path, referer ? { referer } : {});
      return { page, troubles };
    },
    async close() {
      await chromium.close();
      await site.close();
      await server.end();
      removeDataDir(server.dataDir);
    },
  };
}

/** Waits until the page shows another number than the site's own, and answers it as E.164. Says why, if none comes. */
export async function numberShown(page: Page): Promise<string> {
  // Not by the page's own frames: a browser that is busy may show none.
  const asked = until(
    async () => {
      const href = await page.getAttribute('#link', 'href');
      return !href || href === 'tel:+13055550100' ? undefined : href.replace('tel:', '');
    },
    { timeoutMs: 5000, what: "another number than the site's own" },
  );
  return asked.catch(async (cause) => {
    throw new Error(`${cause.message}: ${JSON.stringify(await page.evaluate(whyNone))}`, { cause });
  });
}

/** Runs in the page. */
function whyNone(): unknown {
  const requests = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
  return {
    now: performance.now(),
    document: document.readyState,
    session: (window as { CallTrk?: { session: unknown } }).CallTrk?.session,
    requests: requests.map(({ name, startTime, responseStart, responseEnd, responseStatus }) => [
      name.replace(/.*\//, ''),
      startTime,
      responseStart,
      responseEnd,
      responseStatus,
    ]),
  };
}

export async function cookiesOf(page: Page): Promise<Record<string, string>> {
  const cookies = await page.context().cookies();
  return Object.fromEntries(cookies.map(({ name, value }) => [name, decodeURIComponent(value)]));
}
