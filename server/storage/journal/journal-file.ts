/**
 * A file of lines that are on the disk when `append` resolves. Each line stands for itself, `CRC-32 JSON`, so that a
 * line which a crash or a bad disk damaged is found and left out, and the lines after it are not lost with it.
 */
import { type FileHandle, mkdir, open, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { unavailable } from '../../domain/errors.js';

/** Read at a time; a longer line is read in one piece all the same. */
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

export interface ReadLines {
  items: unknown[];
  /** Bytes read, damaged ones among them. */
  bytes: number;
  /** Lines that could not be understood; the file is left as it was. */
  damaged: Buffer[];
  /** Where they were read: when another process has taken the file, this one goes on in a new one. */
  from: FileHandle | undefined;
}

interface Pending {
  lines: Buffer;
  count: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** One file, made with its first line and removed when all its lines were consumed. */
export class JournalFile {
  readonly path: string;
  #begunAt: number | undefined;
  #handle: FileHandle | undefined;
  /** Bytes that are on the disk. */
  #size = 0;
  /** Bytes that were consumed. */
  #consumed = 0;
  #lines = 0;
  readonly #pending: Pending[] = [];
  #appending: Promise<void> | undefined;
  /** While the empty file goes, no line may be written to it. */
  #removing: Promise<void> | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /** A file that does not exist before its first line. */
  static toBe(path: string): JournalFile {
    return new JournalFile(path);
  }

  /** A file that another process left. */
  static async left(path: string): Promise<JournalFile> {
    const file = new JournalFile(path);
    file.#handle = await open(path, 'r+');
    const { size, birthtimeMs, mtimeMs } = await file.#handle.stat();
    file.#size = size;
    file.#lines = await countLines(file.#handle);
    // Where a file system knows no time of birth, that of the last line must do.
    file.#begunAt = birthtimeMs || mtimeMs;
    return file;
  }

  /** What is in it was written since then, in milliseconds since 1970. */
  get begunAt(): number {
    return this.#begunAt ?? Date.now();
  }

  /** Bytes that wait to be consumed. */
  get bytes(): number {
    return this.#size - this.#consumed;
  }

  /** Lines that wait to be consumed. */
  get lines(): number {
    return this.#lines;
  }

  /** Resolves when everything that was given to `append` is on the disk or refused. */
  async settled(): Promise<void> {
    while (this.#appending) await this.#appending;
  }

  /** Nothing waits, neither in the file nor on its way there. */
  get isEmpty(): boolean {
    return this.bytes === 0 && !this.#appending;
  }

  /**
   * Resolves when the items are on the disk; those that wait for one fsync go together into the next. Rejects with
   * `unavailable` when the disk does not take them: then none of them is in the file.
   */
  append(items: readonly object[]): Promise<void> {
    const lines = Buffer.concat(items.map(lineOf));
    return new Promise((resolve, reject) => {
      this.#pending.push({ lines, count: items.length, resolve, reject });
      this.#appending ??= this.#appendAll();
    });
  }

  async #appendAll(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0);
      try {
        await this.#write(Buffer.concat(batch.map(({ lines }) => lines)));
        for (const { count, resolve } of batch) {
          this.#lines += count;
          resolve();
        }
      } catch (error) {
        for (const { reject } of batch) reject(unavailable('The journal', error));
      }
    }
    // In the same turn as the last look at what waits, so that nobody comes in between.
    this.#appending = undefined;
  }

  async #write(bytes: Buffer): Promise<void> {
    await this.#removing;
    for (;;) {
      const handle = await this.#opened();
      try {
        await writeFully(handle, bytes, this.#size);
        await handle.datasync();
      } catch (error) {
        // A part may be there: it must not be read as a line, nor stand before the next one.
        await handle.truncate(this.#size).catch(() => undefined);
        throw error;
      }
      // Whoever takes this file for one that was left renames it first. What is written after that he may not see.
      if (await this.#isInPlace(handle)) {
        this.#size += bytes.length;
        return;
      }
      await this.#close();
    }
  }

  async #opened(): Promise<FileHandle> {
    if (this.#handle) return this.#handle;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    this.#handle = await open(this.path, 'wx+', 0o600);
    this.#size = 0;
    this.#consumed = 0;
    this.#lines = 0;
    this.#begunAt = Date.now();
    // The name is on the disk only when its folder is.
    const folder = await open(dirname(this.path), 'r');
    await folder.sync().finally(() => folder.close());
    return this.#handle;
  }

  async #isInPlace(handle: FileHandle): Promise<boolean> {
    const mine = await handle.stat();
    const there = await stat(this.path).catch(() => undefined);
    return there?.ino === mine.ino && there.dev === mine.dev;
  }

  /** The next lines, some hundreds at most; they stay until `consume`. */
  async read(): Promise<ReadLines> {
    const handle = this.#handle;
    const { bytes, whole } = await this.#readChunk();
    const read: ReadLines = { items: [], bytes, damaged: [], from: handle };
    let from = 0;
    while (from < whole.length) {
      const newline = whole.indexOf(NEWLINE, from);
      const line = whole.subarray(from, newline === -1 ? whole.length : newline);
      from += line.length + 1;
      const item = itemOf(line);
      if (item === undefined) read.damaged.push(line);
      else read.items.push(item);
    }
    return read;
  }

  /** Bytes that end with a line, or all there are. */
  async #readChunk(): Promise<{ bytes: number; whole: Buffer }> {
    for (let length = CHUNK_BYTES; ; length *= 4) {
      const wanted = Math.min(length, this.bytes);
      const buffer = Buffer.alloc(wanted);
      const { bytesRead = 0 } = (await this.#handle?.read(buffer, 0, wanted, this.#consumed)) ?? {};
      const end = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
      if (end > 0) return { bytes: end, whole: buffer.subarray(0, end) };
      if (wanted === this.bytes) return { bytes: wanted, whole: buffer.subarray(0, bytesRead) };
    }
  }

  /** What `read` gave is done with. The last line takes the file with it. */
  async consume({ bytes, items, from }: ReadLines): Promise<void> {
    if (from !== this.#handle) return;
    this.#consumed += bytes;
    this.#lines = Math.max(0, this.#lines - items.length);
    if (!this.isEmpty) return;
    this.#begunAt = undefined;
    this.#removing = rm(this.path, { force: true }).then(() => this.#close());
    await this.#removing;
  }

  /** Tells other processes that this file has an owner. */
  async touch(): Promise<void> {
    if (!this.#handle) return;
    const now = new Date();
    await utimes(this.path, now, now).catch(() => undefined);
  }

  /** Lets go of the file, which stays for the next start when something waits in it. */
  async close(): Promise<void> {
    await this.settled();
    await this.#close();
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** Adds lines to a file for a person to look at. */
export async function appendTo(path: string, lines: readonly Buffer[]): Promise<void> {
  const text = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  // On the disk before the journal lets go of them.
  await writeFile(path, text, { flag: 'a', mode: 0o600, flush: true });
}

async function countLines(handle: FileHandle): Promise<number> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let lines = 0;
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) return lines;
    for (
      let end = chunk.indexOf(NEWLINE);
      end !== -1 && end < bytesRead;
      end = chunk.indexOf(NEWLINE, end + 1)
    )
      lines++;
    at += bytesRead;
  }
}

function lineOf(item: object): Buffer {
  const json = JSON.stringify(item);
  return Buffer.from(`${checksum(json)} ${json}\n`);
}

function itemOf(line: Buffer): unknown {
  const text = line.toString('utf8');
  const json = text.slice(9);
  if (text.slice(0, 9) !== `${checksum(json)} `) return undefined;
  return JSON.parse(json);
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}

async function writeFully(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, at + written);
    written += bytesWritten;
  }
}
