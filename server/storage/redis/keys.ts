import type { PoolKey } from '../../domain/ports.js';

/**
 * The keys of one pool, in the order in which every script takes them. The hash tag in braces puts them on one node
 * of a cluster.
 *
 * | key        | is                                                                                               |
 * | ---------- | ------------------------------------------------------------------------------------------------ |
 * | `meta`     | hash: `version` of the directory, there when the pool is known; `turn`, counts up with each hold |
 * | `numbers`  | hash: number → `turn until count`: its place in the queue, and how many hold or held it          |
 * | `queue`    | sorted set of `turn number` by the time until which it is held: the first is idle longest        |
 * | `holders`  | sorted set of `number until session`, all of score 0: a number's holders by time                 |
 * | `sessions` | hash: session → `number since until`                                                             |
 *
 * Times and turns in members have 16 digits, so that their order as text is their order.
 */
export function keysOf({ companyId, trackerId }: PoolKey): string[] {
  const pool = `calltrk:{${companyId}/${trackerId}}`;
  return ['meta', 'numbers', 'queue', 'holders', 'sessions'].map((part) => `${pool}:${part}`);
}
