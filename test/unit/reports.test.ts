import { describe, expect, it } from 'vitest';
import {
  beginsIn,
  formatBegin,
  formatTime,
  type Interval,
  isTimeZone,
  readTimeZone,
  readWindow,
} from '../../server/domain/report-dates.js';
import {
  explainSourceOf,
  formatDuration,
  formatMoney,
  formatName,
  formatPhone,
  sourceOf,
} from '../../server/domain/report-words.js';
import { readCount, selectFields, totalPages } from '../../server/domain/reports.js';

const NEW_YORK = 'America/New_York';
/** Noon of a Sunday in New York; the clocks there were set forward on 8 March and go back on 1 November. */
const NOW = Date.parse('2026-03-15T16:00:00Z');

function windowOf(query: Record<string, string>, timeZone = NEW_YORK, now = NOW) {
  const { from, until } = readWindow(
    { dateRange: query.date_range, startDate: query.start_date, endDate: query.end_date },
    timeZone,
    now,
  );
  const iso = (at: number | null) => at && new Date(at).toISOString().replace('.000', '');
  return [iso(from), iso(until)];
}

describe('the points of a time series', () => {
  const pointsOf = (from: string, until: string, interval: Interval, timeZone = NEW_YORK) =>
    beginsIn({ from: Date.parse(from), until: Date.parse(until) }, interval, timeZone, 200).map((at) =>
      formatBegin(at, interval, timeZone),
    );

  it.each<[Interval, string, string, string[]]>([
    // The clocks go forward on the 8th, and back on 1 November.
    ['day', '2026-03-07T05:00:00Z', '2026-03-10T04:00:00Z', ['2026-03-07', '2026-03-08', '2026-03-09']],
    ['day', '2026-10-31T04:00:00Z', '2026-11-02T05:00:00Z', ['2026-10-31', '2026-11-01']],
    ['day', '2026-03-07T18:00:00Z', '2026-03-08T05:00:00.001Z', ['2026-03-07', '2026-03-08']],
    ['week', '2026-03-01T05:00:00Z', '2026-03-10T04:00:00Z', ['2026-02-23', '2026-03-02', '2026-03-09']],
    ['month', '2025-12-31T05:00:00Z', '2026-02-01T05:00:00Z', ['2025-12-01', '2026-01-01']],
    ['year', '2025-12-31T05:00:00Z', '2026-02-01T05:00:00Z', ['2025-01-01', '2026-01-01']],
    ['day', '2026-03-08T05:00:00Z', '2026-03-08T05:00:00Z', []],
  ])('by %s from %s to %s', (interval, from, until, expected) => {
    expect(pointsOf(from, until, interval)).toEqual(expected);
  });

  it('by hours go on while clocks are set', () => {
    expect(pointsOf('2026-03-08T05:30:00Z', '2026-03-08T08:00:00Z', 'hour')).toEqual([
      '2026-03-08T00:00:00-0500',
      '2026-03-08T01:00:00-0500',
      '2026-03-08T03:00:00-0400',
    ]);
    expect(pointsOf('2026-11-01T05:00:00Z', '2026-11-01T07:00:00Z', 'hour')).toEqual([
      '2026-11-01T01:00:00-0400',
      '2026-11-01T01:00:00-0500',
    ]);
    expect(pointsOf('2026-03-08T05:00:00Z', '2026-03-08T06:00:00Z', 'hour', 'Asia/Kolkata')).toEqual([
      '2026-03-08T10:00:00+0530',
      '2026-03-08T11:00:00+0530',
    ]);
  });

  it('are not more than are asked for', () => {
    const window = { from: Date.parse('2026-01-01Z'), until: Date.parse('2026-01-04Z') };
    expect(beginsIn(window, 'day', 'UTC', 3)).toHaveLength(3);
    expect(() => beginsIn(window, 'day', 'UTC', 2)).toThrow('interval');
  });
});

describe('date windows', () => {
  it('is the last seven days with today when nobody says', () => {
    expect(windowOf({})).toEqual(['2026-03-09T04:00:00Z', '2026-03-16T04:00:00Z']);
  });

  it.each([
    ['recent', '2026-03-09T04:00:00Z', '2026-03-16T04:00:00Z'],
    ['today', '2026-03-15T04:00:00Z', '2026-03-16T04:00:00Z'],
    ['yesterday', '2026-03-14T04:00:00Z', '2026-03-15T04:00:00Z'],
    // Begins on the day on which the clocks change, an hour further from UTC than it ends.
    ['last_7_days', '2026-03-08T05:00:00Z', '2026-03-15T04:00:00Z'],
    ['last_30_days', '2026-02-13T05:00:00Z', '2026-03-15T04:00:00Z'],
    ['this_month', '2026-03-01T05:00:00Z', '2026-03-16T04:00:00Z'],
    ['last_month', '2026-02-01T05:00:00Z', '2026-03-01T05:00:00Z'],
    ['this_year', '2026-01-01T05:00:00Z', '2026-03-16T04:00:00Z'],
    ['last_year', '2025-01-01T05:00:00Z', '2026-01-01T05:00:00Z'],
    ['all_time', null, null],
  ])('%s begins and ends at midnights of the zone', (date_range, from, until) => {
    expect(windowOf({ date_range })).toEqual([from, until]);
  });

  it('counts months across the turn of a year', () => {
    const january = Date.parse('2026-01-10T12:00:00Z');
    expect(windowOf({ date_range: 'last_month' }, 'UTC', january)).toEqual([
      '2025-12-01T00:00:00Z',
      '2026-01-01T00:00:00Z',
    ]);
  });

  it('knows that today is another day elsewhere', () => {
    const evening = Date.parse('2026-03-16T02:00:00Z');
    expect(windowOf({ date_range: 'today' }, NEW_YORK, evening)[0]).toBe('2026-03-15T04:00:00Z');
    expect(windowOf({ date_range: 'today' }, 'Asia/Tokyo', evening)[0]).toBe('2026-03-15T15:00:00Z');
  });

  it.each([
    ['2026-01-01', '2026-01-01T05:00:00Z'],
    ['2026-1-1', '2026-01-01T05:00:00Z'],
    ['2015-09-05T14:00', '2015-09-05T18:00:00Z'],
    ['2021-10-01T00:00:01', '2021-10-01T04:00:01Z'],
    ['2026-01-01 10:00:00', '2026-01-01T15:00:00Z'],
    ['2026-01-01T00:00:00.000000+0000', '2026-01-01T00:00:00Z'],
    ['2026-01-01T00:00:00.000000 0000', '2026-01-01T00:00:00Z'],
    ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00Z'],
    ['2026-01-01T00:00:00-08:00', '2026-01-01T08:00:00Z'],
    ['2026-01-01T00:00:00+05', '2025-12-31T19:00:00Z'],
    ['2026-01-01T00:00:00.123456+0000', '2026-01-01T00:00:00.123Z'],
  ])('reads a start of %s', (start_date, from) => {
    expect(windowOf({ start_date })).toEqual([from, null]);
  });

  it('includes the whole of an end day, and the very instant of an end time', () => {
    expect(windowOf({ end_date: '2026-03-08' })).toEqual([null, '2026-03-09T04:00:00Z']);
    expect(windowOf({ end_date: '2026-03-10T10:00:00Z' })).toEqual([null, '2026-03-10T10:00:00.001Z']);
  });

  it('lets explicit dates win over a named range', () => {
    expect(windowOf({ date_range: 'all_time', start_date: '2026-01-01' })).toEqual([
      '2026-01-01T05:00:00Z',
      null,
    ]);
  });

  it('takes the first of two equal clock times, and the one after a gap', () => {
    expect(windowOf({ start_date: '2026-11-01T01:30' })[0]).toBe('2026-11-01T05:30:00Z');
    expect(windowOf({ start_date: '2026-03-08T02:30' })[0]).toBe('2026-03-08T07:30:00Z');
    // Midnight itself was left out in Havana that day.
    expect(windowOf({ start_date: '2026-03-08' }, 'America/Havana')[0]).toBe('2026-03-08T05:00:00Z');
  });

  it.each([
    '2026-02-30',
    '2026-13-01',
    'yesterday',
    '2026',
    '2026-01-01T25:00',
    '2026-01-01T10:61',
    '0001-01-01',
    '',
  ])('refuses %s and names the field', (start_date) => {
    expect(() => windowOf({ start_date })).toThrow(/^start_date /);
  });

  it('refuses a range that nobody knows, also one that every object has', () => {
    expect(() => windowOf({ date_range: 'fortnight' })).toThrow(/^date_range .*all_time/);
    expect(() => windowOf({ date_range: 'constructor' })).toThrow(/^date_range /);
  });
});

describe('time zones', () => {
  it('is the user’s own unless a request names another', () => {
    expect(readTimeZone(undefined, NEW_YORK)).toBe(NEW_YORK);
    expect(readTimeZone('user', NEW_YORK)).toBe(NEW_YORK);
    expect(readTimeZone('EST', NEW_YORK)).toBe('EST');
    expect(() => readTimeZone('Mars/Olympus', NEW_YORK)).toThrow(/^time_zone /);
    expect(isTimeZone('x'.repeat(100))).toBe(false);
  });

  it('writes times with milliseconds and the offset of that day', () => {
    expect(formatTime(Date.parse('2017-01-24T16:27:48.119Z'), NEW_YORK)).toBe(
      '2017-01-24T11:27:48.119-05:00',
    );
    expect(formatTime(Date.parse('2017-07-24T16:27:48Z'), NEW_YORK)).toBe('2017-07-24T12:27:48.000-04:00');
    expect(formatTime(Date.parse('2017-01-24T16:27:48Z'), 'Asia/Kathmandu')).toBe(
      '2017-01-24T22:12:48.000+05:45',
    );
    expect(formatTime(Date.parse('2017-01-24T16:27:48Z'), 'UTC')).toBe('2017-01-24T16:27:48.000+00:00');
  });
});

describe('pages and fields', () => {
  it('has one page of nothing', () => {
    expect(totalPages(0, 100)).toBe(1);
    expect(totalPages(100, 100)).toBe(1);
    expect(totalPages(101, 100)).toBe(2);
  });

  it('brings counts within bounds and refuses what is no number', () => {
    const bounds = { standard: 100, least: 1, most: 250 };
    expect(readCount('per_page', undefined, bounds)).toBe(100);
    expect(readCount('per_page', '1000', bounds)).toBe(250);
    expect(readCount('per_page', '-3', bounds)).toBe(1);
    expect(() => readCount('per_page', 'many', bounds)).toThrow(/^per_page /);
    expect(() => readCount('per_page', '1e3', bounds)).toThrow(/^per_page /);
  });

  const table = {
    standard: { id: (row: { id: number }) => row.id },
    optional: { twice: (row: { id: number }) => row.id * 2, dear: () => 1 },
    details: { visits: ['dear'] },
  };
  const view = { accountId: 'ACC1', timeZone: 'UTC', base: 'http://x' };

  it('adds what is asked for to what is always there, and nothing else', () => {
    expect(selectFields(table, []).write({ id: 2 }, view)).toEqual({ id: 2 });
    expect(selectFields(table, ['twice', 'id', 'twice']).write({ id: 2 }, view)).toEqual({ id: 2, twice: 4 });
  });

  it('asks the store for details only where a field needs them', () => {
    expect([...selectFields(table, ['twice']).details]).toEqual([]);
    expect([...selectFields(table, ['dear']).details]).toEqual(['visits']);
  });

  it('refuses a name it does not know, also one that every object has', () => {
    expect(() => selectFields(table, ['nope'])).toThrow(/^fields .*nope/);
    expect(() => selectFields(table, ['toString'])).toThrow(/^fields .*toString/);
  });
});

describe('how things read', () => {
  it.each([
    [13, '13s'],
    [179, '2m 59s'],
    [3605, '1h 0m 5s'],
    [0, '0s'],
  ])('%s seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it('writes phones with dashes, foreign ones internationally', () => {
    expect(formatPhone('+14045558514')).toBe('404-555-8514');
    expect(formatPhone('+442079460000')).toBe('+44 20 7946 0000');
    expect(formatPhone(null)).toBeNull();
  });

  it('writes money, and dashes for none', () => {
    expect(formatMoney(1234.5)).toBe('$1,234.50');
    expect(formatMoney(null)).toBe('--');
  });

  it('calms a caller id that shouts and leaves other names alone', () => {
    expect(formatName("O'NEIL MARY-JANE")).toBe("O'Neil Mary-Jane");
    expect(formatName('Ada de la Cruz')).toBe('Ada de la Cruz');
  });
});

describe('the source of a lead', () => {
  const attribution = {
    session: null,
    visit: null,
    source: null,
    confidence: 0,
    sourceConfidence: 0,
    method: 'none' as const,
    candidates: [],
  };

  it('is the first touch wherever a session is known', () => {
    const firstTouch = { source: 'google_paid', sourceName: 'Google Ads' } as never;
    const trackerSource = { type: 'direct' };
    const lead = {
      firstTouch,
      attribution,
      trackerType: 'source' as const,
      trackerName: 'Flyer',
      trackerSource,
    };
    expect(sourceOf(lead)).toEqual({ source: 'google_paid', name: 'Google Ads' });
  });

  it('is what the rule of a source tracker says, else its name', () => {
    const lead = {
      firstTouch: null,
      attribution,
      trackerType: 'source' as const,
      trackerName: 'Summer flyer',
    };
    const name = (trackerSource: Record<string, unknown>) => sourceOf({ ...lead, trackerSource })?.name;
    expect(name({ type: 'search', search_engine: 'google', search_type: 'paid' })).toBe('Google Ads');
    expect(name({ type: 'offline' })).toBe('Summer flyer');
  });

  it('is what the join knows of the source alone, else nothing', () => {
    const pool = {
      firstTouch: null,
      trackerType: 'session' as const,
      trackerName: 'Pool',
      trackerSource: {},
    };
    expect(sourceOf({ ...pool, attribution: { ...attribution, source: 'google_paid' } })?.name).toBe(
      'Google Ads',
    );
    expect(sourceOf({ ...pool, attribution: { ...attribution, source: 'example.com' } })?.name).toBe(
      'example.com',
    );
    expect(sourceOf({ ...pool, attribution })).toBeNull();
  });

  it('is explained by what decided it', () => {
    const lead = { firstTouch: null, attribution, trackerName: 'Any' };
    const ofSource = (trackerSource: Record<string, unknown>) =>
      explainSourceOf({ ...lead, trackerType: 'source' as const, trackerSource });
    expect(ofSource({ type: 'facebook_paid' })).toEqual({
      source: 'facebook_paid',
      sign: 'tracker',
      because: 'no visit is known, and the number stands for a source',
      tracker: 'its number is for visitors from Facebook (paid)',
    });
    expect(ofSource({ type: 'search', search_engine: 'all', search_type: 'all' }).tracker).toBe(
      'its number is for visitors from search engines',
    );
    expect(ofSource({ type: 'offline' }).tracker).toContain('elsewhere than on the website');
    const ofPool = (trackerSource: Record<string, unknown>, source: string | null) =>
      explainSourceOf({
        ...lead,
        attribution: { ...attribution, source },
        trackerType: 'session' as const,
        trackerSource,
      });
    expect(ofPool({ google: ['paid'], referrer: ['yelp.com'], inverted: true }, 'google_paid')).toEqual({
      source: 'google_paid',
      sign: 'attribution',
      because: 'no visit is sure, but those that may have called have this source',
      tracker:
        'its number is for every visitor but visitors from Google (paid), or visitors whose referrer is yelp.com',
    });
    expect(ofPool({ type: 'all' }, null)).toMatchObject({
      source: null,
      because: 'neither one visit nor one source is sure enough',
    });
  });
});
