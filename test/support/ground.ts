/**
 * A ground on which every test has pages of its own: any HTML, any configuration of the script, any fault of the
 * server. The server is the real one; a front stands before it that serves the script, keeps what reaches it (also
 * what a page sends while it goes, which the browser's own tools miss), and misbehaves when a test says so.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, BrowserContextOptions, Frame, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import type { ScriptConfig } from '../../shared/contract/visitor.js';
import { type Chromium, type ChromiumOptions, startChromium } from './chromium.js';
import { demoCompany } from './demo.js';
import { until } from './processes.js';
import { type RunningServer, removeDataDir, type ServerOptions, startServer } from './server.js';
import { isOfTheBrowser, troublesOf } from './site.js';

/** The demo business' own number, and what visitors of its flyer see. */
export const OWN = '+13055550100';
export const FLYER = '+13055550121';
/** The landing page of those visitors. */
export const FROM_FLYER = '?promo=summer-mailer';

const PAUSE_MS = 400;

export interface Received {
  /** `/v1/swap` or `/v1/events`. */
  path: string;
  body: any;
}

/** Answers a request in the server's place; `false` lets the server do it. */
export type Fault = (response: ServerResponse, request: Received) => unknown;

export interface AnyPage {
  /**
   * A whole document, or what is in its body. `{{script}}` is the tag, `{{src}}` its address, `{{base}}` the server's;
   * at `{{pause}}` the site takes its time.
   */
  html?: string;
  /** In the head, before and after the script. */
  head?: string;
  foot?: string;
  /** Other pages of the site, by their path below this one. */
  pages?: Record<string, string>;
  headers?: Record<string, string>;
  config?: Partial<ScriptConfig>;
  /** Attributes of the script's tag. */
  tag?: string;
  fault?: Fault;
  /** Any name below `localhost`. */
  host?: string;
  query?: string;
  referer?: string;
  /** Another page of the same visitor. */
  context?: BrowserContext;
  options?: BrowserContextOptions;
  /** Runs before the page is asked for. */
  before?: (page: Page) => unknown;
}

export interface Opened {
  page: Page;
  context: BrowserContext;
  /** What the page reported as wrong. */
  troubles: string[];
  /** Ends with a slash: other pages are below it. */
  url: string;
  /** What has reached the server from this page, oldest first. */
  received: Received[];
  swaps(): any[];
  events(type?: string): any[];
}

export type OpenedFrame = Pick<Opened, 'received' | 'swaps' | 'events' | 'troubles'> & { frame: Frame };

type Published = Omit<Opened, 'page' | 'context' | 'troubles'>;

export interface Ground {
  server: RunningServer;
  /** The numbers of the demo company's pool. */
  pool: string[];
  config: ScriptConfig;
  /** Puts a page on the site, for whoever opens it. */
  publish(page: AnyPage): Published;
  /** Puts a page on the site, and opens it as a new visitor. */
  open(page?: AnyPage): Promise<Opened>;
  /**
   * Opens all of these at once, each in a frame of one page: every frame has an origin, storage and natives of its
   * own, and costs a tenth of what a tab does.
   */
  openFrames(pages: AnyPage[]): Promise<OpenedFrame[]>;
  /** A visitor who was nowhere yet. */
  newVisitor(): Promise<BrowserContext>;
  close(): Promise<void>;
}

export const NUMBER_PAGE = '<p id="n">(305) 555-0100</p><a id="link" href="tel:+13055550100">Call</a>';

export async function openGround({
  env = {},
  ...browser
}: ChromiumOptions & Pick<ServerOptions, 'env'> = {}): Promise<Ground> {
  const server = await startServer({ env });
  const demo = await demoCompany(server);
  const [head = '', tail = ''] = readFileSync('dist/snippet/swap.js', 'utf8').split('__CALLTRK_CONFIG__');
  const served = await (await fetch(server.url + demo.scriptPath)).text();
  const config = JSON.parse(served.slice(head.length, served.length - tail.length)) as ScriptConfig;
  const published: { page: AnyPage; received: Received[] }[] = [];

  const front = await listen(async (request, response) => {
    const [, place = '', path = ''] = /^\/t\/(\d+)(\/.*)$/.exec(request.url ?? '') ?? [];
    const { page, received } = published[Number(place)] ?? {};
    if (!page || !received) return response.writeHead(404).end();
    if (path.endsWith('/swap.js')) {
      response.writeHead(200, {
        'content-type': 'text/javascript; charset=utf-8',
        'access-control-allow-origin': '*',
        'cross-origin-resource-policy': 'cross-origin',
      });
      return response.end(head + JSON.stringify({ ...config, ...page.config }) + tail);
    }
    const text = await read(request);
    const told = { path, body: parsed(text) };
    if (request.method === 'POST') received.push(told);
    if (page.fault && (await page.fault(response, told)) !== false) return;
    const { 'content-type': type = 'text/plain', 'user-agent': agent = '' } = request.headers;
    const answer = await fetch(server.url + path, {
      method: request.method ?? 'POST',
      headers: { 'content-type': type, 'user-agent': agent },
      body: text,
    });
    response.writeHead(answer.status, CORS);
    response.end(await answer.text());
  });

  const site = await listen(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://site');
    const [, place = '', path = ''] = /^\/p\/(\d+)\/(.*)$/.exec(url.pathname) ?? [];
    const { page } = published[Number(place)] ?? {};
    const html = path === '' ? (page?.html ?? NUMBER_PAGE) : page?.pages?.[path];
    if (!page || html === undefined) return response.writeHead(404).end();
    const api = origin(front);
    const src = `${api}/t/${place}/companies/1/${config.key}/12/swap.js`;
    const fill = (text = '') =>
      text
        .replaceAll('{{script}}', () => `<script ${page.tag ?? 'async'} src="${src}"></script>`)
        .replaceAll('{{src}}', src)
        .replaceAll('{{base}}', `${api}/t/${place}`)
        .replaceAll('{{api}}', api);
    const document = /^\s*<(?:!doctype|html|\?xml)/i.test(html)
      ? html
      : `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bluebird</title>${page.head ?? ''}{{script}}${page.foot ?? ''}</head><body>${html}</body></html>`;
    const headers = Object.entries(page.headers ?? {}).map(([name, value]) => [name, fill(value)]);
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      ...Object.fromEntries(headers),
    });
    const [first = '', ...rest] = fill(document).split('{{pause}}');
    response.write(first);
    for (const part of rest) {
      await sleep(PAUSE_MS);
      response.write(part);
    }
    response.end();
  });

  const chromium: Chromium = await startChromium(browser);

  /** Where a page is from now on, and what comes from it. */
  function publish(page: AnyPage): Published & { place: number } {
    const received: Received[] = [];
    const place = published.push({ page, received }) - 1;
    return {
      place,
      url: `http://${page.host ?? '127.0.0.1'}:${port(site)}/p/${place}/`,
      received,
      swaps: () => received.filter(({ path }) => path.endsWith('/v1/swap')).map(({ body }) => body),
      events: (type?: string) =>
        received
          .flatMap(({ body }) => body?.events ?? [])
          .filter((event: any) => !type || event.type === type),
    };
  }

  /** Forgotten with the test: a browser full of old pages is a slow one. */
  async function newVisitor(options?: BrowserContextOptions): Promise<BrowserContext> {
    const context = await chromium.newVisitor(options);
    onTestFinished(() => context.close());
    return context;
  }

  async function open(page: AnyPage = {}): Promise<Opened> {
    const { place: _, url, ...told } = publish(page);
    const context = page.context ?? (await newVisitor(page.options));
    const tab = await context.newPage();
    const troubles = troublesOf(tab);
    await page.before?.(tab);
    await tab.goto(url + (page.query ?? ''), page.referer ? { referer: page.referer } : {});
    return { page: tab, context, troubles, url, ...told };
  }

  async function openFrames(pages: AnyPage[]): Promise<OpenedFrame[]> {
    const frames = pages.map((page, at) => {
      const { place, url, ...told } = publish({ ...page, host: `page-${at}.shop.localhost` });
      return { place, url: url + (page.query ?? ''), told: { ...told, troubles: [] as string[] } };
    });
    const html = frames
      .map(({ place, url }) => `<iframe name="frame-${place}" src="${url}"></iframe>`)
      .join('');
    const top = publish({ html: `<!doctype html><title>Frames</title>${html}`, host: 'shop.localhost' });
    const tab = await (await chromium.newVisitor()).newPage();
    const book = (where: string, trouble: string) => {
      const place = Number(/\/[pt]\/(\d+)\//.exec(where)?.[1]);
      for (const frame of frames) if (frame.place === place) frame.told.troubles.push(trouble);
    };
    tab.on('pageerror', (error) => book(String(error.stack), `thrown: ${error.message}`));
    tab.on('console', (message) => {
      if (!isOfTheBrowser(message)) book(message.location().url, `console: ${message.text()}`);
    });
    await tab.goto(top.url);
    return frames.map(({ place, told }) => {
      const frame = tab.frame(`frame-${place}`);
      if (!frame) throw new Error(`the page of ${pages.length} frames lost one`);
      return { frame, ...told };
    });
  }

  return {
    server,
    pool: demo.pool,
    config,
    publish,
    open,
    openFrames,
    newVisitor: () => newVisitor(),
    async close() {
      await chromium.close();
      for (const each of [front, site]) {
        each.closeAllConnections();
        await new Promise((done) => each.close(done));
      }
      await server.end();
      removeDataDir(server.dataDir);
    },
  };
}

/** What any site may read of an answer. */
export const CORS = { 'content-type': 'application/json', 'access-control-allow-origin': '*' };

/** The digits of the number that `selector` shows, as E.164, once it is not the business' own any more. */
export async function numberShown(page: Page | Frame, selector = '#n'): Promise<string> {
  return until(
    async () => {
      const number = await numberNow(page, selector);
      return number === OWN ? undefined : number;
    },
    { what: `another number than the business' own in ${selector}` },
  );
}

/** The digits that `selector` shows now, as E.164. */
export async function numberNow(page: Page | Frame, selector = '#n'): Promise<string> {
  const digits = ((await page.textContent(selector)) ?? '').replace(/\D/g, '');
  return `+1${digits.slice(-10)}`;
}

/** The number in the shape `(305) 555-0100`. */
export function national(e164: string): string {
  return e164.replace(/^\+1(...)(...)(....)$/, '($1) $2-$3');
}

/** Waits until the script has installed itself, which it does before it does anything else. */
export async function started(page: Page): Promise<void> {
  await page.waitForFunction(() => typeof (window as any).CallTrk?.swap === 'function');
}

async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<Server> {
  const server = createServer(async (request, response) => {
    try {
      await handle(request, response);
    } catch {
      // The server went away, or the browser did: to the page both are a connection that broke.
      response.destroy();
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

function port(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function origin(server: Server): string {
  return `http://127.0.0.1:${port(server)}`;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
