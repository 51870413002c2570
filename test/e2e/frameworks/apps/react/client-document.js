/** As routers that own the whole document do it: in a transition, and with a root that suspends while it hydrates. */
import { createElement as h, lazy, startTransition } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { hydrated } from '../model.js';
import { App, Html, List } from './app.js';

const CODE_MS = 200;
const later = (component, after) =>
  lazy(async () => {
    await new Promise((done) => setTimeout(done, after));
    return { default: component };
  });

const LateApp = later(App, CODE_MS);
const Desks = later((props) => h(List, { ...props, onHydrated: hydrated }), 2 * CODE_MS);
const name = document.documentElement.dataset.container;

startTransition(() => {
  hydrateRoot(document, h(Html, { container: name }, h(LateApp, { Desks })), {
    onRecoverableError: (error) => console.error(`recovered: ${error.message}`),
  });
});
