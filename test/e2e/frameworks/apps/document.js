/** The document round what a framework rendered. `page` says what goes where, see `pages.ts`. */
export function documentOf(page, html, head = '') {
  return (
    `<!doctype html><html lang="en" data-container="${page.container}"><head><meta charset="utf-8">` +
    `<title>Bluebird</title>${head}${page.head}</head><body><div id="${page.container}">${html}</div>${page.tail}</body></html>`
  );
}
