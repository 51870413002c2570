/**
 * Walks the page, with its shadow roots and same-origin frames, and brings what may hold a number to the swap engine:
 * stretches of text that the reader sees as one, and attributes. It works in slices, so that no page waits for it.
 */
import { later, safely } from './guard.js';
import { concerned, finder, type Holder, isKept, originalOf, revise } from './swap.js';

/** `value` counts of buttons only, pictures only where the site says that they show a number. */
const NAMES = ['title', 'alt', 'aria-label', 'placeholder', 'value', 'src', 'srcset'];
export const ATTRIBUTES = ['href', ...NAMES];
const BUTTON = 'input[type=button],input[type=submit],input[type=reset]';
const PICTURE = '.cr_image,.cr_image *,[data-calltrk-image],[data-calltrk-image] *';
/** Elements with such an attribute. Of links only those that are no addresses of pages, which are most: each costs time. */
const WITH_ATTRIBUTES = `[${NAMES.join('],[')}],[href*=":"]:not([href^=http]),[href*="wa.me"],[href*=whatsapp]`;

/**
 * How long we work without giving the page its turn, and after how many nodes the clock is looked at. On a slow machine
 * some nodes are looked at all the same, which is all of most pages: nobody is to see their own number first.
 */
const SLICE_MS = 4;
const SLICE_NODES = 500;
const MIN_TURNS = 2;
/** The page is looked at anew this long after it has removed the very text at which we were. */
const RETRY_MS = 200;
/** Elements among which some are looked for in one go. */
const PART_NODES = 15_000;

/** How far from its last digit a number may begin, of what stands between them in a page. */
const REACH = 120;

/** A number may go on, or be part of something longer, where the one text ends and the other begins with no letter. */
const ENDS_OPEN = /(?:^|[^a-z\s])\s*$/i;
const GOES_ON = /^\s*(?:[^a-z\s]|$)/i;

/** Elements that stand in a line unless a style says otherwise. */
const INLINE =
  /^(abbr|b|bd[io]|big|cite|data|del|dfn|em|font|i|ins|kbd|label|mark|nobr|q|s|samp|small|span|strike|strong|su[bp]|time|tt|u|var)$/;

const ELEMENT_NODE = 1;
const TEXT_NODE = 3;
const SHOW_ELEMENT = 1;
const SHOW_ELEMENT_AND_TEXT = 5;
const SHOW_TEXT = 4;

/** Where the observer has to look, and listeners to listen: neither sees into a shadow root or a frame. */
export type Root = Document | ShadowRoot;

const roots = new Set<Root>();
/** What of the page is still to be looked at. */
export const tasks: Generator<void>[] = [];
const sweeps: Generator<void>[] = [];
/** So many turns of theirs are left. */
let sweepTurns = 0;
/** The one that is ever made: each that lives costs the page a little with each change. */
const range = new Range();
let isWorking = false;
let isDue = false;
let visited = 0;
let slice: (work: () => void) => void;
let onRoot: (root: Root) => void;

/** Does nothing yet. `tell` is told of each root. `run` is to run what it is given, and to see nothing of what that writes. */
export function prepareScan(tell: (root: Root) => void, run: (work: () => void) => void): void {
  onRoot = tell;
  slice = run;
  roots.add(document);
  tell(document);
}

function enter(root: Root | null | undefined): void {
  if (!root || roots.has(root)) return;
  roots.add(root);
  onRoot(root);
  // Components stand in components: what is in here is looked for now, not at the next sweep.
  tasks.push(visit([root]));
  sweeps.unshift(sweepIn(root));
  sweepTurns++;
}

/**
 * Brings nodes and all in them up to date, or, in place of all that is still to be done, the whole page with all its
 * roots: the first slice at once, and before what is left of earlier ones.
 */
export function scan(nodes: Iterable<Node> = roots): void {
  if (nodes === roots) tasks.length = 0;
  tasks.unshift(visit([...nodes]));
  work();
}

/**
 * Goes on looking for shadow roots and frames that are new, of which nothing tells, for so many turns: each element
 * that is looked at costs, and a long page has many.
 */
export function sweep(turns: number): void {
  sweepTurns = turns;
  if (!sweeps[0]) {
    for (const root of roots) {
      if (root.isConnected && (root.ownerDocument ?? (root as Document)).defaultView)
        sweeps.push(sweepIn(root));
      else roots.delete(root);
    }
  }
  work();
}

/** What there is to do: new shadow roots and frames last. */
const queue = () => (tasks[0] || sweepTurns <= 0 ? tasks : sweeps);

function work(): void {
  if (isWorking) return;
  isWorking = true;
  slice(() => {
    const end = performance.now() + SLICE_MS;
    for (let turn = 0; queue()[0] && (turn < MIN_TURNS || performance.now() < end); turn++) {
      const from = queue();
      const task = from.shift();
      if (from === sweeps) sweepTurns--;
      // A task that fails is over as well.
      if (safely(() => task?.next().done)() === false) from.unshift(task as Generator<void>);
    }
  });
  isWorking = false;
  if (!queue()[0] || isDue) return;
  isDue = true;
  later(0, () => {
    isDue = false;
    work();
  });
}

/** Texts of nodes that stand side by side are looked at together: a page may add thousands at once. */
function* visit(nodes: readonly Node[]): Generator<void> {
  let texts: Text[] = [];
  let last: Node | undefined;
  for (const node of nodes) {
    const isPause = ++visited % SLICE_NODES === 0;
    if (isPause || node.previousSibling !== last) texts = examine(texts);
    if (isPause) yield;
    last = node;
    const walker = document.createTreeWalker(node, SHOW_TEXT);
    let at = node.nodeType === TEXT_NODE ? node : walker.nextNode();
    for (; at; at = walker.nextNode()) {
      texts.push(at as Text);
      if (texts.length < SLICE_NODES) continue;
      texts = examine(texts);
      yield;
      // Whoever stands on what was removed does not find the way back.
      if (at.isConnected !== node.isConnected) later(RETRY_MS, scan);
    }
  }
  examine(texts);
  yield;
  for (const node of nodes) if (node.nodeType !== TEXT_NODE) yield* visitElements(node as Element);
}

/**
 * Brings numbers that touch these texts up to date. All are read and searched at once, with some of what is around
 * them: to read each by itself takes three times as long. None of them is left.
 */
function examine(texts: readonly Text[]): Text[] {
  if (!texts[0]) return [];
  const [first, before] = reach(texts[0], 'previousNode');
  const [last, behind] = reach(texts[texts.length - 1] as Text, 'nextNode');
  range.setStart(first, Math.max(0, before - REACH));
  range.setEnd(last, last.length - Math.max(0, behind - REACH));
  const spans = finder().spans(range.toString());
  let end = Math.min(before, REACH);
  const isTouched = ({ length }: Text) => {
    const start = end;
    end += length;
    return spans.some(([from, to]) => from <= end && to >= start);
  };
  if (spans[0]) reviseAgain(texts.filter(isTouched));
  return [];
}

/** The first text on this side that is far enough away, or the last one there is; and how many characters are up to its far end. */
function reach(text: Text, step: 'previousNode' | 'nextNode'): [Text, number] {
  const walker = document.createTreeWalker(text.getRootNode(), SHOW_TEXT);
  walker.currentNode = text;
  let far = 0;
  while (far < REACH && walker[step]()) far += (walker.currentNode as Text).length;
  return [walker.currentNode as Text, far];
}

/** A search cannot be sliced: where it would take too long, each element is looked at instead. */
function* visitElements(node: Element): Generator<void> {
  visitAttributes(node);
  if (++visited % SLICE_NODES === 0) yield;
  if (!node.firstElementChild) return;
  // Roots of shadows, which are small, cannot count theirs.
  const all = node.getElementsByTagName?.('*') ?? [];
  const isLarge = all.length > PART_NODES;
  for (const element of isLarge ? all : node.querySelectorAll(WITH_ATTRIBUTES)) {
    if (!isLarge || element.matches(WITH_ATTRIBUTES)) visitAttributes(element);
    if (++visited % SLICE_NODES === 0) yield;
  }
}

function visitAttributes(element: Element): void {
  for (const name of ATTRIBUTES) {
    const holder = element.getAttributeNode?.(name);
    if (holder) reviseAttribute(holder);
  }
}

function* sweepIn(root: Root): Generator<void> {
  const walker = document.createTreeWalker(root, SHOW_ELEMENT);
  while (walker.nextNode()) {
    const { shadowRoot, contentDocument } = walker.currentNode as HTMLIFrameElement;
    enter(shadowRoot ?? contentDocument);
    if (++visited % SLICE_NODES === 0) yield;
  }
}

/** Brings what changed up to date, at once, and each stretch of text once. */
export function reviseAgain(changed: Iterable<Holder>): void {
  const left = new Set([...changed].flatMap(concerned));
  for (const holder of left) {
    if (holder.nodeType !== TEXT_NODE) reviseAttribute(holder as Attr);
    else {
      const group = groupOf(holder as Text);
      for (const other of group) left.delete(other);
      revise(group);
    }
  }
}

function reviseAttribute(holder: Attr): void {
  const { name, ownerElement } = holder;
  const isFile = /^src/.test(name);
  const where = isFile ? PICTURE : name === 'href' ? 'a,area' : name === 'value' ? BUTTON : '*';
  // What a link dials may be encoded: it is looked at whole.
  if ((name === 'href' || finder().spans(holder.nodeValue as string)[0]) && ownerElement?.matches(where))
    revise([holder], isFile);
}

/** The node with those before and after it over which a number may go on. */
function groupOf(node: Text): readonly Text[] {
  const before = flow(node, 'previousNode', GOES_ON, ENDS_OPEN);
  return [...before.reverse(), node, ...flow(node, 'nextNode', ENDS_OPEN, GOES_ON)];
}

/**
 * The texts beside a node that flow on from it: nothing but inline markup is between, and none is kept. Behind an
 * element letters are another word, whatever the styles are; behind nothing they are not.
 */
function flow(from: Text, step: 'previousNode' | 'nextNode', leaves: RegExp, arrives: RegExp): Text[] {
  const flowing: Text[] = [];
  const walker = document.createTreeWalker(from.getRootNode(), SHOW_ELEMENT_AND_TEXT);
  walker.currentNode = from;
  let last = from;
  let isBeside = true;
  for (let next = walker[step](); next; next = walker[step]()) {
    if (next.nodeType === ELEMENT_NODE) {
      if (/^(br|hr|img|svg|input|select|textarea)$/.test((next as Element).localName)) break;
      isBeside = false;
    } else {
      isBeside &&= next.parentNode === last.parentNode;
      if (!isBeside && !(leaves.test(originalOf(last)) && arrives.test(originalOf(next as Text)))) break;
      const isApart = (test: typeof hasInlineName) => blockOf(next as Node, test) !== blockOf(from, test);
      if (isApart(hasInlineName) || isApart(hasInlineStyle) || isKept(next) !== isKept(from)) break;
      last = next as Text;
      flowing.push(last);
      isBeside = true;
    }
  }
  return flowing;
}

/** What holds the line in which a text stands. Two links side by side are two lines: nobody splits a number over them. */
function blockOf(node: Node, isInline: (element: Element) => boolean): Node | null {
  let { parentElement: element } = node;
  while (element && isInline(element)) element = element.parentElement;
  return element;
}

const hasInlineName = ({ localName }: Element) => INLINE.test(localName) || localName.includes('-');
/** Not asked of a page that is still loading: that would style all of it each time. Once it is complete, it is scanned again. */
const hasInlineStyle = (element: Element) =>
  hasInlineName(element) &&
  (document.readyState !== 'complete' || /^(inline|contents)/.test(getComputedStyle(element).display));
