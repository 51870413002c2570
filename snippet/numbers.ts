/** The tracking numbers that this browser was given, kept so that the next page shows them at once. */
import { parseSpellings, type Spellings } from '../shared/phone.js';
import { config } from './config.js';
import { safely } from './guard.js';
import { readLocal, writeLocal } from './storage.js';

export interface StoredNumbers {
  session: string;
  /** When the hold ends unless the visitor gives a sign of life. */
  until: number;
  /** By target. */
  numbers: [target: string, number: Spellings][];
}

/** One name a company: a new session takes the place of the old one. */
const name = () => `${config.key}-numbers`;

/**
 * What was kept for this session. A number past its hold is there too: until the server has answered it is still
 * the best to show. Whatever is not a number is left out.
 */
export const readNumbers = safely((session: string): StoredNumbers | undefined => {
  const stored = readLocal(name()) as StoredNumbers;
  const numbers = stored.numbers.filter(([, number]) => parseSpellings(number));
  return stored.session === session ? { ...stored, numbers } : undefined;
});

export function writeNumbers(numbers: StoredNumbers): void {
  writeLocal(name(), numbers);
}
