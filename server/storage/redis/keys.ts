import type { PoolKey } from '../../domain/ports.js';

/**
 * The keys of one pool, in the order in which every script takes them. The hash tag in braces puts them on one node
 * of a cluster. The 2 tells them from those of versions without lanes.
 *
 * | key        | is                                                                                               |
 * | ---------- | ------------------------------------------------------------------------------------------------ |
 * | `meta`     | hash: `version` of the directory, there when the pool is known; `lane:` and a lane's name → its  |
 * |            | index; `turn`, counts up with each sign of life; `fresh`, with each number added                 |
 * | `numbers`  | hash: number → `lane held others earliest queued newest`, below                                  |
 * | `queue`    | sorted set of numbers by lane index × 2^40 + turn of the last sign of life: of each lane the     |
 * |            | first is idle longest                                                                            |
 * | `claims`   | sorted set of `number until session`, all of score 0: a number's holders but the newest, by time |
 * | `sessions` | hash: session → `since until number`                                                             |
 *
 * Times have 16 digits, so that their order as text is their order. Of a number there is kept: its lane's index (4
 * digits), the latest time until which it is held and the session of that time (`newest`), the latest time of its
 * other holders, its earliest claim, and whether the newest has a claim, too (1 or 0). A claim is not moved by signs
 * of life: its time is a time at which to see whether its holder is gone. So mostly one has to write neither claims
 * nor anything else that grows with those who share a number.
 */
export function keysOf(pool: PoolKey): string[] {
  return named(pool, 'calltrk:2:', ['meta', 'numbers', 'queue', 'claims', 'sessions']);
}

/** What versions without lanes kept of the pool, which nobody needs any more. */
export function oldKeysOf(pool: PoolKey): string[] {
  return named(pool, 'calltrk:', ['meta', 'numbers', 'queue', 'holders', 'sessions']);
}

function named({ companyId, trackerId }: PoolKey, prefix: string, parts: string[]): string[] {
  return parts.map((part) => `${prefix}{${companyId}/${trackerId}}:${part}`);
}
