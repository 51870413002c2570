import { hydrate } from 'solid-js/web';
import { container } from '../model.js';
import { App } from './App.jsx';

hydrate(() => <App />, container());
