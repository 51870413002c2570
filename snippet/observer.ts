/** Sees what the page changes, and nothing of what we change ourselves. */
import { safely } from './guard.js';

/** A page that answers our writing with writing of its own is left alone for a moment after this many rounds. */
const MAX_ROUNDS = 200;
const ROUNDS_MS = 1000;

export interface Watch {
  /** Runs `write`, whose changes to the page are not seen. */
  quietly(write: () => void): void;
}

/** Calls `scan` with each piece of the page that was added or changed, before anything is painted. */
export function watch(scan: (node: Node) => void): Watch {
  let rounds = 0;
  const observer = new MutationObserver(safely(react));
  observer.observe(document, {
    childList: true,
    subtree: true,
    characterData: true,
    attributes: true,
    attributeFilter: ['href'],
  });

  function react(records: MutationRecord[]): void {
    if (rounds === 0) setTimeout(safely(endRounds), ROUNDS_MS);
    if (++rounds > MAX_ROUNDS) return;
    const changed = new Set<Node>();
    for (const { type, target, addedNodes } of records) {
      if (type === 'childList') for (const node of addedNodes) changed.add(node);
      else changed.add(target);
    }
    for (const node of changed) {
      // What hangs below another changed node is scanned with it.
      if (node.isConnected && !changed.has(node.parentNode as Node)) scan(node);
    }
    observer.takeRecords();
  }

  function endRounds(): void {
    const missed = rounds > MAX_ROUNDS;
    rounds = 0;
    if (missed) quietly(() => scan(document));
  }

  function quietly(write: () => void): void {
    const records = observer.takeRecords();
    if (records.length) react(records);
    write();
    observer.takeRecords();
  }

  return { quietly };
}
