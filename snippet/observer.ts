/** Sees what the page changes, and nothing of what we change ourselves. */
import { safely } from './guard.js';
import { ATTRIBUTES } from './scanner.js';
import type { Holder } from './swap.js';

/** A page that answers our writing with writing of its own is left alone for a moment after this many rounds. */
const MAX_ROUNDS = 200;
const ROUNDS_MS = 1000;

export interface Observer {
  observe(root: Node): void;
  /** Runs `write`, whose changes to the page are not seen. */
  quietly(write: () => void): void;
}

/**
 * Calls `onAdded` with the pieces of the page that were added, and `onChanged` with the texts and attributes that were
 * changed, before anything is painted; `onMissed` when it has seen too much to follow.
 */
export function createObserver(
  onAdded: (nodes: Node[]) => void,
  onChanged: (holders: Holder[]) => void,
  onMissed: () => void,
): Observer {
  let rounds = 0;
  // Without one, because the page has replaced it by something else, what is there when we look is swapped all the same.
  const observer = safely(() => new MutationObserver(safely(react)))();

  function react(records: MutationRecord[]): void {
    if (rounds === 0) setTimeout(safely(endRounds), ROUNDS_MS);
    if (++rounds > MAX_ROUNDS) return;
    const added = new Set<Node>();
    const changed = new Set<Holder | null>();
    for (const { type, target, addedNodes, attributeName } of records) {
      if (type === 'childList') for (const node of addedNodes) added.add(node);
      else
        changed.add(attributeName ? (target as Element).getAttributeNode(attributeName) : (target as Text));
    }
    // What hangs below another added node is looked at with it.
    const roots = [...added].filter((node) => node.isConnected && !added.has(node.parentNode as Node));
    if (roots.length) onAdded(roots);
    changed.delete(null);
    if (changed.size) quietly(() => onChanged([...changed] as Holder[]));
  }

  function endRounds(): void {
    const missed = rounds > MAX_ROUNDS;
    rounds = 0;
    if (missed) onMissed();
  }

  function quietly(write: () => void): void {
    const records = observer?.takeRecords();
    if (records?.length) react(records);
    write();
    observer?.takeRecords();
  }

  return {
    quietly,
    observe: (root) =>
      observer?.observe(root, {
        childList: true,
        subtree: true,
        characterData: true,
        attributes: true,
        attributeFilter: ATTRIBUTES,
      }),
  };
}
