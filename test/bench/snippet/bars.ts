/** A figure of a bench, and what it is held against. */
export interface Row {
  what: string;
  median: number;
  min: number;
  max: number;
  /** The median, or what `of` says, must not be above this; without it the row only tells. */
  most?: number;
  of?: 'max';
}

/** Prints the rows as a Markdown table, and answers whether every bar is held. */
export function holdBars(rows: readonly Row[]): boolean {
  const cells = rows.map((row) => {
    const { what, median, min, max, most, of = 'median' } = row;
    const bar = most === undefined ? '' : `${of} ${most}: ${isHeld(row) ? 'held' : '**not held**'}`;
    return [what, String(median), `${min} to ${max}`, bar];
  });
  const table = [['', 'median', 'min to max', 'bar, at most'], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(3, ...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...rest] = table;
  console.log([line(head), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)].join('\n'));
  return rows.every(isHeld);
}

function isHeld({ median, max, most, of }: Row): boolean {
  return most === undefined || (of === 'max' ? max : median) <= most;
}
