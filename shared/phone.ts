/**
 * The grammar of a written phone number: find known numbers in text however they are spelled, and write another
 * number in the same shape.
 *
 * One alternated expression finds all targets in one pass. Between two digits it allows a bounded run of
 * separators and nothing else, so every attempt ends after a fixed number of characters. What stands around a
 * match is judged afterwards, because Safari knows no lookbehind before 16.4.
 *
 * A number is rewritten digit by digit and everything between the digits stays, so its shape cannot change.
 */
import type { DisplayNumber } from './contract/visitor.js';

/** One phone number in the spellings a page may need. */
export type Spellings = Omit<DisplayNumber, 'shared'>;

export interface NumberFinder {
  /**
   * `text` with every target in it replaced by what `write` returns for it; nothing returned keeps what is written.
   * Text without a target comes back as it was. In the name of a file anything may stand around a number.
   */
  replace(
    text: string,
    write: (target: string, written: string, at: number) => string | undefined,
    isFile?: boolean,
  ): string;
  /** Whether `text` may hold a target, or a part of one: asked of every text of a page, so it is quick. */
  mayHold(text: string): boolean;
  /** The target that `text` spells, if it spells one and nothing else. */
  exact(text: string): string | undefined;
}

const PLUS = '[+\uff0b]';
const DIGIT = '\\d\uff10-\uff19';
/** As much as the source of a page puts where the reader sees one space. */
const SPACE = '\\s{0,40}';
/**
 * What may stand between two digits: any space, dash, dot, slash or parenthesis, and the invisible marks that
 * editors leave behind; of the general punctuation of Unicode simply all. Four beside spaces are enough for ` - `
 * with marks in it.
 */
const SEPARATORS = `${SPACE}(?:[().\\-/\xad\xb7\u2000-\u206f\u2212\u30fc\uff08-\uff0f]${SPACE}){0,4}`;

/** How far around a match its surroundings are read. */
const CONTEXT = 80;

/**
 * A match after this is part of something longer. In this order: a longer number, a word, a price, a parameter, a
 * path or somebody's handle; a decimal, a date, an order number; a number of another country, whose code the match
 * has not; a longer path; an IBAN.
 */
const AFTER_THIS =
  /(?:[\w\uff10-\uff19@#=&?%$\\/+\uff0b]|[\d\uff10-\uff19][-.,\u2010-\u2015]|[a-z]-|[+\uff0b]\s?[1-9][\d\s().-]{0,8}|(?:\/|\.[a-z]+)\/\S*|\b[A-Z]{2}\d\d(?:\s?[\dA-Z]{4})*\s?)$/i;

/** A match before this is part of something longer. An extension is not: `x12`, `ext. 12`. */
const BEFORE_THIS =
  /^(?:(?!x\d|ext)[\w\uff10-\uff19]|[-.,/\u2010-\u2015][\d\uff10-\uff19]|[-.][a-z]|[\w.+-]*@)/;

/** One dot and nothing else between the digits: nobody writes a number so. */
const DECIMAL = /^\d+\.\d+$/;

const SPELLING = /^[\d ()+.-]{4,24}$/;

function isE164(value: unknown): value is string {
  return typeof value === 'string' && /^\+[1-9]\d{6,14}$/.test(value);
}

/** A number in all its spellings, good to be written into a page as it is; nothing for whatever is not one. */
export function parseSpellings(value: unknown): Spellings | undefined {
  const { e164, national, national_string, international } = (value ?? {}) as Spellings;
  const isGood = (text: unknown) =>
    typeof text === 'string' && SPELLING.test(text) && text.replace(/\D/g, '').endsWith(e164.slice(-4));
  return isE164(e164) && [national, national_string, international].every(isGood)
    ? { e164, national, national_string, international }
    : undefined;
}

/** A finder of these E.164 numbers (what is not E.164 is left out) and of these texts, letter by letter; the text is the target. */
export function createFinder(
  numbers: Iterable<string>,
  texts: readonly (readonly [text: string, ...unknown[]])[] = [],
): NumberFinder {
  // The longest first: one number may begin another.
  const spelled = [...numbers].filter(isE164).sort((a, b) => b.length - a.length);
  const targets = [...texts.map(([text]) => text), ...spelled];
  const literal = texts.map(([text]) => text.replace(/[^\w\s]/g, '\\$&'));
  // Without a target, an expression that matches nothing.
  const patterns = [...literal.map((text) => `(${text})`), ...spelled.map(patternOf)].join('|') || '$^';
  const pattern = new RegExp(patterns, 'g');
  const adjacent = new RegExp(patterns, 'y');
  // Few texts have as many digits close together as the shortest has behind its country: only they are worth the rest.
  const enough = new RegExp(
    [`(?:[${DIGIT}][^${DIGIT}]{0,99}){${(spelled[spelled.length - 1]?.length ?? 99) - 4}}`, ...literal].join(
      '|',
    ),
  );

  function replace(
    text: string,
    write: (target: string, written: string, at: number) => string | undefined,
    isFile?: boolean,
  ): string {
    let result = '';
    let copied = 0;
    pattern.lastIndex = enough.test(text) ? 0 : text.length;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      const start = match.index;
      // Numbers with nothing between them are parts of each other only in so far as the whole row of them is.
      const row = [match];
      adjacent.lastIndex = pattern.lastIndex;
      for (let next = adjacent.exec(text); next; next = adjacent.exec(text)) row.push(next);
      const { index, 0: last } = row[row.length - 1] as RegExpExecArray;
      const end = index + last.length;
      if (
        !isFile &&
        (DECIMAL.test(match[0]) ||
          AFTER_THIS.test(text.slice(Math.max(0, start - CONTEXT), start)) ||
          BEFORE_THIS.test(text.slice(end, end + CONTEXT)))
      ) {
        pattern.lastIndex = start + 1;
        continue;
      }
      for (const found of row) {
        const target = targets[found.indexOf(found.slice(1).find(Boolean) as string, 1) - 1] as string;
        result += text.slice(copied, found.index) + (write(target, found[0], found.index) ?? found[0]);
        copied = found.index + found[0].length;
      }
      pattern.lastIndex = end;
    }
    return result + text.slice(copied);
  }

  function exact(text: string): string | undefined {
    let found: string | undefined;
    const rest = replace(text, (target) => {
      found = target;
      return '';
    });
    return /[\w+]/.test(rest) ? undefined : found;
  }

  const hint = new RegExp([`[${DIGIT}]`, ...literal].join('|'));

  return { replace, exact, mayHold: (text) => hint.test(text) };
}

/**
 * `number` in the shape in which `target` is written: every character that is no digit stays where it is. Where
 * the two differ in country or length, the spelling of `number` that comes closest.
 */
export function writeLike(written: string, target: string, number: Spellings): string {
  const [country, national] = splitE164(target);
  const [newCountry, newNational] = splitE164(number.e164);
  /** Counts up to the first digit of the national number, and on. */
  let place = national.length - written.replace(/[^\d\uff10-\uff19]/g, '').length;
  if (country === newCountry && national.length === newNational.length) {
    return written.replace(/[\d\uff10-\uff19]/g, (old) => {
      const digit = newNational[place++] ?? old;
      return old > '9' && digit < ':' ? wide(digit) : digit;
    });
  }
  // An opening parenthesis that is not closed inside belongs to the sentence.
  const outer = /^[(\uff08](?!.*[)\uff09])/s.exec(written)?.[0] ?? '';
  const isAbroad = country !== newCountry || place < -1 || /^.?[+\uff0b]/.test(written);
  const isBare = /^\+?\d+$/.test(written);
  const [bare, spelled] = isAbroad
    ? [number.e164, number.international]
    : [number.national_string, number.national];
  return outer + (isBare ? bare : spelled);
}

/** Country calling code and national number. The codes of ITU-T E.164 have one or two digits, all others three. */
function splitE164(e164: string): [country: string, national: string] {
  const country = /^.(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|...)/.exec(e164)?.[1] ?? '';
  return [country, e164.slice(country.length + 1)];
}

/**
 * Every spelling of one number, its national part as the one group: after `+`, `00` or `011` and the country code,
 * the code alone, or the prefix of a call inside the country (`1` in North America, `8` in Russia, else `0`, which
 * is also written between the two: `+44 (0)20`).
 */
function patternOf(e164: string): string {
  const [country, national] = splitE164(e164);
  const abroad = `(?:(?:(?:${PLUS}|00|011)${SEPARATORS})?${country}${SEPARATORS})?`;
  const inland = country === '1' ? '' : `(?:${country === '7' ? 8 : 0}${SEPARATORS})?`;
  const digits = [...national].map((digit) => `[${digit}${wide(digit)}]`);
  return `[(\uff08]?${abroad}${inland}[(\uff08]?(${digits.join(SEPARATORS)})`;
}

/** The same digit as wide as a Chinese character. */
function wide(digit: string): string {
  return String.fromCharCode(0xff10 + Number(digit));
}
