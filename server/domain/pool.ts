/**
 * Leasing: which number of a pool a session sees. The store keeps it atomic; here a lease becomes a row. Every visit
 * has rows of its own, since calls are joined to visits.
 *
 * Lanes (a pool divided among its sources) will decide which numbers of the pool a request may take; their place is
 * `lanes.ts` beside this file and one more field in `LeaseRequest`.
 */
import type { CurrentVisit, Lease, LeaseStore, Millis, Tracker } from './ports.js';
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
}

/**
 * Leases a number of the tracker's pool to the visitor, or renews the one he has. Null: no number for him. What is to
 * be written of it is added to the session's rows.
 */
export async function leaseNumber(
  leases: LeaseStore,
  tracker: Tracker,
  { session, visit, lastSign, now, mayOpen }: LeaseVisitor,
  newId: () => string,
): Promise<Lease | null> {
  const { companyId, trackerId, holdSeconds } = tracker;
  const { sessionId } = session.key;
  const lease = await leases.assign({
    pool: { companyId, trackerId },
    sessionId,
    now,
    holdMs: holdSeconds * 1000,
    mayOpen,
  });
  if (!lease) return null;
  const { number, shared, sharedWith, ended } = lease;
  for (const past of ended) {
    session.unkept.push({ type: 'lease_ended', number, sessionId: past.sessionId, at: past.heldUntil });
  }
  if (sharedWith.length > 0) session.unkept.push({ type: 'lease_shared', number, sessionIds: sharedWith });
  // One opened anew gets a row of its own also where the visit had the number before and lost it to somebody else.
  const isKnown = visit.leases.some((known) => known.trackerId === trackerId && known.number === number);
  if (lease.opened || !isKnown) {
    const left = visit.leases.filter((known) => known.trackerId === trackerId);
    const at = Math.min(now, lastSign + holdSeconds * 1000);
    for (const past of left) session.unkept.push({ type: 'lease_ended', number: past.number, sessionId, at });
    visit.leases = [...visit.leases.filter((known) => known.trackerId !== trackerId), { trackerId, number }];
    session.unkept.push({
      type: 'lease',
      leaseId: newId(),
      trackerId,
      number,
      sessionId,
      visitId: visit.visitId,
      at: now,
      holdSeconds,
      shared,
    });
  }
  return lease;
}
