/**
 * The swap engine: writes numbers into the page so that the page does not notice.
 *
 * It writes only the value of text nodes and of attributes; nothing is made, moved or removed, so a framework finds
 * every node where it left it. What was written where is remembered with the original, and each pass starts from the
 * original again: two passes are as one, and a number can be changed or taken back. A page that goes on writing its
 * own number over ours wins.
 */
import { createFinder, type Match, type NumberFinder, type Spellings, writeLike } from '../shared/phone.js';
import { config } from './config.js';
import { emit, explain } from './events.js';
import { safely } from './guard.js';
import { isWaiting } from './hydration.js';

/** What is never touched, with all that is in it; `option` because its text may be what a form sends. */
const KEPT =
  'script,style,noscript,template,option,[contenteditable]:not([contenteditable="false"]),[data-calltrk-noswap],[data-cr-no-swap]';

/** Scheme or address, number, and what follows it: `;ext=5`, `?body=…`, pauses. */
export const PHONE_LINK =
  /^(\s*(?:(?:tel|sms|callto|i?message|facetime(?:-audio)?|skype|viber|whatsapp):(?:\/\/)?|(?:https?:)?\/\/(?:wa\.me|\w+\.whatsapp\.com)\/)(?:\w*\/?\?(?:.*&)?(?:phone|number)=)?)([^;?&,pwx]*)/is;

/** A page that writes over ours more often than this gets to keep what it has. */
const MAX_FIGHTS = 5;
/** So soon after ours: its own number, or another text in whose place nobody could have read ours. */
const FIGHT_MS = 2000;
const AT_ONCE_MS = 500;

const ELEMENT_NODE = 1;
const TEXT_NODE = 3;

/** What holds a number: its value is all that we write. */
export type Holder = Text | Attr;

/** A text node or an attribute that has a number of ours in it, or had. */
interface Place {
  /** Those that hold the same number, in the order of the page. */
  holders: readonly Holder[];
  original: string;
  shown: string;
  /** What a link dials. */
  tap?: Tap | undefined;
  /** When we last wrote here; 0 if we never did. */
  writtenAt: number;
  fights: number;
}

/** The tracking number that a link dials, and the target in whose place it stands. */
export interface Tap {
  number: string;
  target: string;
}

/** The numbers that are shown now, by target. */
export const numbers = new Map<string, Spellings>();
/** Every number of ours that was seen on the page, targets among them. */
export const found = new Set<string>();
/** What is left because a framework will come: each once, however many stand together. */
export const waiting = new Set<Holder>();
/** How often we have written. */
export let written = 0;

const places = new WeakMap<Node, Place>();
/** Where a number of ours was seen: all that changes when the numbers do. */
const seenIn = new Set<Holder>();
/** The text that was written last in each element: a page may answer by putting a new one in its place. */
const lastIn = new WeakMap<Node, Text>();
/** Every number shown so far, to its target: the copy that a page makes of a swapped node has no original. */
const aliases = new Map<string, string>();
/** Made anew, when it is needed, with each number that it does not know. */
let knownFinder: NumberFinder | undefined;
let kept: string;
let rests = false;

export function prepareSwap(): void {
  const { keep, code } = config;
  kept = code ? KEPT : `${KEPT},code,pre`;
  // A selector that this browser does not know would spoil the others.
  safely(() => {
    if (keep) document.documentElement.matches(keep);
    if (keep) kept += `,${keep}`;
  })();
}

/** Finds the numbers that are to be swapped, and those that stand in their place. */
export function finder(): NumberFinder {
  knownFinder ??= createFinder([...config.targets, ...aliases.keys()], config.codes, config.texts);
  return knownFinder;
}

/** From the next pass on, `target` shows this number; without one, the site's own. */
export function assign(target: string, number: Spellings | undefined): void {
  numbers.delete(target);
  if (!number) return;
  numbers.set(target, number);
  if (!config.targets.includes(number.e164)) aliases.set(number.e164, target);
  knownFinder = undefined;
}

/** From the next pass on, every target shows the site's own number, or no longer so. */
export function rest(now: boolean): void {
  rests = now;
}

/** The target that this text spells. */
export function targetOf(text: string): string {
  return finder().exact(text) ?? '';
}

/** What the page says here, whatever we have written. */
export function originalOf(holder: Holder): string {
  const now = holder.nodeValue as string;
  const place = places.get(holder);
  return place?.shown === now ? place.original : now;
}

/** Whether a number of ours stands here, or did. */
export function isKnown(holder: Holder): boolean {
  return places.has(holder);
}

/** What is to be revised when this one changed: what held a number together with it, too. */
export function concerned(holder: Holder): readonly Holder[] {
  return places.get(holder)?.holders ?? [holder];
}

/** Every place that is in the page still, and had a number of ours. */
export function knownHolders(): Holder[] {
  for (const holder of seenIn) {
    if (!((holder as Attr).ownerElement ?? holder).isConnected) seenIn.delete(holder);
  }
  return [...seenIn];
}

/** What this dials, if it is a link that shows a number of ours. */
export function tapOf(target: EventTarget): Tap | undefined {
  const href = (target as Partial<Element>).getAttributeNode?.('href');
  const place = href && places.get(href);
  return place?.shown === href?.value ? place?.tap : undefined;
}

/** Whether the site's own number stays here: in an attribute, a text, or what hangs below a shadow root or a frame. */
export function isKept(node: Node): boolean {
  const element =
    (node as Attr).ownerElement ?? (node.nodeType === ELEMENT_NODE ? (node as Element) : node.parentElement);
  const root = element?.getRootNode() as ({ host?: Element } & Partial<Document>) | undefined;
  const outer = root?.host ?? root?.defaultView?.frameElement;
  return (
    !!element?.closest(kept) ||
    (node.nodeType === TEXT_NODE && element?.localName === 'textarea') ||
    (!!outer && isKept(outer))
  );
}

/**
 * Brings one stretch of text up to date. The holders are read as one text, and `matches` are the numbers in it; of an
 * `href`, which may be encoded, there are none: what it dials is read here.
 */
export function revise(holders: readonly Holder[], matches: readonly Match[]): void {
  const [first] = holders as [Holder];
  const known = holders.map(placeOf);
  const originals = holders.map(originalOf);
  const text = originals.join('');
  const seen: string[] = [];
  const isOurs = known.some(Boolean);
  const stays = isKept(first);
  const isLeft = stays && !isOurs;
  /** What stands in place of each character; what is kept may be the data of a whole app. */
  const next: string[] = isLeft ? [] : text.split('');
  let tap: Tap | undefined;

  const write = (name: string, old: string, at: number, link?: string): void => {
    // One of ours that was taken back becomes the target again.
    const own = aliases.get(name) ?? name;
    // The same text may stand for several targets: the first that has a number.
    const named = config.texts?.filter(([spelled]) => spelled === name) ?? [];
    seen.push(own, ...named.map(([, target]) => target));
    const [, target = own, template] = named.find(([, target]) => numbers.has(target)) ?? named[0] ?? [];
    const isOff = stays || rests || (config.keep_urls && RegExp(config.keep_urls).test(location.href));
    const number = (!isOff && numbers.get(target)) || (own !== name && spellBare(own));
    if (!number) return;
    tap = { number: number.e164, target };
    const instead =
      link !== undefined
        ? writeLink(link, old, number)
        : template
          ? fill(template, number)
          : writeLike(old, name, number);
    // The last character takes the rest.
    const last = old.length - 1;
    for (let n = 0; n <= last; n++) next[at + n] = n < last ? (instead[n] ?? '') : instead.slice(n);
  };
  for (const match of matches) write(...match);
  if (first.nodeName === 'href') {
    const [, link = '', dialled = ''] = PHONE_LINK.exec(text) ?? [];
    const target = targetOf(safely(decodeURIComponent)(dialled) ?? dialled);
    if (target) write(target, dialled, link.length, link);
  }
  if (!seen[0] && !isOurs) return;
  // What has come to stand in such a place since we wrote is taken back.
  if (isLeft) {
    explain('kept', text);
    return;
  }
  for (const target of seen) found.add(target);
  for (const holder of holders) seenIn.add(holder);
  if (isWaiting((first as Attr).ownerElement ?? first)) {
    for (const holder of holders) waiting.add(holder);
    explain('waiting', text);
    return;
  }

  const texts = originals.map(({ length }) => next.splice(0, length).join(''));
  // All or nothing: half of one number and half of the other would be a third.
  const isLost = known.some((place, n) => place && isFought(place, holders[n]?.nodeValue, texts[n]));
  holders.forEach((holder, n) => {
    const place = known[n] ?? { writtenAt: 0, fights: 0 };
    const original = originals[n] as string;
    const shown = isLost ? original : (texts[n] as string);
    places.set(holder, Object.assign(place, { holders, tap, original, shown }));
    if (shown === holder.nodeValue) return;
    place.writtenAt = Date.now();
    written++;
    if (holder.parentNode) lastIn.set(holder.parentNode, holder as Text);
    holder.nodeValue = shown;
  });
  explain(isLost ? 'lost' : tap ? 'swap' : 'own', text);
}

/** What is known of a place: of a text that has taken the place of another one, what was known of that. */
function placeOf(holder: Holder): Place | undefined {
  const { parentNode, nodeValue } = holder;
  const before = parentNode && lastIn.get(parentNode);
  const old = before && !before.isConnected && places.get(before);
  return places.get(holder) ?? (old && old.original === nodeValue ? old : undefined);
}

/** Whether the page gets to keep what it has here; it may just have put `now` in place of what we wrote. */
function isFought(place: Place, now: string | null | undefined, next: string | undefined): boolean {
  const isBack = now === place.original;
  if (place.writtenAt && place.shown !== now && next !== now) {
    const isFight = Date.now() - place.writtenAt < (isBack ? FIGHT_MS : AT_ONCE_MS);
    if (place.fights <= MAX_FIGHTS || !(isFight || isBack)) place.fights = isFight ? place.fights + 1 : 0;
    if (isFight && place.fights === MAX_FIGHTS + 1) emit('error', { code: 'lost' });
  }
  return place.fights > MAX_FIGHTS;
}

/** A number in a link: E.164, and without its plus where it stands in a path or a parameter without one. */
function writeLink(before: string, old: string, { e164 }: Spellings): string {
  const number = /=$|me\/$/i.test(before) && !/\+|%2b/i.test(old) ? e164.slice(1) : e164;
  return /%2b/i.test(old) ? encodeURIComponent(number) : number;
}

/** CallRail's templates for what stands in place of a text: `Call ###phone-dots###`. */
function fill(template: string, { national }: Spellings): string {
  return template.replace(/###phone(-d\w+)?###/g, (_, style?: string) =>
    style ? (national.match(/\d+/g) ?? []).join(style === '-dots' ? '.' : '-') : national,
  );
}

/** A number of which nothing but its digits is known. */
function spellBare(e164: string): Spellings {
  const code = config.codes.find((code) => e164.startsWith(code)) ?? '';
  return {
    e164,
    national: e164,
    national_string: e164,
    international: `${code} ${e164.slice(code.length)}`,
  };
}
