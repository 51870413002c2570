import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { documentOf } from '../document.js';
import { App } from './app.js';

export async function render(page, write) {
  write(documentOf(page, renderToString(h(App, { onHydrated() {} }))));
}
