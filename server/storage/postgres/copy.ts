import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import pg from 'pg';

// `pg` reads and writes the messages of COPY but has no streams for them. A query that it runs is asked to handle each
// message ("55.2.7. COPY Operations" in the PostgreSQL manual), so two queries of our own are all that is needed.

/** Of pg's connection what a COPY uses; @types/pg leaves it out. */
interface CopyConnection {
  stream: Socket;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

/** Rows are gathered into blocks of about this many bytes. */
const BLOCK_BYTES = 64 * 1024;

/**
 * What a `COPY … TO STDOUT` says, in blocks. Postgres is read only as fast as the blocks are; when the reader gives up
 * in the middle the connection is broken off. `rows` is their number when the stream has ended.
 */
export class CopyOut extends Readable {
  rows = 0;
  readonly #connection: CopyConnection;
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES);
  #filled = 0;

  constructor(client: pg.ClientBase, sql: string) {
    super({ highWaterMark: 4 * BLOCK_BYTES });
    this.#connection = (client as unknown as { connection: CopyConnection }).connection;
    const onRow = (row: Buffer) => this.#add(row);
    class Query extends pg.Query {
      // One message a row, says the manual. Its bytes are pg's own again when this returns.
      handleCopyData({ chunk }: { chunk: Buffer }): void {
        onRow(chunk);
      }
    }
    client.query(
      new Query(sql, (error) => {
        if (error) {
          this.destroy(error);
          return;
        }
        this.#flush();
        this.push(null);
      }),
    );
  }

  #add(row: Buffer): void {
    this.rows++;
    if (row.length > BLOCK_BYTES - this.#filled) this.#flush();
    if (row.length > BLOCK_BYTES) this.#give(Buffer.from(row));
    else this.#filled += row.copy(this.#block, this.#filled);
  }

  #flush(): void {
    if (this.#filled > 0) this.#give(Buffer.from(this.#block.subarray(0, this.#filled)));
    this.#filled = 0;
  }

  #give(bytes: Buffer): void {
    if (!this.push(bytes)) this.#connection.stream.pause();
  }

  override _read(): void {
    this.#connection.stream.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Whatever else Postgres has to say about it would have to be read first.
    if (!this.readableEnded) this.#connection.stream.destroy();
    done(error);
  }
}

/**
 * Feeds a `COPY … FROM STDIN`, as fast as Postgres takes it, and answers the number of rows. When the source fails the
 * COPY is refused as a whole, and the source's error is thrown; else Postgres's, if it refuses.
 */
export function copyIn(client: pg.ClientBase, sql: string, source: AsyncIterable<Buffer>): Promise<number> {
  return new Promise((done, fail) => {
    let problem: unknown;
    let isOver = false;

    async function feed(connection: CopyConnection): Promise<void> {
      const { stream } = connection;
      try {
        for await (const chunk of source) {
          if (isOver) return;
          connection.sendCopyFromChunk(chunk);
          if (stream.writableNeedDrain) await drained(stream);
        }
        if (!isOver) connection.endCopyFrom();
      } catch (error) {
        problem = error;
        if (!isOver) connection.sendCopyFail('the source failed');
      }
    }

    class Query extends pg.Query {
      handleCopyInResponse(connection: CopyConnection): void {
        void feed(connection);
      }
    }
    client.query(
      new Query(sql, (error, result) => {
        isOver = true;
        if (error) fail(problem ?? error);
        else done((result as unknown as pg.QueryResult).rowCount ?? 0);
      }),
    );
  });
}

/** Resolves when there is room again, or when the connection is gone: then the query is told why. */
function drained(stream: Socket): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      stream.off('drain', end);
      stream.off('close', end);
      done();
    };
    stream.on('drain', end);
    stream.on('close', end);
  });
}
