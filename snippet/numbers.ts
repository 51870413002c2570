/** The tracking numbers that this browser was given, kept so that the next page shows them at once. */
import { parseSpellings, type Spellings } from '../shared/phone.js';
import { safely } from './guard.js';
import { readLocal, writeLocal } from './storage.js';

export interface StoredNumbers {
  session: string;
  /** When the hold ends unless the visitor gives a sign of life. */
  until: number;
  /** By target. */
  numbers: [target: string, number: Spellings][];
}

/**
 * What was kept for this session. A number past its hold is there too: until the server has answered it is still
 * the best to show. Whatever is not a number is left out.
 */
export const readNumbers = safely((key: string, session: string): StoredNumbers | undefined => {
  const stored = readLocal(nameOf(key)) as StoredNumbers;
  return stored.session === session
    ? { ...stored, numbers: stored.numbers.filter(([, number]) => parseSpellings(number)) }
    : undefined;
});

/** One name a company: a new session takes the place of the old one. */
export function writeNumbers(key: string, numbers: StoredNumbers): void {
  writeLocal(nameOf(key), numbers);
}

function nameOf(key: string): string {
  return `calltrk-${key}-numbers`;
}
