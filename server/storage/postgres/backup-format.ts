/**
 * The format of a backup, so that it can be read without calltrk too (`zcat FILE | head -1`): gzip around text.
 *
 *   {"format":"calltrk backup 1", …}    the header, JSON on one line: see BackupHeader
 *   table accounts                      then, for each table of the header, in that order:
 *   …                                   its rows as COPY's text format has them, in the columns of the header
 *   \.                                  where they end; no row can be this line, since COPY doubles a backslash
 *   end 0123…                           SHA-256, in hex, of every byte before this line
 */
import { createHash } from 'node:crypto';

const FORMAT = 'calltrk backup 1';

export interface BackupHeader {
  /** Version of calltrk that made it. */
  calltrk: string;
  /** Version of PostgreSQL that it came from. */
  postgres: string;
  /** ISO 8601; the backup holds what was committed by then. */
  made_at: string;
  /** Names of the migrations that the database had. */
  migrations: string[];
  /** In an order in which they can be filled: what is referred to comes first. */
  tables: BackupTable[];
  sequences: BackupSequence[];
}

export interface BackupTable {
  name: string;
  columns: string[];
  rows: number;
  /** Of a partitioned table, as Postgres writes them: `FOR VALUES FROM (…) TO (…)`. */
  partitions: { name: string; bounds: string }[];
}

export interface BackupSequence {
  name: string;
  last_value: string;
}

/** The backup itself is at fault: cut off, damaged, of another format, or newer than this code. */
export class BackupFault extends Error {
  override readonly name = 'BackupFault';
}

/** The bytes of a backup, not compressed yet. `rowsOf` answers a table's rows as COPY's text. */
export async function* encodeBackup(
  header: BackupHeader,
  rowsOf: (table: BackupTable) => AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const hashed = (bytes: Buffer) => {
    hash.update(bytes);
    return bytes;
  };
  yield hashed(Buffer.from(`${JSON.stringify({ format: FORMAT, ...header })}\n`));
  for (const table of header.tables) {
    yield hashed(Buffer.from(`table ${table.name}\n`));
    for await (const block of rowsOf(table)) yield hashed(block);
    yield hashed(Buffer.from('\\.\n'));
  }
  yield Buffer.from(`end ${hash.digest('hex')}\n`);
}

const LONGEST_LINE = 16 * 1024 * 1024;
const END_OF_ROWS = Buffer.from('\n\\.\n');

/** Reads the bytes of a backup, uncompressed, from front to end, once. Every fault is a BackupFault. */
export class BackupReader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #hash = createHash('sha256');
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async header(): Promise<BackupHeader> {
    let header: (BackupHeader & { format?: string }) | undefined;
    try {
      header = JSON.parse(await this.#line());
    } catch (error) {
      if (error instanceof BackupFault) throw error;
    }
    if (header?.format === FORMAT) return header;
    throw new BackupFault(
      header?.format?.startsWith('calltrk backup')
        ? `is of the format "${header.format}", and this calltrk reads "${FORMAT}"`
        : 'is not a backup of calltrk',
    );
  }

  /**
   * Each table with its rows, as COPY's text; rows that are not read are passed over. When it has run through, the
   * backup was whole.
   */
  async *tables(header: BackupHeader): AsyncGenerator<{ table: BackupTable; rows: AsyncGenerator<Buffer> }> {
    for (const table of header.tables) {
      const line = await this.#line();
      if (line !== `table ${table.name}`) throw new BackupFault(`is damaged before the table ${table.name}`);
      const rows = this.#rows();
      yield { table, rows };
      for await (const _ of rows);
    }
    const sum = this.#hash.copy().digest('hex');
    if ((await this.#line()) !== `end ${sum}`) throw new BackupFault('is damaged: its checksum is another');
    if (this.#rest.length > 0 || (await this.#more())) throw new BackupFault('goes on after its end');
  }

  /** Everything up to the line `\.`, which is taken too. */
  async *#rows(): AsyncGenerator<Buffer> {
    // The line before ended in a newline: with it in front, an empty table is no exception.
    this.#rest = Buffer.concat([END_OF_ROWS.subarray(0, 1), this.#rest]);
    let from = 1;
    for (;;) {
      const at = this.#rest.indexOf(END_OF_ROWS);
      if (at >= 0) {
        const block = this.#rest.subarray(from, at + 1);
        this.#hash.update(block).update(END_OF_ROWS.subarray(1));
        this.#rest = this.#rest.subarray(at + END_OF_ROWS.length);
        if (block.length > 0) yield block;
        return;
      }
      // The end may have been cut in two: its first bytes stay for the next look.
      const safe = Math.max(from, this.#rest.length - END_OF_ROWS.length + 1);
      if (safe > from) {
        const block = this.#rest.subarray(from, safe);
        this.#hash.update(block);
        this.#rest = this.#rest.subarray(safe);
        from = 0;
        yield block;
      }
      if (!(await this.#more())) throw new BackupFault('was cut off: its end is missing');
    }
  }

  async #line(): Promise<string> {
    for (;;) {
      const at = this.#rest.indexOf(0x0a);
      if (at >= 0) {
        const line = this.#rest.subarray(0, at + 1);
        this.#hash.update(line);
        this.#rest = this.#rest.subarray(at + 1);
        return line.toString('utf8', 0, at);
      }
      if (this.#rest.length > LONGEST_LINE) throw new BackupFault('is not a backup of calltrk');
      if (!(await this.#more())) throw new BackupFault('was cut off: its end is missing');
    }
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#next();
    if (done) return false;
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }

  async #next(): Promise<IteratorResult<Buffer>> {
    try {
      return await this.#source.next();
    } catch (error) {
      // zlib's own words for a file that is cut, damaged, or no gzip at all.
      const { code = '', message } = error as { code?: string; message: string };
      if (!code.startsWith('Z_')) throw error;
      if (message === 'incorrect header check') throw new BackupFault('is not a backup of calltrk');
      const how = code === 'Z_BUF_ERROR' ? 'was cut off' : 'is damaged';
      throw new BackupFault(`${how} (${message})`);
    }
  }
}
