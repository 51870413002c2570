/** React 18 and 19: a root in a container; one with a boundary that comes and hydrates later; the whole document. */
import { createElement as h, Suspense, useEffect, useRef, useState } from 'react';
import { expose, firstState } from '../model.js';
import { createView } from '../view.js';

const { page, list } = createView(h);
const nothing = () => {};
/** Its node is React's without having been compared. */
const TITLE = 'Bluebird (305) 555-0100';

/** `Desks` shows the list when it has come, inside a boundary; without it the list is part of the page. */
export function App({ Desks, onHydrated = nothing }) {
  const [state, setState] = useState(firstState);
  const controls = useRef();
  useEffect(() => {
    controls.current = expose({ render: setState });
    onHydrated();
  }, [onHydrated]);
  return page(
    state,
    () => controls.current?.increase(),
    Desks && h(Suspense, { fallback: h('p', null, 'One moment') }, h(Desks, { state })),
  );
}

export function List({ state, onHydrated = nothing }) {
  useEffect(onHydrated, [onHydrated]);
  return list(state);
}

export function Html({ container, children }) {
  return h(
    'html',
    { lang: 'en', 'data-container': container },
    h('head', null, h('meta', { charSet: 'utf-8' }), h('title', { 'data-number': TITLE }, TITLE)),
    h('body', null, h('div', { id: container }, children)),
  );
}
