/** The page for whatever has a `createElement` as React has. */
import { deskOf, FAX, HEADING, LINK, TEL, textOf } from './model.js';

export function createView(h) {
  const heading = (kind) =>
    kind === 'split'
      ? h(
          'h1',
          { key: 'split', 'data-number': HEADING },
          'Call ',
          h('b', null, '(305)'),
          ' ',
          h('span', null, '555'),
          '-0100',
        )
      : kind === 'plain' && h('h1', { key: 'plain', 'data-number': HEADING }, HEADING);

  /** Three text nodes side by side, as `Fax {area} {number}.` gives them. */
  const fax = () => h('p', { id: 'fax', 'data-number': FAX }, 'Fax ', '(305)', ' 555-0100.');

  const home = (state) =>
    h(
      'section',
      { key: 'home' },
      heading(state.heading),
      h('p', { id: 'text', 'data-number': textOf(state.words) }, textOf(state.words)),
      fax(),
      h('p', null, h('a', { id: 'link', href: state.tel, 'data-number': LINK }, LINK), ' seen ', state.tick),
    );

  const contact = (state) =>
    h(
      'section',
      { key: 'contact' },
      'Write to us, or call ',
      h('b', { 'data-number': LINK }, LINK),
      state.tick % 2 ? ' now' : null,
    );

  function list({ items, tick }) {
    const desks = items.map((id) =>
      h(
        'li',
        { key: id },
        h('span', { 'data-number': deskOf(id) }, deskOf(id)),
        h('a', { href: TEL }, 'ring'),
        ' seen ',
        tick,
      ),
    );
    return h('ul', null, desks);
  }

  function page(state, increase, desks = list(state)) {
    return h(
      'main',
      null,
      state.banner && h('p', { key: 'banner', 'data-number': LINK }, LINK),
      state.route === 'home' && home(state),
      state.route === 'contact' && contact(state),
      desks,
      h('button', { id: 'count', type: 'button', onClick: increase }, `Clicks: ${state.count}`),
    );
  }

  return { page, list };
}
