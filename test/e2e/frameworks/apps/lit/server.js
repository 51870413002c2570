import { render as renderLit } from '@lit-labs/ssr';
import { collectResult } from '@lit-labs/ssr/lib/render-result.js';
import { html } from 'lit';
import { documentOf } from '../document.js';
import { LINK } from '../model.js';
import { define } from './app.js';

define();

export async function render(page, write) {
  const content = renderLit(html`<bluebird-app><p data-number=${LINK}>${LINK}</p></bluebird-app>`);
  write(documentOf(page, await collectResult(content)));
}
