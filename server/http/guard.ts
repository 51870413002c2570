import type { FastifyInstance } from 'fastify';
import { invalid } from '../domain/errors.js';

/** Deeper than any body of ours; recursive code (our own, JSON.stringify) is safe far beyond it. */
const MAX_DEPTH = 32;

/**
 * Refuses bodies that are nested to exhaust the stack of whoever walks through them later. JSON.parse takes any
 * depth, and schemas look only at what they know.
 */
export function refuseDeepBodies(app: FastifyInstance): void {
  app.addHook('preValidation', async (request) => {
    if (isDeeperThan(MAX_DEPTH, request.body))
      throw invalid('body', `is nested more than ${MAX_DEPTH} levels deep`);
  });
}

function isDeeperThan(limit: number, body: unknown): boolean {
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
        ? Object.values(value)
        : [],
    );
  }
  return false;
}
