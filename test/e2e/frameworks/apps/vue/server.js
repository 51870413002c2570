import { createSSRApp } from 'vue';
import { renderToString } from 'vue/server-renderer';
import { documentOf } from '../document.js';
import App from './App.vue';

export async function render(page, write) {
  write(documentOf(page, await renderToString(createSSRApp(App))));
}
