/**
 * Group commit: what arrives while a batch is being kept goes together into the next one, so that under load one
 * transaction carries many entries.
 */
import { unavailable } from '../../domain/errors.js';
import type { RecordEntry, RecordOutcome } from '../../domain/ports.js';

/** More entries than this wait for the next batch; keeps one statement's parameters small. */
const MAX_BATCH = 500;
/** More entries than this in a queue are refused: nothing is keeping up and memory must not grow. */
const MAX_WAITING = 20_000;

/** An entry whose writer waits for the answer. */
export interface Waiting {
  entry: RecordEntry;
  resolve: (outcome: RecordOutcome) => void;
  reject: (error: unknown) => void;
}

export interface GroupCommit {
  add(entry: RecordEntry): Promise<RecordOutcome>;
  /** Resolves when nothing waits. */
  idle(): Promise<void>;
}

/** One batch after the other: `keep` must answer everybody in the batch, and never rejects. */
export function createGroupCommit(keep: (batch: Waiting[]) => Promise<void>): GroupCommit {
  const queue: Waiting[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // The requests that have already arrived come along.
    await new Promise<void>((done) => setImmediate(done));
    while (queue.length > 0) await keep(queue.splice(0, MAX_BATCH));
    running = undefined;
  }

  return {
    add(entry) {
      if (queue.length >= MAX_WAITING) return Promise.reject(unavailable('The record'));
      return new Promise((resolve, reject) => {
        queue.push({ entry, resolve, reject });
        running ??= run();
      });
    },
    async idle() {
      while (running) await running;
    },
  };
}
