/**
 * The swap engine: writes numbers into the page so that the page does not notice.
 *
 * It writes only the value of text nodes and of attributes; nothing is made, moved or removed, so a framework finds
 * every node where it left it. What was written where is remembered with the original, and each pass starts from the
 * original again: two passes are as one, and a number can be changed or taken back. A page that goes on writing its
 * own number over ours wins.
 */
import type { ScriptConfig } from '../shared/contract/visitor.js';
import { createFinder, type Spellings, writeLike } from '../shared/phone.js';
import { explain } from './events.js';
import { safely } from './guard.js';
import { createHydrationCheck } from './hydration.js';

/** What is never touched, with all that is in it; `option` because its text may be what a form sends. */
const KEPT =
  'script,style,noscript,template,textarea,option,[contenteditable]:not([contenteditable="false"]),[data-calltrk-noswap],[data-cr-no-swap]';

/** Scheme or address, number, and what follows it: `;ext=5`, `?body=…`, pauses. */
const PHONE_LINK =
  /^(\s*(?:(?:tel|sms|callto|i?message|facetime(?:-audio)?|skype|viber|whatsapp):(?:\/\/)?(?:\w+\/?\?(?:.*&)?(?:phone|number)=)?|(?:https?:)?\/\/(?:wa\.me\/|(?:api|web)\.whatsapp\.com\/send\/?\?(?:.*&)?phone=)))([^;?&,pwx]*)/is;

/** A page that writes its number back more often than this within this time gets to keep it. */
const MAX_FIGHTS = 5;
const FIGHT_MS = 10_000;
/** A new text in place of ours is a fight as well if it comes this fast: nobody could read ours. */
const AT_ONCE_MS = 500;

const ELEMENT_NODE = 1;

/** What holds a number: its value is all that we write. */
export type Holder = Text | Attr;

/** A text node or an attribute that has a number of ours in it, or had. */
interface Place {
  /** Those that hold the same number, in the order of the page. */
  holders: readonly Holder[];
  original: string;
  shown: string;
  /** When we last wrote here; 0 if we never did. */
  writtenAt: number;
  fights: number;
  fightsSince: number;
}

/** What stands in place of a stretch of text. */
type Edit = [start: number, end: number, text: string];

export interface Swapper {
  /** The numbers that are shown now, by target. */
  readonly numbers: ReadonlyMap<string, Spellings>;
  /** Every number of ours that was seen on the page, targets among them. */
  readonly found: ReadonlySet<string>;
  /** From the next pass on, `target` shows this number; without one, the site's own. */
  assign(target: string, number: Spellings | undefined): void;
  /** From the next pass on, every target shows the site's own number, or no longer so. */
  rest(rests: boolean): void;
  /** Whether the site's own number stays here whatever it is. */
  isKept(holder: Holder): boolean;
  /** Whether it is worth to revise this text. */
  mayHold(text: string): boolean;
  /**
   * Brings one stretch of text up to date: a node, or several that the reader sees as one. `around` is what stands
   * before and after it; `null`, and it is the name of a file, where a number may have anything around it.
   */
  revise(holders: readonly Holder[], around?: (() => [before: string, after: string]) | null): void;
  /** What is to be revised when this one changed: what held a number together with it, too. */
  concerned(holder: Holder): readonly Holder[];
  /** What was done since it was last asked: how often it wrote, and what is left because a framework will come. */
  settle(): { written: number; waiting: Holder[] };
  /** The tracking number that a link dials, and the target in whose place it stands. */
  dialled(link: Element): { number: string; target: string } | undefined;
  /** The target that this text spells. */
  targetOf(text: string): string | undefined;
}

/** `onLost` is called once for each place that the page gets to keep. */
export function createSwapper(
  { targets, texts = [], keep, keep_urls, code }: ScriptConfig,
  onLost: () => void,
): Swapper {
  const numbers = new Map<string, Spellings>();
  const found = new Set<string>();
  const places = new WeakMap<Node, Place>();
  /** Every number shown so far, to its target: the copy that a page makes of a swapped node has no original. */
  const aliases = new Map<string, string>();
  const vanities = new Map(texts.map(([text, target, template]) => [text, { target, template }]));
  const isWaiting = createHydrationCheck();
  // A selector that this browser does not know would spoil the others.
  const kept = [
    KEPT,
    !code && 'code,pre',
    keep && safely(() => document.querySelector(keep) ?? document)() && keep,
  ]
    .filter(Boolean)
    .join();
  let finder = createFinder(targets, [...vanities.keys()]);
  let rests = false;
  let written = 0;
  let waiting: Holder[] = [];

  function assign(target: string, number: Spellings | undefined): void {
    numbers.delete(target);
    if (!number) return;
    numbers.set(target, number);
    if (targets.includes(number.e164)) return;
    aliases.set(number.e164, target);
    finder = createFinder([...targets, ...aliases.keys()], [...vanities.keys()]);
  }

  function revise(holders: readonly Holder[], around?: (() => [string, string]) | null): void {
    const known = holders.map((holder) => places.get(holder));
    const now = holders.map(({ nodeValue }) => nodeValue ?? '');
    const originals = now.map((value, n) => (known[n]?.shown === value ? known[n].original : value));
    const text = originals.join('');
    const edits: Edit[] = [];
    const seen: string[] = [];

    const write = (spelled: string, old: string, at: number, writeAs = writeLike): undefined => {
      const { target, template } = vanities.get(spelled) ?? { target: spelled };
      seen.push(target);
      const number = numberFor(target);
      if (number) {
        const instead = template ? fill(template, number) : writeAs(old, target, number);
        edits.push([at, at + old.length, instead]);
      }
    };
    if (holders[0]?.nodeName !== 'href') finder.replace(text, write, around);
    else {
      const [, before = '', dialled = ''] = PHONE_LINK.exec(text) ?? [];
      const target = numberIn(dialled);
      if (target) write(target, dialled, before.length, (old, _, number) => writeLink(before, old, number));
    }
    if (!seen.length && !known.some(Boolean)) return;
    const [first] = holders as [Holder];
    if (isKept(first)) {
      explain('kept', text);
      return;
    }
    for (const target of seen) found.add(target);
    if (isWaiting((first as Attr).ownerElement ?? first)) {
      waiting.push(...holders);
      explain('waiting', text);
      return;
    }

    let at = 0;
    let next = originals.map((original) => {
      at += original.length;
      return share(edits, text, at - original.length, at);
    });
    const isLost = holders.some((_, n) => {
      const place = known[n];
      if (place?.writtenAt && place.shown !== now[n] && next[n] !== now[n]) fight(place, now[n] as string);
      return place && place.fights > MAX_FIGHTS;
    });
    // All or nothing: half of one number and half of the other would be a third.
    if (isLost) next = originals;
    holders.forEach((holder, n) => {
      const place = known[n] ?? { writtenAt: 0, fights: 0, fightsSince: 0 };
      const shown = next[n] as string;
      places.set(holder, Object.assign(place, { holders, original: originals[n] as string, shown }));
      if (shown === now[n]) return;
      place.writtenAt = Date.now();
      written++;
      holder.nodeValue = shown;
    });
    explain(isLost ? 'lost' : edits.length ? 'swap' : 'own', text);
  }

  /** The page has just put `now` in place of what we wrote. */
  function fight(place: Place, now: string): void {
    const time = Date.now();
    if (now !== place.original && time - place.writtenAt > AT_ONCE_MS) place.fights = 0;
    else {
      if (time - place.fightsSince > FIGHT_MS && place.fights <= MAX_FIGHTS) {
        place.fightsSince = time;
        place.fights = 0;
      }
      if (++place.fights === MAX_FIGHTS + 1) onLost();
    }
  }

  /** What to write for a number in the page: one of ours that was taken back becomes the target again. */
  function numberFor(seen: string): Spellings | undefined {
    const target = aliases.get(seen);
    const number =
      rests || (keep_urls && RegExp(keep_urls).test(location.href)) ? undefined : numbers.get(target ?? seen);
    return number ?? (target ? spellBare(target) : undefined);
  }

  function isKept(node: Node | null): boolean {
    const element =
      (node as Attr | null)?.ownerElement ??
      (node?.nodeType === ELEMENT_NODE ? (node as Element) : node?.parentElement);
    const root = element?.getRootNode() as ({ host?: Element } & Partial<Document>) | undefined;
    return (
      !!element && (!!element.closest(kept) || isKept(root?.host ?? root?.defaultView?.frameElement ?? null))
    );
  }

  function numberIn(written: string): string | undefined {
    return finder.exact(safely(decodeURIComponent)(written) ?? written);
  }

  function dialled(link: Element): { number: string; target: string } | undefined {
    const place = places.get(link.getAttributeNode('href') as Attr);
    const seen =
      place?.shown === link.getAttribute('href') && numberIn(PHONE_LINK.exec(place.original)?.[2] ?? '');
    const target = seen && (aliases.get(seen) ?? seen);
    const number = target && numberFor(target)?.e164;
    return number ? { number, target } : undefined;
  }

  return {
    numbers,
    found,
    assign,
    revise,
    dialled,
    rest(now) {
      rests = now;
    },
    isKept,
    mayHold: (text) => finder.mayHold(text),
    concerned: (holder) => places.get(holder)?.holders ?? [holder],
    settle() {
      const done = { written, waiting };
      written = 0;
      waiting = [];
      return done;
    },
    targetOf: (text) => finder.exact(text),
  };
}

/** What a node reads that has the characters `from` to `to` of `text`. The last that an edit reaches takes its rest. */
function share(edits: readonly Edit[], text: string, from: number, to: number): string {
  let result = '';
  let copied = from;
  for (const [start, end, instead] of edits) {
    if (end <= from || start >= to) continue;
    result += text.slice(copied, Math.max(start, copied));
    result += instead.slice(Math.max(from - start, 0), end > to ? to - start : instead.length);
    copied = Math.min(end, to);
  }
  return result + text.slice(copied, to);
}

/** A number in a link: E.164, and without its plus where it stands in a path or a parameter without one. */
function writeLink(before: string, old: string, { e164 }: Spellings): string {
  const number = /=$|me\/$/i.test(before) && !/\+|%2b/i.test(old) ? e164.slice(1) : e164;
  return old.includes('%') ? encodeURIComponent(number) : number;
}

/** CallRail's templates for what stands in place of a text: `Call ###phone-dots###`. */
function fill(template: string, { national }: Spellings): string {
  const groups = national.match(/\d+/g) ?? [];
  return template
    .replace(/###phone###/g, national)
    .replace(/###phone-dashes###/g, groups.join('-'))
    .replace(/###phone-dots###/g, groups.join('.'));
}

/** A number of which nothing but its digits is known. */
function spellBare(e164: string): Spellings {
  return { e164, national: e164, national_string: e164, international: e164 };
}
