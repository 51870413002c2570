import { createSSRApp } from 'vue';
import { container } from '../model.js';
import App from './App.vue';

createSSRApp(App).mount(container());
