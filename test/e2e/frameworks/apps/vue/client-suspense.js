import { createSSRApp } from 'vue';
import { container } from '../model.js';
import App from './App.vue';

createSSRApp(App, { late: 400 }).mount(container());
