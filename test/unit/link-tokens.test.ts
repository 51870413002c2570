import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLinkTokens } from '../../server/link-tokens.js';

const NOW = Date.UTC(2026, 10, 22, 12);
const SECRET = randomBytes(32);
const LINK = {
  session: '0b8e2c1a-6f1d-4c3e-9a70-5d2f6b7c8d9e',
  landing: 'https://www.example.com/?gclid=a&utm_campaign=frühling',
  referrer: 'https://www.google.com/',
};

/** Of any characters, and of any length up to this. */
const anyText = (maxLength: number) =>
  fc.uint16Array({ maxLength, size: 'max' }).map((units) => String.fromCharCode(...units).toWellFormed());

function tokensOf(secret: Uint8Array) {
  const tokens = createLinkTokens();
  tokens.useSecret(secret);
  return tokens;
}
const ours = tokensOf(SECRET);
const issue = (link = LINK) => {
  const token = ours.issue('COM1', link, NOW);
  if (token === null) throw new Error('no token was issued');
  return token;
};

test('a token carries its link to any server with the secret, for two minutes', () => {
  const token = issue();
  expect(token).toMatch(/^[\w-]{1,4096}$/);
  const elsewhere = tokensOf(SECRET);
  for (const later of [0, 1, 119_999, 120_000]) {
    expect(elsewhere.read('COM1', token, NOW + later)).toEqual(LINK);
    // Not used up: who loads the page again is the same person.
    expect(elsewhere.read('COM1', token, NOW + later)).toEqual(LINK);
  }
  expect(elsewhere.read('COM1', token, NOW + 120_001)).toBeNull();
});

test('is good for one company, and for nobody with another secret or none', () => {
  expect(ours.read('COM2', issue(), NOW)).toBeNull();
  expect(tokensOf(randomBytes(32)).read('COM1', issue(), NOW)).toBeNull();
  const without = createLinkTokens();
  expect(without.issue('COM1', LINK, NOW)).toBeNull();
  expect(without.read('COM1', issue(), NOW)).toBeNull();
});

test('of a clock that was an hour ahead it is not good for an hour', () => {
  expect(ours.read('COM1', issue(), NOW - 3_600_000)).toBeNull();
  // Clocks of two servers differ a little.
  expect(ours.read('COM1', issue(), NOW - 30_000)).toEqual(LINK);
});

test('any link comes out as it went in, or is too long to be carried', () => {
  const url = anyText(1500);
  fc.assert(
    fc.property(fc.uuid(), url, url, (session, landing, referrer) => {
      const token = ours.issue('COM1', { session, landing, referrer }, NOW);
      if (token === null) return landing.length + referrer.length > 400;
      expect(token.length).toBeLessThanOrEqual(4096);
      expect(ours.read('COM1', token, NOW)).toEqual({ session, landing, referrer });
      return true;
    }),
  );
  expect(
    ours.issue('COM1', { ...LINK, landing: `https://x.example/?${'a'.repeat(2800)}` }, NOW),
  ).not.toBeNull();
  expect(ours.issue('COM1', { ...LINK, landing: `https://x.example/?${'a'.repeat(3100)}` }, NOW)).toBeNull();
});

test('whatever was not issued is none, and never throws', () => {
  const good = issue();
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const text = fc.oneof(
    fc.string({ maxLength: 5000 }),
    anyText(200),
    fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 5000 }),
    fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
    // A good one with something else in one place, cut, or with something added.
    fc
      .tuple(fc.nat(good.length - 1), fc.string({ maxLength: 3 }))
      .map(([at, other]) => good.slice(0, at) + other + good.slice(at + 1)),
    fc.nat(good.length).map((length) => good.slice(0, length)),
    fc.string({ minLength: 1, maxLength: 9 }).map((more) => good + more),
    fc.string({ minLength: 1, maxLength: 9 }).map((more) => more + good),
  );
  fc.assert(
    fc.property(text, (token) => token === good || ours.read('COM1', token, NOW) === null),
    { numRuns: 20_000 },
  );
  // Each bit of it counts, those of the last character, too.
  for (let at = 0; at < good.length; at++) {
    for (const other of alphabet) {
      const token = good.slice(0, at) + other + good.slice(at + 1);
      if (token !== good) expect(ours.read('COM1', token, NOW)).toBeNull();
    }
  }
});

test('what the secret has signed for something else is none', () => {
  const body = Buffer.from(JSON.stringify([LINK.session, LINK.landing, LINK.referrer, NOW + 60_000]));
  for (const context of ['', 'COM1\n', 'calltrk link 2\nCOM1\n']) {
    const mac = createHmac('sha256', SECRET).update(context).update(body).digest();
    expect(ours.read('COM1', Buffer.concat([mac, body]).toString('base64url'), NOW)).toBeNull();
  }
});
