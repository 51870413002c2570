import { createElement as h, lazy } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { container, hydrated } from '../model.js';
import { App, List } from './app.js';

/** The code of the boundary comes later than that of the page, and one part of it later still. */
const CODE_MS = 300;

const later = (component) =>
  lazy(async () => {
    await new Promise((done) => setTimeout(done, CODE_MS));
    return { default: component };
  });

/** Shows nothing, and keeps the boundary waiting when its texts have been compared: they will be once more. */
const Tail = later(() => null);
const Desks = later(({ state }) => [
  h(List, { key: 'list', state, onHydrated: hydrated }),
  h(Tail, { key: 'tail' }),
]);

hydrateRoot(container(), h(App, { Desks }), {
  onRecoverableError: (error) => console.error(`recovered: ${error.message}`),
});
