/** jQuery as sites use it: parts emptied, filled with HTML, taken out and put back elsewhere, texts and links set. */
import $ from 'jquery';
import { expose, firstState, hydrated, textOf } from '../model.js';
import { deskMarkup, headingOf, viewOf } from './markup.js';

let shown = firstState();

const { increase } = expose({
  render(next) {
    const before = shown;
    shown = next;
    $('#count').text(`Clicks: ${next.count}`);
    if (next.route !== before.route || next.banner !== before.banner) {
      $('#view').html(viewOf(next));
      return;
    }
    $('.tick').text(next.tick);
    if (next.heading !== before.heading) {
      $('h1').remove();
      $('#view section').prepend(headingOf(next));
    }
    if (next.words !== before.words)
      $('#text').attr('data-number', textOf(next.words)).contents()[0].data = textOf(next.words);
    if (next.tel !== before.tel) $('#link').attr('href', next.tel);
    const list = $('#view ul');
    const kept = new Map(
      next.items.map((id) => {
        const desk = $(`#desk-${id}`).detach();
        return [id, desk.length ? desk : $(deskMarkup(id, next.tick))];
      }),
    );
    list.empty().append(next.items.map((id) => kept.get(id)));
  },
});

$(() => {
  $('#count').on('click', increase);
  hydrated();
});
