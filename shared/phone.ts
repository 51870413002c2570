/**
 * The grammar of a written phone number: find known numbers in text however they are spelled, and write another
 * number in the same shape.
 *
 * One alternated expression finds all targets in one pass, of a node or of a page. Between two digits it allows a
 * bounded run of separators, which can be read in one way only, so every attempt ends after a fixed number of steps.
 * What stands around a match is judged afterwards, because Safari knows no lookbehind before 16.4.
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
  /** The target that `text` spells, if it spells one and nothing else. */
  exact(text: string): string | undefined;
  /** Where in `text` the digits of targets stand, whatever stands around them. */
  spans(text: string): Span[];
}

type Span = readonly [start: number, end: number];

/** An E.164 number, taken apart: `+13055550100`, `+1`, `3055550100`. */
type Parts = [e164: string, code: string, national: string];

/**
 * What may stand between two digits: any space, dash, dot, slash or parenthesis, and the invisible marks that editors
 * leave behind; of the general punctuation of Unicode simply all. As much of it as the source of a page puts where the
 * reader sees ` - `.
 */
const SEPARATORS = '[\\s().\\-/\xad\xb7\u2000-\u206f\u2212\u30fc\uff0c-\uff0f]{0,90}';

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
  // The longest first: one number may begin another.
  const known = [...numbers]
    .sort((a, b) => b.length - a.length)
    .flatMap((number) =>
      codes
        .filter((code) => number.startsWith(code))
        .map((code): Parts => [number, code, number.slice(code.length)]),
    );
  const targets = [...texts, ...known].map(([target]) => target);
  const literals = texts.map(([text]) => `(${narrow(text).replace(/\W/g, '\\$&')})`);
  /** Whichever of these: without any, an expression that matches nothing. */
  const anyOf = (expressions: string[]) => new RegExp(expressions.join('|') || '$^', 'g');
  const pattern = anyOf([...literals, ...known.map(patternOf)]);
  // The digits alone, however wide: that is found quicker, and in most texts is not.
  const digits = anyOf([
    ...literals,
    ...known.map(([, , national]) =>
      [...national].map((digit) => `[${digit}\\uff1${digit}]`).join(SEPARATORS),
    ),
  ]);
  const spanOf = ({ 0: written, index }: RegExpExecArray): Span => [index, index + written.length];

  function find(
    original: string,
    tell: (target: string, written: string, at: number) => void,
    isFile?: boolean,
  ): void {
    const text = narrow(original);
    const context = isFile ? '' : text;
    const matches = [...text.matchAll(pattern)];
    const places = matches.map(spanOf);
    matches.forEach((match, n) => {
      const [start, end] = places[n] as Span;
      // Numbers with nothing between them are no part of each other.
      if (
        !DECIMAL.test(context.slice(start, end)) &&
        (places[n - 1]?.[1] === start ||
          !AFTER_THIS.test(context.slice(Math.max(0, start - CONTEXT), start))) &&
        (places[n + 1]?.[0] === end || !BEFORE_THIS.test(context.slice(end, end + CONTEXT)))
      )
        tell(
          targets[match.findIndex((group, place) => place && group) - 1] as string,
          original.slice(start, end),
          start,
        );
    });
  }

  function exact(text: string): string | undefined {
    let found: string | undefined;
    find(text, (target, written) => {
      if (!/[\w+]/.test(text.replace(written, ''))) found = target;
    });
    return found;
  }

  return { find, exact, spans: (text) => [...text.matchAll(digits)].map(spanOf) };
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
  const [bare, spelled] = isAbroad ? [e164, international] : [number.national_string, number.national];
  return outer + (isBare ? bare : spelled);
}

/**
 * Every spelling of one number, its national part as the one group: after `+`, `00` or `011` and the country code,
 * the code alone, or the prefix of a call inside the country (`1` in North America, `8` in Russia, else `0`, which
 * is also written between the two: `+44 (0)20`).
 */
function patternOf([, code, national]: Parts): string {
  // A code that has no sign of one before it is not the end of another number: `Suite 91 305-555-0100`.
  const abroad = `(?:(?:\\+${SEPARATORS}|\\b(?:(?:00|011)${SEPARATORS})?)${code.slice(1)}${SEPARATORS})?`;
  const inland = code === '+1' ? '' : `(?:${code === '+7' ? 8 : 0}${SEPARATORS})?`;
  return `\\(?${abroad}${inland}(${[...national].join(SEPARATORS)})`;
}

/** The digits of a text, however wide. */
export function digitsOf(text: string): string {
  return narrow(text).replace(/\D/g, '');
}

/** Text with the digits, parentheses and plus signs that are as wide as a Chinese character made narrow, one for one. */
function narrow(text: string): string {
  return text.replace(/[\uff08-\uff0b\uff10-\uff19]/g, (wide) =>
    String.fromCharCode(wide.charCodeAt(0) - 0xfee0),
  );
}
