import { invalid } from '../../domain/errors.js';
import { type DateQuery, readTimeZone, readWindow, type Window } from '../../domain/report-dates.js';
import type { Listing } from '../../domain/reports.js';

/**
 * A query string as clients of this API write it: of a name given twice the last value counts, `name[]=` makes a
 * list, an empty value is none, and names that nobody asks for do no harm.
 */
export class Query {
  readonly #values: URLSearchParams;

  /** `url`: path and query of the request. */
  constructor(url: string) {
    const start = url.indexOf('?');
    this.#values = new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
  }

  one(name: string): string | undefined {
    return [...this.#values.getAll(name), ...this.#values.getAll(`${name}[]`)].filter(Boolean).at(-1);
  }

  list(name: string): string[] {
    const many = this.#values.getAll(`${name}[]`).filter(Boolean);
    const one = this.#values.getAll(name).filter(Boolean).at(-1);
    return many.length > 0 || one === undefined ? many : [one];
  }

  /** As `list`; a single value may be several, with commas between them. */
  words(name: string): string[] {
    const many = this.#values.getAll(`${name}[]`).filter(Boolean);
    if (many.length > 0) return many;
    return (this.one(name) ?? '')
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean);
  }

  /** `true` or `false`. Throws `invalid`. */
  flag(name: string): boolean | undefined {
    const word = this.word(name, ['true', 'false']);
    return word === undefined ? undefined : word === 'true';
  }

  /** One of these words; `all` means the same as nothing. Throws `invalid`. */
  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.one(name);
    if (value === undefined || value === 'all') return undefined;
    const word = words.find((known) => known === value);
    if (word === undefined) throw invalid(name, `is none of ${words.join(', ')}`);
    return word;
  }

  /** The same query with other values; each name once, so that a client that adds its own again gets no longer URL. */
  with(changes: Record<string, string>): string {
    const next = new URLSearchParams();
    for (const [name, value] of this.#values) {
      if (value === '') continue;
      if (name.endsWith('[]')) next.append(name, value);
      else next.set(name, value);
    }
    for (const [name, value] of Object.entries(changes)) next.set(name, value);
    return next.toString();
  }
}

/** Names in `fields`, by commas or as a list. */
export function readFields(query: Query): string[] {
  return query
    .list('fields')
    .flatMap((names) => names.split(','))
    .map((name) => name.trim())
    .filter(Boolean);
}

/** What the answer to a change has besides: what is asked for, and those of calltrk's own fields that it sets. */
export function fieldsToAnswer(query: Query, body: object, own: readonly string[]): string[] {
  return [...readFields(query), ...own.filter((name) => name in body)];
}

export function readSorting<Sort extends string>(
  query: Query,
  sorts: readonly Sort[],
): Pick<Listing<unknown, Sort>, 'sort' | 'order'> {
  return {
    sort: query.word('sort', sorts) ?? null,
    order: query.word('order', ['asc', 'desc'] as const) ?? null,
  };
}

/** The window of time asked for, and the zone in which it was meant and in which times are answered. */
export function readDates(
  query: Query,
  zoneOfUser: string,
  now: number,
): { window: Window; timeZone: string } {
  const timeZone = readTimeZone(query.one('time_zone'), zoneOfUser);
  const dates: DateQuery = {
    dateRange: query.one('date_range'),
    startDate: query.one('start_date'),
    endDate: query.one('end_date'),
  };
  return { window: readWindow(dates, timeZone, now), timeZone };
}

/** Leaves out what was not given, so that a filter has only members that filter. */
export function given<T extends Record<string, unknown>>(
  members: T,
): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
