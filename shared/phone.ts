/**
 * The grammar of a written phone number: find known numbers in text however they are spelled, and write another
 * number in the same shape.
 *
 * One alternated expression finds all targets in one pass. Between two digits it allows a bounded run of
 * separators, which can be read in one way only, so every attempt ends after a fixed number of steps. What stands
 * around a match is judged afterwards, because Safari knows no lookbehind before 16.4.
 *
 * A number is rewritten digit by digit and everything between the digits stays, so its shape cannot change.
 */
import type { DisplayNumber } from './contract/visitor.js';

/** One phone number in the spellings a page may need. */
export type Spellings = Omit<DisplayNumber, 'shared'>;

export interface NumberFinder {
  /**
   * Tells of every target in `text`, from its beginning to its end: which one, how it is written, and where. In the
   * name of a file anything may stand around a number.
   */
  find(text: string, tell: (target: string, written: string, at: number) => void, isFile?: boolean): void;
  /** Whether `text` may hold a target, or a part of one: asked of every text of a page, so it is quick. */
  mayHold(text: string): boolean;
  /** The target that `text` spells, if it spells one and nothing else. */
  exact(text: string): string | undefined;
}

/**
 * Country with its plus, national number, and the last four digits of that. The codes of ITU-T E.164 have one or two
 * digits, all others three.
 */
const E164 =
  /^(?=.{8,16}$)(\+(?:1(?=.{10}$)|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9]\d\d))(\d*(\d{4}))$/;

/** An E.164 number, taken apart. */
type Parts = [e164: string, country: string, national: string];

/**
 * What may stand between two digits: any space, dash, dot, slash or parenthesis, and the invisible marks that editors
 * leave behind; of the general punctuation of Unicode simply all. As much of it as the source of a page puts where the
 * reader sees ` - `.
 */
const SEPARATORS = '[\\s().\\-/\xad\xb7\u2000-\u206f\u2212\u30fc\uff0c-\uff0f]{0,90}';

/** The digits with which a text begins or ends: they may go on in the text before it or after it. */
const EDGES = new RegExp(`^(?:${SEPARATORS}\\d){1,16}|(?:\\d${SEPARATORS}){1,16}$`, 'g');

/** Whether there are any: quick to say. */
const HAS_EDGE = /^\W*\d|\d\W*$/;

/** How far around a match its surroundings are read. */
const CONTEXT = 80;

/**
 * A match after this is part of something longer. In this order: a longer number, a word, a price, a parameter, a
 * path or somebody's handle; a decimal, a date, an order number; a number of another country, whose code the match
 * has not; a longer path; an IBAN.
 */
const AFTER_THIS =
  /(?:[\w@#=&?%$\\/+]|\d[.,(\u2010-\u2015]|\w-|\+\s?[1-9][\d\s().-]{0,8}|(?:\/|\.[a-z]+)\/\S*|\b[A-Z]{2}\d\d(?:\s?[\dA-Z]{4})*\s?)$/i;

/** A match before this is part of something longer. An extension is not: `x12`, `ext. 12`. */
const BEFORE_THIS = /^(?:(?!x\d|ext)\w|[-.,/\u2010-\u2015]\d|[-.][a-z]|[\w.+-]*@)/;

/** One dot and nothing else between the digits: nobody writes a number so. */
const DECIMAL = /^\d+\.\d+$/;

/** A number in all its spellings, good to be written into a page as it is; nothing for whatever is not one. */
export function parseSpellings(value: unknown): Spellings | undefined {
  const { e164, national, national_string, international } = Object(value) as Spellings;
  const spellings = { e164, national, national_string, international };
  const end = E164.exec(e164)?.[3];
  const isGood = (text: unknown) =>
    typeof text === 'string' &&
    /^[\d ()+.-]{4,24}$/.test(text) &&
    text.replace(/\D/g, '').endsWith(end as string);
  return end && Object.values(spellings).every(isGood) ? spellings : undefined;
}

/** A finder of these E.164 numbers (what is not E.164 is left out) and of these texts, letter by letter; the text is the target. */
export function createFinder(
  numbers: Iterable<string>,
  texts: readonly (readonly [text: string, ...unknown[]])[] = [],
): NumberFinder {
  // The longest first: one number may begin another.
  const known = [...numbers]
    .map((number) => E164.exec(number) as unknown as Parts)
    .filter(Boolean)
    .sort(([a], [b]) => b.length - a.length);
  const targets = [...texts, ...known].map(([target]) => target);
  const literals = texts.map(([text]) => `(${narrow(text).replace(/\W/g, '\\$&')})`);
  // Without a target, an expression that matches nothing.
  const pattern = new RegExp([...literals, ...known.map(patternOf)].join('|') || '$^', 'g');
  // Few texts have as many digits close together as the shortest national number: only they are worth the rest.
  const fewest = Math.min(...known.map(([, , national]) => national.length));
  const enough = new RegExp([`(?:\\d%?${SEPARATORS}){${fewest}}`, ...literals].join('|'));

  const hint = new RegExp(['[\\d\uff10-\uff19]', ...literals].join('|'));
  // Every row of digits that is a part of some spelling is in here.
  const pieces = known
    .map(([, country, national]) => {
      const code = country.slice(1);
      return `011${code}${national} 00${code}0${national} 8${national}`;
    })
    .join();

  function find(
    original: string,
    tell: (target: string, written: string, at: number) => void,
    isFile?: boolean,
  ): void {
    const text = narrow(original);
    const context = isFile ? '' : text;
    // Numbers with nothing between them are parts of each other only in so far as the whole row of them is.
    let row: [target: string, written: string, at: number][] = [];
    let end = 0;
    pattern.lastIndex = enough.test(text) ? 0 : text.length;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      const { index } = match;
      const { lastIndex } = pattern;
      const isNext = index === end;
      if (
        DECIMAL.test(context.slice(index, lastIndex)) ||
        (!isNext && AFTER_THIS.test(context.slice(Math.max(0, index - CONTEXT), index)))
      ) {
        pattern.lastIndex = index + 1;
        continue;
      }
      end = lastIndex;
      if (!isNext) row = [];
      const target = targets[match.findIndex((group, n) => n && group) - 1] as string;
      row.push([target, original.slice(index, end), index]);
      if (!BEFORE_THIS.test(context.slice(end, end + CONTEXT)))
        for (const found of row.splice(0)) tell(...found);
    }
  }

  function exact(text: string): string | undefined {
    let found: string | undefined;
    let rest = text;
    find(text, (target, written) => {
      found = target;
      rest = rest.replace(written, '');
    });
    return /[\w+]/.test(rest) ? undefined : found;
  }

  function mayHold(text: string): boolean {
    if (!hint.test(text)) return false;
    const narrowed = narrow(text);
    const isPart = (edge: string) => pieces.includes(edge.replace(/\D/g, ''));
    return enough.test(narrowed) || (HAS_EDGE.test(narrowed) && !!narrowed.match(EDGES)?.some(isPart));
  }

  return { find, exact, mayHold };
}

/**
 * `number` in the shape in which `target` is written: every character that is no digit stays where it is. Where
 * the two differ in country or length, the spelling of `number` that comes closest.
 */
export function writeLike(written: string, target: string, number: Spellings): string {
  const { e164 } = number;
  const [, country = ''] = E164.exec(target) ?? [];
  const narrowed = narrow(written);
  const isInland = e164.startsWith(country);
  /** Of a digit in the E.164 number, if that was written from the back. */
  let place = target.length - narrowed.replace(/\D/g, '').length;
  if (isInland && e164.length === target.length) {
    return written.replace(/[\d\uff10-\uff19]/g, (old) => {
      const digit = place < country.length ? old : (e164[place] as string);
      place++;
      return old > '9' && digit < ':' ? String.fromCharCode(0xff10 + Number(digit)) : digit;
    });
  }
  // An opening parenthesis that is not closed inside belongs to the sentence.
  const outer = /^\((?!.*\))/s.test(narrowed) ? written[0] : '';
  const isAbroad = !isInland || place < country.length - 1 || /^.?\+/.test(narrowed);
  const isBare = /^\+?\d+$/.test(narrowed);
  const [bare, spelled] = isAbroad ? [e164, number.international] : [number.national_string, number.national];
  return outer + (isBare ? bare : spelled);
}

/**
 * Every spelling of one number, its national part as the one group: after `+`, `00` or `011` and the country code,
 * the code alone, or the prefix of a call inside the country (`1` in North America, `8` in Russia, else `0`, which
 * is also written between the two: `+44 (0)20`).
 */
function patternOf([, country, national]: Parts): string {
  const abroad = `(?:(?:(?:\\+|00|011)${SEPARATORS})?${country.slice(1)}${SEPARATORS})?`;
  const inland = country === '+1' ? '' : `(?:${country === '+7' ? 8 : 0}${SEPARATORS})?`;
  return `\\(?${abroad}${inland}(${[...national].join(SEPARATORS)})`;
}

/** Text with the digits, parentheses and plus signs that are as wide as a Chinese character made narrow, one for one. */
function narrow(text: string): string {
  return text.replace(/[\uff08-\uff0b\uff10-\uff19]/g, (wide) =>
    String.fromCharCode(wide.charCodeAt(0) - 0xfee0),
  );
}
