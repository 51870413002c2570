/**
 * Whether a framework is still to take over what its server has rendered. What we write before that, it finds to be
 * wrong (React throws that part of the page away and renders it anew, Vue warns); afterwards it is a change like any
 * other. What each framework leaves on its nodes, with versions, is in test/e2e/frameworks/README.md.
 */

/** Containers that a server fills for React, Vue or an island of Astro's. */
const RENDERED =
  '[id$=root],[id=app],[id$=-app],#__next,#__nuxt,#___gatsby,[data-reactroot],[data-server-rendered],astro-island[ssr]';
/** Comments that a server leaves for React, Vue and Svelte to find their places by. */
const FOR_HYDRATION = /^(?:\/?[$&][?!~]?|\[!?| )$/;
/** Scripts that run before the document is complete, and may bring a framework. */
const TO_COME = 'script[type=module],script[defer]:not([src*="swap.js"])';

/** A part of a page that nothing has claimed for so long after it was there is taken to be nobody's. */
const QUIET_MS = 1000;
/** So long it may take React to fetch the code of one boundary in a page that is its own. */
const BOUNDARY_MS = 10_000;

const ELEMENT_NODE = 1;
const COMMENT_NODE = 8;

/** Of React's records of nodes, and of the properties it keeps there, what matters here. */
interface ReactMark {
  stateNode?: { current?: { memoizedState?: { isDehydrated?: boolean } } };
  dangerouslySetInnerHTML?: unknown;
}

/** Returns what says of a node of the page whether a framework may still come for it. */
export function createHydrationCheck(): (node: Node) => boolean {
  const seenAt = new WeakMap<Node, number>();
  let completeAt = 0;

  return (node) => {
    const now = Date.now();
    const { readyState } = document;
    if (readyState === 'complete') completeAt ||= now;
    const seen = seenAt.get(node) ?? now;
    seenAt.set(node, seen);
    const patience =
      patienceFor(node) ?? (readyState === 'loading' && document.querySelector(TO_COME) ? QUIET_MS : 0);
    return patience > 0 && (!completeAt || now - Math.max(completeAt, seen) < patience);
  };
}

/** How long it is worth to wait for whoever owns this node; 0 where he has come, nothing where none is known. */
function patienceFor(node: Node): number | undefined {
  let isMarked = false;
  let isClaimed: boolean | undefined;
  let near = true;
  for (let at: Node | null = node; at; at = at.parentNode) {
    for (const name of Object.keys(at)) {
      const mark = (at as unknown as Record<string, ReactMark | undefined>)[name];
      // React has begun with the whole page, and what it has compared it may compare again.
      if (/^__reactC/.test(name) && mark?.stateNode?.current?.memoizedState?.isDehydrated) return BOUNDARY_MS;
      // Not on what is in a boundary that is still to come, though all around it is React's.
      if (/^__reactP/.test(name)) isClaimed ??= near || !!mark?.dangerouslySetInnerHTML;
      if (/^(?:_vnode|__vue|_reactRootC)/.test(name)) isClaimed ??= true;
    }
    if (at.nodeType === ELEMENT_NODE) near = false;
    isMarked ||=
      !!(at as Element).matches?.(RENDERED) ||
      [...at.childNodes].some(
        ({ nodeType, nodeValue }) => nodeType === COMMENT_NODE && FOR_HYDRATION.test(nodeValue ?? ''),
      );
  }
  if (isClaimed) return 0;
  if (isClaimed === false) return isMarked ? BOUNDARY_MS : QUIET_MS;
  return isMarked ? (isSvelteHere() ? 0 : QUIET_MS) : undefined;
}

/** Svelte 5 hydrates in the task in which it marks the prototype: older ones by `__t`, newer ones by a symbol. */
function isSvelteHere(): boolean {
  const { prototype } = Text;
  return '__t' in prototype || Object.getOwnPropertySymbols(prototype).length > 1;
}
