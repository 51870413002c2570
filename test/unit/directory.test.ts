import { describe, expect, test } from 'vitest';
import { indexDirectory } from '../../server/domain/directory.js';
import type { Company, Tracker } from '../../server/domain/ports.js';
import { judgeVisit } from '../../shared/visit-evidence.js';
import { aCompany, aTracker } from '../support/directory.js';

const TARGET = '+13055550100';
const SITE = 'https://www.example.com/';

const COMPANY = aCompany();

const tracker = (name: string, source: Record<string, unknown>, more: Partial<Tracker> = {}) =>
  aTracker({ trackerId: name, name, type: 'source', source, ...more });

const pool = (source: Record<string, unknown>) => tracker('pool', source, { type: 'session' });
const index = (trackers: Tracker[], company: Partial<Company> = {}) =>
  indexDirectory({ version: '1', companies: [{ ...COMPANY, ...company }], trackers });

/** The tracker that serves a visitor who landed on `path` from `referrer`. */
function servedBy(trackers: Tracker[], path: string, referrer = 'direct'): string | undefined {
  return index(trackers).trackerFor('COM1', TARGET, { landing: SITE + path, referrer })?.name;
}

describe('a pool for some visitors', () => {
  const GOOGLE = 'https://www.google.com/';
  test.each<[Record<string, unknown>, path: string, referrer: string, boolean]>([
    [{ type: 'all' }, '', 'direct', true],
    [{ type: 'direct' }, '', 'direct', true],
    [{ type: 'direct' }, '', GOOGLE, false],
    [{ type: 'direct' }, '', 'https://www.paypal.com/', true],
    [{ google: ['paid'] }, '?gclid=a', GOOGLE, true],
    [{ google: ['paid'] }, '', GOOGLE, false],
    [{ google: ['organic'] }, '', GOOGLE, true],
    [{ google: ['organic'] }, '?utm_source=gmb', GOOGLE, true],
    [{ google: ['local'] }, '?utm_source=gmb', GOOGLE, true],
    [{ google: ['local'] }, '?utm_source=google&utm_medium=organic&utm_campaign=gbp', '', true],
    [{ google: ['local'] }, '', GOOGLE, false],
    [{ google: ['paid', 'organic'] }, '', 'https://www.bing.com/', false],
    [{ google: ['paid'], bing: ['organic'] }, '', 'https://www.bing.com/', true],
    [{ yahoo: ['organic'] }, '', 'https://search.yahoo.com/', true],
    [{ yahoo: ['paid'] }, '?utm_source=yahoo&utm_medium=cpc', '', true],
    [{ landing: ['/spring', 'utm_campaign=x'] }, 'spring/offer', '', true],
    [{ landing: ['/spring', 'utm_campaign=x'] }, '?utm_campaign=x', '', true],
    [{ landing: ['/spring'] }, 'autumn', '', false],
    [{ referrer: ['yelp.com'] }, '', 'https://m.yelp.com/', true],
    [{ referrer: ['yelp'] }, '', 'https://www.yelp.co.uk/', true],
    [{ referrer: ['yelp'] }, '', 'https://notyelp.com/', false],
    [{ referrer: ['yelp'] }, '', 'https://yelp.evil.net/', false],
    [{ google: ['paid'], inverted: true }, '?gclid=a', GOOGLE, false],
    [{ google: ['paid'], inverted: true }, '', GOOGLE, true],
    [{ landing: ['/spring'], referrer: ['yelp.com'], inverted: true }, '', 'https://yelp.com/', false],
    [{ google: 'paid' }, '?gclid=a', GOOGLE, false],
    [{ google: ['constructor'], landing: [''] }, '', GOOGLE, false],
    [{}, '', GOOGLE, false],
  ])('%j serves one who landed on %j from %j: %j', (source, path, referrer, expected) => {
    expect(servedBy([pool(source)], path, referrer) === 'pool').toBe(expected);
  });
});

describe('of several trackers', () => {
  // In the worst order, so that age decides nothing but between equals.
  const trackers = [
    pool({ type: 'all' }),
    tracker('google my business', { type: 'google_my_business' }),
    tracker('everybody', { type: 'all' }),
    tracker('all search', { type: 'search', search_engine: 'all', search_type: 'all' }),
    tracker('organic search', { type: 'search', search_engine: 'all', search_type: 'organic' }),
    tracker('google', { type: 'search', search_engine: 'google', search_type: 'all' }),
    tracker('facebook', { type: 'facebook_all' }),
    tracker('google ads', { type: 'search', search_engine: 'google', search_type: 'paid' }),
    tracker('facebook ads', { type: 'facebook_paid' }),
    tracker('yelp', { type: 'web_referrer', referrer: 'yelp.com' }),
    tracker('direct', { type: 'direct' }),
    tracker('spring', { type: 'landing_params', landing: 'utm_campaign=spring' }),
    tracker('spring page', { type: 'landing_url', landing: '/spring' }),
  ];
  test.each([
    ['?utm_campaign=spring&gclid=a', 'https://www.google.com/', 'spring'],
    ['spring?utm_campaign=spring', '', 'spring'],
    ['spring?gclid=a', '', 'spring page'],
    ['?gclid=a', 'https://www.google.com/', 'google ads'],
    ['', 'https://www.yelp.com/', 'yelp'],
    ['', 'direct', 'direct'],
    ['', 'https://www.google.com/', 'organic search'],
    ['', 'https://duckduckgo.com/', 'organic search'],
    ['?msclkid=a', '', 'all search'],
    ['?fbclid=a&utm_medium=paid', '', 'facebook ads'],
    ['?fbclid=a', '', 'facebook'],
    ['', 'https://site.org/', 'everybody'],
  ])('one who landed on %j from %j is served by %s', (path, referrer, name) => {
    expect(servedBy(trackers, path, referrer)).toBe(name);
  });

  test('a source goes before a pool, and of equals the older', () => {
    expect(servedBy([pool({ type: 'all' }), tracker('everybody', { type: 'all' })], '')).toBe('everybody');
    const twins = [
      tracker('older', { type: 'web_referrer', referrer: 'google.com' }),
      tracker('younger', { type: 'search', search_engine: 'google', search_type: 'paid' }),
    ];
    expect(servedBy(twins, '?gclid=a', 'https://www.google.com/')).toBe('older');
    expect(servedBy(twins.reverse(), '?gclid=a', 'https://www.google.com/')).toBe('younger');
  });
});

describe('the script', () => {
  test('is not told of numbers that are never on a page', () => {
    const { sources, targets } = index([tracker('flyer', { type: 'offline' })]).scriptConfig(COMPANY);
    expect([sources, targets]).toEqual([[], []]);
  });

  test.each<[Partial<Company>, path: string, referrer: string, boolean]>([
    [{ paidClicksBegin: true }, '?gclid=a', '', true],
    [{ paidClicksBegin: true }, '?msclkid=a', '', true],
    [{ paidClicksBegin: true }, '?utm_source=yahoo&utm_medium=cpc', '', true],
    [{ paidClicksBegin: true }, '', 'https://www.google.com/', false],
    [{ paidClicksBegin: true }, '?ttclid=a', '', false],
    [{ landingBegins: 'utm_medium=remarketing' }, '?utm_medium=remarketing', '', true],
    [{ landingBegins: 'utm_medium=remarketing' }, '?gclid=a', '', false],
    [{ landingBegins: '/again' }, 'again/', '', true],
    [{}, '?gclid=a', '', false],
  ])('with %j begins a session anew on %j from %j: %j', (company, path, referrer, expected) => {
    const whole = { ...COMPANY, ...company };
    const { overrides } = index([pool({ type: 'all' })], company).scriptConfig(whole);
    expect((overrides ?? []).some(judgeVisit({ landing: SITE + path, referrer }))).toBe(expected);
    if (Object.keys(company).length === 0) expect(overrides).toBeUndefined();
  });
});
