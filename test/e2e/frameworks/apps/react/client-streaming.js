import { createElement as h, lazy } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { container, hydrated } from '../model.js';
import { App, List } from './app.js';

/** The code of the boundary comes later than that of the page. */
const CODE_MS = 400;

const Desks = lazy(async () => {
  await new Promise((done) => setTimeout(done, CODE_MS));
  return { default: (props) => h(List, { ...props, onHydrated: hydrated }) };
});

hydrateRoot(container(), h(App, { Desks }), {
  onRecoverableError: (error) => console.error(`recovered: ${error.message}`),
});
