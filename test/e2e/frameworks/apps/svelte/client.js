import { hydrate, tick } from 'svelte';
import { container, expose, hydrated } from '../model.js';
import App from './App.svelte';

let controls;
const app = hydrate(App, { target: container(), props: { increase: () => controls.increase() } });
controls = expose({ render: app.render, settle: tick });
hydrated();
