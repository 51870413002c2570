/**
 * Which visit a sign of life belongs to. The newest visit of the sessions seen lately is kept in memory, so that a
 * page view of a known visitor costs no read; whoever is not there is read from the record, many in one query.
 *
 * With several servers the record may know more than this memory: what a page says of its visit, and the time since
 * it was read, tell when to look again.
 */
import { campaignOf, readSource } from '../../shared/source.js';
import { ACTIVE_GAP_MS, activeSince } from './engagement.js';
import { isRefusal } from './errors.js';
import type { Change, CurrentVisit, Device, Millis, RecordStore, RecordWriter, SessionKey } from './ports.js';

/** A visit ends after this long without a sign of life. */
export const VISIT_TIMEOUT_MS = 30 * 60_000;

/** Sessions kept in memory. More cost memory (20,000 of them 90 MB), fewer cost reads, many in one query. */
const CAPACITY = 5000;
/** A visit's last sign of life is written this often; a hold of 20 minutes is known to this much. */
const SEEN_MS = 5000;
/** Queries under way at once: a second one, so that one that hangs holds up nobody. */
const MAX_READS = 2;
/** A page waits so long for the record to say what it knows of the session. */
const READ_MS = 250;
/** … and so many times as long, while the record answers others. */
const MAX_TURNS = 8;
/** After a read that failed, others are not tried for so long. */
const PAUSE_MS = 1000;
/** With several servers: a visit that was read so recently is believed … */
const FRESH_MS = 1000;
/** … and when nothing speaks against it, for so long. */
const BELIEVED_MS = 10_000;

/** What is known of a session now; changed in place as its visitor moves, while a request holds it. */
export interface Session {
  readonly key: SessionKey;
  visit: CurrentVisit | null;
  /** False: the record was away and may know of earlier visits. */
  wasRead: boolean;
  /** The sign of life that was written last. */
  seenWritten: Millis;
  /** A page of it came with Global Privacy Control, as far as this memory reaches: the record may know it already. */
  gpc: boolean;
  /** The page view that was counted last: a page that got no answer tells it again. */
  lastPage: string | null;
  /**
   * Its rows that no commit has confirmed yet. Requests of one session go on with what the one before has begun, so
   * each writes these rows, too: a commit may fail, and no acknowledged row may rest on one that went with it.
   */
  unkept: Change[];
}

export interface Sessions {
  /**
   * The session, from memory or from the record. Requests of one session that come at once get the same object, so
   * that two tabs opened together make one visit. `landing` is what a page says of its visit. While the record is
   * away, a session that is not in memory is taken for a new one.
   */
  open(key: SessionKey, now: Millis, landing?: string): Promise<Session>;
  /** Forgets what the record will never take, so that the next request reads the truth. */
  forget(key: SessionKey): void;
}

export interface SessionsOptions {
  records: Pick<RecordStore, 'currentVisits'>;
  /** Runs its argument after the requests that have already arrived (Node's setImmediate). */
  defer: (work: () => void) => void;
  /** Runs its argument after a time; answers how to call it off. */
  after: (ms: number, work: () => void) => () => void;
  /** No other server writes visits, so what is in memory is the truth. */
  alone: boolean;
}

interface Known {
  session: Promise<Session>;
  /** Null while it is read. */
  settled: Session | null;
  readAt: Millis;
}

export function createSessions({ records, defer, after, alone }: SessionsOptions): Sessions {
  const known = new Map<string, Known>();
  let pausedUntil = 0;
  let reading = 0;
  let answered = 0;
  let wanted: {
    key: SessionKey;
    resolve: (visit: CurrentVisit | null) => void;
    reject: (e: unknown) => void;
  }[] = [];
  const nameOf = ({ companyId, sessionId }: SessionKey) => `${companyId} ${sessionId}`;

  /** Collects what is asked while other reads are under way into one query. */
  function read(key: SessionKey): Promise<CurrentVisit | null> {
    return new Promise((resolve, reject) => {
      wanted.push({ key, resolve, reject });
      if (wanted.length === 1 && reading < MAX_READS) defer(readWanted);
    });
  }

  function readWanted(): void {
    if (wanted.length === 0) return;
    const batch = wanted;
    wanted = [];
    reading++;
    records
      .currentVisits(batch.map(({ key }) => key))
      .finally(() => {
        reading--;
        readWanted();
      })
      .then(
        (visits) => {
          answered++;
          batch.forEach(({ resolve }, at) => {
            resolve(visits[at] ?? null);
          });
        },
        (error) => {
          for (const { reject } of batch) reject(error);
        },
      );
  }

  /**
   * What the record knows; undefined when it does not say so in time. As long as others are answered, it is only a
   * crowd that has to be waited for.
   */
  async function readInTime(key: SessionKey, now: Millis): Promise<CurrentVisit | null | undefined> {
    if (now < pausedUntil) return undefined;
    const answer = read(key).catch(awayOnly);
    for (let turn = 0, seen = answered; turn < MAX_TURNS; turn++, seen = answered) {
      let callOff: () => void = () => undefined;
      const late = new Promise<'late'>((resolve) => {
        // Deferred: what has arrived while this process was busy counts as in time.
        callOff = after(READ_MS, () => defer(() => resolve('late')));
      });
      const visit = await Promise.race([answer, late]).finally(() => callOff());
      if (visit === undefined) break;
      if (visit !== 'late') return visit;
      if (answered === seen) break;
    }
    pausedUntil = now + PAUSE_MS;
    return undefined;
  }

  async function start(key: SessionKey, now: Millis): Promise<Session> {
    const visit = await readInTime(key, now);
    return {
      key,
      visit: visit ?? null,
      wasRead: visit !== undefined,
      seenWritten: 0,
      gpc: false,
      lastPage: null,
      unkept: [],
    };
  }

  /** The same session with what the record knows by now. */
  async function renew(session: Session, now: Millis): Promise<Session> {
    const visit = await readInTime(session.key, now);
    // While it was read, a request may have opened a visit here.
    if (visit && session.unkept.length === 0) session.visit = newerOf(visit, session.visit);
    if (visit !== undefined) session.wasRead = true;
    return session;
  }

  function isDoubtful({ settled, readAt }: Known, now: Millis, landing: string | undefined): boolean {
    if (settled === null || settled.unkept.length > 0) return false;
    if (!settled.wasRead) return now - readAt > FRESH_MS;
    if (alone || now - readAt <= FRESH_MS) return false;
    const { visit } = settled;
    if (visit === null || now - visit.lastSeen > VISIT_TIMEOUT_MS) return true;
    return landing === undefined ? now - readAt > BELIEVED_MS : landing !== visit.landing;
  }

  function keep(name: string, session: Promise<Session>, now: Millis): Promise<Session> {
    const entry: Known = { session, settled: null, readAt: now };
    known.set(name, entry);
    session.then(
      (settled) => {
        entry.settled = settled;
      },
      () => known.delete(name),
    );
    return session;
  }

  return {
    open(key, now, landing) {
      const name = nameOf(key);
      const entry = known.get(name);
      // The youngest are last, so that the first is the one to forget.
      known.delete(name);
      if (entry) {
        const { settled } = entry;
        if (settled && isDoubtful(entry, now, landing)) return keep(name, renew(settled, now), now);
        known.set(name, entry);
        return entry.session;
      }
      for (const oldest of known.keys()) {
        if (known.size < CAPACITY) break;
        known.delete(oldest);
      }
      return keep(name, start(key, now), now);
    },
    forget(key) {
      known.delete(nameOf(key));
    },
  };
}

/** A record that is away says nothing; anything else is a defect and is thrown. */
function awayOnly(error: unknown): undefined {
  if (!isRefusal(error) || error.code !== 'unavailable') throw error;
  return undefined;
}

/** Of the same visit both know something, of which the most holds; of two the one that was opened later. */
function newerOf(read: CurrentVisit, had: CurrentVisit | null): CurrentVisit {
  if (!had) return read;
  if (read.visitId !== had.visitId) return read.startedAt >= had.startedAt ? read : had;
  return {
    ...read,
    lastSeen: Math.max(read.lastSeen, had.lastSeen),
    pages: Math.max(read.pages, had.pages),
    activeSeconds: Math.max(read.activeSeconds, had.activeSeconds),
  };
}

/** True when this landing page opens a new visit: none yet, a long silence, or a new campaign click. */
export function opensVisit(visit: CurrentVisit | null, landing: string, now: Millis): boolean {
  if (visit === null || now - visit.lastSeen > VISIT_TIMEOUT_MS) return true;
  // Nearly always: the page says what it said before.
  if (landing === visit.landing) return false;
  const campaign = campaignOf(landing);
  return campaign !== null && campaign !== campaignOf(visit.landing);
}

/**
 * Counts a sign of life: goes on with the session's visit or opens a new one. Changes the session in memory; `changes`
 * must be written by `keepSession`. `lastSign` is the sign of life before this one. `page` is the id of a page view,
 * null where the sign is another one: its own row carries the sign, too, so it is kept however soon it comes. `gpc`
 * marks the session for good.
 *
 * A visit's id follows from the one before it, so that two servers that open it at once open the same one.
 */
export function seeVisitor(
  session: Session,
  seen: {
    landing: string;
    referrer: string;
    device: Device | null;
    page: string | null;
    gpc: boolean;
    now: Millis;
  },
  deriveId: (...parts: string[]) => string,
): { visit: CurrentVisit; lastSign: Millis; changes: Change[] } {
  const { now, device, page } = seen;
  const { companyId, sessionId } = session.key;
  const { visit } = session;
  const lastSign = visit?.lastSeen ?? now;
  const isNewPage = page !== null && page !== session.lastPage;
  if (isNewPage) session.lastPage = page;
  const isMarked = seen.gpc && !session.gpc;
  if (isMarked) session.gpc = true;
  if (!visit || isMarked) {
    session.unkept.push({ type: 'session', sessionId, device, at: now, gpc: session.gpc });
  }
  if (visit && !opensVisit(visit, seen.landing, now)) {
    if (isNewPage) visit.pages++;
    return { visit, lastSign, changes: signOfLife(session, visit, now, false) };
  }
  session.seenWritten = now;
  const source = readSource(seen.landing, seen.referrer);
  const origin = { landing: seen.landing, referrer: seen.referrer };
  const opened: CurrentVisit = {
    visitId: deriveId(companyId, sessionId, visit?.visitId ?? unknownPast(seen)),
    ...origin,
    source: source.source,
    campaign: source.campaign,
    startedAt: now,
    lastSeen: now,
    pages: page === null ? 0 : 1,
    activeSeconds: 0,
    first: visit?.first ?? origin,
    leases: [],
  };
  session.visit = opened;
  session.unkept.push({ type: 'visit', sessionId, device, visit: rowOf(opened), source });
  for (const { number } of visit?.leases ?? []) {
    session.unkept.push({ type: 'lease_ended', number, sessionId, at: now });
  }
  return { visit: opened, lastSign, changes: [] };
}

/**
 * Counts the leave of a page: the precise end of the time in which somebody was there. It says so only while the sign
 * before it is fresh, and is a sign of life then as any other; later, a page goes that nobody had looked at, and
 * nothing changes. It opens no visit.
 */
export function seeLeave(session: Session, now: Millis): Change[] {
  const { visit } = session;
  return visit && now - visit.lastSeen <= ACTIVE_GAP_MS ? signOfLife(session, visit, now, true) : [];
}

/** The visit goes on. Nothing is to be written when that was done a moment ago, unless somebody has left since. */
function signOfLife(session: Session, visit: CurrentVisit, now: Millis, left: boolean): Change[] {
  visit.activeSeconds += activeSince(visit.lastSeen, now);
  visit.lastSeen = Math.max(visit.lastSeen, now);
  if (!left && Math.abs(now - session.seenWritten) < SEEN_MS) return [];
  session.seenWritten = now;
  return [
    { type: 'visit_seen', visitId: visit.visitId, at: now, activeSeconds: secondsToWrite(visit), left },
  ];
}

/** Whole seconds that have passed, so that nothing is added by reading and writing them; a sum may be a hair less. */
export function secondsToWrite({ activeSeconds }: CurrentVisit): number {
  return Math.floor(activeSeconds + 1e-6);
}

/**
 * Stands for the visit before, where there was none or nobody could be asked: in a crowd one server may have its answer
 * and another not, and both must open the same visit. On all servers the same within the hour.
 */
function unknownPast({ landing, now }: { landing: string; now: Millis }): string {
  return `${Math.floor(now / 3_600_000)} ${landing}`;
}

/** Writes the changes with the session's rows that are not kept yet. Rejects as the writer does. */
export async function keepSession(writer: RecordWriter, session: Session, changes: Change[]): Promise<void> {
  const rows = [...session.unkept];
  if (rows.length + changes.length === 0) return;
  await writer.write({ companyId: session.key.companyId, eventId: null, changes: [...rows, ...changes] });
  session.unkept = session.unkept.filter((row) => !rows.includes(row));
}

function rowOf({ visitId, landing, referrer, startedAt, lastSeen }: CurrentVisit) {
  return { visitId, landing, referrer, startedAt, lastSeen };
}
