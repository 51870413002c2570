import { documentOf } from '../document.js';
import { firstState } from '../model.js';
import { buttonOf, viewOf } from './markup.js';

export async function render(page, write) {
  const state = firstState();
  write(documentOf(page, `<main><div id="view">${viewOf(state)}</div>${buttonOf(state.count)}</main>`));
}
