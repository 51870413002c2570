/**
 * Walks the page, with its shadow roots and same-origin frames, and brings what may hold a number to the swap engine:
 * stretches of text that the reader sees as one, and attributes. It works in slices, so that no page waits for it.
 */
import type { Match } from '../shared/phone.js';
import { later, safely } from './guard.js';
import { concerned, finder, type Holder, isKept, isKnown, originalOf, PHONE_LINK, revise } from './swap.js';

export const ATTRIBUTES = ['href', 'title', 'alt', 'aria-label', 'placeholder', 'value', 'src', 'srcset'];
const PICTURE = '.cr_image,.cr_image *,[data-calltrk-image],[data-calltrk-image] *';
/** Where an attribute counts, if not everywhere: `value` of buttons, pictures where the site says that they show a number. */
const WHERE: Record<string, string> = {
  href: 'a,area',
  alt: 'img,area,input',
  placeholder: 'input,textarea',
  value: 'input[type=button],input[type=submit],input[type=reset]',
  src: PICTURE,
  srcset: PICTURE,
};
/**
 * Elements that may have such an attribute, and which (nothing: any). Each is asked for by itself: a browser is several
 * times as fast with a selector that is simple as with a list of them. Of links those that lead to no page.
 */
const BEARERS: readonly (readonly [selector: string, name?: string])[] = [
  ['[title]', 'title'],
  ['[aria-label]', 'aria-label'],
  ['a[href*=":"]:not([href^=http])', 'href'],
  ['a[href*="//wa.me/"]', 'href'],
  ['a[href*=".whatsapp.com/"]', 'href'],
  ['area'],
  ['img'],
  ['source'],
  ['input'],
  ['textarea'],
];

/**
 * How long we work without giving the page its turn, and after how many nodes the clock is looked at. On a slow machine
 * some nodes are looked at all the same, which is all of most pages: nobody is to see their own number first.
 */
const SLICE_MS = 4;
const SLICE_NODES = 500;
const SLICE_NUMBERS = 16;
const MIN_TURNS = 4;
/** Of more elements than these, each search for some of them is a turn of its own. */
const LARGE_NODES = 15_000;
/** The page is looked at anew this long after it has removed the very text at which we were. */
const RETRY_MS = 200;

/** How far from its last digit a number may begin, of what stands between them in a page. */
const REACH = 120;

/**
 * A number may go on, or be part of something longer, where the one text ends and the other begins with no letter, and
 * with no stop that a space sets apart.
 */
const ENDS_OPEN = /^\s*$|[^a-z\s]$|[^a-z\s,:;!?]\s+$/i;
const GOES_ON = /^\s*$|^[^a-z\s]|^\s+[^a-z\s,:;!?]/i;

/** Elements that stand in a line unless a style says otherwise. */
const INLINE =
  /^(abbr|b|bd[io]|big|cite|data|del|dfn|em|font|i|ins|kbd|label|mark|nobr|q|s|samp|small|span|strike|strong|su[bp]|time|tt|u|var)$/;

const ELEMENT_NODE = 1;
const TEXT_NODE = 3;
const SHOW_ELEMENT = 1;
/** CDATA as well, since a `Range` reads that, too. */
const SHOW_TEXT_AND_CDATA = 12;
const SHOW_ELEMENT_AND_TEXT = 13;

/** Where the observer has to look, and listeners to listen: neither sees into a shadow root or a frame. */
export type Root = Document | ShadowRoot;

const roots = new Set<Root>();
/** Those that were told of: one that comes back is looked at anew, and listened to already. */
const known = new WeakSet<Root>();
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

/**
 * Looks at nothing yet. `tell` is told once of each root, of the document at once. `run` is to run what it is given,
 * and to see nothing of what that writes.
 */
export function prepareScan(tell: (root: Root) => void, run: (work: () => void) => void): void {
  onRoot = tell;
  slice = run;
  roots.add(document);
  tell(document);
}

function enter(root: Root | null | undefined): void {
  if (!root || roots.has(root)) return;
  roots.add(root);
  if (!known.has(root)) onRoot(root);
  known.add(root);
  // Components stand in components: what is in here is looked for now, not at the next sweep.
  tasks.push(visit([root]));
  sweeps.unshift(sweepIn(root));
  sweepTurns++;
}

/**
 * Brings nodes and all in them up to date, before all that is still to be done; without any the whole page with all its
 * roots, in place of that. The first slice of it runs at once.
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
  safely(slice)(() => {
    const end = performance.now() + SLICE_MS;
    for (let turn = 0; queue()[0] && (turn < MIN_TURNS || performance.now() < end); turn++) {
      const from = queue();
      const task = from.shift() as Generator<void>;
      const { length } = from;
      if (from === sweeps) sweepTurns--;
      // A task that fails is over as well. What it has put first comes first.
      if (safely(() => task.next().done)() === false) from.splice(from.length - length, 0, task);
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
  /** Where we stand while the page has its turn. It goes along with what the page does there; a walker does not. */
  let stand: Range | undefined;
  function* pause(at: Node): Generator<void> {
    stand ??= new Range();
    stand.setStart(at, 0);
    yield;
    // What we stood on is gone, or elsewhere: whoever goes on from there misses all that is between.
    if (stand.startContainer !== at) later(RETRY_MS, scan);
  }

  let texts: Text[] = [];
  let last: Node | undefined;
  for (const node of nodes) {
    const isPause = ++visited % SLICE_NODES === 0;
    if (isPause || node.previousSibling !== last) {
      examine(texts);
      texts = [];
    }
    if (isPause) yield;
    last = node;
    const walker = document.createTreeWalker(node, SHOW_TEXT_AND_CDATA);
    let at = node.nodeType === TEXT_NODE ? node : walker.nextNode();
    for (; at; at = walker.nextNode()) {
      texts.push(at as Text);
      if (texts.length < SLICE_NODES) continue;
      examine(texts);
      texts = [];
      yield* pause(at);
    }
  }
  examine(texts);
  yield;
  yield* visitAttributes(nodes.filter(({ nodeType }) => nodeType !== TEXT_NODE) as Element[]);
}

/**
 * Brings numbers that touch these texts up to date, and what was one. All are read and searched at once, with some of
 * what is around them: to read each by itself takes three times as long.
 */
function examine(texts: readonly Text[]): void {
  if (!texts[0]) return;
  const [first, before] = reach(texts[0], 'previousNode');
  const [last, behind] = reach(texts[texts.length - 1] as Text, 'nextNode');
  range.setStart(first, Math.max(0, before - REACH));
  range.setEnd(last, last.length - Math.max(0, behind - REACH));
  const spans = finder().spans(range.toString());
  let end = Math.min(before, REACH);
  let next = 0;
  const touched = texts.filter((text) => {
    const start = end;
    end += text.length;
    while ((spans[next]?.[1] ?? start) < start) next++;
    return (spans[next]?.[0] ?? Number.POSITIVE_INFINITY) <= end || isKnown(text);
  });
  if (touched[0]) tasks.unshift(reviseEach(touched));
}

/**
 * The first text on this side that is far enough away, or the last there is; and how many characters are up to its far
 * end.
 */
function reach(text: Text, step: 'previousNode' | 'nextNode'): [Text, number] {
  const walker = document.createTreeWalker(text.getRootNode(), SHOW_TEXT_AND_CDATA);
  walker.currentNode = text;
  let far = 0;
  while (far < REACH && walker[step]()) far += (walker.currentNode as Text).length;
  return [walker.currentNode as Text, far];
}

function* visitAttributes(elements: readonly Element[]): Generator<void> {
  for (const element of elements) {
    for (const name of ATTRIBUTES) reviseAttribute(element, name);
    if (++visited % SLICE_NODES === 0) yield;
  }
  const parents = elements.filter((element) => element.firstElementChild);
  // Roots of shadows, which are small, cannot count what is in them.
  const isLarge = parents.some((parent) => parent.getElementsByTagName?.('*').length > LARGE_NODES);
  for (const [selector, only] of BEARERS) {
    for (const parent of parents) {
      // A list that stays as it is, whatever the page does while it has its turn.
      for (const element of parent.querySelectorAll(selector)) {
        for (const name of only ? [only] : ATTRIBUTES) reviseAttribute(element, name);
        if (++visited % SLICE_NODES === 0) yield;
      }
      if (++visited % SLICE_NODES === 0) yield;
    }
    if (isLarge) yield;
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

/** A shadow root that changed while it was not in the page is a new one when it comes back. */
export function forget(node: Node): void {
  roots.delete(node.getRootNode() as Root);
}

/** Whether this is a text, or stands in a line by its name: not a component, which may be a whole page. */
export function standsInLine(node: Node): boolean {
  return node.nodeType === TEXT_NODE || INLINE.test((node as Element).localName);
}

/** Brings these up to date, the first of them at once. */
export function reviseSoon(changed: readonly Holder[]): void {
  tasks.unshift(reviseEach(changed));
  work();
}

/** Brings these up to date, all of them at once. */
export function reviseAgain(changed: readonly Holder[]): void {
  for (const _ of reviseEach(changed));
}

/** Each stretch of text once. */
function* reviseEach(changed: readonly Holder[]): Generator<void> {
  const left = new Set(changed.flatMap(concerned));
  for (const holder of left) {
    if (holder.nodeType !== TEXT_NODE) {
      const { ownerElement, name } = holder as Attr;
      if (ownerElement) reviseAttribute(ownerElement, name);
    } else {
      const [group, found] = groupOf(holder as Text);
      for (const other of group) left.delete(other);
      revise(group, found);
    }
    if (++visited % SLICE_NUMBERS === 0) yield;
  }
}

function reviseAttribute(element: Element, name: string): void {
  const value = element.getAttribute?.(name);
  if (!value) return;
  // What a link dials may be encoded: it is looked at whole.
  const mayHold = name === 'href' ? PHONE_LINK.test(value) : finder().mayHold(value);
  const holder = mayHold && element.matches(WHERE[name] ?? '*') && element.getAttributeNode(name);
  if (holder) revise([holder], name === 'href' ? [] : finder().find(originalOf(holder), /^src/.test(name)));
}

/**
 * The texts that share numbers with this one, in the order of the page, and those numbers. What reads on around them
 * decides, too.
 */
function groupOf(node: Text, isInline = hasInlineName): [group: readonly Text[], found: Match[]] {
  let group = [node];
  for (;;) {
    const before = flow(group[0] as Text, 'previousNode', GOES_ON, ENDS_OPEN, isInline).reverse();
    const last = group[group.length - 1] as Text;
    const all = [...before, ...group, ...flow(last, 'nextNode', ENDS_OPEN, GOES_ON, isInline)];
    if (!all[1]) return [group, finder().find(originalOf(node))];
    let end = 0;
    const ends = [0, ...all.map((one) => (end += originalOf(one).length))] as [number];
    let from = before.length;
    let to = from + group.length;
    const found: Match[] = [];
    for (const [target, written, at] of finder().find(all.map(originalOf).join(''))) {
      const behind = at + written.length;
      if (at >= (ends[to] as number) || behind <= (ends[from] as number)) continue;
      while ((ends[from] as number) > at) from--;
      while ((ends[to] as number) < behind) to++;
      found.push([target, written, at - (ends[from] as number)]);
    }
    if (to - from > group.length) group = all.slice(from, to);
    // To ask for a style may style all of the page: only where it decides.
    else if (
      isInline === hasInlineStyle ||
      (!group[1] && found.length === finder().find(originalOf(node)).length)
    )
      return [group, found];
    else return groupOf(node, hasInlineStyle);
  }
}

/**
 * The texts beside a node that flow on from it: nothing but inline markup is between, and none is kept. Behind an
 * element letters are another word, whatever the styles are; behind nothing they are not.
 */
function flow(
  from: Text,
  step: 'previousNode' | 'nextNode',
  leaves: RegExp,
  arrives: RegExp,
  isInline: typeof hasInlineName,
): Text[] {
  const flowing: Text[] = [];
  const walker = document.createTreeWalker(from.getRootNode(), SHOW_ELEMENT_AND_TEXT);
  walker.currentNode = from;
  let last = from;
  let isBeside = true;
  let far = 0;
  for (let next = walker[step](); next; next = walker[step]()) {
    if (next.nodeType === ELEMENT_NODE) {
      if (/^(br|hr|img|svg|input|select|textarea)$/.test((next as Element).localName)) break;
      isBeside = false;
    } else {
      isBeside &&= next.parentNode === last.parentNode;
      if (!isBeside && !(leaves.test(originalOf(last)) && arrives.test(originalOf(next as Text)))) break;
      if (blockOf(next, isInline) !== blockOf(from, isInline) || isKept(next) !== isKept(from)) break;
      last = next as Text;
      flowing.push(last);
      far += originalOf(last).length;
      if (far > REACH) break;
      isBeside = true;
    }
  }
  return flowing;
}

/**
 * What holds the line in which a text stands. Two links side by side are two lines: nobody splits a number over them.
 */
function blockOf(node: Node, isInline: (element: Element) => boolean): Node | null {
  let { parentElement: element } = node;
  while (element && isInline(element)) element = element.parentElement;
  return element;
}

const hasInlineName = ({ localName }: Element) => INLINE.test(localName) || localName.includes('-');
/**
 * Not asked of a page that is still loading: that would style all of it each time. Once it is complete, it is scanned
 * again. What stands in no slot yet has no style.
 */
const hasInlineStyle = (element: Element) =>
  hasInlineName(element) &&
  (document.readyState !== 'complete' || /^(inline|contents|$)/.test(getComputedStyle(element).display));
