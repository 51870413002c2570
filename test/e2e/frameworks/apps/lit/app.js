/** The page in a shadow root that the server declares; the list in one below it. */
import { html, LitElement, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { deskOf, FAX, firstState, HEADING, LINK, TEL, textOf } from '../model.js';

class BluebirdDesks extends LitElement {
  static properties = { state: { attribute: false } };

  render() {
    const { items, tick } = this.state ?? firstState();
    return html`<ul>
      ${repeat(
        items,
        (id) => id,
        (id) =>
          html`<li>
            <span data-number=${deskOf(id)}>${deskOf(id)}</span><a href=${TEL}>ring</a> seen ${tick}
          </li>`,
      )}
    </ul>`;
  }
}

class BluebirdApp extends LitElement {
  static properties = { state: { attribute: false } };

  constructor() {
    super();
    this.state = firstState();
  }

  increase = () => this.controls?.increase();

  render() {
    const { state } = this;
    return html`<main>
      ${state.banner ? html`<p data-number=${LINK}>${LINK}</p>` : nothing}
      ${state.route === 'home' ? this.home(state) : nothing}
      ${
        state.route === 'contact'
          ? html`<section>
              Write to us, or call <b data-number=${LINK}>${LINK}</b>${state.tick % 2 ? ' now' : nothing}
            </section>`
          : nothing
      }
      <bluebird-desks .state=${state}></bluebird-desks>
      <slot></slot>
      <button id="count" type="button" @click=${this.increase}>Clicks: ${state.count}</button>
    </main>`;
  }

  home(state) {
    return html`<section>
      ${
        state.heading === 'split'
          ? html`<h1 data-number=${HEADING}>Call <b>(305)</b> <span>555</span>-0100</h1>`
          : nothing
      }
      ${state.heading === 'plain' ? html`<h1 data-number=${HEADING}>${HEADING}</h1>` : nothing}
      <p id="text" data-number=${textOf(state.words)}>${textOf(state.words)}</p>
      <p id="fax" data-number=${FAX}>Fax (305) ${'555-0100'}.</p>
      <p><a id="link" href=${state.tel} data-number=${LINK}>${LINK}</a> seen ${state.tick}</p>
    </section>`;
  }
}

export function define() {
  customElements.define('bluebird-desks', BluebirdDesks);
  customElements.define('bluebird-app', BluebirdApp);
}
