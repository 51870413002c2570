import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormSubmissionSchema } from '../../../shared/contract/reporting.js';
import { NOBODY, seedAccount, seedCompany, seedForm, seedSession, seedVisit } from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

let api: TestApi;
let company: string;
let form: string;
let sessionId: string;

beforeAll(async () => {
  api = await startApi();
  company = await seedCompany(api.pool, api.member.accountId);
  sessionId = await seedSession(api.pool, company);
  await seedVisit(api.pool, company, sessionId, '2026-02-10T10:00:00Z', {
    landing: 'https://shop.example/?utm_source=google&utm_campaign=spring',
    referrer: 'https://www.google.com/',
    source: 'google_paid',
    source_name: 'Google Ads',
    medium: 'cpc',
    campaign: 'spring',
  });
  const visitId = await seedVisit(api.pool, company, sessionId, '2026-02-14T10:00:00Z');
  form = await seedForm(api.pool, company, '2026-02-14T10:05:00.250Z', {
    session_id: sessionId,
    visit_id: visitId,
    fields: { Name: 'GRACE HOPPER', Phone: '(404) 555-0199' },
    form_name: 'Contact',
    customer_name: 'GRACE HOPPER',
    customer_email: 'grace@navy.example',
    customer_phone_number: '+14045550199',
    value: '12.5',
    attribution: {
      ...NOBODY,
      session: sessionId,
      visit: visitId,
      source: 'direct',
      confidence: 1,
      sourceConfidence: 1,
      method: 'session',
    },
  });
});
afterAll(() => api.close());

describe('a form submission', () => {
  it('has the standard fields and no others, in a list and shown', async () => {
    const expected = {
      id: form,
      company_id: company,
      person_id: 'anonymous',
      form_data: { Name: 'GRACE HOPPER', Phone: '(404) 555-0199' },
      form_url: 'https://shop.example/contact',
      landing_page_url: 'https://shop.example/?utm_source=google&utm_campaign=spring',
      referrer: 'google_paid',
      referring_url: 'https://www.google.com/',
      submitted_at: '2026-02-14T10:05:00.250Z',
      first_form: true,
      customer_phone_number: '+14045550199',
      customer_name: 'GRACE HOPPER',
      customer_email: 'grace@navy.example',
      formatted_customer_phone_number: '404-555-0199',
      formatted_customer_name: 'Grace Hopper',
      source: 'Google Ads',
      keywords: null,
      campaign: 'spring',
      medium: 'cpc',
    };
    const { body } = await api.get('form_submissions.json');
    expect(body).toMatchObject({ page: 1, total_pages: 1, total_records: 1 });
    expect(body.form_submissions).toEqual([expected]);
    expect((await api.get(`form_submissions/${form}.json`)).body).toEqual(expected);
  });

  it('has every field that CallRail names', async () => {
    const names = Object.keys(FormSubmissionSchema.properties);
    const { status, body } = await api.get(`form_submissions.json?fields=${names.join(',')}`);
    expect(status).toBe(200);
    expect(Object.keys(body.form_submissions[0]).sort()).toEqual(names.sort());
    expect(Value.Errors(FormSubmissionSchema, body.form_submissions[0])).toEqual([]);
    expect(body.form_submissions[0]).toMatchObject({
      utm_source: 'google',
      utm_medium: null,
      utm_campaign: 'spring',
      form_name: 'Contact',
      value: 12.5,
      tags: [],
      company_name: 'Widget Shop',
      milestones: { first_touch: { source: 'Google Ads' }, last_touch: { source: 'Direct' } },
    });
  });

  it('tells how it was joined, only when asked', async () => {
    const { body } = await api.get('form_submissions.json?fields=attribution');
    expect(body.form_submissions[0].attribution).toMatchObject({
      session: sessionId,
      method: 'session',
      confidence: 1,
      source_confidence: 1,
    });
  });

  it('without a visit has no source', async () => {
    const own = await seedCompany(api.pool, api.member.accountId);
    await seedForm(api.pool, own, '2026-02-14T10:05:00Z');
    const { body } = await api.get(`form_submissions.json?company_id=${own}`);
    expect(body.form_submissions[0]).toMatchObject({ source: null, landing_page_url: null, referrer: null });
  });

  it('of another account is not there', async () => {
    const stranger = await seedAccount(api.pool);
    const theirs = await seedForm(
      api.pool,
      await seedCompany(api.pool, stranger.accountId),
      '2026-02-14T10:00:00Z',
    );
    expect((await api.get(`form_submissions/${theirs}.json`)).status).toBe(404);
    expect((await api.get('form_submissions.json?date_range=all_time')).text).not.toContain(theirs);
  });
});

describe('a list of form submissions', () => {
  it('goes by dates, company and lead status, newest first', async () => {
    const own = await seedCompany(api.pool, api.member.accountId);
    const old = await seedForm(api.pool, own, '2026-01-01T12:00:00Z', {
      lead_status: 'good_lead',
      tags: ['hot'],
    });
    const first = await seedForm(api.pool, own, '2026-02-12T12:00:00Z', {
      form_url: 'https://shop.example/b',
    });
    const last = await seedForm(api.pool, own, '2026-02-13T12:00:00Z', {
      form_url: 'https://shop.example/a',
    });
    const of = async (query: string) =>
      (await api.get(`form_submissions.json?company_id=${own}&${query}`)).body.form_submissions.map(
        ({ id }: { id: string }) => id,
      );
    expect(await of('')).toEqual([last, first]);
    expect(await of('date_range=all_time')).toEqual([last, first, old]);
    expect(await of('date_range=all_time&order=asc')).toEqual([old, first, last]);
    expect(await of('date_range=all_time&lead_status=good_lead')).toEqual([old]);
    expect(await of('date_range=all_time&tags=hot')).toEqual([old]);
    expect(await of('sort=form_url&end_date=2026-02-13&start_date=2026-02-12')).toEqual([last, first]);
    expect((await api.get('form_submissions.json?fields=shoe_size')).status).toBe(400);
  });
});
