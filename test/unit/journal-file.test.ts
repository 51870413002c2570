import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JournalFile } from '../../server/storage/journal/journal-file.js';
import { adoptJournals, ownJournal } from '../../server/storage/journal/journals.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'calltrk-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Everything that can be read, to the end. */
async function readAll(journal: JournalFile): Promise<{ items: unknown[]; damaged: number }> {
  const all = { items: [] as unknown[], damaged: 0 };
  while (journal.bytes > 0) {
    const read = await journal.read();
    all.items.push(...read.items);
    all.damaged += read.damaged.length;
    await journal.consume(read);
  }
  return all;
}

describe('a journal file', () => {
  test('gives back what was appended, in its order, and goes with its last line', async () => {
    const journal = JournalFile.toBe(join(folder, 'a.journal'));
    expect(readdirSync(folder)).toEqual([]);
    await Promise.all(Array.from({ length: 300 }, (_, at) => journal.append([{ at }, { at, twice: true }])));
    expect(journal.lines).toBe(600);
    const { items, damaged } = await readAll(journal);
    expect(items).toEqual(Array.from({ length: 300 }, (_, at) => [{ at }, { at, twice: true }]).flat());
    expect(damaged).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
    await journal.append([{ again: true }]);
    expect((await readAll(journal)).items).toEqual([{ again: true }]);
    // Of an outage that is over it says nothing.
    await new Promise((done) => setTimeout(done, 5));
    expect(Date.now() - journal.begunAt).toBeLessThan(5);
    await journal.close();
  });

  test('keeps lines longer than a read, and any text', async () => {
    const journal = JournalFile.toBe(join(folder, 'a.journal'));
    const long = { text: 'é\n"\\ \u2028'.repeat(100_000) };
    await journal.append([{ before: 1 }]);
    await journal.append([long]);
    await journal.append([{ after: 1 }]);
    expect((await readAll(journal)).items).toEqual([{ before: 1 }, long, { after: 1 }]);
    await journal.close();
  });

  test('is readable by its owner alone', async () => {
    const journal = JournalFile.toBe(join(folder, 'deep/a.journal'));
    await journal.append([{ secret: true }]);
    expect(statSync(journal.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700);
    await journal.close();
  });

  test('loses no line that is appended while another empties it', async () => {
    const journal = JournalFile.toBe(join(folder, 'a.journal'));
    const read: unknown[] = [];
    let isOver = false;
    const reader = (async () => {
      while (!isOver || journal.bytes > 0) {
        if (journal.bytes === 0) await new Promise((done) => setImmediate(done));
        else read.push(...(await readAll(journal)).items);
      }
    })();
    for (let at = 0; at < 500; at++) await journal.append([{ at }]);
    isOver = true;
    await reader;
    expect(read).toEqual(Array.from({ length: 500 }, (_, at) => ({ at })));
    await journal.close();
  });

  test('of a damaged file gives every line that is whole, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.nat(), text: fc.string({ unit: 'binary' }) }), {
          minLength: 1,
          maxLength: 20,
        }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.oneof(fc.constant('cut' as const), fc.constant('garbage' as const), fc.constant('flip' as const)),
        async (items, where, how) => {
          const path = join(folder, `${crypto.randomUUID()}.journal`);
          const journal = JournalFile.toBe(path);
          await journal.append(items);
          await journal.close();
          const bytes = readFileSync(path);
          const at = Math.min(bytes.length - 1, Math.floor(where * bytes.length));
          if (how === 'cut') writeFileSync(path, bytes.subarray(0, at));
          if (how === 'garbage') writeFileSync(path, Buffer.concat([bytes, Buffer.from('0badc0de {"at":')]));
          if (how === 'flip') {
            bytes[at] = (bytes[at] ?? 0) ^ 0x40;
            writeFileSync(path, bytes);
          }
          const left = await JournalFile.left(path);
          const got = await readAll(left);
          await left.close();
          // What was damaged is one line, two where its end is gone; all others are there.
          const kept = got.items.map((item) => JSON.stringify(item));
          const whole = items.map((item) => JSON.stringify(item));
          if (how === 'garbage') expect([kept, got.damaged]).toEqual([whole, 1]);
          if (how === 'cut') expect(kept).toEqual(whole.slice(0, kept.length));
          if (how === 'flip') {
            expect(kept.length).toBeGreaterThanOrEqual(items.length - 2);
            expect(got.damaged).toBeGreaterThan(0);
            for (const line of kept) expect(whole).toContain(line);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('writes a line once more when somebody took the file for one that was left', async () => {
    const journal = JournalFile.toBe(join(folder, 'a.journal'));
    await journal.append([{ at: 1 }]);
    renameSync(journal.path, join(folder, 'taken.journal'));
    const old = await journal.read();
    await journal.append([{ at: 2 }]);
    // What was read of the old file is not taken for a part of the new one.
    await journal.consume(old);
    expect(journal.lines).toBe(1);
    const taken = await JournalFile.left(join(folder, 'taken.journal'));
    expect((await readAll(taken)).items).toContainEqual({ at: 1 });
    expect((await readAll(journal)).items).toEqual([{ at: 2 }]);
    await Promise.all([journal.close(), taken.close()]);
  });
});

describe('journals of processes that are gone', () => {
  test('are adopted oldest first, and only once', async () => {
    const dead = 2 ** 22 + 1;
    const { hostname } = await import('node:os');
    for (const [begun, text] of [
      ['000000000000002', 'two'],
      ['000000000000001', 'one'],
    ]) {
      const journal = JournalFile.toBe(join(folder, `${begun}-${hostname()}-${dead}-00000000.journal`));
      await journal.append([{ text }]);
      await journal.close();
    }
    const [first = [], second = []] = await Promise.all([adoptJournals(folder), adoptJournals(folder)]);
    const adopted = [...first, ...second].sort((a, b) => (a.path < b.path ? -1 : 1));
    const texts = [];
    for (const journal of adopted) texts.push(...(await readAll(journal)).items);
    expect(texts).toEqual([{ text: 'one' }, { text: 'two' }]);
    expect(await adoptJournals(folder)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    for (const journal of adopted) await journal.close();
  });

  test('of a living process are left alone', async () => {
    const journal = ownJournal(folder);
    await journal.append([{ mine: true }]);
    expect(await adoptJournals(folder)).toEqual([]);
    await journal.close();
  });
});
