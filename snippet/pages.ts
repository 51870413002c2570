/** When the page becomes another one without being loaded: routes of single-page apps, and the back/forward cache. */
import { listen, safely } from './guard.js';

/** A route's title often comes after its address. */
const SETTLE_MS = 300;

/** Calls `onRoute` after each change of the address to another page. A fragment is one only if it looks like a path. */
export function watchRoutes(onRoute: () => void): void {
  let known = pageOf(location.href);
  const look = safely(() => {
    const now = pageOf(location.href);
    if (now === known) return;
    known = now;
    setTimeout(safely(onRoute), SETTLE_MS);
  });
  const { navigation } = window as { navigation?: EventTarget };
  if (navigation) {
    listen('currententrychange', look, navigation);
    return;
  }
  for (const name of ['pushState', 'replaceState'] as const) {
    const { [name]: change } = history;
    history[name] = function (...args) {
      change.apply(this, args);
      look();
    };
  }
  listen('popstate', look);
}

function pageOf(url: string): string {
  return url.replace(/#(?![!/]).*/, '');
}

/** Calls `onReturn` when the page is shown again as it was left. */
export function watchReturn(onReturn: () => void): void {
  listen('pageshow', (event) => {
    if ((event as PageTransitionEvent).persisted) onReturn();
  });
}
