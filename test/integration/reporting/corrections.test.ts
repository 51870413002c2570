import { Value } from 'typebox/value';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callJudge } from '../../../server/domain/calls.js';
import { createHousekeeping } from '../../../server/storage/postgres/housekeeping.js';
import { createRecordStore } from '../../../server/storage/postgres/record-store.js';
import { AttributionSchema } from '../../../shared/contract/reporting.js';
import { ringingReport } from '../../support/lead-events.js';
import { insert, seedCall, seedCompany, seedSession, seedVisit } from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

const CALLER = '+14045550199';
const NUMBER = '+13055550110';
const MINUTE = 60_000;

let api: TestApi;
let company: string;
let began: number;
let right: { session: string; visit: string };
let wrong: { session: string; visit: string };
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  company = await seedCompany(api.pool, api.member.accountId);
  began = Date.now() - 60 * MINUTE;
  right = await visit('google_paid');
  wrong = await visit('bing_paid');
  await insert(api.pool, 'leases', {
    company_id: company,
    lease_id: crypto.randomUUID(),
    tracker_id: 'TRK1',
    number: NUMBER,
    session_id: wrong.session,
    visit_id: wrong.visit,
    started_at: new Date(began - 5 * MINUTE),
    hold_seconds: 1200,
    shared: false,
  });
});

async function visit(source: string) {
  const session = await seedSession(api.pool, company);
  return {
    session,
    visit: await seedVisit(api.pool, company, session, new Date(began - 10 * MINUTE), { source }),
  };
}
const record = () => createRecordStore({ pool: api.pool, callPool: api.pool, writePool: api.pool });
const ring = async (at = began, more = {}) => {
  const report = ringingReport(company, { caller: CALLER, number: NUMBER, at, ...more });
  await record().recordCall(report, callJudge);
  const { rows } = await api.pool.query(
    'SELECT call_id FROM calls WHERE company_id = $1 AND provider_call_id = $2',
    [company, report.event.providerCallId],
  );
  return rows[0].call_id as string;
};
const put = (call: string, attribution: unknown, more = {}) =>
  api.call('PUT', `calls/${call}.json?fields=attribution`, { body: { attribution, ...more } });
const joinOf = async (call: string) => {
  const { attribution } = (await api.get(`calls/${call}.json?fields=attribution`)).body;
  expect(Value.Errors(AttributionSchema, attribution)).toEqual([]);
  return attribution;
};

describe('a join that a user corrects', () => {
  it('is to the visit that he names, surely, and tells what it was', async () => {
    const call = await ring();
    const before = await joinOf(call);
    expect(before).toMatchObject({ visit: wrong.visit });
    expect(before).not.toHaveProperty('corrected_at');
    expect(before).not.toHaveProperty('revised');
    const { status, body } = await put(call, { visit: right.visit });
    expect(status).toBe(200);
    expect(body.attribution).toEqual({
      session: right.session,
      visit: right.visit,
      source: 'google_paid',
      confidence: 1,
      source_confidence: 1,
      method: 'session',
      candidates: [{ session: right.session, visit: right.visit, source: 'google_paid', weight: 1 }],
      gpc: false,
      corrected_at: expect.stringMatching(/^\d{4}-.*[+-]\d\d:\d\d$/),
      revised: {
        at: body.attribution.corrected_at,
        before: {
          visit: wrong.visit,
          source: 'bing_paid',
          confidence: before.confidence,
          method: before.method,
        },
      },
    });
    expect(await joinOf(call)).toEqual(body.attribution);
    const { rows } = await api.pool.query('SELECT corrected_by, session_id FROM calls WHERE call_id = $1', [
      call,
    ]);
    expect(rows).toEqual([{ corrected_by: api.member.userId, session_id: right.session }]);
  });

  it('stays through reports, outages and late facts', async () => {
    const sid = 'CAstays';
    const call = await ring(began, { sid });
    await put(call, { visit: right.visit });
    const corrected = await joinOf(call);
    await ring(began, { sid, key: 'again' });
    await record().rejoinCalls(began - 1, callJudge);
    await createHousekeeping(api.pool).rejoinLateCalls(callJudge);
    expect(await joinOf(call)).toEqual(corrected);
  });

  it('is to a source alone, or to nothing', async () => {
    const call = await ring();
    expect((await put(call, { visit: null, source: 'flyer' })).body.attribution).toMatchObject({
      session: null,
      visit: null,
      source: 'flyer',
      confidence: 0,
      source_confidence: 1,
      method: 'source_only',
      candidates: [],
    });
    expect((await api.get(`calls/${call}.json?fields=source`)).body.source).toBe('Flyer');
    expect((await put(call, { visit: null })).body.attribution).toMatchObject({
      visit: null,
      source: null,
      source_confidence: 0,
      method: 'none',
    });
  });

  it('is by evidence again when that is taken back', async () => {
    const call = await ring();
    const before = await joinOf(call);
    await put(call, { visit: right.visit });
    const { body } = await put(call, null);
    expect(body.attribution).toMatchObject({
      ...before,
      revised: { before: { visit: right.visit, method: 'session' } },
    });
    expect(body.attribution).not.toHaveProperty('corrected_at');
    // Taken back twice is taken back once.
    expect((await put(call, null)).body.attribution).toEqual(body.attribution);
  });

  it('is how later calls of the same person are joined, those that came before it was corrected too', async () => {
    const call = await ring();
    const second = await ring(began + 30 * MINUTE);
    expect(await joinOf(second)).toMatchObject({ visit: wrong.visit });
    await put(call, { visit: right.visit });
    const third = await ring(began + 50 * MINUTE);
    expect(await joinOf(third)).toMatchObject({ visit: right.visit, method: 'known_caller' });
    await createHousekeeping(api.pool).rejoinLateCalls(callJudge);
    expect(await joinOf(second)).toMatchObject({
      visit: right.visit,
      method: 'known_caller',
      revised: { before: { visit: wrong.visit } },
    });
  });

  it('comes with everything else that is said, or not at all', async () => {
    const call = await ring();
    const { status } = await put(call, { visit: right.visit }, { note: 'x', value: 'lots' });
    expect(status).toBe(400);
    expect(await joinOf(call)).toMatchObject({ visit: wrong.visit });
    await put(call, { visit: right.visit }, { note: 'Was on the phone' });
    expect((await api.get(`calls/${call}.json?fields=note,attribution`)).body).toMatchObject({
      note: 'Was on the phone',
      attribution: { visit: right.visit },
    });
    await api.call('PUT', `calls/${call}.json`, { body: { note: null } });
    expect(await joinOf(call)).toMatchObject({ visit: right.visit });
  });

  it('names the field that cannot be', async () => {
    const call = await ring();
    const elsewhere = await seedCompany(api.pool, api.member.accountId);
    const session = await seedSession(api.pool, elsewhere);
    const theirs = await seedVisit(api.pool, elsewhere, session, new Date(began));
    for (const [attribution, error] of [
      [{ visit: theirs }, 'attribution.visit is no visit of this company'],
      [{ visit: crypto.randomUUID() }, 'attribution.visit is no visit of this company'],
      [{ visit: 'yesterday' }, 'attribution.visit is not the id of a visit'],
      [
        { visit: right.visit, source: 'flyer' },
        'attribution.source is not the source of that visit, which is google_paid',
      ],
      [
        { visit: null, source: 'a flyer' },
        'attribution.source is not the slug of a source such as google_paid',
      ],
      [{ source: 'flyer' }, expect.stringContaining('attribution')],
      [{ visit: 7 }, expect.stringContaining('attribution.visit')],
      ['mine', expect.stringContaining('attribution')],
    ]) {
      const { status, body } = await put(call, attribution);
      expect([status, body.error], JSON.stringify(attribution)).toEqual([400, error]);
    }
    expect(await joinOf(call)).toMatchObject({ visit: wrong.visit });
    expect((await put('CALnone', { visit: right.visit })).status).toBe(404);
    const spam = await seedCall(api.pool, company, new Date(began), { spam: true });
    expect((await put(spam, { visit: right.visit })).status).toBe(404);
    expect((await put(call, { visit: right.visit.toUpperCase(), source: 'google_paid' })).status).toBe(200);
  });
});
