/**
 * An island as Astro's `client:idle` makes it (astro-island of Astro 5): the element has the attribute `ssr` until
 * the component in it was hydrated, and the component's code is looked for when the browser has nothing else to do.
 */
import { createElement as h, startTransition } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { hydrated } from '../model.js';
import { App } from './app.js';

class AstroIsland extends HTMLElement {
  connectedCallback() {
    requestIdleCallback(() => setTimeout(() => this.hydrate(), 300));
  }

  hydrate() {
    startTransition(() => {
      hydrateRoot(this, h(App, { onHydrated: hydrated }), {
        onRecoverableError: (error) => console.error(`recovered: ${error.message}`),
      });
    });
    this.removeAttribute('ssr');
    this.dispatchEvent(new CustomEvent('astro:hydrate'));
  }
}

customElements.define('astro-island', AstroIsland);
