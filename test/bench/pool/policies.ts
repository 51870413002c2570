/** Who gives a visitor his number: calltrk's own rules, and what others do. */
import {
  type ArrivalCount,
  type Lane,
  laneOf,
  planLanes,
  REST,
  ratesOf,
} from '../../../server/domain/lanes.js';
import { LeasePool } from '../../../server/domain/lease-pool.js';
import { randomFrom } from './traffic.js';

/** Gives numbers, by their places in the pool. Times are milliseconds. */
export interface Leasing {
  give(session: string, from: { source: string; campaign: string | null }, now: number): number;
  /** A sign of life. */
  renew(session: string, now: number): void;
}

const HOLD_MS = 20 * 60_000;
/** The job of the server counts and plans each minute; this takes a thirtieth of the time and finds the same. */
const PLAN_MS = 30 * 60_000;
const HOUR = 3_600_000;
/** What came earlier hardly weighs. */
const COUNTED_MS = 7 * 24 * HOUR;

export function atRandom(size: number): Leasing {
  const random = randomFrom(size);
  return { give: () => Math.floor(random() * size), renew: () => undefined };
}

export function roundRobin(size: number): Leasing {
  let turn = 0;
  return { give: () => turn++ % size, renew: () => undefined };
}

/** Always the same number for the same session, as a hash of its id has it. */
export function byHash(size: number): Leasing {
  return {
    give(session) {
      let hash = 0x811c9dc5;
      for (let at = 0; at < session.length; at++) hash = Math.imul(hash ^ session.charCodeAt(at), 0x01000193);
      return (hash >>> 0) % size;
    },
    renew: () => undefined,
  };
}

/** The number idle longest, of the whole pool; of its lane, where the pool is divided. */
export function idleLongest(size: number): Leasing {
  return leasing(size, null);
}

/** calltrk: lanes, planned again as traffic changes. */
export function lanes(size: number, key: 'campaign' | 'source' = 'campaign'): Leasing {
  return leasing(size, key);
}

function leasing(size: number, key: 'campaign' | 'source' | null): Leasing {
  const names = Array.from({ length: size }, (_, at) => `+1305555${String(at).padStart(4, '0')}`);
  const place = new Map(names.map((name, at) => [name, at]));
  const pool = new LeasePool({
    numbers: names.map((number) => ({ number, lane: REST })),
    version: 0,
    leases: [],
  });
  const counts = new Map<string, ArrivalCount>();
  let plan: Lane[] = [];
  let version = 0;
  let plannedAt = 0;

  function replan(now: number): void {
    plannedAt = now;
    for (const [name, { hour }] of counts) if (hour < now - COUNTED_MS) counts.delete(name);
    const next = planLanes(ratesOf([...counts.values()], now), names, key ?? 'none', plan);
    if (JSON.stringify(next) === JSON.stringify(plan)) return;
    plan = next;
    const pooled = plan.flatMap(({ lane, numbers }) => numbers.map((number) => ({ number, lane })));
    pool.update(pooled, ++version);
  }

  return {
    give(sessionId, { source, campaign }, now) {
      if (key) {
        const hour = now - (now % HOUR);
        const name = JSON.stringify([source, campaign, hour]);
        const count = counts.get(name) ?? { source, campaign, hour, visits: 0, firstAt: now };
        count.visits++;
        counts.set(name, count);
        if (now - plannedAt >= PLAN_MS) replan(now);
      }
      const lease = pool.assign({
        sessionId,
        now,
        holdMs: HOLD_MS,
        mayOpen: true,
        mayShare: true,
        lane: laneOf(plan, source, campaign),
      });
      return place.get(lease?.number ?? '') ?? 0;
    },
    renew: (sessionId, now) => void pool.renew(sessionId, now, HOLD_MS),
  };
}
