/** From a journal into the record: in order, each line at least once; ids make it exactly once. */
import { join } from 'node:path';
import { isInvalid, isRefusal } from '../../domain/errors.js';
import type { CallReport, RecordEntry, RecordOutcome } from '../../domain/ports.js';
import { appendTo, type JournalFile } from './journal-file.js';

/** What the journal stands in for. Both reject with `unavailable` when the record is away. */
export interface JournalledRecord {
  commit(entries: readonly RecordEntry[]): Promise<RecordOutcome[]>;
  recordCall(report: CallReport): Promise<unknown>;
}

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
 * Writes everything that waits in the journal, and answers how many lines there were. Rejects when the record is away:
 * what it did not take stays. A line that the record will never take is parked, so that it holds up nothing.
 */
export async function drain(journal: JournalFile, options: DrainOptions): Promise<number> {
  let lines = 0;
  while (journal.bytes > 0 && !options.isOver()) {
    const read = await journal.read();
    if (read.damaged.length > 0) {
      const path = join(options.folder, 'damaged.txt');
      await appendTo(path, read.damaged);
      options.tell({ what: 'damaged', path, lines: read.damaged.length });
    }
    await replay(read.items as JournalItem[], options);
    await journal.consume(read);
    lines += read.items.length;
  }
  return lines;
}

async function replay(items: readonly JournalItem[], options: DrainOptions): Promise<void> {
  let entries: RecordEntry[] = [];
  const flush = async () => {
    if (entries.length > 0) await commit(entries, options);
    entries = [];
  };
  for (const item of items) {
    if ('entry' in item) {
      entries.push(item.entry);
    } else {
      // A call is joined to what was written before it.
      await flush();
      await options.record.recordCall(item.call).catch((error) => park(item, error, options));
    }
  }
  await flush();
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
