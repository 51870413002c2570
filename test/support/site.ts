/** A business's own website for tests: another origin than the API, as in life. */
import { createServer } from 'node:http';
import type { ConsoleMessage, Page } from 'playwright-core';

export interface Site {
  url: string;
  close(): Promise<void>;
}

export interface SitePage {
  body: string;
  headers?: Record<string, string>;
}

/** Serves each page by its path; the query is the page's own business. `{{script}}` is the script tag. */
export async function startSite(scriptUrl: string, pages: Record<string, SitePage>): Promise<Site> {
  const server = createServer((request, response) => {
    const page = pages[(request.url ?? '/').split('?')[0] ?? '/'];
    response.writeHead(page ? 200 : 404, { 'content-type': 'text/html; charset=utf-8', ...page?.headers });
    response.end(page?.body.replace('{{script}}', `<script async src="${scriptUrl}"></script>`));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Everything that went wrong on a page: nothing of it may come from our script. */
export function troublesOf(page: Page): string[] {
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(`thrown: ${error.message}`));
  page.on('console', (message) => {
    if (!isOfTheBrowser(message)) troubles.push(`console: ${message.text()}`);
  });
  return troubles;
}

/** Chromium itself reports a request that failed or was not allowed; our script has no say in that. */
export function isOfTheBrowser(message: ConsoleMessage): boolean {
  return /^(?:Failed to load resource|Access to fetch at)/.test(message.text());
}

export const BUSINESS = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bluebird</title>{{script}}</head><body>
<h1>Call (305) 555-0100</h1>
<p id="text">Dial 305.555.0100 or +1 305 555 0100, or 1-305-555-0100, day and night.</p>
<p><a id="link" href="tel:+13055550100">Call us: <b>305-555-0100</b></a> <a id="sms" href="sms:3055550100">Text us</a></p>
<p id="order">Order 983055550100, part 3055550100-7, price 305.5550100, 13055550100000.</p>
<pre id="code">305-555-0100</pre>
<p id="kept" data-calltrk-noswap>Licence holder: 305-555-0100</p>
<p id="other">Our other office: (212) 555-0100</p>
<form id="contact" action="/thanks" method="get">
  <label for="name">Your name</label><input id="name" name="name">
  <label>E-mail <input name="email" type="email"></label>
  <input name="phone" aria-label="Phone" type="tel">
  <input name="password" type="password" autocomplete="off" value="hunter2-secret">
  <input name="card" autocomplete="cc-number" value="4111 1111 1111 1111">
  <input name="cvc" value="737">
  <textarea name="message">305-555-0100 is your number?</textarea>
  <input type="hidden" name="csrf_token" value="csrf-secret">
  <button>Send</button>
</form>
<div id="later"></div>
</body></html>`;
