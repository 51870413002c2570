/**
 * Whether a framework is still to take over what its server has rendered. What we write before that, it finds to be
 * wrong (React throws that part of the page away and renders it anew, Vue warns); afterwards it is a change like any
 * other. What each framework leaves on its nodes, with versions, is in test/e2e/frameworks/README.md.
 */

/**
 * Containers that a server fills for React, Vue or an island of Astro's (`#__next`, `#__nuxt`, `#___gatsby`); not
 * `#whatsapp`.
 */
const RENDERED = '[id$=root],[id$=app]:not([id$=sapp]),[id^=__],[data-reactroot],astro-island[ssr]';
/** Comments that a server leaves for React, Vue and Svelte to find their places by. */
const FOR_HYDRATION = /^(\/?[$&][?!~]?|\[!?| ?)$/;
/** Scripts that run once the document is parsed, and may bring a framework. */
const TO_COME = 'script[type=module],script[defer]:not([src*="swap.js"])';

/**
 * A page that nothing has claimed for so long after it was complete is taken to be nobody's; one with no sign of a
 * framework but a script that may bring one, so long after those have run: images may take longer than anybody waits.
 */
const QUIET_MS = 700;
/**
 * So long it may take React to fetch the code of a boundary in a page that is its own; then the wait is over
 * everywhere.
 */
const BOUNDARY_MS = 10_000;
/** How often it is looked whether the page has any sign of a framework, and at how many of its nodes. */
const LOOK_MS = 100;
const LOOK_NODES = 5000;

const COMMENT_NODE = 8;
const SHOW_ELEMENT_AND_COMMENT = 129;

/** Of React's records of nodes what matters here. */
interface ReactMark {
  flags?: number;
  return?: ReactMark | null;
  stateNode?: { current?: { memoizedState?: { isDehydrated?: boolean } } };
}

/** Of Vue's tree what matters here. */
interface VueNode {
  suspense?: { isHydrating?: boolean; activeBranch?: VueNode } | null;
  component?: { asyncDep?: unknown; asyncResolved?: boolean; subTree?: VueNode } | null;
  children?: unknown;
}

/** React's flag of what it has compared and may yet throw away. */
const HYDRATING = 4096;

let completeAt = 0;
let lookedAt = 0;
let hasSigns = false;
/** Where the look at its nodes has come to: what the parser adds comes behind. */
let walker: TreeWalker;
let looked = 0;
let hasMarks = false;

/** Whether a framework may still come for this node. */
export function isWaiting(node: Node): boolean {
  const now = Date.now();
  if (document.readyState === 'complete') completeAt ||= now;
  const readyAt = performance.timing?.domContentLoadedEventEnd || completeAt;
  const age = readyAt ? now - readyAt : 0;
  const isMine = age > BOUNDARY_MS || isClaimed(node);
  if (isMine || (isMine !== false && completeAt && now - completeAt > QUIET_MS)) return false;
  // Of a page that is loading there is more with each look.
  if (now - lookedAt > (completeAt && LOOK_MS)) {
    lookedAt = now;
    hasSigns = lookForSigns(!completeAt && age < QUIET_MS);
  }
  // While the page is loading, nobody knows whether a framework follows its title.
  const places = document.readyState === 'loading' ? `title,${RENDERED}` : RENDERED;
  return hasSigns || !!node.parentElement?.closest(places);
}

/**
 * Whether the page has, in its first part, what a framework's server leaves there, or a script that `mayCome` to bring
 * one.
 */
function lookForSigns(mayCome: boolean): boolean {
  if (mayCome && [...document.scripts].some((script) => script.matches(TO_COME))) return true;
  if (!walker?.currentNode.isConnected) {
    walker = document.createTreeWalker(document, SHOW_ELEMENT_AND_COMMENT);
    looked = 0;
  }
  for (; !hasMarks && looked < LOOK_NODES && walker.nextNode(); looked++)
    hasMarks = FOR_HYDRATION.test(walker.currentNode.nodeValue ?? '-');
  return hasMarks;
}

/**
 * Whether a framework works with this node; `false` inside React's tree where it is not hydrated yet; nothing if there
 * is none.
 */
function isClaimed(node: Node): boolean | undefined {
  let isMine: boolean | undefined;
  let fiber: ReactMark | null | undefined;
  let below: Node | undefined;
  for (let at: Node | null = node; at; below = at, at = at.parentNode) {
    for (const [name, mark] of Object.entries(at) as [string, ReactMark | undefined][]) {
      // React has begun with the whole page, and what it has compared it may compare again.
      if (/^__reactC/.test(name) && mark?.stateNode?.current?.memoizedState?.isDehydrated) return false;
      if (/^__reactF/.test(name)) {
        fiber ??= mark;
        isMine ??= !isInBoundary(below);
      }
      if (name === '_vnode' && isPending(mark)) return false;
      if (/^(_vnode|__vue|__k$|_reactR)/.test(name)) isMine ??= true;
    }
  }
  for (; fiber; fiber = fiber.return) if ((fiber.flags ?? 0) & HYDRATING) return false;
  return isMine;
}

/**
 * Whether this, which stands in what is React's, is in a boundary, or waits to be moved into one: then React has not
 * come to it. What else is there and is not React's own, as what others have added to its page, it does not look at.
 */
function isInBoundary(node: Node | undefined): boolean {
  let open = +/S:\w+$/.test((node as Element | undefined)?.id ?? '');
  for (let before = node?.previousSibling; before; before = before.previousSibling) {
    const data = before.nodeType === COMMENT_NODE ? `${before.nodeValue}` : '';
    open += +/^[$&]/.test(data) - +/^\/[$&]/.test(data);
  }
  return open > 0;
}

/** Whether some part of what Vue has taken over waits for its code or its data. */
function isPending(node: unknown): boolean {
  const { suspense, component, children } = (node ?? {}) as VueNode;
  return (
    !!(suspense?.isHydrating || (component?.asyncDep && !component.asyncResolved)) ||
    (Array.isArray(children) ? children : [component?.subTree, suspense?.activeBranch]).some(
      (below) => !!below && isPending(below),
    )
  );
}
