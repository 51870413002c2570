/**
 * The pools of this installation in the lease store, which may be away, slow or have forgotten everything: a request
 * waits only so long for it, and a forgotten pool is remembered from its lease rows before it gives a number.
 */
import type { LiveDirectory, Lookup } from './directory.js';
import { REST } from './lanes.js';
import type {
  Lease,
  LeaseRequest,
  LeaseStore,
  Millis,
  PhoneNumber,
  PoolContents,
  PoolKey,
  PoolUsage,
  RecordStore,
  RememberedLease,
  SignOfLife,
  Tracker,
} from './ports.js';

/** What all pools of one request may cost together; a page is answered within 300 ms even when the store is dead. */
const PATIENCE_MS = 240;
/** A store that is silent rejects after this. */
const STORE_MS = 200;
/** Pools that are looked after at once. */
const ABREAST = 50;

/** The wait that one request has left. */
export interface Patience {
  readonly endsAt: Millis;
}

export interface Pools {
  patience(): Patience;
  /** As the store answers, `away` when it does not, or when nobody can say who holds what. Never rejects. */
  assign(request: LeaseRequest, patience: Patience): Promise<Lease | null | 'away'>;
  /** A sign of life; that it could not be told costs nothing but time on the hold. Never rejects. */
  renew(sign: SignOfLife, patience: Patience): Promise<void>;
  /**
   * Makes the store's pools as the directory `next` has them; those of `before` that are gone become empty. Never
   * rejects: false when something could not be told, so that it is to be asked again.
   */
  follow(next: Lookup, before: Lookup, now: Millis): Promise<boolean>;
  /** Looks at each active pool, and repairs those that are forgotten or behind. False as in `follow`. */
  lookAfter(now: Millis, see: (tracker: Tracker, usage: PoolUsage) => void): Promise<boolean>;
}

export interface PoolsParts {
  store: LeaseStore;
  records: Pick<RecordStore, 'rememberedLeases'>;
  directory: Pick<LiveDirectory, 'current'>;
  /** Milliseconds that only go forward. */
  elapsed: () => number;
  /** The same work, rejected when it takes longer. */
  within: <T>(ms: number, work: Promise<T>) => Promise<T>;
  count: (what: 'away' | 'remembered', error?: unknown) => void;
}

export function createPools({ store, records, directory, elapsed, within, count }: PoolsParts): Pools {
  const recalls = new Map<string, Promise<void>>();

  /** One at a time for a pool: the record is asked once, however many visitors wait. */
  function recall(pool: PoolKey, now: Millis): Promise<void> {
    const name = `${pool.companyId} ${pool.trackerId}`;
    const running = recalls.get(name);
    if (running) return running;
    const work = records
      .rememberedLeases(now, pool)
      .then((leases) => remember(pool, directory.current(), leases))
      .finally(() => recalls.delete(name));
    recalls.set(name, work);
    return work;
  }

  async function remember(pool: PoolKey, lookup: Lookup, leases: readonly RememberedLease[]): Promise<void> {
    const numbers = numbersOf(lookup.tracker(pool.companyId, pool.trackerId));
    await store.remember(pool, { numbers, version: Number(lookup.version), leases: inOrder(leases) });
    count('remembered');
  }

  async function recallAndAssign(request: LeaseRequest): Promise<Lease | null | 'away'> {
    await recall(request.pool, request.now);
    const lease = await store.assign(request);
    return lease === 'forgotten' ? 'away' : lease;
  }

  /** What is left of the patience; throws when there is none. */
  function left(patience: Patience): Millis {
    const ms = patience.endsAt - elapsed();
    if (ms <= 0) throw new Error('no time left for another pool');
    return ms;
  }

  /** The store has its own limit; only who has waited before must have a shorter one. */
  function ask<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
    const ms = left(patience);
    return ms < STORE_MS ? within(ms, work()) : work();
  }

  /** Remembers many pools with one question to the record. */
  async function recallAll(pools: readonly PoolKey[], lookup: Lookup, now: Millis): Promise<boolean> {
    if (pools.length === 0) return true;
    try {
      const [only] = pools;
      const leases = await records.rememberedLeases(now, pools.length === 1 ? only : undefined);
      const byTracker = new Map<string, RememberedLease[]>();
      for (const lease of leases) {
        const own = byTracker.get(lease.pool.trackerId);
        if (own) own.push(lease);
        else byTracker.set(lease.pool.trackerId, [lease]);
      }
      return await all(pools, (pool) =>
        remember(pool, lookup, byTracker.get(pool.trackerId) ?? []).then(() => true),
      );
    } catch (error) {
      count('away', error);
      return false;
    }
  }

  /** Does each, some abreast; false when any failed or said so. */
  async function all<T>(items: readonly T[], work: (item: T) => Promise<boolean>): Promise<boolean> {
    let isDone = true;
    for (let at = 0; at < items.length; at += ABREAST) {
      const batch = await Promise.allSettled(items.slice(at, at + ABREAST).map(work));
      for (const one of batch) {
        if (one.status === 'rejected') count('away', one.reason);
        isDone &&= one.status === 'fulfilled' && one.value;
      }
    }
    return isDone;
  }

  return {
    patience: () => ({ endsAt: elapsed() + PATIENCE_MS }),
    async assign(request, patience) {
      try {
        const lease = await ask(patience, () => store.assign(request));
        if (lease !== 'forgotten') return lease;
        return await within(left(patience), recallAndAssign(request));
      } catch (error) {
        count('away', error);
        return 'away';
      }
    },
    async renew(sign, patience) {
      try {
        await ask(patience, () => store.renew(sign));
      } catch (error) {
        count('away', error);
      }
    },
    async follow(next, before, now) {
      const version = Number(next.version);
      const forgotten: PoolKey[] = [];
      const gone = before.trackers.filter(
        ({ type, companyId, trackerId }) => type === 'session' && !next.tracker(companyId, trackerId),
      );
      const kept = next.trackers.filter(({ type }) => type === 'session');
      const told = await all([...gone, ...kept], async ({ companyId, trackerId }) => {
        const numbers = numbersOf(next.tracker(companyId, trackerId));
        const isKnown = await store.setPool({ companyId, trackerId }, numbers, version);
        if (!isKnown && numbers.length > 0) forgotten.push({ companyId, trackerId });
        return true;
      });
      return (await recallAll(forgotten, next, now)) && told;
    },
    async lookAfter(now, see) {
      const lookup = directory.current();
      const version = Number(lookup.version);
      const forgotten: PoolKey[] = [];
      const pools = lookup.trackers.filter(({ type, active }) => type === 'session' && active);
      const looked = await all(pools, async (tracker) => {
        const { companyId, trackerId, holdSeconds } = tracker;
        const pool = { companyId, trackerId };
        const usage = await store.usage(pool, now, holdSeconds * 1000);
        if (usage === 'forgotten') forgotten.push(pool);
        else if (usage.version < version) await store.setPool(pool, numbersOf(tracker), version);
        if (usage !== 'forgotten') see(tracker, usage);
        return true;
      });
      return (await recallAll(forgotten, lookup, now)) && looked;
    },
  };
}

/** The numbers of the tracker that are leased, each in its lane; those that no lane has are the rest's. */
function numbersOf(tracker: Tracker | undefined): PoolContents['numbers'] {
  if (tracker?.type !== 'session' || !tracker.active) return [];
  const lanes = new Map(
    tracker.lanes.flatMap(({ lane, numbers }) => numbers.map((number) => [number, lane])),
  );
  return leasable(tracker).map((number) => ({ number, lane: lanes.get(number) ?? REST }));
}

/** The numbers of a pool that are leased: all but the one that stays free for whoever finds it full. */
export function leasable({
  numbers,
  whenFull,
  staticNumber,
}: Pick<Tracker, 'numbers' | 'whenFull' | 'staticNumber'>): PhoneNumber[] {
  return whenFull === 'static' ? numbers.filter((number) => number !== staticNumber) : numbers;
}

/** Oldest hold first, so that numbers fall idle in the order in which they did; of each session only its newest. */
export function inOrder(leases: readonly RememberedLease[]): RememberedLease[] {
  const newest = new Map<string, RememberedLease>();
  for (const lease of leases.toSorted((a, b) => a.heldUntil - b.heldUntil)) {
    newest.delete(lease.sessionId);
    newest.set(lease.sessionId, lease);
  }
  return [...newest.values()];
}
