/**
 * Leasing: which number of a pool a session sees. The store keeps it atomic; here a lease becomes a row. Every visit
 * has rows of its own, since calls are joined to visits.
 */
import type { Lookup } from './directory.js';
import { laneOf } from './lanes.js';
import type { Patience, Pools } from './pools.js';
import type { CurrentVisit, Lease, Millis, PhoneNumber, Tracker } from './ports.js';
import type { Session } from './sessions.js';

/** A ping is asked for this often while somebody looks at the page: one small request a minute keeps a number. */
export const PING_SECONDS = 60;

export interface LeaseVisitor {
  session: Session;
  visit: CurrentVisit;
  /** The sign of life before this one: what he leaves now, he may have lost long ago. */
  lastSign: Millis;
  now: Millis;
  mayOpen: boolean;
  patience: Patience;
}

/** What a visitor is shown. */
export interface LeasedNumber {
  number: PhoneNumber;
  shared: boolean;
  /** A new hold. */
  opened: boolean;
}

/**
 * Leases a number of the tracker's pool to the visitor, of the lane that serves him, or renews the one he has. When all
 * of the lane are held, the tracker says what is shown. Null: no number for him. What is to be written of it is added
 * to the session's rows. While the leases cannot be asked, he keeps the number that the record has for his visit.
 */
export async function leaseNumber(
  pools: Pools,
  tracker: Tracker,
  visitor: LeaseVisitor,
  deriveId: (...parts: string[]) => string,
): Promise<LeasedNumber | null> {
  const { companyId, trackerId, holdSeconds, whenFull } = tracker;
  const { session, visit, now, mayOpen, patience } = visitor;
  const fixed = staticNumber(tracker);
  // Who was shown the static one keeps it: a number that changes under his eyes is worth less than a number alone.
  const onRecord = fixed === null ? null : numberOnRecord(tracker, visitor);
  if (onRecord?.number === fixed) return onRecord;
  const lease = await pools.assign(
    {
      pool: { companyId, trackerId },
      sessionId: session.key.sessionId,
      now,
      holdMs: holdSeconds * 1000,
      lane: laneOf(tracker.lanes, visit.source, visit.campaign),
      mayOpen,
      mayShare: whenFull === 'share',
    },
    patience,
  );
  if (lease === 'away') return numberOnRecord(tracker, visitor);
  const shown = lease ?? (mayOpen && fixed !== null ? diverted(fixed, now, holdSeconds) : null);
  if (shown) keepLease(tracker, visitor, shown, deriveId);
  return shown;
}

/** The number for whoever finds the pool full; null: he sees something else. */
function staticNumber({ whenFull, staticNumber, numbers }: Tracker): PhoneNumber | null {
  return whenFull === 'static' && staticNumber !== null && numbers.includes(staticNumber)
    ? staticNumber
    : null;
}

/** A lease of the static number, of which no store knows: any number of visitors share it. */
function diverted(number: PhoneNumber, now: Millis, holdSeconds: number): Lease {
  const heldUntil = now + holdSeconds * 1000;
  return { number, opened: true, shared: true, since: now, heldUntil, sharedWith: [], ended: [] };
}

/** The number that the visit has by its rows, while its hold lasts: nobody else can have got it alone. */
function numberOnRecord(tracker: Tracker, { visit, lastSign, now }: LeaseVisitor): LeasedNumber | null {
  const known = visit.leases.find(({ trackerId }) => trackerId === tracker.trackerId);
  if (!known || lastSign + tracker.holdSeconds * 1000 <= now) return null;
  if (!tracker.numbers.includes(known.number)) return null;
  return { number: known.number, shared: known.shared, opened: false };
}

function keepLease(
  { trackerId, holdSeconds }: Tracker,
  { session, visit, lastSign, now }: LeaseVisitor,
  { number, shared, since, opened, sharedWith, ended }: Lease,
  deriveId: (...parts: string[]) => string,
): void {
  const { sessionId } = session.key;
  for (const past of ended) {
    session.unkept.push({ type: 'lease_ended', number, sessionId: past.sessionId, at: past.heldUntil });
  }
  if (sharedWith.length > 0) session.unkept.push({ type: 'lease_shared', number, sessionIds: sharedWith });
  const known = visit.leases.find((lease) => lease.trackerId === trackerId && lease.number === number);
  // One opened anew gets a row of its own also where the visit had the number before and lost it to somebody else.
  if (known && !opened) {
    known.shared = shared;
    return;
  }
  const left = visit.leases.filter((lease) => lease.trackerId === trackerId);
  const at = Math.min(now, lastSign + holdSeconds * 1000);
  for (const past of left) session.unkept.push({ type: 'lease_ended', number: past.number, sessionId, at });
  visit.leases = [
    ...visit.leases.filter((lease) => lease.trackerId !== trackerId),
    { trackerId, number, shared },
  ];
  session.unkept.push({
    type: 'lease',
    // Servers that see the visitor at once get the same hold, and make the same row of it.
    leaseId: deriveId(visit.visitId, number, String(since)),
    trackerId,
    number,
    sessionId,
    visitId: visit.visitId,
    // A hold goes on from visit to visit; each visit's row has its own part.
    at: Math.min(now, Math.max(since, visit.startedAt)),
    holdSeconds,
    shared,
  });
}

/**
 * Ends the visit's leases on numbers that are shown no more, as their tracker lost them or was disabled. `asked` are
 * the trackers that this page view asked for a number: `leaseNumber` has seen to those.
 */
export function endLostLeases(
  lookup: Lookup,
  { session, visit, lastSign, now }: Pick<LeaseVisitor, 'session' | 'visit' | 'lastSign' | 'now'>,
  asked: ReadonlyMap<Tracker, unknown>,
): void {
  const { companyId, sessionId } = session.key;
  visit.leases = visit.leases.filter(({ trackerId, number }) => {
    const tracker = lookup.tracker(companyId, trackerId);
    if (!tracker || asked.has(tracker) || tracker.numbers.includes(number)) return true;
    const at = Math.min(now, lastSign + tracker.holdSeconds * 1000);
    session.unkept.push({ type: 'lease_ended', number, sessionId, at });
    return false;
  });
}
