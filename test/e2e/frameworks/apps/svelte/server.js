import { render as renderApp } from 'svelte/server';
import { documentOf } from '../document.js';
import App from './App.svelte';

export async function render(page, write) {
  const { head, body } = renderApp(App);
  write(documentOf(page, body, head));
}
