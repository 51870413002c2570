/**
 * Which visit a sign of life belongs to. The newest visit of the sessions seen lately is kept in memory, so that a
 * page view of a known visitor costs no read; whoever is not there is read from the record, many in one query.
 */
import { campaignOf, readSource } from '../../shared/source.js';
import type { Change, CurrentVisit, Device, Millis, RecordStore, RecordWriter, SessionKey } from './ports.js';

/** A visit ends after this long without a sign of life. */
export const VISIT_TIMEOUT_MS = 30 * 60_000;

/** Sessions kept in memory; about 1 KB each. */
const CAPACITY = 20_000;

/** What is known of a session now; changed in place as its visitor moves, while a request holds it. */
export interface Session {
  readonly key: SessionKey;
  visit: CurrentVisit | null;
  /**
   * Its rows that no commit has confirmed yet. Requests of one session go on with what the one before has begun, so
   * each writes these rows, too: a commit may fail, and no acknowledged row may rest on one that went with it.
   */
  unkept: Change[];
}

export interface Sessions {
  /**
   * The session, from memory or from the record. Requests of one session that come at once get the same object, so
   * that two tabs opened together make one visit.
   */
  open(key: SessionKey): Promise<Session>;
  /** Forgets what the record will never take, so that the next request reads the truth. */
  forget(key: SessionKey): void;
}

/** `defer` runs its argument after the requests that have already arrived (Node's setImmediate). */
export function createSessions(
  records: Pick<RecordStore, 'currentVisits'>,
  defer: (work: () => void) => void,
): Sessions {
  const known = new Map<string, Promise<Session>>();
  let wanted: {
    key: SessionKey;
    resolve: (visit: CurrentVisit | null) => void;
    reject: (e: unknown) => void;
  }[] = [];
  const nameOf = ({ companyId, sessionId }: SessionKey) => `${companyId} ${sessionId}`;

  /** Collects the reads of one turn of the event loop into one query. */
  function read(key: SessionKey): Promise<CurrentVisit | null> {
    return new Promise((resolve, reject) => {
      wanted.push({ key, resolve, reject });
      if (wanted.length === 1) defer(readWanted);
    });
  }

  function readWanted(): void {
    const batch = wanted;
    wanted = [];
    records.currentVisits(batch.map(({ key }) => key)).then(
      (visits) => {
        batch.forEach(({ resolve }, at) => {
          resolve(visits[at] ?? null);
        });
      },
      (error) => {
        for (const { reject } of batch) reject(error);
      },
    );
  }

  return {
    open(key) {
      const name = nameOf(key);
      let session = known.get(name);
      if (session) {
        // The youngest are last, so that the first is the one to forget.
        known.delete(name);
      } else {
        session = read(key).then((visit) => ({ key, visit, unkept: [] }));
        session.catch(() => known.delete(name));
        for (const oldest of known.keys()) {
          if (known.size < CAPACITY) break;
          known.delete(oldest);
        }
      }
      known.set(name, session);
      return session;
    },
    forget(key) {
      known.delete(nameOf(key));
    },
  };
}

/** True when this landing page opens a new visit: none yet, a long silence, or a new campaign click. */
export function opensVisit(visit: CurrentVisit | null, landing: string, now: Millis): boolean {
  if (visit === null || now - visit.lastSeen > VISIT_TIMEOUT_MS) return true;
  const campaign = campaignOf(landing);
  return campaign !== null && campaign !== campaignOf(visit.landing);
}

/**
 * Counts a sign of life: goes on with the session's visit or opens a new one. Changes the session in memory; `changes`
 * must be written by `keepSession`. `lastSign` is the sign of life before this one.
 */
export function seeVisitor(
  session: Session,
  seen: { landing: string; referrer: string; device: Device | null; now: Millis },
  newId: () => string,
): { visit: CurrentVisit; lastSign: Millis; changes: Change[] } {
  const { now, device } = seen;
  const { sessionId } = session.key;
  const { visit } = session;
  const lastSign = visit?.lastSeen ?? now;
  if (visit && !opensVisit(visit, seen.landing, now)) {
    visit.lastSeen = Math.max(visit.lastSeen, now);
    return { visit, lastSign, changes: [{ type: 'visit_seen', visitId: visit.visitId, at: now }] };
  }
  const source = readSource(seen.landing, seen.referrer);
  const origin = { landing: seen.landing, referrer: seen.referrer };
  const opened: CurrentVisit = {
    visitId: newId(),
    ...origin,
    source: source.source,
    startedAt: now,
    lastSeen: now,
    first: visit?.first ?? origin,
    leases: [],
  };
  session.visit = opened;
  if (!visit) session.unkept.push({ type: 'session', sessionId, device, at: now });
  session.unkept.push({ type: 'visit', sessionId, visit: rowOf(opened), source });
  for (const { number } of visit?.leases ?? []) {
    session.unkept.push({ type: 'lease_ended', number, sessionId, at: now });
  }
  return { visit: opened, lastSign, changes: [] };
}

/** Writes the changes with the session's rows that are not kept yet. Rejects as the writer does. */
export async function keepSession(writer: RecordWriter, session: Session, changes: Change[]): Promise<void> {
  const rows = [...session.unkept];
  await writer.write({ companyId: session.key.companyId, eventId: null, changes: [...rows, ...changes] });
  session.unkept = session.unkept.filter((row) => !rows.includes(row));
}

function rowOf({ visitId, landing, referrer, startedAt, lastSeen }: CurrentVisit) {
  return { visitId, landing, referrer, startedAt, lastSeen };
}
