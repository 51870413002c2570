/** How many calls and forms there were: by what brought them, and in the course of time. */
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CallCourseSchema,
  CallSummarySchema,
  FormSummarySchema,
} from '../../../shared/contract/reporting-summaries.js';
import {
  NOBODY,
  seedAccount,
  seedCall,
  seedCompany,
  seedForm,
  seedSession,
  seedTracker,
  seedVisit,
} from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

let api: TestApi;
let shop: string;
let bakery: string;
let pool: string;
let flyer: string;
beforeAll(async () => {
  api = await startApi();
  shop = await seedCompany(api.pool, api.member.accountId, { name: 'Shop' });
  bakery = await seedCompany(api.pool, api.member.accountId, { name: 'Bakery' });
  pool = await seedTracker(api.pool, shop);
  flyer = await seedTracker(api.pool, shop, {
    name: 'Autumn flyer',
    type: 'source',
    source: { type: 'landing_params', landing: 'flyer' },
  });
  const session = async (device: string, more: Record<string, unknown>) => {
    const id = await seedSession(api.pool, shop, { device });
    await seedVisit(api.pool, shop, id, '2026-02-09T10:00:00Z', more);
    return id;
  };
  const ads = {
    landing: 'https://shop.example/sale?utm_campaign=spring&gclid=',
    referrer: 'https://www.Google.com/search?q=shoes',
    source: 'google_paid',
    source_name: 'Google Ads',
    medium: 'cpc',
    campaign: 'spring',
    term: 'shoes',
  };
  const one = await session('mobile', { ...ads, landing: `${ads.landing}a` });
  const two = await session('desktop', { ...ads, landing: `${ads.landing}b` });
  const direct = await session('desktop', { term: 'typed' });
  const call = (at: string, more: object) => seedCall(api.pool, shop, at, { tracker_id: pool, ...more });
  // Midnights of New York are at five.
  await call('2026-02-12T05:00:00Z', {
    session_id: one,
    duration: 60,
    lead_status: 'good_lead',
    tags: ['A'],
  });
  await call('2026-02-12T06:30:00Z', { session_id: two, duration: 121, first_call: false, tags: ['B'] });
  await call('2026-02-14T17:00:00Z', {
    session_id: direct,
    answered: false,
    state: 'missed',
    duration: 7,
    lead_status: 'not_a_lead',
  });
  await call('2026-02-15T04:59:59Z', {
    answered: false,
    voicemail: true,
    state: 'voicemail',
    duration: null,
  });
  await call('2026-02-15T05:00:00Z', { tracker_id: flyer, tags: ['C, D'] });
  await call('2026-02-15T05:01:00Z', { tracker_id: null, attribution: { ...NOBODY, source: 'bing_paid' } });
  await call('2026-02-15T05:02:00Z', { spam: true });
  await call('2026-02-01T12:00:00Z', { duration: 1000 });
  await seedCall(api.pool, bakery, '2026-02-15T12:00:00Z');
  const form = (at: string, more: object) => seedForm(api.pool, shop, at, { session_id: one, ...more });
  await form('2026-02-12T06:00:00Z', { form_name: 'Quote', lead_status: 'good_lead' });
  await form('2026-02-13T06:00:00Z', { form_name: 'Quote', first_form: false });
  await form('2026-02-13T07:00:00Z', {
    session_id: direct,
    form_url: 'https://shop.example/b',
    form_name: '',
  });
  await form('2026-02-13T08:00:00Z', { session_id: direct, first_form: false });
  const stranger = await seedAccount(api.pool);
  await seedCall(api.pool, await seedCompany(api.pool, stranger.accountId), '2026-02-15T12:00:00Z');
}, 60_000);
afterAll(() => api.close());

type Totals = Record<string, unknown>;
const ask = async (path: string, query = '') => {
  const { status, body } = await api.get(`${path}.json?company_id=${shop}&${query}`);
  expect({ status, error: body.error }).toEqual({ status: 200, error: undefined });
  return body;
};
const summary = (query: string) => ask('calls/summary', query);
const total = async (query: string) => (await summary(query)).total_results as Totals;
const groups = async (query: string): Promise<[string | null, unknown][]> =>
  (await summary(query)).grouped_results.map(({ key, total_calls }: Totals) => [key, total_calls]);

describe('a summary of calls', () => {
  it('counts those of the last seven days, and says of when to when', async () => {
    expect(await summary('')).toEqual({
      start_date: '2026-02-09T00:00:00-0500',
      end_date: '2026-02-15T23:59:59-0500',
      time_zone: 'America/New_York',
      total_results: { total_calls: 6 },
    });
    expect(await total('date_range=all_time')).toEqual({ total_calls: 7 });
  });

  it('has the metrics that are asked for', async () => {
    const names =
      'total_calls,answered_calls,missed_calls,first_time_callers,average_duration,formatted_average_duration,leads';
    const body = await summary(`fields=${names}`);
    expect(Value.Errors(CallSummarySchema, body)).toEqual([]);
    expect(body.total_results).toEqual({
      total_calls: 6,
      answered_calls: 4,
      // Who left word was not missed.
      missed_calls: 1,
      first_time_callers: 5,
      // Of 60, 121, 7 and twice 13.
      average_duration: 43,
      formatted_average_duration: '43s',
      leads: 1,
    });
    const nothing = await total(`fields=${names}&date_range=last_year`);
    expect(nothing).toMatchObject({ total_calls: 0, average_duration: 0, formatted_average_duration: '0s' });
  });

  it('of an open window says from when on there were calls, and until now', async () => {
    const { start_date, end_date } = await summary('date_range=all_time&time_zone=UTC');
    expect([start_date, end_date]).toEqual(['2026-02-01T12:00:00+0000', '2026-02-15T16:59:59+0000']);
  });

  it.each([
    [
      'source',
      [
        ['Google Ads', 2],
        ['Autumn flyer', 1],
        ['Bing Paid', 1],
        ['Direct', 1],
        [null, 1],
      ],
    ],
    [
      'campaign',
      [
        [null, 4],
        ['spring', 2],
      ],
    ],
    // Words are searched for where somebody paid for them.
    [
      'keywords',
      [
        [null, 4],
        ['shoes', 2],
      ],
    ],
    [
      'referrer',
      [
        [null, 4],
        ['www.google.com', 2],
      ],
    ],
    [
      'landing_page',
      [
        [null, 3],
        ['https://shop.example/sale', 2],
        ['https://shop.example/', 1],
      ],
    ],
    ['company', [['Shop', 6]]],
  ])('groups them by %s', async (group, expected) => {
    const found = await groups(`group_by=${group}`);
    expect(found).toEqual(expected);
    expect((await summary(`group_by=${group}`)).grouped_by).toBe(group);
  });

  it('names sources as lists of calls do', async () => {
    const { body } = await api.get(`calls.json?company_id=${shop}&fields=source`);
    const names = body.calls.map(({ source }: Totals) => source).sort();
    const counted = (await groups('group_by=source')).flatMap(([key, calls]) => Array(calls).fill(key));
    expect(counted.sort()).toEqual(names);
  });

  it('says all of a group, whatever of the total is asked for', async () => {
    const body = await summary('group_by=source&fields=leads');
    expect(Value.Errors(CallSummarySchema, body)).toEqual([]);
    expect(body.total_results).toEqual({ total_calls: 6, leads: 1 });
    expect(body.grouped_results[0]).toEqual({
      key: 'Google Ads',
      total_calls: 2,
      answered_calls: 2,
      missed_calls: 0,
      first_time_callers: 1,
      average_duration: 91,
      formatted_average_duration: '1m 31s',
      leads: 1,
    });
  });

  it('groups those of an account by company', async () => {
    const by = async (group: string) => {
      const { body } = await api.get(`calls/summary.json?group_by=${group}`);
      return body.grouped_results.map(({ key, total_calls }: Totals) => [key, total_calls]);
    };
    const namesake = await seedCompany(api.pool, api.member.accountId, { name: 'Shop' });
    const call = await seedCall(api.pool, namesake, '2026-02-15T12:00:00Z');
    expect((await by('company')).sort()).toEqual([
      ['Bakery', 1],
      ['Shop', 1],
      ['Shop', 6],
    ]);
    await api.pool.query('DELETE FROM calls WHERE call_id = $1', [call]);
    expect(await by('company_id')).toEqual([
      [shop, 6],
      [bakery, 1],
    ]);
  });

  it.each([
    ['device=mobile', 1],
    ['device=all', 6],
    ['direction=outbound', 0],
    ['answer_status=missed', 1],
    ['answer_status=all', 6],
    ['lead_status=good_lead', 1],
    ['first_time_callers=true', 5],
    ['first_time_callers=false', 1],
    ['first_time_callers=true&call_type=missed', 1],
    ['min_duration=60', 2],
    ['min_duration=13&max_duration=60', 3],
    ['tags=A', 1],
    ['tags=A, B', 2],
    ['tags=,', 6],
    ['tags[]=C, D', 1],
    ['tags[]=A&tags[]=B', 2],
    ['search=google', 2],
    ['search=FLYER', 1],
    ['search=shop.example', 0],
    ['start_date=2026-02-12&end_date=2026-02-12', 2],
    ['start_date=2026-02-12&end_date=2026-02-12&time_zone=America/Los_Angeles', 0],
    ['unknown=1', 6],
    // Calls are told of no agents.
    ['agent=USR1', 0],
  ])('of %s has %i', async (query, expected) => {
    expect(await total(query)).toEqual({ total_calls: expected });
  });

  it('of trackers has their calls', async () => {
    expect(await total(`tracker_ids[]=${flyer}`)).toEqual({ total_calls: 1 });
    expect(await total(`tracker_ids[]=${flyer}&tracker_ids[]=${pool}`)).toEqual({ total_calls: 5 });
    expect(await total(`tracker_ids=${flyer},${pool}`)).toEqual({ total_calls: 5 });
    expect(await total(`tracker_id=${flyer}`)).toEqual({ total_calls: 1 });
    expect((await api.get('calls/summary.json?tracker_ids[]=TRK0')).status).toBe(404);
  });

  it.each([
    ['fields=calls', 'fields'],
    ['group_by=weather', 'group_by'],
    ['min_duration=long', 'min_duration'],
    ['first_time_callers=1', 'first_time_callers'],
    ['date_range=soon', 'date_range'],
  ])('refuses %s and names it', async (query, name) => {
    const { status, body } = await api.get(`calls/summary.json?${query}`);
    expect(status).toBe(400);
    expect(body.error).toContain(name);
  });

  it('is of companies of the account only', async () => {
    const other = await seedAccount(api.pool);
    const theirs = await seedCompany(api.pool, other.accountId);
    expect((await api.get(`calls/summary.json?company_id=${theirs}`)).status).toBe(404);
    expect((await api.get('calls/summary?')).body.total_results).toEqual({ total_calls: 7 });
  });
});

describe('a time series of calls', () => {
  const course = (query: string) => ask('calls/timeseries', query);

  it('has a point for each day of the window, also where nobody called', async () => {
    const body = await course('fields=leads');
    expect(Value.Errors(CallCourseSchema, body)).toEqual([]);
    expect(body).toEqual({
      start_date: '2026-02-09T00:00:00-0500',
      end_date: '2026-02-15T23:59:59-0500',
      time_zone: 'America/New_York',
      total_results: { total_calls: 6, leads: 1 },
      data: [
        { date: '2026-02-09', total_calls: 0, leads: 0 },
        { date: '2026-02-10', total_calls: 0, leads: 0 },
        { date: '2026-02-11', total_calls: 0, leads: 0 },
        { date: '2026-02-12', total_calls: 2, leads: 1 },
        { date: '2026-02-13', total_calls: 0, leads: 0 },
        { date: '2026-02-14', total_calls: 2, leads: 0 },
        { date: '2026-02-15', total_calls: 2, leads: 0 },
      ],
    });
  });

  it.each([
    ['hour', 'date_range=yesterday', 24, ['2026-02-14T12:00:00-0500', 1]],
    // The window begins on a Sunday, in a week that began on Monday.
    ['week', 'start_date=2026-02-01&end_date=2026-02-15', 3, ['2026-01-26', 1]],
    ['month', 'date_range=this_year', 2, ['2026-02-01', 7]],
    ['year', 'date_range=all_time', 1, ['2026-01-01', 7]],
    ['day', 'date_range=all_time', 15, ['2026-02-01', 1]],
  ])('by %s of %s has %i points', async (interval, query, points, [date, calls]) => {
    const { data } = await course(`interval=${interval}&${query}`);
    expect(data).toHaveLength(points);
    expect(data).toContainEqual({ date, total_calls: calls });
  });

  it('takes the filters of a summary', async () => {
    expect((await course('search=google')).total_results).toEqual({ total_calls: 2 });
    const nobody = await course('date_range=all_time&search=nobody');
    expect(nobody.data).toEqual([{ date: '2026-02-15', total_calls: 0 }]);
  });

  it('has 200 points at most', async () => {
    const { status, body } = await api.get('calls/timeseries.json?interval=hour&date_range=last_30_days');
    expect(status).toBe(400);
    expect(body.error).toContain('interval');
    expect((await api.get('calls/timeseries.json?interval=decade')).status).toBe(400);
  });
});

describe('a summary of forms', () => {
  const forms = (query: string) => ask('forms/summary', query);

  it('counts them, the first of a person, and good leads', async () => {
    const body = await forms('fields=total_forms,first_forms,leads');
    expect(Value.Errors(FormSummarySchema, body)).toEqual([]);
    expect(body.total_results).toEqual({ total_forms: 4, first_forms: 2, leads: 1 });
    expect((await forms('')).total_results).toEqual({ total_forms: 4 });
    expect((await forms('form_URL=https://shop.example/b')).total_results).toEqual({ total_forms: 1 });
    expect((await forms('lead_status=good_lead')).total_results).toEqual({ total_forms: 1 });
    expect((await forms('custom_form_ids=1,2')).total_results).toEqual({ total_forms: 0 });
  });

  it.each([
    [
      'source',
      [
        ['Direct', 2],
        ['Google Ads', 2],
      ],
    ],
    [
      'campaign',
      [
        ['spring', 2],
        [null, 2],
      ],
    ],
    [
      'landing_page',
      [
        ['https://shop.example/', 2],
        ['https://shop.example/sale', 2],
      ],
    ],
    [
      'form_name',
      [
        ['Quote', 2],
        [null, 2],
      ],
    ],
    ['company', [['Shop', 4]]],
  ])('groups them by %s', async (group, expected) => {
    const { grouped_results } = await forms(`group_by=${group}`);
    expect(grouped_results.map(({ key, total_forms }: Totals) => [key, total_forms])).toEqual(expected);
  });
});
