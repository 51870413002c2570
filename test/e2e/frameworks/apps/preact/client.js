import { h, hydrate } from 'preact';
import { container, hydrated } from '../model.js';
import { App } from './app.js';

if (process.env.NODE_ENV === 'development') require('preact/debug');
hydrate(h(App, { onHydrated: hydrated }), container());
