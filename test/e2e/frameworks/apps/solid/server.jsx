import { generateHydrationScript, renderToString } from 'solid-js/web';
import { documentOf } from '../document.js';
import { App } from './App.jsx';

export async function render(page, write) {
  const html = renderToString(() => <App />);
  write(documentOf(page, html, generateHydrationScript()));
}
