/** From a journal into the record: in order, each line at least once; ids make it exactly once. */
import { join } from 'node:path';
import { isInvalid, isRefusal } from '../../domain/errors.js';
import type { CallReport, Millis, RecordEntry, RecordOutcome } from '../../domain/ports.js';
import { appendTo, type JournalFile } from './journal-file.js';

/** What the journal stands in for. Both reject with `unavailable` when the record is away. */
export interface JournalledRecord {
  commit(entries: readonly RecordEntry[]): Promise<RecordOutcome[]>;
  recordCall(report: CallReport): Promise<unknown>;
  /** Joins the calls since then once more. */
  rejoinCalls(since: Millis): Promise<unknown>;
}

/** Reports about calls that are written at once. */
const CALLS_ABREAST = 3;

/** A line of a journal. */
export type JournalItem = { entry: RecordEntry } | { call: CallReport };

export type DrainTold =
  | { what: 'damaged'; path: string; lines: number }
  | { what: 'parked'; path: string; reason: unknown };

export interface DrainOptions {
  record: JournalledRecord;
  /** Where damaged and refused lines are kept for a person to look at. */
  folder: string;
  tell: (told: DrainTold) => void;
  /** True: leave the rest for later. */
  isOver: () => boolean;
  /** False: an error that nobody knows has come so often that its line is parked, too. */
  isPatient: () => boolean;
}

/**
 * Writes what waits in the journal now, not what comes meanwhile, and answers how many lines there were. Rejects when
 * the record is away: what it did not take stays. A line that the record will never take is parked, so that it holds
 * up nothing.
 */
export async function drain(journal: JournalFile, options: DrainOptions): Promise<number> {
  let lines = 0;
  for (let left = journal.bytes; left > 0 && !options.isOver(); ) {
    const read = await journal.read();
    if (read.damaged.length > 0) {
      const path = join(options.folder, 'damaged.txt');
      await appendTo(path, read.damaged);
      options.tell({ what: 'damaged', path, lines: read.damaged.length });
    }
    await replay(read.items as JournalItem[], options);
    await journal.consume(read);
    left -= read.bytes;
    lines += read.items.length;
  }
  return lines;
}

/** What visitors did first: calls are joined to what was before them, and what came after does not concern them. */
async function replay(items: readonly JournalItem[], options: DrainOptions): Promise<void> {
  const entries = items.flatMap((item) => ('entry' in item ? [item.entry] : []));
  if (entries.length > 0) await commit(entries, options);
  const calls = items.flatMap((item) => ('call' in item ? [item] : []));
  for (let at = 0; at < calls.length; at += CALLS_ABREAST) {
    const abreast = calls.slice(at, at + CALLS_ABREAST);
    // Settled: of two that fail neither is left without a listener.
    const settled = await Promise.allSettled(abreast.map(({ call }) => options.record.recordCall(call)));
    for (const [place, one] of settled.entries()) {
      const item = abreast[place];
      if (item && one.status === 'rejected') await park(item, one.reason, options);
    }
  }
}

async function commit(entries: readonly RecordEntry[], options: DrainOptions): Promise<void> {
  try {
    await options.record.commit(entries);
  } catch (error) {
    const [only, ...others] = entries;
    if (only && others.length === 0) {
      await park({ entry: only }, error, options);
    } else {
      if (isAway(error)) throw error;
      // One is at fault and must not cost the others: the halves, each for itself.
      const half = Math.ceil(entries.length / 2);
      await commit(entries.slice(0, half), options);
      await commit(entries.slice(half), options);
    }
  }
}

/** Puts a line that the record will never take beside the journal. Throws what may pass. */
async function park(item: JournalItem, error: unknown, options: DrainOptions): Promise<void> {
  const { folder, tell, isPatient } = options;
  if (isAway(error) || (!isInvalid(error) && isPatient())) throw error;
  const path = join(folder, 'parked.txt');
  await appendTo(path, [Buffer.from(JSON.stringify(item))]);
  tell({ what: 'parked', path, reason: error });
}

/** The record was not reached, or could not write for now. */
export function isAway(error: unknown): boolean {
  return isRefusal(error) && error.code === 'unavailable';
}
