/**
 * The swap engine: writes numbers into the page so that the page does not notice.
 *
 * It writes only the value of text nodes and the `href` of links; nothing is made, moved or removed, so a framework
 * finds every node where it left it. What was written where is remembered with the original, and each pass starts
 * from the original again: two passes are as one, and a number can be changed or taken back. A page that goes on
 * writing its own number over ours wins.
 */
import { createFinder, type Spellings, writeLike } from '../shared/phone.js';
import { safely } from './guard.js';

/** What is never touched, with all that is in it. An `option` is in here because its text may be what a form sends. */
const KEPT =
  'script,style,noscript,template,textarea,option,code,pre,[contenteditable]:not([contenteditable="false"]),' +
  '[data-calltrk-noswap],[data-cr-no-swap]';
const LINKS = 'a[href],area[href]';
/** Scheme, number, and what follows it: `;ext=5`, `?body=…`, pauses. */
const PHONE_LINK = /^\s*(tel|sms):(?:\/\/)?([^;?&,pwx]*)(.*)$/is;

/** A page that writes its number back more often than this within this time gets to keep it. */
const MAX_FIGHTS = 5;
const FIGHT_MS = 10_000;
/** A new text in place of ours is a fight as well if it comes this fast: nobody could read ours. */
const AT_ONCE_MS = 500;

const TEXT_NODE = 3;
const SHOW_TEXT = 4;

/** A text node or a link that has a number of ours in it, or had. */
interface Place {
  original: string;
  shown: string;
  /** When we last wrote here; 0 if we never did. */
  writtenAt: number;
  fights: number;
  fightsSince: number;
}

export interface Swapper {
  /** The numbers that are shown now, by target. */
  readonly numbers: ReadonlyMap<string, Spellings>;
  /** Every number of ours that was seen on the page, targets among them. */
  readonly found: ReadonlySet<string>;
  /** From the next scan on, `target` shows this number; without one, the site's own. */
  assign(target: string, number: Spellings | undefined): void;
  /** Brings a node and all in it up to date. */
  scan(root: Node): void;
  /** The tracking number that a link dials, and the target in whose place it stands. */
  dialled(link: Element): { number: string; target: string } | undefined;
  /** The target that this text spells. */
  targetOf(text: string): string | undefined;
}

export function createSwapper(targets: readonly string[]): Swapper {
  const numbers = new Map<string, Spellings>();
  const found = new Set<string>();
  const places = new WeakMap<Node, Place>();
  /** Every number shown so far, to its target: the copy that a page makes of a swapped node has no original. */
  const aliases = new Map<string, string>();
  let finder = createFinder(targets);

  function assign(target: string, number: Spellings | undefined): void {
    numbers.delete(target);
    if (!number) return;
    numbers.set(target, number);
    if (targets.includes(number.e164)) return;
    aliases.set(number.e164, target);
    finder = createFinder([...targets, ...aliases.keys()]);
  }

  function scan(root: Node): void {
    if (root.nodeType === TEXT_NODE) swapText(root as Text);
    const walker = document.createTreeWalker(root, SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) swapText(node as Text);
    const element = root as Element;
    if (element.matches?.(LINKS)) swapLink(element);
    for (const link of element.querySelectorAll?.(LINKS) ?? []) swapLink(link);
  }

  function swapText(node: Text): void {
    const now = node.data;
    const next = revise(node, now, (text, numberFor) =>
      finder.replace(text, (seen, written) => {
        const number = numberFor(seen);
        return number && writeLike(written, seen, number);
      }),
    );
    if (next !== now) node.data = next;
  }

  function swapLink(link: Element): void {
    const now = link.getAttribute('href') ?? '';
    const next = revise(link, now, (href, numberFor) => {
      const seen = numberIn(href);
      const number = seen && numberFor(seen);
      return number ? href.replace(PHONE_LINK, `$1:${number.e164}$3`) : href;
    });
    if (next !== now) link.setAttribute('href', next);
  }

  /** What this place should say from now on; what it says already, if nothing of ours is in it. */
  function revise(
    node: Node,
    now: string,
    rewrite: (text: string, numberFor: (seen: string) => Spellings | undefined) => string,
  ): string {
    const known = places.get(node);
    const isOurs = known?.shown === now;
    const original = isOurs ? known.original : now;
    const seen: string[] = [];
    const shown = rewrite(original, (number) => {
      seen.push(number);
      return numberFor(number);
    });
    if (!seen.length || isKept(node)) return now;
    for (const number of seen) found.add(number);

    const place = known ?? { original, shown, writtenAt: 0, fights: 0, fightsSince: 0 };
    if (shown !== now) {
      if (!isOurs && place.writtenAt && isLost(place, now)) return now;
      place.writtenAt = Date.now();
    }
    places.set(node, Object.assign(place, { original, shown }));
    return shown;
  }

  /** What to write for a number in the page: one of ours that was taken back becomes the target again. */
  function numberFor(seen: string): Spellings | undefined {
    const target = aliases.get(seen);
    return numbers.get(target ?? seen) ?? (target ? spellBare(target) : undefined);
  }

  function numberIn(href: string): string | undefined {
    const written = PHONE_LINK.exec(href)?.[2];
    return written && finder.exact(safely(decodeURIComponent)(written) ?? written);
  }

  function dialled(link: Element): { number: string; target: string } | undefined {
    const place = places.get(link);
    const seen = place && place.shown === link.getAttribute('href') && numberIn(place.original);
    const target = seen && (aliases.get(seen) ?? seen);
    const number = target && numbers.get(target)?.e164;
    return number ? { number, target } : undefined;
  }

  return { numbers, found, assign, scan, dialled, targetOf: (text) => finder.exact(text) };
}

/** Shows what a page hid until the swap, whatever became of the swap. */
export function reveal(): void {
  for (const element of document.querySelectorAll<HTMLElement>('.phoneswap')) {
    if (getComputedStyle(element).visibility === 'hidden') element.style.visibility = 'visible';
  }
}

function isKept(node: Node): boolean {
  const element = node.nodeType === TEXT_NODE ? node.parentElement : (node as Element);
  return !!element?.closest(KEPT);
}

/** Whether the page, which has just put `now` in place of what we wrote, is to be left alone here. */
function isLost(place: Place, now: string): boolean {
  const time = Date.now();
  if (now !== place.original && time - place.writtenAt > AT_ONCE_MS) return false;
  if (place.fights > MAX_FIGHTS) return true;
  if (time - place.fightsSince > FIGHT_MS) {
    place.fightsSince = time;
    place.fights = 0;
  }
  return ++place.fights > MAX_FIGHTS;
}

/** A number of which nothing but its digits is known. */
function spellBare(e164: string): Spellings {
  return { e164, national: e164, national_string: e164, international: e164 };
}
