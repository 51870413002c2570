/**
 * Walks the page, with its shadow roots and same-origin frames, and brings what may hold a number to the swap engine:
 * stretches of text that the reader sees as one, and attributes. It works in slices, so that no page waits for it.
 */
import { safely } from './guard.js';
import type { Holder, Swapper } from './swap.js';

/** `value` counts of buttons only, pictures only where the site says that they show a number. */
export const ATTRIBUTES = ['href', 'title', 'alt', 'aria-label', 'placeholder', 'value', 'src', 'srcset'];
const BUTTON = 'button,[type=button],[type=submit],[type=reset]';
const PICTURE = '.cr_image,.cr_image *,[data-calltrk-image],[data-calltrk-image] *';
const WITH_ATTRIBUTES = `[href],[title],[alt],[aria-label],[placeholder],${BUTTON},iframe,frame,${PICTURE}`;

/** How long we work without giving the page its turn, and after how many nodes the clock is looked at. */
const SLICE_MS = 5;
const SLICE_NODES = 100;

/** How much is read of what stands beside a stretch of text. */
const CONTEXT = 80;
/** A number may go on from one node to the next: the one ends with a part of it, the other begins with one. */
const ENDS_OPEN = /(?:^|[\d+(\uff10-\uff19])\W{0,40}$/;
const GOES_ON = /^\W{0,40}(?:\d|$)/;

const ELEMENT_NODE = 1;
const TEXT_NODE = 3;
const SHOW_TEXT = 4;

/** Where the observer has to look, and listeners to listen: neither sees into a shadow root or a frame. */
export type Root = Document | ShadowRoot;

export interface Scanner {
  /** Brings a node and all in it up to date, the first slice at once; the whole page with all its roots. */
  scan(node?: Node): void;
  /** Brings what changed up to date, at once. */
  revise(changed: Holder): void;
  /** Looks for shadow roots and frames that are new. */
  sweep(): void;
}

/** `onRoot` is called with each root. `slice` is to run what it is given, and to see nothing of what that writes. */
export function createScanner(
  swapper: Swapper,
  onRoot: (root: Root) => void,
  slice: (work: () => void) => void,
): Scanner {
  const { isKept } = swapper;
  const roots = new Set<Root>();
  const tasks: Generator<void>[] = [];
  let isWorking = false;

  function enter(root: Root | null): void {
    if (!root || roots.has(root)) return;
    roots.add(root);
    onRoot(root);
    tasks.push(visit(root), sweepIn(root));
  }

  function work(): void {
    if (isWorking) return;
    isWorking = true;
    slice(() => {
      const end = performance.now() + SLICE_MS;
      while (tasks[0] && performance.now() < end) {
        // A task that fails is over as well.
        if (safely(() => tasks[0]?.next().done)() !== false) tasks.shift();
      }
    });
    isWorking = false;
    if (tasks[0]) setTimeout(safely(work));
  }

  function* visit(node: Node, tries = 3): Generator<void> {
    let count = 0;
    let group: readonly Text[] = [];
    const walker = document.createTreeWalker(node, SHOW_TEXT);
    for (let at: Node | null = node; at; at = walker.nextNode()) {
      if (at.nodeType === TEXT_NODE && swapper.mayHold((at as Text).data) && !group.includes(at as Text)) {
        group = groupOf(at as Text, isKept);
        reviseText(group);
      }
      if (++count % SLICE_NODES) continue;
      yield;
      // The page has taken away the place that we were at.
      if (tries && !node.contains(walker.currentNode)) return void tasks.push(visit(node, tries - 1));
    }
    if (node.nodeType === TEXT_NODE) return;
    if (node.nodeType === ELEMENT_NODE) visitElement(node as Element);
    for (const element of (node as Element).querySelectorAll(WITH_ATTRIBUTES)) {
      visitElement(element);
      if (++count % SLICE_NODES === 0) yield;
    }
  }

  function visitElement(element: Element): void {
    for (const name of ATTRIBUTES) {
      const holder = element.getAttributeNode(name);
      if (holder && swapper.mayHold(holder.value)) reviseAttribute(holder);
    }
    if (/^i?frame$/.test(element.localName)) enterFrame(element);
  }

  const enterFrame = safely((frame: Element) => enter((frame as HTMLIFrameElement).contentDocument));

  function reviseAttribute(holder: Attr): void {
    const { name, ownerElement } = holder;
    if (name === 'href' && !/^a(?:rea)?$/.test(ownerElement?.localName ?? '')) return;
    if (name === 'value' && !ownerElement?.matches(BUTTON)) return;
    const isFile = /^src/.test(name);
    if (!isFile || ownerElement?.matches(PICTURE)) swapper.revise([holder], isFile ? null : undefined);
  }

  function reviseText(group: readonly Text[]): void {
    swapper.revise(group, () => [
      beside(group[0] as Text, 'previousNode').replace(/.*[a-z]$/is, ''),
      beside(group[group.length - 1] as Text, 'nextNode').replace(/^[a-z].*/is, ''),
    ]);
  }

  function* sweepIn(root: Root): Generator<void> {
    let count = 0;
    for (const element of root.querySelectorAll('*')) {
      enter(element.shadowRoot);
      if (++count % SLICE_NODES === 0) yield;
    }
  }

  return {
    scan(node = document) {
      if (!roots.has(document)) enter(document);
      else for (const root of node === document ? roots : [node]) tasks.push(visit(root));
      work();
    },
    revise(changed) {
      for (const holder of swapper.concerned(changed)) {
        if (holder.nodeType === TEXT_NODE) reviseText(groupOf(holder as Text, isKept));
        else reviseAttribute(holder as Attr);
      }
    },
    sweep() {
      for (const root of roots) {
        if (root.isConnected && (root.ownerDocument ?? (root as Document)).defaultView)
          tasks.push(sweepIn(root));
        else roots.delete(root);
      }
      work();
    },
  };
}

/** The node with those before and after it over which its digits may go on. */
function groupOf(node: Text, isKept: (holder: Holder) => boolean): readonly Text[] {
  return [...goOn(node, 'previousNode', isKept).reverse(), node, ...goOn(node, 'nextNode', isKept)];
}

type Step = 'previousNode' | 'nextNode';

function goOn(node: Text, step: Step, isKept: (holder: Holder) => boolean): Text[] {
  const found: Text[] = [];
  const [leaves, arrives] = step === 'nextNode' ? [ENDS_OPEN, GOES_ON] : [GOES_ON, ENDS_OPEN];
  if (!leaves.test(node.data)) return found;
  for (const next of flowFrom(node, step)) {
    if (!arrives.test(next.data) || isKept(next) !== isKept(node)) break;
    found.push(next);
    if (!leaves.test(next.data)) break;
  }
  return found;
}

/** What is read right before or after a node. A letter there belongs to a word of its own, whatever the styles are. */
function beside(node: Text, step: Step): string {
  let text = '';
  for (const { data } of flowFrom(node, step)) {
    text = step === 'nextNode' ? text + data : data + text;
    if (text.length > CONTEXT) break;
  }
  return text;
}

/** The texts before or after a node as long as nothing but inline markup is between. */
function* flowFrom(node: Text, step: Step): Generator<Text> {
  const walker = document.createTreeWalker(node.getRootNode(), SHOW_TEXT);
  walker.currentNode = node;
  let last = node;
  for (let next = walker[step](); next; next = walker[step]()) {
    if (!isOpen(last, next, step === 'nextNode') || !isOpen(next, last, step !== 'nextNode')) return;
    last = next as Text;
    yield last;
  }
}

/** Whether the way from here up to where the other is leads over inline markup only, and past nothing but comments. */
function isOpen(from: Node, to: Node, isForward: boolean): boolean {
  for (let at = from; !at.contains(to); at = at.parentNode as Node) {
    if (at.nodeType === ELEMENT_NODE) {
      // Two links side by side are two numbers.
      if (/^(?:a|button)$/.test((at as Element).localName)) return false;
      if (!/^(?:inline|contents)/.test(getComputedStyle(at as Element).display)) return false;
    }
    const next = isForward ? 'nextSibling' : 'previousSibling';
    for (let side = at[next]; side && !side.contains(to); side = side[next]) {
      if (side.nodeType === ELEMENT_NODE && (side as Element).localName !== 'wbr') return false;
    }
  }
  return true;
}
