import type { FastifyInstance } from 'fastify';
import { invalid } from '../domain/errors.js';

/** Deeper than any body of ours; recursive code (our own, JSON.stringify) is safe far beyond it. */
const MAX_DEPTH = 32;

/**
 * Refuses bodies that are nested to exhaust the stack of whoever walks through them later. JSON.parse takes any
 * depth, and schemas look only at what they know.
 */
export function refuseDeepBodies(app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    const isDeep = isDeeperThan(MAX_DEPTH - 1, request.body);
    done(isDeep ? invalid('body', `is nested more than ${MAX_DEPTH} levels deep`) : undefined);
  });
}

/** Walks no deeper than the limit, so that its own stack is safe. */
function isDeeperThan(limit: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  if (limit < 0) return true;
  if (Array.isArray(value)) return value.some((item) => isDeeperThan(limit - 1, item));
  for (const name in value) if (isDeeperThan(limit - 1, value[name as keyof typeof value])) return true;
  return false;
}
