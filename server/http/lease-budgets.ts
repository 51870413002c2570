import { isLoopback } from './peers.js';

/** How many new leases one address may take within a minute. */
export interface LeaseBudgets {
  of(address: string): { left: () => boolean; take: () => void };
}

const MINUTE_MS = 60_000;
/** Addresses remembered at a time; beyond it the oldest are forgotten, which only ever errs towards the visitor. */
const CAPACITY = 50_000;

/**
 * Keeps one machine from emptying a pool. A fixed minute for each address, in this process: a crowd behind one
 * office address gets the site's own number for at most the rest of a minute. Loopback peers are exempt.
 */
export function createLeaseBudgets(perMinute: number, now: () => number = Date.now): LeaseBudgets {
  const taken = new Map<string, { since: number; count: number }>();
  const unlimited = { left: () => true, take: () => undefined };
  return {
    of(address) {
      if (isLoopback(address)) return unlimited;
      return {
        left() {
          const known = taken.get(address);
          return !known || now() - known.since >= MINUTE_MS || known.count < perMinute;
        },
        take() {
          const known = taken.get(address);
          if (known && now() - known.since < MINUTE_MS) {
            known.count++;
            return;
          }
          taken.delete(address);
          for (const oldest of taken.keys()) {
            if (taken.size < CAPACITY) break;
            taken.delete(oldest);
          }
          taken.set(address, { since: now(), count: 1 });
        },
      };
    },
  };
}
