/** Leases: which session holds which number, and the store that keeps it. */
import type { Millis, PhoneNumber } from './ports.js';

/** A pool is the numbers of one session tracker. */
export interface PoolKey {
  companyId: string;
  trackerId: string;
}

/** A number of a pool and the part of the pool that it belongs to. */
export interface PooledNumber {
  number: PhoneNumber;
  /** Any text; see `lanes.ts`. */
  lane: string;
}

/** A session is alive, and holds its number on. */
export interface SignOfLife {
  pool: PoolKey;
  sessionId: string;
  now: Millis;
  /** The number is held until `now + holdMs`, unless a later sign of life renews it. */
  holdMs: number;
}

export interface LeaseRequest extends SignOfLife {
  /**
   * The lane that serves the visitor. One that has no number (the pool was divided anew, and not everybody has heard)
   * stands for `*`, and where that has none, for all lanes.
   */
  lane: string;
  /**
   * False: renew what the session holds, or give back the number it had if nobody took it since, but open nothing
   * new. For visitors whose address has used up its share of new leases.
   */
  mayOpen: boolean;
  /** False: open nothing when every number of the lane is held. */
  mayShare: boolean;
}

export interface Lease {
  number: PhoneNumber;
  /** A new hold; false: the one that the session had. */
  opened: boolean;
  /** Another session holds it now, too. */
  shared: boolean;
  /** When the session's hold of this number began: every server that asks gets the same time. */
  since: Millis;
  /** When the hold ends without a further sign of life. */
  heldUntil: Millis;
  /** Sessions whose exclusive hold ended by this: they hold the number still, and share it from now on. */
  sharedWith: string[];
  /** Sessions whose hold had run out and whose claim to get the number back ends now, with the hold's end. */
  ended: { sessionId: string; heldUntil: Millis }[];
}

/** What is known of a number's last holders, when a pool is remembered from its lease rows. */
export interface RememberedLease {
  pool: PoolKey;
  number: PhoneNumber;
  sessionId: string;
  since: Millis;
  heldUntil: Millis;
  shared: boolean;
}

/** A pool as the record has it. */
export interface PoolContents {
  numbers: readonly PooledNumber[];
  /** The directory's version that has these numbers in these lanes; it only grows. */
  version: number;
  /** Oldest hold first, and of each session only its newest. */
  leases: readonly RememberedLease[];
}

/**
 * Which session holds which number: fast memory, which may forget everything and is rebuilt from the lease rows. Each
 * operation is atomic: no exclusive number is ever given to two sessions. Any number of servers may use the same one.
 * Rejects when the store is silent for 200 ms; one that has a crowd to answer may take up to a second.
 */
export interface LeaseStore {
  /**
   * Makes a known pool have exactly these numbers in these lanes: a lease on a number that went away ends, all others
   * stay, also where their number has changed its lane. Not when the store has heard of a newer version. False: the
   * pool is forgotten, and nothing was done.
   */
  setPool(pool: PoolKey, numbers: readonly PooledNumber[], version: number): Promise<boolean>;
  /** Makes a forgotten pool known, with its leases, in one step. Does nothing when it is known. */
  remember(pool: PoolKey, contents: PoolContents): Promise<void>;
  /**
   * The session's number, whatever its lane: the one it holds; else the one it had, if nobody took it since; else of
   * its lane the one idle longest; else, when all of the lane are held, the one whose holders have been quiet longest,
   * shared. Null: the pool has no number, or a new lease would be needed and `mayOpen` is false, or a shared one and
   * `mayShare` is false. A hold that ends later than can be (`latestHold`) was given by a clock that was ahead: it
   * counts as over.
   */
  assign(request: LeaseRequest): Promise<Lease | null | 'forgotten'>;
  /** A sign of life: extends the session's lease. False: it has none, or the pool is forgotten. */
  renew(sign: SignOfLife): Promise<boolean>;
  /** How many numbers the pool has, how many are held now, and of which version it is. Looks at every number. */
  usage(pool: PoolKey, now: Millis, holdMs: number): Promise<PoolUsage | 'forgotten'>;
}

export interface PoolUsage {
  numbers: number;
  held: number;
  version: number;
  /** The same of each lane, in any order. */
  lanes: LaneUsage[];
}

export interface LaneUsage {
  lane: string;
  numbers: number;
  held: number;
}
