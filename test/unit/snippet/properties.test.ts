/**
 * What must hold for any number, in any spelling, in any markup, among any other digits. A failure prints its seed and
 * the smallest page that still fails.
 */
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import type { DisplayNumber } from '../../../shared/contract/visitor.js';
import { openPage, ownClock, type Page } from '../../support/dom.js';

ownClock();
afterEach(() => closeLast());

interface Numbering {
  country: string;
  /** Lengths of the groups in which people write it. */
  groups: number[][];
  /** What stands before the number inside the country. */
  trunks: string[];
}
const NUMBERINGS: Numbering[] = [
  { country: '1', groups: [[3, 3, 4], [10], [3, 7]], trunks: ['1 ', '1-', '1.', '1'] },
  { country: '44', groups: [[2, 4, 4], [4, 6], [3, 3, 4], [10]], trunks: ['0', '(0)'] },
  { country: '33', groups: [[1, 2, 2, 2, 2], [9]], trunks: ['0'] },
  {
    country: '7',
    groups: [
      [3, 3, 2, 2],
      [3, 7],
    ],
    trunks: ['8 ', '8-', '8'],
  },
  {
    country: '49',
    groups: [
      [3, 7],
      [3, 3, 4],
      [2, 4, 4],
    ],
    trunks: ['0', '(0)'],
  },
];

const digits = (length: number) =>
  fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length })
    .map((list) => list.join(''));
/** A national number: no zero in front, and no row of one digit only, which is none anybody has. */
const national = (length: number) =>
  fc
    .tuple(fc.integer({ min: 2, max: 9 }), digits(length - 1))
    .map((parts) => parts.join(''))
    .filter((text) => new Set(text).size > 3);

const SEPARATORS = [
  ' ',
  '-',
  '.',
  '/',
  '\u00a0',
  '\u202f',
  '\u2009',
  '\u2010',
  '\u2011',
  '\u2012',
  '\u2013',
  '\u2014',
  '\u2015',
  '\u2212',
  '\u00b7',
  ' - ',
  ' – ',
  ') ',
  ')-',
  '\u00ad',
  '\u200b',
  '\u200e',
  '-\u200b',
  '  ',
  '\n',
];
/** `X` is a digit of the national number, `Ｘ` one as wide as a Chinese character. */
type Spelling = string;

function spelling(
  { country, groups, trunks }: Numbering,
  prefixes: 'any' | 'none' = 'any',
): fc.Arbitrary<Spelling> {
  const abroad = ['+', '00', '011', '00 ', '011 '].flatMap((plus) =>
    ['', ' ', '-', ' (0)'].map(
      (after) => plus + country + (after === ' (0)' && !trunks.includes('(0)') ? ' ' : after),
    ),
  );
  const starts = prefixes === 'none' ? [''] : ['', ...trunks, ...abroad, `${country} `, `(+${country}) `];
  return (
    fc
      .tuple(
        fc.constantFrom(...starts),
        fc.constantFrom(...groups),
        fc.array(fc.constantFrom(...SEPARATORS), { minLength: 4, maxLength: 4 }),
        fc.boolean(),
        fc.boolean(),
      )
      .map(([start, sizes, between, isBracketed, isWide]) => {
        const runs = sizes.map((size) => (isWide ? 'Ｘ' : 'X').repeat(size));
        const text = runs.map((run, at) => (at === 0 ? '' : (between[at - 1] ?? ' ')) + run).join('');
        const opens = text.includes(')') || (isBracketed && sizes.length > 1);
        if (!opens) return start + text;
        return `${start}(${text.includes(')') ? text : text.replace(/X+|Ｘ+/, (run) => `${run})`)}`;
      })
      // One dot and nothing else is a decimal.
      .filter((text) => !/^[\dXＸ]+\.[\dXＸ]+$/.test(text) && (text.match(/\(/g)?.length ?? 0) <= 2)
  );
}

function spell(spelling: Spelling, number: string): string {
  let at = 0;
  return spelling.replace(/[XＸ]/g, (place) => {
    const digit = number[at++] ?? '';
    return place === 'X' ? digit : String.fromCharCode(0xff10 + Number(digit));
  });
}

/** In these surroundings a number is one; in those it is part of something else. */
const AROUND = [
  ['', ''],
  ['Call ', ' now'],
  ['Tel: ', '.'],
  ['(call ', ')'],
  ['a, ', ', b'],
  ['電話', 'まで'],
  ['24/7: ', ' (free)'],
  ['“', '”'],
  ['Office – ', ' – open'],
  ['', ' ext. 12'],
  ['Fon:', '!'],
] as const;
const INSIDE = [
  ['9', ''],
  ['', '9'],
  ['x9', ''],
  ['$', ''],
  ['#', ''],
  ['https://example.com/', ''],
  ['/p/', '/'],
  ['a@', ''],
  ['', '@example.com'],
  ['id=', ''],
  ['3-', ''],
  ['', '-7'],
  ['', '.5'],
  ['1,', ''],
  ['order', ''],
  ['', 'th'],
] as const;

const INLINE = ['b', 'i', 'span', 'em', 'strong', 'u', 'small', 'font', 'mark', 'bdi'];
type Piece = { at: number; wrap: string[]; comment: boolean };
const pieces: fc.Arbitrary<Piece[]> = fc.array(
  fc.record({
    at: fc.nat(200),
    wrap: fc.array(fc.constantFrom(...INLINE), { maxLength: 2 }),
    comment: fc.boolean(),
  }),
  { maxLength: 4 },
);
/** Cut at the same places, none of them in the first `start` of `length` characters. */
const behind = (cuts: Piece[], start: number, length: number): Piece[] =>
  cuts.map((piece) => ({ ...piece, at: start + (piece.at % (length - start)) }));
/** The text in pieces, some of them in elements of their own, some with comments between. */
function markUp(text: string, cuts: Piece[]): string {
  const places = [...new Set(cuts.map(({ at }) => at % text.length).filter(Boolean))].sort((a, b) => a - b);
  return [0, ...places]
    .map((from, n) => {
      const { wrap, comment } = cuts[n] ?? { wrap: [], comment: false };
      const inner = text.slice(from, places[n] ?? text.length);
      return (
        wrap.reduce((html, tag) => `<${tag}>${html}</${tag}>`, inner) +
        (comment && n < places.length ? '<!--x-->' : '')
      );
    })
    .join('');
}

/** What is dialled before a number inside its country. */
const trunkOf = (country: string) => ({ 1: '', 7: '8' })[country] ?? '0';
const display = (country: string, number: string): DisplayNumber => ({
  e164: `+${country}${number}`,
  national: trunkOf(country) + number.replace(/^(...)(...)/, '$1 $2-'),
  national_string: number,
  international: `+${country} ${number}`,
  shared: false,
});

interface Case {
  country: string;
  own: string;
  shown: string;
  items: { before: string; spelled: Spelling; after: string; cuts: Piece[] }[];
}
const lengthOf = ({ groups }: Numbering) => (groups[0] as number[]).reduce((sum, size) => sum + size, 0);

const cases = (
  around: readonly (readonly [string, string])[],
  prefixes: 'any' | 'none',
  withOther = (numbering: Numbering) => lengthOf(numbering),
): fc.Arbitrary<Case> =>
  fc
    .constantFrom(...NUMBERINGS)
    .chain((numbering) =>
      fc.record({
        country: fc.constant(numbering.country),
        own: national(lengthOf(numbering)),
        shown: national(withOther(numbering)),
        items: fc.array(
          fc
            .record({
              spelled: spelling(numbering, prefixes),
              around: fc.constantFrom(...around),
              cuts: pieces,
            })
            // `Phone(305) 555-0100` is a number behind a word without its blank.
            .filter(
              ({ spelled, around: [before] }) =>
                prefixes === 'any' || !spelled.includes('(') || /^\d?$/.test(before),
            )
            .map(({ spelled, around: [before, after], cuts }) => ({
              before,
              spelled,
              after,
              // A letter in another node is a word of its own: `Phone<b>305…`, `<b>D</b>E89`.
              cuts:
                /[a-z]$/.test(before) || /^[a-z]/.test(after)
                  ? []
                  : behind(cuts, before.length, (before + spelled + after).length),
            })),
          { minLength: 1, maxLength: 6 },
        ),
      }),
    )
    .filter(({ own, shown }) => own !== shown);

let last: Page | undefined;
/** Otherwise every page so far would go on ticking. */
function closeLast(): void {
  vi.clearAllTimers();
  last?.window.close();
}

/** A page with all these texts, once the server has given the number to show. */
async function open({ country, own, shown }: Pick<Case, 'country' | 'own' | 'shown'>, html: string) {
  const target = `+${country}${own}`;
  closeLast();
  const page = openPage('happy-dom', {
    html,
    config: { targets: [target], pooled: [target], codes: [`+${country}`] },
    numbers: { [target]: display(country, shown) },
  });
  last = page;
  const before = page.document.body.outerHTML;
  await page.settle();
  return { page, before, after: page.document.body.outerHTML };
}
const textOf = ({ before, spelled, after }: Case['items'][number], number: string) =>
  before + spell(spelled, number) + after;
const htmlOf = ({ items, own }: Case, of = own) =>
  items.map((item) => `<p>${markUp(textOf(item, of), item.cuts)}</p>`).join('');
const shape = (html: string) => html.replace(/[\d\uff10-\uff19]/g, '#');

const RUNS = { numRuns: 300 };
const RUN_MS = 120_000;

test(
  'a number is found in any spelling and any split, and its digits alone are exchanged, in their places',
  async () => {
    await fc.assert(
      fc.asyncProperty(cases(AROUND, 'any'), async (given) => {
        const { page, before, after } = await open(given, htmlOf(given));
        const paragraphs = [...page.document.querySelectorAll('p')].map(({ textContent }) => textContent);
        expect(paragraphs).toEqual(given.items.map((item) => textOf(item, given.shown)));
        expect(shape(after)).toBe(shape(before));
      }),
      RUNS,
    );
  },
  RUN_MS,
);

test(
  'swapping twice is swapping once, and restoring gives the document back byte for byte',
  async () => {
    await fc.assert(
      fc.asyncProperty(cases([...AROUND, ...INSIDE], 'any'), async (given) => {
        const { page, before, after } = await open(given, htmlOf(given));
        page.api.swap();
        await page.settle(20);
        expect(page.document.body.outerHTML).toBe(after);
        page.api.restore();
        await page.settle(20);
        expect(page.document.body.outerHTML).toBe(before);
        page.api.swap();
        await page.settle(20);
        expect(page.document.body.outerHTML).toBe(after);
      }),
      RUNS,
    );
  },
  RUN_MS,
);

test(
  'digits that are part of something else stay, whatever the markup',
  async () => {
    await fc.assert(
      fc.asyncProperty(cases(INSIDE, 'none'), async (given) => {
        const { before, after } = await open(given, htmlOf(given));
        expect(after).toBe(before);
      }),
      RUNS,
    );
  },
  RUN_MS,
);

test(
  'a page without the number stays byte for byte, whatever digits are on it',
  async () => {
    const noise = fc.stringMatching(/^[ 0-9().+/a-zA-Z@:-]{0,40}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          country: fc.constantFrom('1', '44', '33'),
          own: national(9),
          shown: national(9),
          texts: fc.array(fc.tuple(noise, pieces), { minLength: 1, maxLength: 8 }),
        }),
        async ({ texts, ...given }) => {
          fc.pre(
            !texts
              .map(([text]) => text)
              .join('')
              .replace(/\D/g, '')
              .includes(given.own),
          );
          const html = texts
            .map(([text, cuts]) => `<p title="${text}">${text && markUp(text, cuts)}</p>`)
            .join('');
          const { before, after } = await open(given, html);
          expect(after).toBe(before);
        },
      ),
      RUNS,
    );
  },
  RUN_MS,
);

test(
  'another number’s digits one off are not the number',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(AROUND, 'any'),
        fc.nat(8),
        fc.integer({ min: 1, max: 9 }),
        async (given, place, by) => {
          const other = [...given.own]
            .map((digit, at) => (at === place ? (Number(digit) + by) % 10 : digit))
            .join('');
          const { before, after } = await open(given, htmlOf(given, other));
          expect(after).toBe(before);
        },
      ),
      RUNS,
    );
  },
  RUN_MS,
);

test(
  'a number of another length is written whole, to be dialled as it is: no digit of the old one is left, none of the new one missing',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(
          AROUND.filter(([before, after]) => !/\d/.test(before + after)),
          'any',
          (numbering) => lengthOf(numbering) - 1,
          // In North America there is but one length.
        ).filter(({ country }) => country !== '1'),
        async (given) => {
          const { page, before } = await open(given, htmlOf(given));
          for (const paragraph of page.document.querySelectorAll('p')) {
            const written = (paragraph.textContent ?? '').normalize('NFKC').replace(/\D/g, '');
            expect([trunkOf(given.country) + given.shown, given.country + given.shown]).toContain(written);
          }
          page.api.restore();
          await page.settle(20);
          expect(page.document.body.outerHTML).toBe(before);
        },
      ),
      RUNS,
    );
  },
  RUN_MS,
);
