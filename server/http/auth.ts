import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '../domain/errors.js';
import type { User, UserStore } from '../domain/reports.js';
import { isLoopback } from './peers.js';

export interface Auth {
  /** Whose API key the request carries. Throws a Refusal `unauthenticated`. */
  authenticate(request: FastifyRequest): Promise<User>;
  /** Lets pass who sits on this machine, and who has an API key. A hook. */
  loopbackOrKey(request: FastifyRequest): Promise<void>;
}

/** A key that was withdrawn works at most this much longer. */
const REMEMBERED_MS = 30_000;

/**
 * Knows users by their keys, and remembers them for a while, so that a request costs no question to the store. Only
 * the SHA-256 of what was sent is ever compared, so the time that takes tells nothing about a key.
 */
export function createAuth(users: UserStore, now: () => number = Date.now): Auth {
  const known = new Map<string, { user: Promise<User | null>; until: number }>();

  function userOf(key: string): Promise<User | null> {
    const hash = createHash('sha256').update(key).digest();
    const id = hash.toString('base64');
    const remembered = known.get(id);
    if (remembered && remembered.until > now()) return remembered.user;
    const user = users.byKeyHash(hash);
    known.set(id, { user, until: now() + REMEMBERED_MS });
    // Wrong keys are not remembered: there may be any number of them.
    const forget = () => {
      if (known.get(id)?.user === user) known.delete(id);
    };
    user.then((found) => found ?? forget(), forget);
    return user;
  }

  async function authenticate(request: FastifyRequest): Promise<User> {
    const key = readToken(request.headers.authorization);
    const user = key === undefined ? null : await userOf(key);
    if (user) return user;
    throw new Refusal(
      'unauthenticated',
      key === undefined
        ? 'An API key is needed: Authorization: Token token="YOUR_KEY"'
        : 'This API key is not known. The first one is in the file that the ready line names (key_file).',
    );
  }

  return {
    authenticate,
    async loopbackOrKey(request) {
      if (!isLoopback(request.ip)) await authenticate(request);
    },
  };
}

/** The key in `Token token="KEY"` or `Token token=KEY`; undefined if there is none. */
export function readToken(authorization: string | undefined): string | undefined {
  const [, quoted, plain] =
    /^Token\s(?:.*[\s,;])?token\s*=\s*(?:"([^"]+)"|([^\s",;]+))/i.exec(authorization?.slice(0, 1024) ?? '') ??
    [];
  return quoted ?? plain;
}
