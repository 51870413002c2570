/** htmx puts HTML from the server in the place of parts of the page; here the answer is made on the spot. */
import htmx from 'htmx.org';
import { expose, firstState, hydrated } from '../model.js';
import { viewOf } from './markup.js';

htmx.config.defaultSettleDelay = 0;
const KINDS = ['innerHTML', 'innerHTML', 'outerHTML', 'beforeend'];
let turns = 0;
let last = firstState();

const { increase } = expose({
  render(next) {
    if (last.words === next.words && last.tel === next.tel) swap(next);
    else {
      const text = document.getElementById('text');
      text.dataset.number = `${next.words} 305.555.0100 today`;
      text.firstChild.nodeValue = text.dataset.number;
      document.getElementById('link').setAttribute('href', next.tel);
    }
    last = next;
  },
});

function swap(next) {
  const swapStyle = KINDS[turns++ % KINDS.length];
  const view = viewOf(next);
  if (swapStyle === 'beforeend') htmx.find('#view').textContent = '';
  htmx.swap('#view', swapStyle === 'outerHTML' ? `<div id="view">${view}</div>` : view, {
    swapStyle,
    swapDelay: 0,
    settleDelay: 0,
  });
  htmx.find('#count').textContent = `Clicks: ${next.count}`;
}

htmx.on('#count', 'click', increase);
hydrated();
