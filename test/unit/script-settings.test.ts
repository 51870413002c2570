import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { indexDirectory } from '../../server/domain/directory.js';
import type { Company, ScriptSettings, Tracker } from '../../server/domain/ports.js';
import { faultOfAddress, faultOfSelector } from '../../server/domain/script-settings.js';
import type { ScriptConfig } from '../../shared/contract/visitor.js';
import { aCompany, aTracker } from '../support/directory.js';

function configOf(script: Partial<ScriptSettings>, more: Partial<Company> = {}, trackers?: Tracker[]) {
  const company = aCompany({ script, ...more });
  const directory = { version: '1', companies: [company], trackers: trackers ?? [aTracker()] };
  return indexDirectory(directory).scriptConfig(company);
}

describe('the configuration of the script', () => {
  const ALL: (keyof ScriptConfig)[] = [
    'consent',
    'refusals',
    'keep',
    'keep_urls',
    'code',
    'data_layer',
    'texts',
  ];

  test('has nothing of what is as usual', () => {
    const usual: Partial<ScriptSettings>[] = [
      {},
      { consent: 'granted', gpc: 'mark', dnt: 'ignore', keepSelectors: [], keepUrls: [] },
      { swapCode: false, dataLayer: false },
    ];
    for (const script of usual) {
      const config = configOf(script);
      for (const name of ALL) expect(config).not.toHaveProperty(name);
    }
  });

  test('has what was set, and another version then', () => {
    const config = configOf({
      consent: 'wait',
      gpc: 'deny',
      dnt: 'deny',
      keepSelectors: ['footer .legal', '#imprint'],
      keepUrls: ['/legal/*'],
      swapCode: true,
      dataLayer: true,
    });
    expect(config).toMatchObject({
      consent: 'wait',
      refusals: ['globalPrivacyControl', 'doNotTrack'],
      keep: 'footer .legal,#imprint',
      code: true,
      data_layer: true,
    });
    expect(config.version).not.toBe(configOf({}).version);
  });

  test('asks for consent also where the company is disabled', () => {
    expect(configOf({ consent: 'wait', gpc: 'deny' }, { active: false })).toMatchObject({
      consent: 'wait',
      refusals: ['globalPrivacyControl'],
      targets: [],
    });
  });

  describe('as to texts', () => {
    const FLOWERS = { '1-800-FLOWERS': '###phone###' };
    const source = (name: string, rule: object, more: Partial<Tracker>) =>
      aTracker({ trackerId: name, type: 'source', source: { ...rule }, ...more });
    const textsOf = (trackers: Tracker[], more: Partial<Company> = {}) => configOf({}, more, trackers);

    test('has each with the first target of its tracker, which is a target then', () => {
      const config = textsOf([
        aTracker({ textTargets: FLOWERS, swapTargets: ['+13055550100', '+13055550101'] }),
      ]);
      expect(config.texts).toEqual([['1-800-FLOWERS', '+13055550100', '###phone###']]);
      expect(config.targets).toContain('+13055550100');
      expect(config.pooled).toContain('+13055550100');
    });

    test('has one that several trackers name once for each target, as the first of them says', () => {
      const config = textsOf([
        aTracker({ textTargets: { ...FLOWERS, 'call us': 'Call ###phone-dots###' } }),
        source(
          'yelp',
          { type: 'web_referrer', referrer: 'yelp.com' },
          {
            textTargets: { '1-800-FLOWERS': '###phone-dashes###' },
          },
        ),
        source('all', { type: 'all' }, { textTargets: FLOWERS, swapTargets: ['+13055550199'] }),
      ]);
      expect(config.texts).toEqual([
        ['1-800-FLOWERS', '+13055550100', '###phone-dashes###'],
        ['1-800-FLOWERS', '+13055550199', '###phone###'],
        ['call us', '+13055550100', 'Call ###phone-dots###'],
      ]);
    });

    test('has none of trackers that are never on a page, or whose company is disabled', () => {
      const flyer = source('flyer', { type: 'offline' }, { textTargets: FLOWERS });
      expect(textsOf([flyer])).not.toHaveProperty('texts');
      expect(textsOf([aTracker({ textTargets: FLOWERS, active: false })])).not.toHaveProperty('texts');
      expect(textsOf([aTracker({ textTargets: FLOWERS })], { active: false })).not.toHaveProperty('texts');
    });
  });
});

describe('a selector', () => {
  test.each([
    '.legal',
    '#footer > .imprint a[href^="tel:"]',
    'footer, .legal',
    'div:not(.a):nth-child(2n + 1)',
    "[data-x='}{;']",
    'a[href*="/*"]',
    '.md\\:hidden',
    ':is(h1, h2)::before',
    'größe-✓',
  ])('may be %s', (selector) => {
    expect(faultOfSelector(selector)).toBeNull();
  });

  test.each([
    '',
    'x'.repeat(201),
    'a { color: red',
    '.a}',
    '.a /* b */',
    '.a[href',
    '.a:not(.b',
    '.a]',
    '[a=(]',
    ':not([)]',
    '[a="b]',
    "it's",
    '.a,',
    ', .a',
    '.a,,.b',
    '> .a',
    '.a +',
    '.a\\',
    '.a\n.b',
    '</script>',
    '@media x',
    '\ud800',
  ])('cannot be %j', (selector) => {
    expect(faultOfSelector(selector)).not.toBeNull();
  });

  test('that not every browser may know is asked where it spoils no other', () => {
    const keepOf = (...keepSelectors: string[]) => configOf({ keepSelectors }).keep;
    expect(keepOf('.a', 'a[href^="tel:" i] > b.c', 'x:hover', '.b')).toBe(
      '.a,a[href^="tel:" i] > b.c,:is(x:hover),.b',
    );
    expect(keepOf('a > > b', '.5', '..a', 'a b')).toBe(':is(a > > b),:is(.5),:is(..a),a b');
  });
});

describe('an address that keeps its numbers', () => {
  const expressionOf = (...keepUrls: string[]) => new RegExp(configOf({ keepUrls }).keep_urls ?? '(?!)');
  const SITE = 'https://www.example.com';

  test.each<[string, fits: string[], others: string[]]>([
    [
      '/legal',
      ['/legal', '/legal/', '/legal?a=b', '/legal#c', '/legal/?a'],
      ['/legal/x', '/legality', '/x/legal', '/'],
    ],
    ['/legal/', ['/legal', '/legal/'], ['/legal/x']],
    ['/legal/*', ['/legal/', '/legal/a/b?c=d#e'], ['/legal', '/x/legal/', '/?/legal/']],
    ['/legal*', ['/legal', '/legality'], ['/x']],
    ['/', ['/', '/?a=b', '/#c'], ['/a']],
    ['/*', ['/', '/a/b'], []],
    ['/*/print', ['/a/print', '/a/b/print/?x'], ['/print', '/a/print/b', '/a?/print']],
    ['*/print', ['/print', '/a/print'], ['/print/b', '/?x=/print']],
    ['/a/*/b/*/c', ['/a/1/b/2/c', '/a/1/2/b/b/c', '/a/b/b/x/b/c/c'], ['/a/b/c', '/a/1/c/2/b']],
    ['/a/*/b/*', ['/a/1/b/', '/a/1/2/b/3'], ['/a/1/b', '/a/b/']],
    ['/s?q=1', ['/s?q=1', '/s?q=1#x'], ['/s?q=12', '/s', '/s/?q=1']],
    ['/s?*q=1*', ['/s?q=1', '/s?a=b&q=12#c'], ['/s#?q=1', '/s']],
    ['/#/imprint', ['/#/imprint'], ['/', '/#/imprint/x', '/?#/imprint']],
    ['/#/*', ['/#/', '/#/a?b'], ['/']],
    ['/a.b(c)[d]+$^|\\', ['/a.b(c)[d]+$^|\\'], ['/aXb(c)[d]+$^|\\']],
    ['/über-uns', ['/%C3%BCber-uns'], ['/über']],
  ])('%s', (address, fits, others) => {
    const expression = expressionOf(address);
    for (const path of fits) expect([path, expression.test(SITE + path)]).toEqual([path, true]);
    for (const path of others) expect([path, expression.test(SITE + path)]).toEqual([path, false]);
  });

  test('may name its host, with its scheme or without', () => {
    for (const address of [
      'WWW.Example.com/legal',
      'https://www.example.com/legal/',
      '//www.example.com/legal',
    ]) {
      const expression = expressionOf(address);
      expect(expression.test(`${SITE}/legal`)).toBe(true);
      expect(expression.test('http://www.example.com/legal')).toBe(true);
      expect(expression.test('https://example.com/legal')).toBe(false);
      expect(expression.test('https://evil.net/www.example.com/legal')).toBe(false);
      expect(expression.test('https://wwwXexample.com/legal')).toBe(false);
    }
    expect(expressionOf('*.example.com/*').test('https://shop.example.com/a')).toBe(true);
    expect(expressionOf('www.example.com').test(`${SITE}/?a=b`)).toBe(true);
    expect(expressionOf('www.example.com').test(`${SITE}/a`)).toBe(false);
    expect(expressionOf('localhost:3000/*').test('http://localhost:3000/a')).toBe(true);
  });

  test.each([
    '',
    'legal',
    'javascript:alert(1)',
    'a b.com',
    'ftp://x.example/',
    'x@y.example',
    '/\n',
    `/${'x'.repeat(500)}`,
    '/\ud800',
  ])('is not %j', (address) => {
    expect(faultOfAddress(address)).not.toBeNull();
  });

  // Few letters, so that they meet.
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '*'), maxLength: 10 });

  test('fits what a plain reading of its wildcards fits, alone and among others', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), word, (patterns, path) => {
        const addresses = patterns.map((pattern) => `/${pattern.replace(/^\/+/, '')}`);
        const url = `/${path.replace(/\*/g, 'c')}`;
        const expected = addresses.some((address) => fitsPlainly(address, url));
        expect(expressionOf(...addresses).test(SITE + url)).toBe(expected);
        expect(expressionOf(...addresses).test(`${SITE}${url}?a=b#c`)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  test('is judged in time that grows with the length of the page’s address, not faster', () => {
    const hostile = Array.from({ length: 50 }, (_, at) => `/${'*a'.repeat(40)}*b${at}`);
    const expression = expressionOf(...hostile);
    const began = performance.now();
    expect(expression.test(`${SITE}/${'a'.repeat(100_000)}`)).toBe(false);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

/** What a wildcard means, without cleverness: it tries every way. */
function fitsPlainly(pattern: string, path: string): boolean {
  const fits = (p: string, s: string): boolean => {
    if (p === '') return s === '';
    if (p[0] === '*') return fits(p.slice(1), s) || (s !== '' && fits(p, s.slice(1)));
    return p[0] === s[0] && fits(p.slice(1), s.slice(1));
  };
  const whole = pattern.replace(/\/$/, '');
  return fits(pattern, path) || fits(whole, path) || fits(`${whole}/`, path);
}
