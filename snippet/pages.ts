/** When the page becomes another one without being loaded: routes of single-page apps. */
import { later, listen, safely } from './guard.js';

/** A route's title often comes after its address. */
const SETTLE_MS = 300;

/** Calls `onRoute` after each change of the address to another page. A fragment is one only if it looks like a path. */
export function watchRoutes(onRoute: () => void): void {
  const pageOf = () => location.href.replace(/#(?![!/]).*/, '');
  let known = pageOf();
  let isLooking = false;
  const look = safely(() => {
    if (isLooking) return;
    isLooking = true;
    later(SETTLE_MS, () => {
      isLooking = false;
      if (known === pageOf()) return;
      known = pageOf();
      onRoute();
    });
  });
  const { navigation } = window as { navigation?: EventTarget };
  listen('popstate', look);
  if (navigation) listen('currententrychange', look, navigation);
  else {
    for (const name of ['pushState', 'replaceState'] as const) {
      const { [name]: change } = history;
      history[name] = function (...args) {
        change.apply(this, args);
        look();
      };
    }
  }
}
