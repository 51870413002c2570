import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countryCodes, spell } from '../../server/domain/phone-numbers.js';
import {
  createFinder as createFinderOf,
  type NumberFinder,
  parseSpellings,
  type Spellings,
  writeLike,
} from '../../shared/phone.js';

const TARGET = '+13055550100';
const OTHER = '+13055550199';
const SHOWN: Spellings = {
  e164: '+17865550123',
  national: '(786) 555-0123',
  national_string: '7865550123',
  international: '+1 786 555 0123',
};
const LONDON = '+442079460018';
const LONDON_SHOWN: Spellings = {
  e164: '+442079460777',
  national: '020 7946 0777',
  national_string: '2079460777',
  international: '+44 20 7946 0777',
};

/** A finder of numbers of the countries that occur here. */
const createFinder = (numbers: string[], texts?: [string][]) =>
  createFinderOf(
    numbers,
    ['+1', '+44', '+49', '+7', '+33', '+39', '+81', '+55', '+46', '+353', '+61', '+52', '+86'],
    texts,
  );

/** `text` with every target in it replaced by what `write` returns for it. */
function replaceAll(finder: NumberFinder, text: string, write: (target: string, written: string) => string) {
  let result = '';
  let copied = 0;
  for (const [target, written, at] of finder.find(text)) {
    result += text.slice(copied, at) + write(target, written);
    copied = at + written.length;
  }
  return result + text.slice(copied);
}

const swap = (text: string, shown: Spellings = SHOWN, target = TARGET) =>
  replaceAll(createFinder([target]), text, (found, written) => writeLike(written, found, shown));

describe('a number is found and keeps its shape, written', () => {
  test.each([
    ['(305) 555-0100', '(786) 555-0123'],
    ['305-555-0100', '786-555-0123'],
    ['305.555.0100', '786.555.0123'],
    ['305 555 0100', '786 555 0123'],
    ['305/555/0100', '786/555/0123'],
    ['3055550100', '7865550123'],
    ['305 - 555 - 0100', '786 - 555 - 0123'],
    ['305\u00a0555\u202f0100', '786\u00a0555\u202f0123'],
    ['305\u2009555\u20110100', '786\u2009555\u20110123'],
    ['305\u2013555\u22120100', '786\u2013555\u22120123'],
    ['305\u00b7555\u00b70100', '786\u00b7555\u00b70123'],
    ['305\u2022555\u20220100', '786\u2022555\u20220123'],
    ['\u200e305\u00ad555\u200b0100', '\u200e786\u00ad555\u200b0123'],
    ['+1 (305) 555-0100', '+1 (786) 555-0123'],
    ['+13055550100', '+17865550123'],
    ['1-305-555-0100', '1-786-555-0123'],
    ['1 (305) 555-0100', '1 (786) 555-0123'],
    ['001 305 555 0100', '001 786 555 0123'],
    ['011 1 305 555 0100', '011 1 786 555 0123'],
    ['(+1) 305 555 0100', '(+1) 786 555 0123'],
    ['３０５－５５５－０１００', '７８６－５５５－０１２３'],
    ['（３０５）555-0100', '（７８６）555-0123'],
    ['(305)\n555-0100', '(786)\n555-0123'],
  ])('%j', (written, expected) => {
    expect(swap(written)).toBe(expected);
  });

  test.each([
    ['020 7946 0018', '020 7946 0777'],
    ['(020) 7946 0018', '(020) 7946 0777'],
    ['+44 20 7946 0018', '+44 20 7946 0777'],
    ['+44 (0)20 7946 0018', '+44 (0)20 7946 0777'],
    ['+44 (0) 20 7946 0018', '+44 (0) 20 7946 0777'],
    ['0044 20 7946 0018', '0044 20 7946 0777'],
    ['44 20 7946 0018', '44 20 7946 0777'],
  ])('%j, in London', (written, expected) => {
    expect(swap(written, LONDON_SHOWN, LONDON)).toBe(expected);
  });

  test.each([
    ['+74955550100', '+74995550199', '8 (495) 555-01-00', '8 (499) 555-01-99'],
    ['+37052123456', '+37052987654', '8-5-212 3456', '8-5-298 7654'],
    ['+375171234567', '+375179876543', '8-017-123-45-67', '8-017-987-65-43'],
    ['+380441234567', '+380443334455', '+38 (044) 123-45-67', '+38 (044) 333-44-55'],
    ['+380441234567', '+380443334455', '8 (044) 123-45-67', '8 (044) 333-44-55'],
    ['+40213166666', '+40314259999', '+4 021 316 66 66', '+4 031 425 99 99'],
    ['+3612345678', '+3618765432', '(06-1) 234-5678', '(06-1) 876-5432'],
    ['+36301234567', '+36309876543', '06301234567', '06309876543'],
    ['+525512345678', '+525587654321', '01-55-1234-5678', '01-55-8765-4321'],
    ['+525512345678', '+525587654321', '5215512345678', '5215587654321'],
    ['+919876543210', '+917654321098', '091 98765 43210', '091 76543 21098'],
    ['+390612345678', '+390698765432', '06.12345678', '06.98765432'],
    ['+81312345678', '+81398765432', '03（1234）5678', '03（9876）5432'],
    ['+81312345678', '+81398765432', 'TEL（03）1234-5678', 'TEL（03）9876-5432'],
  ])('with the prefixes of its country, %s as %s: %j', (target, shown, written, expected) => {
    const finder = createFinderOf([target], countryCodes([target]));
    expect(replaceAll(finder, written, (found, old) => writeLike(old, found, spell(shown)))).toBe(expected);
    expect(finder.spans(written)).toHaveLength(1);
  });
});

describe('a number in a sentence is found', () => {
  test.each([
    ['Call (305) 555-0100.', 'Call (786) 555-0123.'],
    ['Call 305-555-0100, or write.', 'Call 786-555-0123, or write.'],
    ['(call 305-555-0100)', '(call 786-555-0123)'],
    ['(305-555-0100)', '(786-555-0123)'],
    ['Tel.305-555-0100', 'Tel.786-555-0123'],
    ['Phone:305-555-0100', 'Phone:786-555-0123'],
    ['電話3055550100まで', '電話7865550123まで'],
    ['Suite 91 305-555-0100', 'Suite 91 786-555-0123'],
    ['open 24/7 305-555-0100', 'open 24/7 786-555-0123'],
    ['from 9:00 305-555-0100', 'from 9:00 786-555-0123'],
    ['305-555-0100 24/7', '786-555-0123 24/7'],
    ['305-555-0100x12', '786-555-0123x12'],
    ['305-555-0100 ext. 12', '786-555-0123 ext. 12'],
    ['305-555-0100 305-555-0100', '786-555-0123 786-555-0123'],
    ['305-555-0100, 305-555-0100', '786-555-0123, 786-555-0123'],
    ['305-555-0100305-555-0100', '786-555-0123786-555-0123'],
    ['305-555-0100/305-555-0188', '786-555-0123/305-555-0188'],
    ['(305) 555-0188/(305) 555-0100', '(305) 555-0188/(786) 555-0123'],
    ['(305)555-0188(305)555-0100', '(305)555-0188(786)555-0123'],
    ['3055550188,3055550100', '3055550188,7865550123'],
    ['305-555-0100/24 hrs', '786-555-0123/24 hrs'],
    ['Suite #1 (305) 555-0100', 'Suite #1 (786) 555-0123'],
    ['Item #1 305-555-0100', 'Item #1 786-555-0123'],
    ['Open 9-1 (305) 555-0100', 'Open 9-1 (786) 555-0123'],
    ['Suite 200 (305) 555-0100', 'Suite 200 (786) 555-0123'],
    ['Hwy US41 (305) 555-0100', 'Hwy US41 (786) 555-0123'],
    ['Tel305-555-0100', 'Tel786-555-0123'],
    ['Ph#305-555-0100', 'Ph#786-555-0123'],
    ['+1 305-555-0100 / +1 305-555-0100', '+1 786-555-0123 / +1 786-555-0123'],
    ['<b>305-555-0100</b>', '<b>786-555-0123</b>'],
  ])('%j', (text, expected) => {
    expect(swap(text)).toBe(expected);
  });
});

describe('digits that are part of something else stay', () => {
  test.each([
    ['a longer number', '93055550100'],
    ['a longer number', '30555501001'],
    ['a longer number in full width', '９3055550100'],
    ['a longer number in groups', '12-305-555-0100'],
    ['a longer number in groups', '9(305) 555-0100'],
    ['a longer number in groups', '305-555-0100-44'],
    ['a longer number in groups', '1.305.555.0100.9'],
    ['a card number', '3055 5501 0042 4242'],
    ['a decimal', '3055550100.50'],
    ['a decimal', '0.3055550100'],
    ['a decimal that has just these digits', '305.5550100'],
    ['a decimal with a comma', '3055550100,5'],
    ['a price', '$3055550100'],
    ['a percentage', '%3055550100'],
    ['an order number', '#3055550100'],
    ['an order number', 'ORD-3055550100'],
    ['an order number', 'SKU3055550100'],
    ['a hash', '3055550100f3ab'],
    ['an IBAN', 'DE89 3055 5501 00'],
    ['an IBAN', 'GB29 NWBK 3055 5501 00'],
    ['an IBAN', 'DE89 3055550100'],
    ['a path', '/3055550188/3055550100'],
    ['a range', '305-555-0100 / 0101'],
    ['a range', '305-555-0100 & 0101'],
    ['a range', '305-555-0100, 0101, 0102'],
    ['a range', '305-555-0100 / 01'],
    ['a URL path', 'https://example.com/3055550100'],
    ['a URL path', 'https://example.com/a-b/305-555-0100/'],
    ['a URL path', 'example.com/p:3055550100'],
    ['a URL parameter', 'https://example.com/?id=3055550100'],
    ['a file name', '3055550100.jpg'],
    ['a slug', '305-555-0100-main-street'],
    ['an e-mail', '3055550100@example.com'],
    ['an e-mail', '3055550100.jobs@example.com'],
    ['a handle', '@3055550100'],
    ['a number of another country', '+44 3055550100'],
    ['a number of another country', '+443055550100'],
    ['a number of another country', '+49 (0) 305 555 0100'],
    ['a number of another country', '0057 305 555 0100'],
    ['a number of another country', 'Tel 0049 305 5550100'],
    ['a number of another country', '57 305 555 0100'],
    ['a number of another country', 'Tel: 57 305 555 0100'],
    ['a number of another country', 'Tel (57) 305 555 0100'],
    ['a number of another country', '8 (305) 555-01-00'],
    ['a number of another country', 'Tel 0 (305) 555 01 00'],
    ['a number of another country', '01305 555 0100'],
    ['a date in front', '2024-305-555-0100'],
  ])('%s: %j', (_, text) => {
    expect(swap(text)).toBe(text);
  });
});

/** The site's own number and the one shown, in countries where people write it without a prefix, or a short one. */
describe('what stands before a number is a figure, or belongs to a longer one', () => {
  const NUMBERS: Record<string, string> = {
    '+4722865500': '+4721935577',
    '+551133334444': '+551155556666',
    '+34915550123': '+34910556789',
    '+74951234567': '+74994445566',
    '+442079460018': '+442079460777',
    '+493012345678': '+493087654321',
    '+35226123456': '+35226987654',
    '+85221234567': '+85238765432',
    '+6561234567': '+6569876543',
  };
  const finder = createFinderOf(Object.keys(NUMBERS), countryCodes(Object.keys(NUMBERS)));
  const swapped = (text: string) =>
    replaceAll(finder, text, (found, written) => writeLike(written, found, spell(NUMBERS[found] as string)));

  test.each([
    ['8:00-20:00 22 86 55 00', '8:00-20:00 21 93 55 77'],
    ['9h00 22 86 55 00', '9h00 21 93 55 77'],
    ['Postboks 100 22 86 55 00', 'Postboks 100 21 93 55 77'],
    ['Lun-Vie 9:00-18:00 915 550 123', 'Lun-Vie 9:00-18:00 910 556 789'],
    ['Calle Mayor 10 - 915 550 123', 'Calle Mayor 10 - 910 556 789'],
    ['CEP 01310-100 - (11) 3333-4444', 'CEP 01310-100 - (11) 5555-6666'],
    ['18:00 (11) 3333-4444', '18:00 (11) 5555-6666'],
    ['(11)3333-4444/3333-4445', '(11)5555-6666/3333-4445'],
    ['Пн-Пт 9-18 (495) 123-45-67', 'Пн-Пт 9-18 (499) 444-55-66'],
    ['London SW15 020 7946 0018', 'London SW15 020 7946 0777'],
    ['SE10 call 020 7946 0018', 'SE10 call 020 7946 0777'],
    ['915 550 123, 24 horas', '910 556 789, 24 horas'],
    ['915 550 123/24 h', '910 556 789/24 h'],
    ['22 86 55 01 22 86 55 00', '22 86 55 01 21 93 55 77'],
  ])('a figure: %j', (text, expected) => {
    expect(swapped(text)).toBe(expected);
  });

  test.each([
    '06 22 86 55 00',
    'Tél. 06 22 86 55 00',
    '1 22 86 55 00',
    '0031 6 22865500',
    '(+31) 6 22865500',
    '01 26 12 34 56',
    '(02) 2123-4567',
    'Tel (03) 6123 4567',
    '0043 30 12345678',
    '00 41 (0)30 12345678',
    '(351) 915 550 123',
    '00351 915 550 123',
    '1030 12345678',
  ])('a longer number: %j', (text) => {
    expect(swapped(text)).toBe(text);
  });
});

describe('where length or country differ, the closest spelling is written', () => {
  test.each([
    ['(305) 555-0100', '+44 20 7946 0777'],
    ['3055550100', '+442079460777'],
    ['+13055550100', '+442079460777'],
    ['(call 305-555-0100)', '(call +44 20 7946 0777)'],
    ['(305-555-0100)', '(+44 20 7946 0777)'],
    ['(3055550100)', '(+442079460777)'],
  ])('%j: %j', (written, expected) => {
    expect(swap(written, LONDON_SHOWN)).toBe(expected);
  });

  const short = {
    e164: '+498912345',
    national: '089 12345',
    national_string: '8912345',
    international: '+49 89 12345',
  };
  test.each([
    ['030 9876543', '089 12345'],
    ['0309876543', '08912345'],
    ['+49 30 9876543', '+49 89 12345'],
    ['0049 30 9876543', '+49 89 12345'],
    ['+49309876543', '+498912345'],
    ['309876543', '08912345'],
    ['(0)309876543', '089 12345'],
  ])('%j: %j', (written, expected) => {
    expect(swap(written, short, '+49309876543')).toBe(expected);
  });
});

test('each of many targets is found by its own name', () => {
  const targets = Array.from({ length: 100 }, (_, n) => `+1305555${String(n + 1000)}`);
  const found = createFinder(targets).find('305-555-1007, 1 (305) 555-1099 and 3055551000');
  expect(found.map(([target]) => target)).toEqual(['+13055551007', '+13055551099', '+13055551000']);
});

test('a target that begins another is not taken for it', () => {
  const finder = createFinder(['+4930123456', '+49301234567']);
  expect(finder.exact('030 1234567')).toBe('+49301234567');
  expect(finder.exact('030 123456')).toBe('+4930123456');
});

test('a text is found as it is, without the parentheses around it', () => {
  expect(replaceAll(createFinder([TARGET], [['1-800-FLOWERS']]), '(1-800-FLOWERS)', () => 'x')).toBe('(x)');
});

test('no target finds nothing', () => {
  expect(replaceAll(createFinder([]), '305-555-0100', () => 'x')).toBe('305-555-0100');
  expect(createFinder(['305-555-0100', '', 'x']).exact('305-555-0100')).toBeUndefined();
});

test.each([
  ['305-555-0100', TARGET],
  ['  +1 (305) 555-0100 ', TARGET],
  ['305-555-0100 305-555-0199', undefined],
  ['call 305-555-0100', undefined],
  ['305-555-0198', undefined],
  ['', undefined],
])('%j spells %s and nothing else', (text, target) => {
  expect(createFinder([TARGET]).exact(text)).toBe(target);
});

describe('only a number is a number', () => {
  test('all spellings, and no more than them, come back', () => {
    expect(parseSpellings({ ...SHOWN, shared: true, more: 1 })).toEqual(SHOWN);
  });
  test.each<[string, unknown]>([
    ['nothing', null],
    ['nothing', undefined],
    ['text', 'CALL-NOW'],
    ['letters', { ...SHOWN, national: '(786) CALL-NOW' }],
    ['markup', { ...SHOWN, national: '<img src=x>0123' }],
    ['no E.164', { ...SHOWN, e164: '7865550123' }],
    ['too short for its country', { ...SHOWN, e164: '+1650123' }],
    ['a spelling of another number', { ...SHOWN, national: '(900) 555-9999' }],
    ['a spelling that is missing', { ...SHOWN, international: undefined }],
    ['a spelling without end', { ...SHOWN, national: `${'1'.repeat(1000)}0123` }],
    ['a list', [SHOWN]],
  ])('%s is not', (_, value) => {
    expect(parseSpellings(value)).toBeUndefined();
  });
});

const separator = fc
  .array(
    fc.constantFrom(
      ' ',
      '\u00a0',
      '\u202f',
      '\u2009',
      '-',
      '\u2010',
      '\u2013',
      '.',
      '\u00b7',
      '/',
      '(',
      ')',
      '\u200b',
    ),
    {
      maxLength: 4,
    },
  )
  .map((parts) => parts.join(''));
const prefix = fc.constantFrom('', '1', '+1', '001', '0111');
const written = fc
  .tuple(prefix, fc.array(separator, { minLength: 11, maxLength: 11 }), fc.boolean())
  .map(([before, between, wide]) => {
    const digits = [...'3055550100'].map(
      (digit, place) => (place === 0 && !before ? '' : between[place]) + digit,
    );
    const text = before + digits.join('');
    return wide && !before
      ? text.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))
      : text;
  });
const digitsOf = (text: string) => text.normalize('NFKC').replace(/\D/g, '');

describe('whatever stands between the digits', () => {
  test('the number is found, its shape stays, and its digits are the new ones', () => {
    fc.assert(
      fc.property(written, (text) => {
        const swapped = swap(`Call ${text} now`).slice(5, -4);
        expect(swapped.replace(/[\d０-９]/g, '')).toBe(text.replace(/[\d０-９]/g, ''));
        expect(digitsOf(swapped)).toBe(digitsOf(text).replace('3055550100', '7865550123'));
      }),
    );
  });

  test('swapping twice is swapping once', () => {
    fc.assert(
      fc.property(written, fc.string(), fc.string(), (number, before, after) => {
        const once = swap(`${before}${number}${after}`);
        expect(swap(once)).toBe(once);
      }),
    );
  });

  test('swapping there and back is nothing', () => {
    const original = { ...SHOWN, e164: TARGET };
    fc.assert(
      fc.property(written, (text) => {
        expect(swap(swap(`Call ${text} now`), original, SHOWN.e164)).toBe(`Call ${text} now`);
      }),
    );
  });

  test('inside a longer run of digits nothing changes', () => {
    const more = fc.stringMatching(/^[0-9]{1,20}$/);
    fc.assert(
      fc.property(more, more, fc.constantFrom('both', 'before', 'after'), (before, after, where) => {
        // In front of ten digits a 1 is the country's.
        fc.pre(where === 'after' || !/^(?:011|00)?1$/.test(before));
        const text = `${where === 'after' ? '' : before}3055550100${where === 'before' ? '' : after}`;
        expect(swap(text)).toBe(text);
      }),
    );
  });

  test('no other number changes', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[2-9][0-9]{9}$/), separator, (digits, between) => {
        fc.pre(digits !== '3055550100');
        const text = `Call ${digits.slice(0, 3)}${between}${digits.slice(3)} now`;
        expect(swap(text)).toBe(text);
      }),
    );
  });
});

test.each([
  ['digits', '305555010'.repeat(50_000)],
  ['separators', `305${' '.repeat(400_000)}`],
  ['dashes', '3-0-5-'.repeat(70_000)],
  ['near misses', '305-555-010 '.repeat(30_000)],
  ['matches inside longer ones', '-3055550100-'.repeat(30_000)],
  ['plus signs', '+'.repeat(400_000)],
  ['thin spaces', `12345678 305${'\u2009'.repeat(400_000)}`],
  ['numbers with nothing between them', `${'3055550100'.repeat(40_000)}1`],
  ['wide digits apart', `${'\uff11*'.repeat(200_000)}a`],
  ['capitals before a match', `${'AA00'.repeat(100_000)} 3055550100`],
])('400 KB of %s take no time', (_, text) => {
  const finder = createFinder([TARGET, OTHER, LONDON]);
  const start = performance.now();
  finder.find(text);
  // Some milliseconds on a quiet machine; a step that is not linear takes minutes.
  expect(performance.now() - start).toBeLessThan(2000);
});
