/** Books: what became of every sending, by scenario. The equation `sent = the rest` holds or something is lost. */
import { appendFileSync } from 'node:fs';

/** Every sending of an event, or of a report about a call, is in one of the columns after `sent`. */
export interface Book {
  sent: number;
  accepted: number;
  repeated: number;
  rejected: number;
  /** The connection broke, it took too long, or the answer was a 5xx. */
  refused: number;
}

/** What became of one request. */
export interface Booking extends Omit<Book, 'sent'> {
  of: 'visitor' | 'call';
  /** When it was sent, and how long its answer took. */
  at: number;
  ms: number;
  /** Why it was refused, if it was. */
  refusal?: string;
}

/** What was booked of the requests that began while somebody watched. */
export interface Watch extends Book {
  /** The slowest answer of any kind; of calls by themselves. */
  slowestMs: number;
  slowestCallMs: number;
  /** Events by why they were refused. */
  refusals: Record<string, number>;
  end(): Watch;
}

export interface OpenBook extends Book {
  enter(booking: Booking): void;
  /** Counts the requests that begin from now on, until its end. */
  watch(): Watch;
}

export function openBook(): OpenBook {
  const watches = new Set<{ watch: Watch; from: number; to: number }>();
  const book: OpenBook = {
    ...nothing(),
    enter(booking) {
      add(book, booking);
      for (const { watch, from, to } of watches) {
        if (booking.at < from || booking.at > to) continue;
        add(watch, booking);
        watch.slowestMs = Math.max(watch.slowestMs, booking.ms);
        if (booking.of === 'call') watch.slowestCallMs = Math.max(watch.slowestCallMs, booking.ms);
        const { refusal, refused } = booking;
        if (refusal) watch.refusals[refusal] = (watch.refusals[refusal] ?? 0) + refused;
      }
    },
    watch() {
      const entry = {
        from: performance.now(),
        to: Number.POSITIVE_INFINITY,
        watch: {
          ...nothing(),
          slowestMs: 0,
          slowestCallMs: 0,
          refusals: {},
          end() {
            entry.to = performance.now();
            return entry.watch;
          },
        },
      };
      watches.add(entry);
      return entry.watch;
    },
  };
  return book;
}

function nothing(): Book {
  return { sent: 0, accepted: 0, repeated: 0, rejected: 0, refused: 0 };
}

function add(book: Book, { accepted, repeated, rejected, refused }: Booking): void {
  book.sent += accepted + repeated + rejected + refused;
  book.accepted += accepted;
  book.repeated += repeated;
  book.rejected += rejected;
  book.refused += refused;
}

/** For the table: `scripts/test.ts` says by FAULT_BOOKS where lines go; by itself a test file shows its own. */
export function publish(
  scenario: string,
  { sent, accepted, repeated, rejected, refused }: Book,
  lost: number,
) {
  const row = { scenario, sent, accepted, repeated, rejected, refused, lost };
  const file = process.env.FAULT_BOOKS;
  if (file) appendFileSync(file, `${JSON.stringify(row)}\n`);
  else console.table([row]);
}
