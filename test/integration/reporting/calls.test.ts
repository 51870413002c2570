import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CallSchema } from '../../../shared/contract/reporting.js';
import {
  insert,
  NOBODY,
  seedAccount,
  seedCall,
  seedCompany,
  seedSession,
  seedTracker,
  seedVisit,
} from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

let api: TestApi;
let company: string;
beforeAll(async () => {
  api = await startApi();
  company = await seedCompany(api.pool, api.member.accountId);
});
afterAll(() => api.close());

type Call = Record<string, unknown>;
const list = async (query: string) => (await api.get(`calls.json?${query}`)).body.calls as Call[];
const ids = async (query: string) => (await list(query)).map(({ id }) => id);
const show = async (id: string, query = '') => (await api.get(`calls/${id}.json?${query}`)).body as Call;

const STANDARD = {
  answered: true,
  business_phone_number: '+13055550100',
  customer_city: null,
  customer_country: null,
  customer_name: null,
  customer_phone_number: '+14045550199',
  customer_state: null,
  direction: 'inbound',
  duration: 13,
  recording: null,
  recording_duration: null,
  recording_player: null,
  tracking_phone_number: '+13055550110',
  voicemail: false,
};

describe('a call', () => {
  it('has the standard fields and no others, in a list and shown', async () => {
    const own = await seedCompany(api.pool, api.member.accountId);
    const id = await seedCall(api.pool, own, '2026-02-14T17:00:00.119Z');
    const expected = { ...STANDARD, id, start_time: '2026-02-14T12:00:00.119-05:00' };
    expect(await list(`company_id=${own}`)).toEqual([expected]);
    expect(await show(id)).toEqual(expected);
  });

  it('has every field that CallRail names, and no 400 for any', async () => {
    const id = await seedCall(api.pool, company, '2026-02-14T17:00:00Z');
    const names = Object.keys(CallSchema.properties);
    expect(names.length).toBeGreaterThan(85);
    const call = await show(id, `fields=${names.join(',')}`);
    expect(Object.keys(call).sort()).toEqual(names.sort());
    const problems = Value.Errors(CallSchema, call);
    expect(problems).toEqual([]);
    const listed = await api.get(`calls.json?date_range=all_time&fields=${names.join(',')}`);
    expect(listed.status).toBe(200);
  });

  it('tells the caller and the line as people read them', async () => {
    const id = await seedCall(api.pool, company, '2026-02-14T17:00:00Z', {
      caller_name: 'RUEGSEGGER SIMO',
      caller_city: 'ROCHESTER',
      caller_state: 'PA',
      caller_country: 'US',
      duration: 179,
      value: '1.5',
      recording_url: 'https://provider.example/rec.mp3',
      recording_duration: 27,
    });
    const names =
      'formatted_customer_name,formatted_customer_location,formatted_customer_phone_number,formatted_duration,' +
      'formatted_value,value,formatted_tracking_phone_number,formatted_business_phone_number,formatted_call_type,' +
      'formatted_customer_name_or_phone_number,call_type';
    expect(await show(id, `fields=${names}`)).toMatchObject({
      customer_name: 'RUEGSEGGER SIMO',
      formatted_customer_name: 'Ruegsegger Simo',
      formatted_customer_name_or_phone_number: 'Ruegsegger Simo',
      formatted_customer_location: 'Rochester, PA',
      formatted_customer_phone_number: '404-555-0199',
      formatted_duration: '2m 59s',
      value: '1.50',
      formatted_value: '$1.50',
      formatted_tracking_phone_number: '305-555-0110',
      formatted_business_phone_number: '305-555-0100',
      formatted_call_type: 'Answered',
      call_type: 'answered',
      recording: `http://calls.example/v3/a/${api.member.accountId}/calls/${id}/recording.json`,
      recording_duration: '27',
    });
    const recording = await api.get(`calls/${id}/recording.json`);
    expect(recording.body).toEqual({ url: 'https://provider.example/rec.mp3' });
  });

  it.each([
    ['ringing', false, false, 'in_progress'],
    ['in_progress', true, false, 'in_progress'],
    ['missed', false, false, 'missed'],
    ['voicemail', false, true, 'voicemail'],
    ['abandoned', false, false, 'abandoned'],
  ])('that is %s is of type %s %s %s', async (state, answered, voicemail, call_type) => {
    const id = await seedCall(api.pool, company, '2026-02-14T17:00:00Z', {
      state,
      answered,
      voicemail,
      duration: null,
    });
    const call = await show(id, 'fields=call_type,formatted_duration');
    expect(call).toMatchObject({ answered, voicemail, call_type, duration: null, formatted_duration: null });
    expect(call.business_phone_number).toBe(answered ? '+13055550100' : null);
  });

  it('without a recording has none to answer', async () => {
    const id = await seedCall(api.pool, company, '2026-02-14T17:00:00Z');
    expect((await api.get(`calls/${id}/recording.json`)).status).toBe(404);
  });

  it('counts the calls of its caller to this company, and of nobody else', async () => {
    const own = await seedCompany(api.pool, api.member.accountId);
    const caller = { caller_number: '+14045550111' };
    const first = await seedCall(api.pool, own, '2026-02-12T12:00:00Z', caller);
    const second = await seedCall(api.pool, own, '2026-02-13T12:00:00Z', { ...caller, first_call: false });
    const hidden = await seedCall(api.pool, own, '2026-02-14T12:00:00Z', { caller_number: null });
    await seedCall(api.pool, company, '2026-02-11T12:00:00Z', caller);
    const fields = 'fields=prior_calls,total_calls,first_call';
    expect(await show(first, fields)).toMatchObject({ prior_calls: 0, total_calls: 2, first_call: true });
    expect(await show(second, fields)).toMatchObject({ prior_calls: 1, total_calls: 2, first_call: false });
    expect(await show(hidden, fields)).toMatchObject({
      prior_calls: 0,
      total_calls: 1,
      customer_phone_number: null,
    });
  });

  it('answers in the zone asked for', async () => {
    const id = await seedCall(api.pool, company, '2026-02-14T17:00:00Z');
    expect((await show(id, 'time_zone=America/Los_Angeles')).start_time).toBe(
      '2026-02-14T09:00:00.000-08:00',
    );
    const [call] = await list(`time_zone=UTC&start_date=2026-02-14&sort=start_time`);
    expect(call?.start_time).toMatch(/\+00:00$/);
  });

  it('of another account is not there', async () => {
    const stranger = await seedAccount(api.pool);
    const theirs = await seedCall(
      api.pool,
      await seedCompany(api.pool, stranger.accountId),
      '2026-02-14T17:00:00Z',
    );
    expect((await api.get(`calls/${theirs}.json`)).status).toBe(404);
    expect((await api.get(`calls/${theirs}/recording.json`)).status).toBe(404);
    expect(await ids('date_range=all_time&per_page=250')).not.toContain(theirs);
  });
});

describe('the visits behind a call', () => {
  let call: string;
  let sessionId: string;
  let visitId: string;
  let own: string;
  beforeAll(async () => {
    own = await seedCompany(api.pool, api.member.accountId, { name: 'Tracked' });
    const tracker = await seedTracker(api.pool, own);
    sessionId = await seedSession(api.pool, own, { device: 'mobile' });
    await seedVisit(api.pool, own, sessionId, '2026-02-10T10:00:00Z', {
      landing:
        'https://shop.example/sale?utm_source=google&utm_medium=cpc&utm_campaign=spring&utm_content=a&utm_term=shoes&gclid=old',
      referrer: 'https://www.google.com/search?q=shoes',
      source: 'google_paid',
      source_name: 'Google Ads',
      medium: 'cpc',
      campaign: 'spring',
      term: 'shoes',
      click_ids: { gclid: 'old' },
    });
    visitId = await seedVisit(api.pool, own, sessionId, '2026-02-14T10:00:00Z', {
      landing: 'https://shop.example/back?fbclid=fb&gclid=new',
      source: 'facebook_organic',
      source_name: 'Facebook Organic',
      medium: 'social',
      click_ids: { fbclid: 'fb', gclid: 'new' },
    });
    // Comes after the call: none of its business.
    await seedVisit(api.pool, own, sessionId, '2026-02-14T18:00:00Z', { click_ids: { gclid: 'later' } });
    for (const [url, viewed_at] of [
      ['https://shop.example/back', '2026-02-14T10:00:00Z'],
      ['https://shop.example/contact', '2026-02-14T10:03:00Z'],
      ['https://shop.example/later', '2026-02-14T18:00:00Z'],
    ]) {
      const page_view_id = crypto.randomUUID();
      await insert(api.pool, 'page_views', {
        company_id: own,
        page_view_id,
        session_id: sessionId,
        visit_id: visitId,
        url,
        viewed_at,
      });
    }
    await insert(api.pool, 'persons', {
      company_id: own,
      person_id: 'PER1',
      created_at: '2026-02-11T00:00:00Z',
    });
    call = await seedCall(api.pool, own, '2026-02-14T10:05:00Z', {
      tracker_id: tracker,
      session_id: sessionId,
      visit_id: visitId,
      person_id: 'PER1',
      attribution: {
        ...NOBODY,
        session: sessionId,
        visit: visitId,
        source: 'facebook_organic',
        confidence: 0.9,
        sourceConfidence: 0.95,
        method: 'sole_holder',
        candidates: [{ session: sessionId, visit: visitId, source: 'facebook_organic', weight: 0.9 }],
      },
    });
  });

  it('say on request which rule gave their source', async () => {
    expect(await show(call)).not.toHaveProperty('source_explanation');
    expect((await show(call, 'fields=source_explanation')).source_explanation).toEqual({
      source: 'google_paid',
      sign: 'ad_click',
      because:
        'first visit: the landing page has gclid, which an advertisement of Google gives, and was paid for',
      tracker: 'its number is for every visitor',
    });
  });

  it('credit the first touch, and every click id that came', async () => {
    const names =
      'source,source_name,formatted_tracking_source,medium,campaign,keywords,landing_page_url,referring_url,' +
      'referrer_domain,utm_source,utm_medium,utm_campaign,utm_content,utm_term,gclid,fbclid,msclkid,device_type,' +
      'session_uuid,last_requested_url,person_id,company_name,company_id,tracker_id';
    expect(await show(call, `fields=${names}`)).toMatchObject({
      source: 'Google Ads',
      source_name: 'Website pool',
      formatted_tracking_source: 'Google Paid',
      medium: 'cpc',
      campaign: 'spring',
      keywords: 'shoes',
      landing_page_url: expect.stringContaining('https://shop.example/sale?'),
      referring_url: 'https://www.google.com/search?q=shoes',
      referrer_domain: 'www.google.com',
      utm_source: 'google',
      utm_medium: 'cpc',
      utm_campaign: 'spring',
      utm_content: 'a',
      utm_term: 'shoes',
      gclid: 'new',
      fbclid: 'fb',
      msclkid: null,
      device_type: 'mobile',
      session_uuid: sessionId,
      last_requested_url: 'https://shop.example/contact',
      person_id: 'PER1',
      company_name: 'Tracked',
      company_id: own,
    });
  });

  it('have the pages that were looked at before it, newest first', async () => {
    const views = async (query = '') => (await api.get(`calls/${call}/page_views.json?${query}`)).body;
    const [contact, back] = [
      {
        referrer_url: 'https://shop.example/back',
        page_url: 'https://shop.example/contact',
        created_at: '2026-02-14T05:03:00-05:00',
      },
      // The visit came from nowhere.
      {
        referrer_url: null,
        page_url: 'https://shop.example/back',
        created_at: '2026-02-14T05:00:00-05:00',
      },
    ];
    const page = { page: 1, per_page: 100, total_pages: 1, total_records: 2 };
    expect(await views()).toEqual({ ...page, page_views: [contact, back] });
    expect((await views('page=2&per_page=1')).page_views).toEqual([back]);
    expect((await views('page=9')).total_records).toBe(2);
    expect((await views('time_zone=UTC')).page_views[0].created_at).toBe('2026-02-14T10:03:00+00:00');
    const unknown = await seedCall(api.pool, own, '2026-02-14T10:05:00Z');
    expect((await api.get(`calls/${unknown}/page_views.json`)).body).toMatchObject({ page_views: [] });
    expect((await api.get('calls/CAL0/page_views.json')).status).toBe(404);
    await api.pool.query('DELETE FROM calls WHERE call_id = $1', [unknown]);
  });

  it('are told with how sure the join is, only when asked', async () => {
    expect(await show(call)).not.toHaveProperty('attribution');
    expect((await show(call, 'fields=attribution')).attribution).toEqual({
      session: sessionId,
      visit: visitId,
      source: 'facebook_organic',
      confidence: 0.9,
      source_confidence: 0.95,
      method: 'sole_holder',
      candidates: [{ session: sessionId, visit: visitId, source: 'facebook_organic', weight: 0.9 }],
      gpc: false,
    });
    const [listed] = await list(`company_id=${own}&fields=attribution`);
    expect(listed).toHaveProperty('attribution.confidence', 0.9);
  });

  it('are its milestones', async () => {
    const { milestones } = (await show(call, 'fields=milestones')) as { milestones: Record<string, Call> };
    expect(Object.keys(milestones)).toEqual(['first_touch', 'lead_created', 'qualified', 'last_touch']);
    expect(milestones.first_touch).toMatchObject({
      event_date: '2026-02-10T05:00:00.000-05:00',
      source: 'Google Ads',
      url_utm_params: { utm_campaign: 'spring' },
      landing_page_url_params: { gclid: 'old' },
      referrer_url_params: { q: 'shoes' },
    });
    expect(milestones.lead_created).toMatchObject({
      event_date: '2026-02-10T19:00:00.000-05:00',
      source: 'Google Ads',
    });
    expect(milestones.last_touch).toMatchObject({
      source: 'Facebook Organic',
      referrer: null,
      device: 'mobile',
    });
    expect(milestones.qualified).toMatchObject({
      event_date: null,
      source: null,
      landing_page_url_params: {},
    });
    expect(Object.keys(milestones.qualified ?? {})).toEqual(Object.keys(milestones.first_touch ?? {}));
  });

  it('can be searched for, filtered and sorted by', async () => {
    const other = await seedCall(api.pool, own, '2026-02-13T10:00:00Z');
    const of = (query: string) => ids(`company_id=${own}&${query}`);
    expect(await of('source=google_paid')).toEqual([call]);
    expect(await of('source=Google%20Ads')).toEqual([call]);
    expect(await of('search=google')).toEqual([call]);
    expect(await of('device=mobile')).toEqual([call]);
    expect(await of('sort=landing_page_url')).toEqual([call, other]);
    expect(await of('sort=source&order=desc')).toEqual([call, other]);
    expect(await of('sort=device_type')).toEqual([call, other]);
  });

  it('sort calls by the source that is shown, in any case, whatever tracker they came to', async () => {
    const shop = await seedCompany(api.pool, api.member.accountId);
    const at = (day: number) => `2026-02-${day}T10:00:00Z`;
    const session = await seedTracker(api.pool, shop, { type: 'session', source: { type: 'all' } });
    const first = await seedTracker(api.pool, shop, {
      name: 'Zebra',
      type: 'source',
      source: { type: 'facebook_paid' },
    });
    const last = await seedTracker(api.pool, shop, {
      name: 'zeitung',
      type: 'source',
      source: { type: 'offline' },
    });
    const known = (source: string) => ({
      tracker_id: session,
      attribution: { ...NOBODY, source, sourceConfidence: 0.9, method: 'source_only' },
    });
    await seedCall(api.pool, shop, at(10), { tracker_id: last });
    await seedCall(api.pool, shop, at(11), known('youtube_organic'));
    await seedCall(api.pool, shop, at(12), known('partner.org'));
    await seedCall(api.pool, shop, at(13), known('google_paid'));
    await seedCall(api.pool, shop, at(14), { tracker_id: first });
    const sorted = await list(`company_id=${shop}&sort=source&fields=source`);
    expect(sorted.map(({ source }) => source)).toEqual([
      'Facebook Paid',
      'Google Ads',
      'partner.org',
      'YouTube Organic',
      'zeitung',
    ]);
    // By the name that is shown, and by its slug.
    for (const { source } of sorted) {
      const found = await list(
        `company_id=${shop}&source=${encodeURIComponent(String(source))}&fields=source`,
      );
      expect(found.map((call) => call.source)).toEqual([source]);
    }
    expect(await list(`company_id=${shop}&source=google_paid`)).toHaveLength(1);
  });

  it('are unknown to a call to a source tracker, which its rule explains', async () => {
    const tracker = await seedTracker(api.pool, own, {
      name: 'Flyer',
      type: 'source',
      source: { type: 'search', search_engine: 'google', search_type: 'paid' },
    });
    const id = await seedCall(api.pool, own, '2026-02-12T10:00:00Z', { tracker_id: tracker });
    expect(await show(id, 'fields=source,medium,formatted_tracking_source,milestones')).toMatchObject({
      source: 'Google Ads',
      formatted_tracking_source: 'Google Paid',
      medium: null,
      milestones: { first_touch: { event_date: null }, lead_created: { event_date: expect.any(String) } },
    });
  });
});

describe('a list of calls', () => {
  let own: string;
  const of = (query: string) => ids(`company_id=${own}&${query}`);
  const made: Record<string, string> = {};
  beforeAll(async () => {
    own = await seedCompany(api.pool, api.member.accountId, { numeric_id: 555444333 });
    const at = (time: string, more = {}) => seedCall(api.pool, own, time, more);
    // The first instant of the default week in New York, and the last one before it.
    made.first = await at('2026-02-09T05:00:00Z', { caller_name: 'Zoe', lead_status: 'good_lead' });
    made.before = await at('2026-02-09T04:59:59.999Z', { caller_name: 'Adam' });
    made.today = await at('2026-02-15T16:00:00Z', { state: 'voicemail', answered: false, voicemail: true });
    made.tonight = await at('2026-02-16T04:59:59.999Z', {
      state: 'missed',
      answered: false,
      note: 'wants a quote',
    });
    made.tomorrow = await at('2026-02-16T05:00:00Z');
  });

  it('is the last seven days in the user’s zone, newest first', async () => {
    expect(await of('')).toEqual([made.tonight, made.today, made.first]);
  });

  it('goes by dates of the zone that is named', async () => {
    expect(await of('start_date=2026-02-09&end_date=2026-02-09')).toEqual([made.first]);
    expect(await of('start_date=2026-02-09&end_date=2026-02-09&time_zone=UTC')).toEqual([
      made.first,
      made.before,
    ]);
    expect(await of('start_date=2026-02-16')).toEqual([made.tomorrow]);
    expect(await of('end_date=2026-02-08')).toEqual([made.before]);
    expect(await of('start_date=2026-02-09T05:00:00.000000%2B0000&end_date=2026-02-09T05:00:00Z')).toEqual([
      made.first,
    ]);
    expect(await of('date_range=today')).toEqual([made.tonight, made.today]);
    expect(await of('date_range=all_time')).toHaveLength(5);
  });

  it('can be of one company by either id, or of one tracker', async () => {
    expect(await ids('company_id=555444333')).toHaveLength(3);
    const tracker = await seedTracker(api.pool, own);
    const id = await seedCall(api.pool, own, '2026-01-01T12:00:00Z', { tracker_id: tracker });
    expect(await of(`tracker_id=${tracker}&date_range=all_time`)).toEqual([id]);
    expect((await api.get('calls.json?tracker_id=TRK1')).status).toBe(404);
    expect((await api.get('calls.json?company_id=COM1')).status).toBe(404);
  });

  it('filters', async () => {
    expect(await of('answer_status=missed')).toEqual([made.tonight]);
    expect(await of('answer_status=voicemail')).toEqual([made.today]);
    expect(await of('answered=true')).toEqual([made.first]);
    expect(await of('call_type=voicemails')).toEqual([made.today]);
    expect(await of('call_type=missed')).toEqual([made.tonight]);
    expect(await of('call_type=inbound')).toHaveLength(3);
    expect(await of('direction=outbound')).toEqual([]);
    expect(await of('direction=all')).toHaveLength(3);
    expect(await of('lead_status=good_lead')).toEqual([made.first]);
    expect(await of('lead_status=not_scored')).toEqual([made.tonight, made.today]);
  });

  it('sorts, with nothing last', async () => {
    expect(await of('order=asc')).toEqual([made.first, made.today, made.tonight]);
    expect(await of('sort=start_time&order=asc')).toEqual([made.first, made.today, made.tonight]);
    expect((await of('sort=customer_name&date_range=all_time')).slice(0, 2)).toEqual([
      made.before,
      made.first,
    ]);
  });

  it('is searched by name, note and number however it is written', async () => {
    expect(await of('search=zo')).toEqual([made.first]);
    expect(await of('search=QUOTE')).toEqual([made.tonight]);
    expect(await of('search=(404)%20555-0199')).toHaveLength(3);
    expect(await of('search=%2B14045550199')).toHaveLength(3);
    expect(await of('search=nobody')).toEqual([]);
  });
});
