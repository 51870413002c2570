/** Sees what the page changes, and nothing of what we change ourselves. */
import { later, safely } from './guard.js';
import { ATTRIBUTES, forget, type Root, standsInLine } from './scanner.js';
import type { Holder } from './swap.js';

/**
 * A page that answers our writing at once with writing of its own is left alone after this many rounds, or the browser
 * would never come out of the task. What comes in another task is another matter: it stops nobody.
 */
const MAX_ROUNDS = 100;

/**
 * To look at the whole page is quicker than to look at more of these, as a long page brings them that is being loaded;
 * and at all of an element quicker than at more nodes that were added to it, each by itself.
 */
const MAX_RECORDS = 1000;

let rounds = 0;
let hasMissed = false;
/** This page has brought so many. */
let isLong = false;
let onChange: (added: Node[] | undefined, changed: Holder[]) => void;
let observer: MutationObserver | undefined;

/** Calls `tell` with what was added (nothing: anywhere) and with what was changed, before anything is painted. */
export function prepareObserver(tell: typeof onChange): void {
  onChange = tell;
  // Without one, because the page has put something else in its place, what is there when we look is swapped all the
  // same.
  observer = safely(() => new MutationObserver(react))();
}

const react = safely((records: MutationRecord[]) => {
  if (rounds > MAX_ROUNDS) return;
  if (records.length > MAX_RECORDS) {
    onChange(undefined, []);
    isLong = true;
    observe(document);
    return;
  }
  const added = new Set<Node>();
  const changed = new Set<Holder>();
  let many = 0;
  for (const { type, target, addedNodes, attributeName, previousSibling, nextSibling } of records) {
    many += addedNodes.length;
    for (const node of many > MAX_RECORDS && addedNodes[0] ? [target] : addedNodes) added.add(node);
    if (!target.isConnected) forget(target);
    // A number may have lost a part, or become one, by what has come or gone beside it.
    if (type === 'childList') {
      const beside = [previousSibling, nextSibling];
      for (let at: Node | null = target; at && standsInLine(at); at = at.parentNode)
        beside.push(at.previousSibling, at.nextSibling);
      for (const node of beside) if (node && standsInLine(node)) added.add(node);
    }
    const holder = attributeName ? (target as Element).getAttributeNode(attributeName) : (target as Text);
    if (type !== 'childList' && holder) changed.add(holder);
  }
  // What hangs in another added node is looked at with it; deeper than that, it is looked at twice.
  const isTop = (node: Node) => node.isConnected && !added.has(node.parentNode as Node);
  onChange([...added].filter(isTop), [...changed]);
});

/** Of a long page we are not told what the parser adds: to be told of each node takes longer than to look at it. */
export function observe(root: Root): void {
  observer?.observe(root, {
    childList: !(isLong && isLoading(root)),
    subtree: true,
    characterData: true,
    attributeFilter: ATTRIBUTES,
  });
}

const isLoading = (root: Root) => (root as Document).readyState === 'loading';

/** Runs `write`, whose changes to the page are not seen. */
export function quietly(write: () => void): void {
  const records = observer?.takeRecords();
  if (records?.[0]) react(records);
  write();
  if (!observer?.takeRecords()[0]) return;
  if (!rounds) {
    later(0, () => {
      hasMissed ||= rounds > MAX_ROUNDS;
      rounds = 0;
    });
  }
  rounds++;
}

/** Whether something may have changed unseen since this was asked last. */
export function hasMissedSome(): boolean {
  const missed = hasMissed || (isLong && isLoading(document));
  hasMissed = false;
  return missed;
}
