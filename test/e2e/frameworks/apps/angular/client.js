import '@angular/compiler';
import { enableProdMode } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { expose, hydrated } from '../model.js';
import { App, providers } from './app.js';

if (process.env.NODE_ENV === 'production') enableProdMode();
bootstrapApplication(App, { providers }).then((application) => {
  const app = application.components[0].instance;
  const controls = expose({ render: (next) => app.state.set(next), settle: () => application.whenStable() });
  app.increase = controls.increase;
  hydrated();
});
