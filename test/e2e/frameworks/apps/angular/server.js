import '@angular/compiler';
import { bootstrapApplication } from '@angular/platform-browser';
import { provideServerRendering, renderApplication } from '@angular/platform-server';
import { documentOf } from '../document.js';
import { App, providers } from './app.js';

export async function render(page, write) {
  const document = documentOf(page, '<app-root></app-root>');
  const bootstrap = (context) =>
    bootstrapApplication(App, { providers: [...providers, provideServerRendering()] }, context);
  write(await renderApplication(bootstrap, { document, url: '/' }));
}
