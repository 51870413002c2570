import { createHash, randomBytes, randomInt } from 'node:crypto';

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

/**
 * A UUID that follows from its parts, so that two servers which make the same row at once make one. Version 8, with
 * 122 bits of the SHA-256 of the parts. https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8
 */
export function deriveId(...parts: string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
