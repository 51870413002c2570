import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { expose, firstState } from '../model.js';
import { createView } from '../view.js';

const { page } = createView(h);

export function App({ onHydrated }) {
  const [state, setState] = useState(firstState);
  const controls = useRef();
  useEffect(() => {
    controls.current = expose({ render: setState });
    onHydrated();
  }, [onHydrated]);
  return page(state, () => controls.current?.increase());
}
