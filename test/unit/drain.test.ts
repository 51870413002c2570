import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { invalid, unavailable } from '../../server/domain/errors.js';
import type { RecordEntry } from '../../server/domain/ports.js';
import { type DrainOptions, drain } from '../../server/storage/journal/drain.js';
import { JournalFile } from '../../server/storage/journal/journal-file.js';

let folder: string;
let journal: JournalFile;
const written: string[] = [];
const entry = (companyId: string): RecordEntry => ({
  companyId,
  eventId: null,
  changes: [],
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'calltrk-drain-'));
  journal = JournalFile.toBe(join(folder, 'a.journal'));
  await journal.append(['good', 'bad', 'other'].map((name) => ({ entry: entry(name) })));
  written.length = 0;
});
afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

/** A record that fails as a whole when `bad` is among the entries, as a transaction does. */
function options(failure: Error, isPatient = true): DrainOptions {
  return {
    record: {
      async commit(entries) {
        if (entries.some(({ companyId }) => companyId === 'bad')) throw failure;
        written.push(...entries.map(({ companyId }) => companyId));
        return entries.map(() => 'accepted' as const);
      },
      recordCall: () => Promise.reject(new Error('no calls here')),
      rejoinCalls: () => Promise.resolve(),
    },
    folder,
    tell: () => undefined,
    isOver: () => false,
    isPatient: () => isPatient,
  };
}

test('what the record will never take is parked, and the rest is written in its order', async () => {
  await drain(journal, options(invalid('url', 'cannot be')));
  expect(written).toEqual(['good', 'other']);
  expect(JSON.parse(readFileSync(join(folder, 'parked.txt'), 'utf8'))).toEqual({ entry: entry('bad') });
  expect(journal.bytes).toBe(0);
});

test('while the record is away everything stays, for as long as it takes', async () => {
  await expect(drain(journal, options(unavailable('The record'), false))).rejects.toMatchObject({
    code: 'unavailable',
  });
  expect(journal.bytes).toBeGreaterThan(0);
});

test('an error that nobody knows holds up the journal only as long as there is patience', async () => {
  const error = new Error('permission denied for table visits');
  await expect(drain(journal, options(error))).rejects.toBe(error);
  expect(journal.bytes).toBeGreaterThan(0);
  written.length = 0;
  await drain(journal, options(error, false));
  expect(written).toEqual(['good', 'other']);
  expect(journal.bytes).toBe(0);
});
