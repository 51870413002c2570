/**
 * The tokens with which a visitor's session goes to another site of the same company. Signed, not encrypted: whoever
 * has one sees in it what his own browser knows.
 *
 *   base64url( HMAC-SHA-256(secret, context, company, body) , body )      body: JSON [session, landing, referrer, until]
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Link, LinkTokens } from './domain/swap.js';

const GOOD_MS = 120_000;
/** So much the clocks of two servers may differ. A token that is good for longer was made by one that was ahead. */
const CLOCKS_MS = 60_000;
/** It goes into an address. */
const MAX_LENGTH = 4096;
const MAC_BYTES = 32;
/** What the secret is used for here; a number for the next form of the body. */
const CONTEXT = 'calltrk link 1';

/** Without its secret, until the record has said it, it issues none and takes none. */
export function createLinkTokens(): LinkTokens & { useSecret(secret: Uint8Array): void } {
  let secret: Uint8Array | null = null;

  function sign(key: Uint8Array, companyId: string, body: Buffer): Buffer {
    return createHmac('sha256', key).update(`${CONTEXT}\n${companyId}\n`).update(body).digest();
  }

  return {
    useSecret(known) {
      secret = known;
    },
    issue(companyId, { session, landing, referrer }, now) {
      if (!secret) return null;
      const body = Buffer.from(JSON.stringify([session, landing, referrer, now + GOOD_MS]));
      const token = Buffer.concat([sign(secret, companyId, body), body]).toString('base64url');
      return token.length > MAX_LENGTH ? null : token;
    },
    read(companyId, token, now) {
      if (!secret || token.length > MAX_LENGTH) return null;
      const bytes = Buffer.from(token, 'base64url');
      // Node reads past what is no base64url: one token, one spelling.
      if (bytes.length <= MAC_BYTES || bytes.toString('base64url') !== token) return null;
      const body = bytes.subarray(MAC_BYTES);
      if (!timingSafeEqual(bytes.subarray(0, MAC_BYTES), sign(secret, companyId, body))) return null;
      const { until, ...link } = readBody(body);
      return now <= until && until <= now + GOOD_MS + CLOCKS_MS ? link : null;
    },
  };
}

/** Ours, since the signature was right. */
function readBody(body: Buffer): Link & { until: number } {
  const [session, landing, referrer, until] = JSON.parse(body.toString()) as [string, string, string, number];
  return { session, landing, referrer, until };
}
