import type pg from 'pg';
import type { Listing } from '../../../domain/reports.js';

/** A piece of SQL whose values travel as parameters. */
export class Sql {
  readonly strings: readonly string[];
  readonly values: readonly unknown[];

  constructor(strings: readonly string[], values: readonly unknown[]) {
    this.strings = strings;
    this.values = values;
  }

  toQuery(): { text: string; values: unknown[] } {
    const values: unknown[] = [];
    const render = (piece: Sql): string =>
      piece.strings.reduce((text, string, i) => {
        const value = piece.values[i - 1];
        if (value instanceof Sql) return text + render(value) + string;
        values.push(value);
        return `${text}$${values.length}${string}`;
      });
    return { text: render(this), values };
  }
}

/** Text is SQL, `${}` is a parameter or a further piece: there is no way to put a value into the text. */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): Sql {
  return new Sql(strings, values);
}

export const NOTHING = sql``;

export function join(pieces: readonly Sql[], separator: ' AND ' | ' OR ' | ', '): Sql {
  const [first, ...rest] = pieces;
  if (!first) return NOTHING;
  return new Sql(['', ...rest.map(() => separator), ''], [first, ...rest]);
}

/** All of them; no condition means every row. */
export function where(conditions: readonly (Sql | false | undefined)[]): Sql {
  const given = conditions.filter((condition): condition is Sql => Boolean(condition));
  return given.length > 0 ? sql`WHERE ${join(given, ' AND ')}` : NOTHING;
}

/** Rows in which one of the columns has the words in it, in any case. */
export function contains(columns: readonly Sql[], words: string): Sql {
  const pattern = `%${words.replace(/[\\%_]/g, '\\$&')}%`;
  return sql`(${join(
    columns.map((column) => sql`${column} ILIKE ${pattern}`),
    ' OR ',
  )})`;
}

/** What is sorted by, and which way it goes when nobody says. */
export interface Sorting {
  by: Sql;
  natural: 'asc' | 'desc';
  /** Has a value in every row: `NULLS LAST` would keep Postgres from the index. */
  always?: true;
}

/** `ties` decides between equals, so that pages never overlap. */
export function orderBy<Sort extends string>(
  sorts: Record<Sort, Sorting>,
  { sort, order }: Pick<Listing<unknown, Sort>, 'sort' | 'order'>,
  standard: Sort,
  ties: Sql,
): Sql {
  const { by, natural, always } = sorts[sort ?? standard];
  const direction = (order ?? natural) === 'desc' ? sql`DESC` : sql`ASC`;
  return sql`ORDER BY ${by} ${direction} ${always ? NOTHING : sql`NULLS LAST`}, ${ties}`;
}

export async function rowsOf<Row extends pg.QueryResultRow>(
  runner: Pick<pg.Pool, 'query'>,
  statement: Sql,
): Promise<Row[]> {
  const { rows } = await runner.query<Row>(statement.toQuery());
  return rows;
}

export function millis(time: Date): number;
export function millis(time: Date | null): number | null;
export function millis(time: Date | null): number | null {
  return time === null ? null : time.getTime();
}
