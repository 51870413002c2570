import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js';
import type { DisplayNumber } from '../../shared/contract/visitor.js';
import type { PhoneNumber } from './ports.js';

/**
 * A number as people write it, as E.164; undefined when it is none. Without a country code it is read as one of
 * `country`.
 */
export function parsePhoneNumber(written: string, country: CountryCode = 'US'): PhoneNumber | undefined {
  if (written.length > 40) return undefined;
  const number = parsePhoneNumberFromString(written, country);
  // Possible, not valid: fictitious numbers (NANP 555-01xx) and new ranges must work, too.
  return number?.isPossible() ? number.number : undefined;
}

/** True for a number that can be dialled as it is: a plus, a country code, 7 to 15 digits in all. */
export function isE164(text: string): boolean {
  return /^\+[1-9]\d{6,14}$/.test(text);
}

export type Spellings = Omit<DisplayNumber, 'shared'>;

const spellings = new Map<PhoneNumber, Spellings>();

/** The spellings in which a page may need a number. Remembered: an installation has few numbers and shows them often. */
export function spell(e164: PhoneNumber): Spellings {
  let spelled = spellings.get(e164);
  if (!spelled) {
    const number = parsePhoneNumberFromString(e164);
    spelled = {
      e164,
      national: number?.formatNational() ?? e164,
      national_string: number?.nationalNumber ?? e164.slice(1),
      international: number?.formatInternational() ?? e164,
    };
    spellings.set(e164, spelled);
  }
  return spelled;
}

/** The country codes of these numbers, each once: `+1`. A number of no country has none. */
export function countryCodes(numbers: Iterable<PhoneNumber>): string[] {
  const codes = [...numbers].flatMap((number) => /^\+\d+(?= )/.exec(spell(number).international) ?? []);
  return [...new Set(codes)];
}

/**
 * NANP numbers that belong to nobody (NPA-555-0100 to 0199), kept for fiction.
 * https://www.nationalnanpa.com/number_resource_info/555_numbers.html
 */
export function isFictitious(number: PhoneNumber): boolean {
  return /^\+1\d{3}55501\d{2}$/.test(number);
}

/** Words, and what they spell on a keypad, that providers send for a caller who hides his number. */
const HIDDEN_CALLERS = new Set([
  'anonymous',
  'restricted',
  'unavailable',
  'unknown',
  'private',
  'blocked',
  'withheld',
  '266696687',
  '7378742833',
  '86282452253',
  '8656696',
  '2562533',
]);

/** The caller's number, or null for one who hides it or who has none (a SIP identity, a short code). */
export function callerNumber(raw: string | null): PhoneNumber | null {
  const word = (raw ?? '').trim().toLowerCase();
  if (HIDDEN_CALLERS.has(word.replace(/@.*$/, '')) || HIDDEN_CALLERS.has(word.replace(/^\+1?/, '')))
    return null;
  return isE164(word) ? word : null;
}
