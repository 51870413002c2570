/** A site whose pages are rendered by the frameworks, here and now, and loaded in the ways in which sites do it. */
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { pathToFileURL } from 'node:url';
import { APPS, type App, type Bundling, type Mode } from './apps.js';
import { bundlesOf } from './build.js';

export interface Loading {
  /** The id of the element that the framework takes over. */
  container: 'root' | 'app' | '__next' | 'shop';
  bundle: Bundling;
  /**
   * `async` and `sync` are in the head before the bundle, `after` is behind it; `none` is a page without the script;
   * `hasty` a script that does what ours must not: it swaps what it sees.
   */
  swap: 'async' | 'sync' | 'after' | 'none' | 'hasty';
  /** The site answers the bundle this much later. */
  late: number;
}

export interface FrameworkSite {
  address(app: App, mode: Mode, loading: Loading): string;
  close(): Promise<void>;
}

interface Page {
  head: string;
  tail: string;
  container: string;
  bootstrap?: string;
}

type Render = (page: Page, write: (chunk: string) => void) => Promise<void>;

const HASTY = `(() => {
  const swap = () => {
    const texts = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
    for (let node; (node = texts.nextNode()); )
      if (/0100/.test(node.data) && !node.parentElement.closest('script')) node.data = node.data.replace('0100', '0199');
    for (const link of document.querySelectorAll('a[href$="0100"]'))
      link.setAttribute('href', link.getAttribute('href').replace('0100', '0199'));
  };
  new MutationObserver(swap).observe(document, { childList: true, subtree: true });
})()`;

export async function startFrameworkSite(scriptUrl: string): Promise<FrameworkSite> {
  const bundles = { production: await bundlesOf('production'), development: await bundlesOf('development') };

  async function answer(address: URL, response: ServerResponse): Promise<void> {
    const [, mode, name = '', file] = address.pathname.split('/');
    const app = APPS.find((each) => each.name === name);
    if ((mode !== 'production' && mode !== 'development') || !app) {
      response.writeHead(404).end();
      return;
    }
    const bundle = bundles[mode].get(name);
    const { server } = bundles[app.oneServer ? 'production' : mode].get(name) ?? {};
    if (!bundle || !server) throw new Error(`no bundle of ${name}`);
    const late = Number(address.searchParams.get('late'));
    if (file) {
      const script = await readFile(bundle.client);
      await new Promise((done) => setTimeout(done, late));
      response.writeHead(200, {
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'no-store',
      });
      response.end(script);
      return;
    }
    const render: Render = (await import(pathToFileURL(server).href))[app.render ?? 'render'];
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    await render(pageOf(address), (chunk) => response.write(chunk));
    response.end();
  }

  function pageOf({ pathname, searchParams }: URL): Page {
    const source = `${pathname}/bundle.js?late=${searchParams.get('late')}`;
    const bundle = searchParams.get('bundle');
    const swap = searchParams.get('swap');
    const tags: Record<string, string> = {
      async: `<script async src="${scriptUrl}"></script>`,
      sync: `<script src="${scriptUrl}"></script>`,
      after: `<script async src="${scriptUrl}"></script>`,
      hasty: `<script>${HASTY}</script>`,
    };
    const own =
      {
        module: `<script type="module" src="${source}"></script>`,
        defer: `<script defer src="${source}"></script>`,
        classic: `<script src="${source}"></script>`,
      }[bundle ?? ''] ?? '';
    const first = swap === 'after' ? '' : (tags[swap ?? ''] ?? '');
    const last = swap === 'after' ? tags.after : '';
    const inHead = bundle !== 'classic';
    return {
      container: searchParams.get('container') ?? 'root',
      head: first + (inHead ? own + last : ''),
      tail: inHead ? '' : own + last,
      ...(bundle === 'stream' ? { bootstrap: source } : {}),
    };
  }

  const server = createServer((request, response) => {
    answer(new URL(request.url ?? '/', 'http://site.example'), response).catch((error) => {
      // The test sees it: such a page never hydrates.
      response.end(`<!-- ${error instanceof Error ? error.stack : error} -->`);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  return {
    address({ name, bundles }, mode, { late, ...loading }) {
      const bundle = bundles && !bundles.includes(loading.bundle) ? (bundles[0] ?? '') : loading.bundle;
      const query = new URLSearchParams({ ...loading, bundle, late: String(late) });
      return `http://127.0.0.1:${port}/${mode}/${name}?${query}`;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
