/**
 * The one way into the record: group commits, and a journal on this server's disk for the time when the record does
 * not answer. What comes while something waits in the journal goes behind it, in its order, until the record has
 * taken all. Whatever is written twice by that is known by its ids and changes nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isInvalid, isRefusal, unavailable } from '../../domain/errors.js';
import type { RecordEntry, RecordOutcome, RecordWriter } from '../../domain/ports.js';
import { type DrainOptions, type DrainTold, drain, isAway, type JournalledRecord } from './drain.js';
import { createGroupCommit, type Waiting } from './group-commit.js';
import type { JournalFile } from './journal-file.js';
import { adoptJournals, ownJournal, TOUCH_MS } from './journals.js';

/** The record has so long; then the journal takes its place. */
const RECORD_MS = 250;
/** A report about a call is several statements, and its caller hears it ring meanwhile. */
const CALL_MS = 500;
/** Between two tries to reach a record that is away: at first, and at most. */
const RETRY_MS = { first: 100, most: 2000 };
/** An error that nobody knows may pass, too (a right that is missing): so many tries, half a minute, for each line. */
const STUCK_TRIES = 20;
/** Event ids of the journal that are remembered, to tell a repeat. Beyond, one is accepted twice and kept once. */
const MAX_IDS = 200_000;

export type JournalTold =
  | DrainTold
  | { what: 'began'; reason: unknown }
  | { what: 'stuck'; reason: unknown }
  | { what: 'emptied'; lines: number }
  | { what: 'adopted'; path: string; bytes: number }
  /** Neither the record nor the journal took it: the client was told so. */
  | { what: 'refused'; reason: unknown };

export interface WriterOptions {
  record: JournalledRecord;
  /** Where journals are. */
  folder: string;
  onCommit?: (entries: number, seconds: number) => void;
  tell?: (told: JournalTold) => void;
}

export interface JournalledWriter extends RecordWriter {
  /**
   * Takes over what earlier processes left, and resolves when the record has that. Until then whatever is written goes
   * to the journal. Rejects with `unavailable` when the record is away; may be called again.
   */
  open(): Promise<void>;
  /** Looks for journals of processes that have gone since. */
  adopt(): Promise<void>;
  /** What waits in the journals of this process. */
  waiting(): { lines: number; bytes: number };
  /** Resolves when nothing is under way; what the record has not taken stays on the disk for the next start. */
  close(): Promise<void>;
}

export function createRecordWriter(options: WriterOptions): JournalledWriter {
  const { record, folder, onCommit, tell = () => undefined } = options;
  const own = ownJournal(folder);
  /** Oldest first; the own one is the last. */
  let journals: JournalFile[] = [own];
  /** False: the record is written directly. */
  let isJournalling = true;
  let isOpen = false;
  let isClosed = false;
  let draining: Promise<void> | undefined;
  /** Calls since then are to be joined once more, when all journals are drained. */
  let rejoinSince = Number.POSITIVE_INFINITY;
  /** Lines since the last time that nothing waited. */
  let drained = 0;
  /** Tries in a row that failed for a reason nobody knows. */
  let stuck = 0;
  /** While the journal's last lines are written nobody may add any. */
  let gate: Promise<void> | undefined;
  /** What was asked of the record and not answered yet: what comes later must not overtake it. */
  const underWay = new Set<Promise<unknown>>();
  const journalledEvents = new Set<string>();
  const commits = createGroupCommit(keep);
  const touching = setInterval(() => {
    for (const journal of journals) journal.touch();
  }, TOUCH_MS).unref();

  /** Asks the record, for a limited time; the answer may still come later. */
  async function ask<T>(question: () => Promise<T>, ms = RECORD_MS): Promise<T> {
    const answer = question();
    underWay.add(answer);
    answer.catch(() => undefined).finally(() => underWay.delete(answer));
    return inTime(answer, ms);
  }

  async function keep(batch: Waiting[]): Promise<void> {
    await gate;
    try {
      const outcomes = isJournalling ? await journalEntries(batch) : await commit(batch);
      for (const [at, { resolve }] of batch.entries()) resolve(outcomes[at] ?? 'accepted');
    } catch (error) {
      // One entry is at fault and must not cost the others: each on its own.
      if (isInvalid(error) && batch.length > 1) {
        for (const waiting of batch) await keep([waiting]);
        return;
      }
      if (!isInvalid(error)) tell({ what: 'refused', reason: error });
      const refusal = isRefusal(error) ? error : unavailable('The record', error);
      for (const { reject } of batch) reject(refusal);
    }
  }

  async function commit(batch: readonly Waiting[]): Promise<RecordOutcome[]> {
    const began = performance.now();
    try {
      const outcomes = await ask(() => record.commit(batch.map(({ entry }) => entry)));
      onCommit?.(batch.length, (performance.now() - began) / 1000);
      return outcomes;
    } catch (error) {
      if (!isAway(error)) throw error;
      beginJournal(error);
      return journalEntries(batch);
    }
  }

  async function journalEntries(batch: readonly Waiting[]): Promise<RecordOutcome[]> {
    const events = new Set<string>();
    const outcomes = batch.map(({ entry }): RecordOutcome => {
      const event = eventOf(entry);
      if (event === undefined) return 'accepted';
      if (journalledEvents.has(event) || events.has(event)) return 'repeated';
      events.add(event);
      return 'accepted';
    });
    const items = batch.filter((_, at) => outcomes[at] === 'accepted').map(({ entry }) => ({ entry }));
    if (items.length > 0) await own.append(items);
    if (journalledEvents.size < MAX_IDS) for (const event of events) journalledEvents.add(event);
    beginDraining();
    return outcomes;
  }

  function beginJournal(reason: unknown): void {
    if (!isJournalling) tell({ what: 'began', reason });
    isJournalling = true;
  }

  /** Tries until the record has everything. */
  function beginDraining(): void {
    if (!isOpen || isClosed) return;
    draining ??= keepDraining().finally(() => {
      draining = undefined;
    });
  }

  async function keepDraining(): Promise<void> {
    let pause = RETRY_MS.first;
    while (!isClosed) {
      try {
        if (await drainAll()) return;
        pause = RETRY_MS.first;
      } catch (error) {
        if (!isAway(error)) {
          stuck++;
          tell({ what: 'stuck', reason: error });
        }
        await sleep(pause, undefined, { ref: false });
        pause = Math.min(pause * 2, RETRY_MS.most);
      }
    }
  }

  const patient: DrainOptions = {
    record,
    folder,
    tell(told) {
      if (told.what === 'parked') stuck = 0;
      tell(told);
    },
    isOver: () => isClosed,
    isPatient: () => stuck < STUCK_TRIES,
  };

  /** Writes what is in the journals now; those of others are done with then. */
  async function drainJournals(): Promise<void> {
    await Promise.allSettled(underWay);
    for (const journal of journals) {
      rejoinSince = Math.min(rejoinSince, journal.begunAt);
      drained += await drain(journal, patient);
      if (isClosed || journal === own) break;
      await journal.close();
      journals = journals.filter((one) => one !== journal);
    }
  }

  /** True when nothing waits any more, and writes go to the record from now on. */
  async function drainAll(): Promise<boolean> {
    await drainJournals();
    if (isClosed) return false;
    let open: () => void = () => undefined;
    gate = new Promise((done) => {
      open = done;
    });
    try {
      await own.settled();
      const last = drain(own, patient);
      drained += await inTime(last, RECORD_MS).catch(async (error) => {
        // Who waits at the gate must not wait for a record that is slow again.
        open();
        await last;
        throw error;
      });
      if (journals.length > 1 || !own.isEmpty) return false;
      journalledEvents.clear();
      isJournalling = false;
    } finally {
      gate = undefined;
      open();
    }
    stuck = 0;
    if (drained > 0) tell({ what: 'emptied', lines: drained });
    drained = 0;
    rejoin();
    return true;
  }

  /**
   * Other servers may have written calls before this one could write the visits that led to them. What fails is tried
   * again with the next look at the journals.
   */
  function rejoin(): void {
    const since = rejoinSince;
    if (since === Number.POSITIVE_INFINITY || isClosed) return;
    rejoinSince = Number.POSITIVE_INFINITY;
    const work = record.rejoinCalls(since).catch(() => {
      rejoinSince = Math.min(rejoinSince, since);
    });
    underWay.add(work);
    work.finally(() => underWay.delete(work));
  }

  return {
    write(entry) {
      return isClosed ? Promise.reject(unavailable('The record')) : commits.add(entry);
    },

    async writeCall(report) {
      await gate;
      if (!isJournalling) {
        try {
          await ask(() => record.recordCall(report), CALL_MS);
          return;
        } catch (error) {
          if (!isAway(error)) throw error;
          beginJournal(error);
        }
      }
      await own.append([{ call: report }]);
      beginDraining();
    },

    async open() {
      if (isOpen) return;
      await this.adopt();
      await drainJournals();
      if (isClosed) throw unavailable('The record');
      isOpen = true;
      // What came in the meantime goes on behind, while requests are served already.
      beginDraining();
    },

    async adopt() {
      for (const journal of await adoptJournals(folder)) {
        tell({ what: 'adopted', path: journal.path, bytes: journal.bytes });
        journals = [...journals.slice(0, -1), journal, own];
        isJournalling = true;
      }
      if (journals.length > 1) beginDraining();
      else if (!isJournalling) rejoin();
    },

    waiting() {
      return {
        lines: journals.reduce((sum, { lines }) => sum + lines, 0),
        bytes: journals.reduce((sum, { bytes }) => sum + bytes, 0),
      };
    },

    async close() {
      await commits.idle();
      await Promise.allSettled(underWay);
      isClosed = true;
      clearInterval(touching);
      await draining;
      for (const journal of journals) await journal.close();
    },
  };
}

function eventOf({ companyId, eventId }: RecordEntry): string | undefined {
  return eventId === null ? undefined : `${companyId} ${eventId.toLowerCase()}`;
}

async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // Once more round the event loop: an answer that came while this process was busy is in time.
    timer = setTimeout(() => setImmediate(() => reject(unavailable('The record'))), ms);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
