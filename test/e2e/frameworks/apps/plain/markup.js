/** The page as text, for what works on HTML that it did not make. */
import { deskOf, FAX, HEADING, LINK, TEL, textOf } from '../model.js';

const number = (tag, text, more = '', inner = text) =>
  `<${tag} ${more} data-number="${text}">${inner}</${tag}>`;

export const headingOf = ({ heading }) =>
  heading === 'split'
    ? number('h1', HEADING, '', 'Call <b>(305)</b> <span>555</span>-0100')
    : heading === 'plain'
      ? number('h1', HEADING)
      : '';

export const deskMarkup = (id, tick) =>
  `<li id="desk-${id}">${number('span', deskOf(id))}<a href="${TEL}">ring</a> seen <i class="tick">${tick}</i></li>`;

export function viewOf(state) {
  const { route, tick, words, tel, items, banner } = state;
  const home = () =>
    `<section>${headingOf(state)}${number('p', textOf(words), 'id="text"')}${number('p', FAX, 'id="fax"', 'Fax <i>(305)</i> 555-0100.')}` +
    `<p>${number('a', LINK, `id="link" href="${tel}"`)} seen <i class="tick">${tick}</i></p></section>`;
  const contact = () =>
    `<section>Write to us, or call ${number('b', LINK)}${tick % 2 ? ' now' : ''}</section>`;
  return (
    (banner ? number('p', LINK, 'id="banner"') : '') +
    (route === 'home' ? home() : route === 'contact' ? contact() : '') +
    `<ul>${items.map((id) => deskMarkup(id, tick)).join('')}</ul>`
  );
}

export const buttonOf = (count) => `<button id="count" type="button">Clicks: ${count}</button>`;
