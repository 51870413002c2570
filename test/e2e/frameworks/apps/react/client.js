import { createElement as h } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { container, hydrated } from '../model.js';
import { App } from './app.js';

hydrateRoot(container(), h(App, { onHydrated: hydrated }), {
  onRecoverableError: (error) => console.error(`recovered: ${error.message}`),
});
