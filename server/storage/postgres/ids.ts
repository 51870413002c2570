import { randomBytes, randomInt } from 'node:crypto';

type Prefix = 'ACC' | 'USR' | 'COM' | 'TRK' | 'CAL' | 'FOR' | 'PER';

/** An id as CallRail's are: a prefix that tells the kind, and 32 hex digits (128 bits of chance). */
export function newId(prefix: Prefix): string {
  return prefix + randomBytes(16).toString('hex');
}

/** Nine digits, as in script URLs. */
export function newNumericId(): number {
  return randomInt(100_000_000, 1_000_000_000);
}

/** Twenty hex digits; public, since it stands in every page. */
export function newScriptKey(): string {
  return randomBytes(10).toString('hex');
}
