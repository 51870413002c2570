import { createSignal, For, onMount, Show } from 'solid-js';
import { deskOf, expose, FAX, firstState, HEADING, hydrated, LINK, TEL, textOf } from '../model.js';

export function App() {
  const [state, setState] = createSignal(firstState());
  let controls;
  onMount(() => {
    controls = expose({ render: (next) => setState(() => next) });
    hydrated();
  });
  return (
    <main>
      <Show when={state().banner}>
        <p data-number={LINK}>{LINK}</p>
      </Show>
      <Show when={state().route === 'home'}>
        <section>
          <Show when={state().heading === 'split'}>
            <h1 data-number={HEADING}>
              Call <b>(305)</b> <span>555</span>-0100
            </h1>
          </Show>
          <Show when={state().heading === 'plain'}>
            <h1 data-number={HEADING}>{HEADING}</h1>
          </Show>
          <p id="text" data-number={textOf(state().words)}>
            {textOf(state().words)}
          </p>
          <p id="fax" data-number={FAX}>
            Fax (305) {state().tick < 0 ? '' : '555-0100'}.
          </p>
          <p>
            <a id="link" href={state().tel} data-number={LINK}>
              {LINK}
            </a>{' '}
            seen {state().tick}
          </p>
        </section>
      </Show>
      <Show when={state().route === 'contact'}>
        <section>
          Write to us, or call <b data-number={LINK}>{LINK}</b>
          {state().tick % 2 ? ' now' : ''}
        </section>
      </Show>
      <ul>
        <For each={state().items}>
          {(id) => (
            <li>
              <span data-number={deskOf(id)}>{deskOf(id)}</span>
              <a href={TEL}>ring</a> seen {state().tick}
            </li>
          )}
        </For>
      </ul>
      <button id="count" type="button" onClick={() => controls?.increase()}>
        Clicks: {state().count}
      </button>
    </main>
  );
}
