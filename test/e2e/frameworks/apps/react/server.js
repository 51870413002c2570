import { PassThrough } from 'node:stream';
import { createElement as h } from 'react';
import { renderToPipeableStream, renderToString } from 'react-dom/server';
import { documentOf } from '../document.js';
import { App, Html, List } from './app.js';

/** How long the boundary keeps the server waiting. */
const DESKS_MS = 250;

export async function render(page, write) {
  write(documentOf(page, renderToString(h(App))));
}

export async function renderIsland(page, write) {
  write(documentOf(page, `<astro-island ssr client="idle">${renderToString(h(App))}</astro-island>`));
}

/** The shell at once, the boundary's content when it has come; React's own tag loads the bundle if `page` says so. */
export async function renderStreaming(page, write) {
  const [before, after] = documentOf(page, '{content}').split('{content}');
  write(before);
  await pipe(h(App, { Desks: lateList() }), page, write);
  write(after);
}

export async function renderDocument(page, write) {
  const chunks = [];
  await pipe(h(Html, { container: page.container }, h(App, { Desks: lateList() })), page, (chunk) =>
    chunks.push(chunk),
  );
  const html = chunks.join('').replace('</head>', () => `${page.head}</head>`);
  write(html.replace('</body>', () => `${page.tail}</body>`));
}

function lateList() {
  let come = false;
  const coming = new Promise((done) => setTimeout(done, DESKS_MS)).then(() => {
    come = true;
  });
  return function Desks({ state }) {
    if (!come) throw coming;
    return h(List, { state });
  };
}

function pipe(element, { bootstrap }, write) {
  return new Promise((done, fail) => {
    const out = new PassThrough();
    out.on('data', (chunk) => write(chunk.toString()));
    out.on('end', done);
    const { pipe: into } = renderToPipeableStream(element, {
      ...(bootstrap ? { bootstrapModules: [bootstrap] } : {}),
      onShellReady: () => into(out),
      onShellError: fail,
      onError: fail,
    });
  });
}
