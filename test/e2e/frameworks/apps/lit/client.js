import './quiet.js';
import '@lit-labs/ssr-client/lit-element-hydrate-support.js';
import { container, expose, hydrated } from '../model.js';
import { define } from './app.js';

define();
const app = container().querySelector('bluebird-app');
app.controls = expose({
  render: (next) => {
    app.state = next;
  },
  settle: async () => {
    await app.updateComplete;
    await app.renderRoot.querySelector('bluebird-desks').updateComplete;
  },
});
app.updateComplete.then(hydrated);
