/**
 * The grammar of a written phone number: find known numbers in text however they are spelled, and write another
 * number in the same shape.
 *
 * One alternated expression finds the digits of all targets in one pass, of a node or of a page. Between two digits it
 * allows a bounded run of separators, which can be read in one way only, so every attempt ends after a fixed number of
 * steps. What stands around a match is judged afterwards, because Safari knows no lookbehind before 16.4: first with
 * all before it that may be the prefix of a call, then without, since that may be the end of something else.
 *
 * A number is rewritten digit by digit and everything between the digits stays, so its shape cannot change.
 */
import type { DisplayNumber } from './contract/visitor.js';

/** One phone number in the spellings a page may need. */
export type Spellings = Omit<DisplayNumber, 'shared'>;

/** A target in a text: which one, how it is written, and where. */
export type Match = [target: string, written: string, at: number];

export interface NumberFinder {
  /**
   * Every target in `text`, from its beginning to its end. In the name of a file anything may stand around a number.
   */
  find(text: string, isFile?: boolean): Match[];
  /** The target that `text` spells, if it spells one and nothing else. */
  exact(text: string): string | undefined;
  /** Whether the digits of a target stand in `text`, whatever stands around them. */
  mayHold(text: string): boolean;
  /** Where in `text` they stand. */
  spans(text: string): (readonly [start: number, end: number, ...unknown[]])[];
}

/** What can be found: its name, its digits inside the country or all of a text, and what may open it. */
type Target = [name: string, core: string, opening: RegExp];

/**
 * What may stand between two digits: any space, dash, dot, slash or parenthesis, and the invisible marks that editors
 * leave behind; of the general punctuation of Unicode simply all. As much of it as the source of a page puts where the
 * reader sees ` - `.
 */
const SEPARATORS = '[\\s().\\-/\xad\xb7\u2000-\u206f\u2212\u2219\u30fb\u30fc\uff08-\uff0f]{0,90}';

/** How far around a match its surroundings are read. */
const CONTEXT = 80;

/** What stands before a number and is no part of anything longer: another whole number, a label, its parenthesis. */
const APART = /(?:\+?\b(?:\d[\s().-]{0,2}){7,15}[,/(]{1,2}|\b(?:tel|ph#)\(?|\()$/i;

/**
 * A match after this is part of something longer. In this order: a longer number, a word, a price, a parameter, a
 * path or somebody's handle; a decimal, a date, an order number; a number of another country, whose code the match
 * has not; a longer path.
 */
const AFTER_THIS =
  /(?:[\w@#=&?%$\\/+]|\d[.,(\u2010-\u2015]|\w-|(?:\+|(?:^\W?|\D\D)00)\s?[1-9][\d\s().-]{0,8}|(?:\/|\.[a-z]+)\/\S*)$/i;

/**
 * After this, a match without a prefix is the end of somebody else's number: a code in parentheses or before anything
 * else, or one with a zero. Behind a word it is a house: `Suite 91`; behind digits a time, a date, another number.
 */
const AFTER_CODE = /(?:(?:^|\D[:|]|\()\s*0?\d{1,3}\)?|\D[\s.]0(?!0)\d{0,3})\s*$/;

/** A match before this is part of something longer. An extension is not (`x12`, `ext. 12`), nor is another number. */
const BEFORE_THIS =
  /^(?:(?!x\d|ext)\w|(?![,/](?:24|(?:\d[\s().-]{0,2}){7}))[-.,/\u2010-\u2015]\d|[-.][a-z]|[\w.+-]*@)/;

/**
 * The last four digits of a match, and others for them: `0100 / 0101`, `0100, 0101`, `0100 & 01`; not `0123 / 24 h`.
 */
const RANGE = /^(\d\d)(\d)\d\s*(?:[,&/]\s*\1\2\d|[&/]\s*\2\d(?! ?h))(?!\W?\d)/;

/** With its match at the end. It is written in fours: `SW15 020 7946 0018` is none. */
const IBAN = /\b[A-Z]{2}\d\d(?:\s?[\dA-Z]{4})*\s?\d{0,4}$/;

/** One dot and nothing else between the digits: nobody writes a number so, unless it begins with a zero. */
const DECIMAL = /^(?!0\d)\d+\.\d+$/;

/** A number in all its spellings, good to be written into a page as it is; nothing for whatever is not one. */
export function parseSpellings(value: unknown): Spellings | undefined {
  const { e164, national, national_string, international } = Object(value) as Spellings;
  const spellings = { e164, national, national_string, international };
  const digits = digitsOf(`${international}`);
  const isGood = (text: unknown) =>
    typeof text === 'string' && /^[\d ()+.-]{4,24}$/.test(text) && digitsOf(text).endsWith(digits.slice(-4));
  const isWhole = /^\+(1\d{10}|[2-9]\d{6,14})$/.test(e164) && `+${digits}` === e164;
  return isWhole && Object.values(spellings).every(isGood) ? spellings : undefined;
}

/**
 * A finder of these E.164 numbers, as far as their country codes (`+1`) are in `codes`, and of these texts, letter by
 * letter; the text is the target.
 */
export function createFinder(
  numbers: Iterable<string>,
  codes: readonly string[],
  texts: readonly (readonly [text: string, ...unknown[]])[] = [],
): NumberFinder {
  const targets = texts.map(([text]): Target => [text, narrow(text), /$/]);
  for (const number of numbers) {
    const code = codes.find((code) => number.startsWith(code));
    if (code) targets.push([number, number.slice(code.length), openingOf(code)]);
  }
  // The longest first: one number may begin another.
  targets.sort(([, a], [, b]) => b.length - a.length);
  const expressions = targets.map(([, core]) =>
    /\D/.test(core)
      ? core.replace(/\W/g, '\\$&')
      : [...core].map((digit) => `[${digit}\\uff1${digit}]`).join(SEPARATORS),
  );
  // Without any, it matches nothing.
  const pattern = new RegExp(expressions.join('|') || '$^', 'g');
  const matchesIn = (text: string) =>
    [...text.matchAll(pattern)].map(({ 0: core, index }) => [index, index + core.length, core] as const);

  function find(original: string, isFile?: boolean): Match[] {
    const found: Match[] = [];
    const text = narrow(original);
    const matches = matchesIn(text);
    matches.forEach(([index, end, core], n) => {
      // Numbers with nothing between them are no part of each other.
      const before = matches[n - 1]?.[1] === index ? '' : text.slice(Math.max(0, index - CONTEXT), index);
      const after = matches[n + 1]?.[0] === end ? '' : text.slice(end, end + CONTEXT);
      const cores = [core, digitsOf(core)];
      const isPart = (rest: string, prefix: string) =>
        AFTER_THIS.test(rest) ||
        (!prefix && AFTER_CODE.test(rest)) ||
        DECIMAL.test(prefix + core) ||
        IBAN.test(before + core) ||
        BEFORE_THIS.test(after) ||
        RANGE.test(digitsOf(core).slice(-4) + after);
      const isFound = ([name, digits, opening]: Target) =>
        cores.includes(digits) &&
        [before.split(opening), [before]].some(([rest = '', prefix = '']) => {
          if (!isFile && isPart(rest.replace(APART, ''), prefix)) return false;
          // A parenthesis belongs to an area code, not to a text.
          const isOpened = (prefix || digits !== core) && rest.endsWith('(');
          const start = index - prefix.length - Number(isOpened);
          found.push([name, original.slice(start, end), start]);
          return true;
        });
      targets.some(isFound);
    });
    return found;
  }

  const exact = (text: string) =>
    find(text).find(([, written]) => !/[\w+]/.test(text.replace(written, '')))?.[0];

  return { find, exact, mayHold: (text) => text.search(pattern) >= 0, spans: matchesIn };
}

/**
 * `number` in the shape in which `target` is written: every character that is no digit stays where it is. Where
 * the two differ in country or length, the spelling of `number` that comes closest.
 */
export function writeLike(written: string, target: string, number: Spellings): string {
  const { e164, international } = number;
  // No country's code begins another's: https://www.itu.int/rec/T-REC-E.164
  const [code = ''] = international.split(' ');
  const isInland = target.startsWith(code);
  /** Of a digit in the E.164 number, if that was written from the back. */
  let place = target.length - digitsOf(written).length;
  if (isInland && e164.length === target.length) {
    return written.replace(/[\d\uff10-\uff19]/g, (old) => {
      const digit = place < code.length ? old : (e164[place] as string);
      place++;
      return old > '9' && digit < ':' ? String.fromCharCode(0xff10 + Number(digit)) : digit;
    });
  }
  const narrowed = narrow(written);
  // An opening parenthesis that is not closed inside belongs to the sentence.
  const outer = /^\((?!.*\))/s.test(narrowed) ? written[0] : '';
  const isAbroad = !isInland || place < code.length - 1 || /^.?\+/.test(narrowed);
  const isBare = /^\+?\d+$/.test(narrowed);
  const spelled = isAbroad ? international : number.national;
  // CallRail's `national_string` has not the 0 without which nobody can dial it.
  return outer + (isBare ? spelled.replace(/[^+\d]/g, '') : spelled);
}

/**
 * All that may open a number of a country: `+`, `00` or `011` and its code, the code alone, or the prefix of a call
 * inside the country, which is also written between the two: `+44 (0)20`. The 0 at the end of a code may be that of the
 * number: `+38 (044)`.
 */
function openingOf(code: string): RegExp {
  const maybe = (text: string) => `(?:${text}${SEPARATORS})?`;
  // A code that has no sign of one before it is not the end of another number: `Suite 91 305-555-0100`.
  const abroad = maybe(
    `(?:\\+${SEPARATORS}|\\b${maybe('(?:00|0?011|0(?!1))')})${code.slice(1).replace(/0$/, `${SEPARATORS}0`)}`,
  );
  const trunk = { '+1': '', '+36': '06', '+52': '0?1' }[code] ?? '0';
  const eight = /^\+(7|37|380|99)/.test(code) ? maybe('8') : '';
  return new RegExp(`(${abroad}${eight}${trunk && maybe(trunk)})$`);
}

/** The digits of a text, however wide. */
export function digitsOf(text: string): string {
  return narrow(text).replace(/\D/g, '');
}

/**
 * Text with the digits, parentheses and plus signs that are as wide as a Chinese character made narrow, one for one.
 */
function narrow(text: string): string {
  return text.replace(/[\uff08-\uff0b\uff10-\uff19]/g, (wide) =>
    String.fromCharCode(wide.charCodeAt(0) - 0xfee0),
  );
}
