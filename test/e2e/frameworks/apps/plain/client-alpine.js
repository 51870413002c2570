import Alpine from 'alpinejs';
import { deskOf, expose, firstState, HEADING, hydrated, textOf } from '../model.js';

let controls;

Alpine.data('bluebird', () => ({
  state: firstState(),
  HEADING,
  textOf,
  deskOf,
  init() {
    controls = expose({
      render: (next) => {
        this.state = next;
      },
      settle: () => Alpine.nextTick(),
    });
  },
  increase: () => controls.increase(),
}));
Alpine.start();
Alpine.nextTick(hydrated);
