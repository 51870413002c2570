/** The tracking numbers that this browser was given, kept so that the next page shows them at once. */
import { parseSpellings, type Spellings } from '../shared/phone.js';
import { readLocal, writeLocal } from './storage.js';

interface Stored {
  session: string;
  /** When the hold ends unless the visitor gives a sign of life. */
  until: number;
  numbers: Record<string, Spellings>;
}

export interface StoredNumbers {
  numbers: Map<string, Spellings>;
  until: number;
}

/**
 * What was kept for this session. A number past its hold is there too: until the server has answered it is still
 * the best to show. Whatever is not a number is left out.
 */
export function readNumbers(key: string, session: string): StoredNumbers {
  const stored = readLocal(nameOf(key)) as Partial<Stored> | null | undefined;
  const mine = stored?.session === session ? stored : undefined;
  const numbers = new Map<string, Spellings>();
  for (const [target, value] of Object.entries(mine?.numbers ?? {})) {
    const number = parseSpellings(value);
    if (number) numbers.set(target, number);
  }
  return { numbers, until: Number(mine?.until) || 0 };
}

export function writeNumbers(key: string, session: string, { numbers, until }: StoredNumbers): void {
  writeLocal(nameOf(key), { session, until, numbers: Object.fromEntries(numbers) } satisfies Stored);
}

/** One name a company: a new session takes the place of the old one. */
function nameOf(key: string): string {
  return `calltrk-${key}-numbers`;
}
