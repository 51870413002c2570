import { randomBytes, randomInt } from 'node:crypto';

/** `COM` and 32 hex digits. */
export function newId(prefix: 'COM' | 'TRK'): string {
  return prefix + randomBytes(16).toString('hex');
}

/** Nine digits, as in script URLs. */
export function newNumericId(): number {
  return randomInt(100_000_000, 1_000_000_000);
}

export function newScriptKey(): string {
  return randomBytes(10).toString('hex');
}
