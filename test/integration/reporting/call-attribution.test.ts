/** `attribution.json`: why a call is joined as it is, over a real record. */
import { Value } from 'typebox/value';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PRIOR_MODEL } from '../../../server/domain/call-model.js';
import { callJudge } from '../../../server/domain/calls.js';
import { createRecordStore } from '../../../server/storage/postgres/record-store.js';
import { JoinExplanationSchema } from '../../../shared/contract/join-explanation.js';
import { ringingReport } from '../../support/lead-events.js';
import { insert, seedAccount, seedCompany, seedSession, seedTracker, seedVisit } from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

const CALLER = '+14045550199';
const NUMBER = '+13055550110';
const MINUTE = 60_000;

let api: TestApi;
let company: string;
let tracker: string;
let rang: number;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  company = await seedCompany(api.pool, api.member.accountId);
  tracker = await seedTracker(api.pool, company, { type: 'session' });
  rang = Date.now() - 60 * MINUTE;
});

async function holder(source: string, minutesAgo: number, more: Record<string, unknown> = {}) {
  const session = await seedSession(api.pool, company);
  const began = new Date(rang - minutesAgo * MINUTE);
  const visit = await seedVisit(api.pool, company, session, began, { source, ...more });
  await insert(api.pool, 'leases', {
    company_id: company,
    lease_id: crypto.randomUUID(),
    tracker_id: tracker,
    number: NUMBER,
    session_id: session,
    visit_id: visit,
    started_at: began,
    hold_seconds: 1200,
    shared: false,
  });
  return { session, visit };
}

async function tap({ session, visit }: { session: string; visit: string }, secondsBefore: number) {
  await insert(api.pool, 'taps', {
    company_id: company,
    tap_id: crypto.randomUUID(),
    session_id: session,
    visit_id: visit,
    number: NUMBER,
    tapped_at: new Date(rang - secondsBefore * 1000),
  });
}

async function ring(at = rang, caller = CALLER): Promise<string> {
  const report = { ...ringingReport(company, { caller, number: NUMBER, at }), trackerId: tracker };
  const record = createRecordStore({ pool: api.pool, callPool: api.pool, writePool: api.pool });
  await record.recordCall(report, callJudge);
  const { rows } = await api.pool.query(
    'SELECT call_id FROM calls WHERE company_id = $1 AND provider_call_id = $2',
    [company, report.event.providerCallId],
  );
  return rows[0].call_id;
}

async function explain(call: string, query = '') {
  const { status, body } = await api.get(`calls/${call}/attribution.json${query}`);
  expect(status).toBe(200);
  expect(Value.Errors(JoinExplanationSchema, body)).toEqual([]);
  return body;
}

/** All who may have called. */
const sumOf = (body: any) =>
  body.other_candidates +
  body.older_visitors +
  body.stranger +
  body.candidates
    .flatMap(({ because }: { because: Record<string, number> }) => Object.values(because))
    .reduce((sum: number, part: number) => sum + part, 0);

it('tells of each who may have called how likely it was he, and by what', async () => {
  const reader = await holder('google_paid', 5, {
    campaign: 'spring',
    pages: 4,
    active_seconds: 240,
    device: 'desktop',
    last_seen: new Date(rang - 20_000),
  });
  const gone = await holder('bing_organic', 40, { pages: 1, active_seconds: 10, device: 'mobile' });
  const call = await ring();
  const body = await explain(call, '?time_zone=UTC');
  expect(body).toMatchObject({
    attribution: { visit: reader.visit, source: 'google_paid', method: 'sole_holder' },
    standing: 'live',
    live: { session: reader.session, visit: reader.visit, source: 'google_paid', method: 'sole_holder' },
    other_candidates: 0,
    older_visitors: 0,
    thresholds: { visit: 0.5, source: 0.5 },
    model: 'prior',
  });
  expect(body.live.confidence).toBe(body.attribution.confidence);
  const [first, second] = body.candidates;
  expect(body.candidates).toHaveLength(2);
  expect(first).toMatchObject({
    ...reader,
    source_name: 'Google Ads',
    campaign: 'spring',
    pages: 4,
    active_seconds: 240,
    device: 'desktop',
    last_seen: new Date(rang - 20_000).toISOString().replace('Z', '+00:00'),
    because: { tap: 0, known_caller: 0, after_the_visit: 0 },
  });
  expect(first.weight).toBe(Math.min(0.99, first.because.on_the_page));
  expect(second).toMatchObject({ ...gone, source: 'bing_organic', device: 'mobile' });
  expect(second.because.after_the_visit).toBeGreaterThan(second.because.on_the_page);
  expect(sumOf(body)).toBeCloseTo(1, 4);
  expect(body.sources.map(({ source }: { source: string }) => source)).toEqual([
    'google_paid',
    'bing_organic',
  ]);
});

it('tells of a tap, and of a caller known from before who did not have the number', async () => {
  const now = rang;
  rang -= 24 * 60 * MINUTE;
  const before = await holder('direct', 2);
  await ring();
  rang = now;
  await api.pool.query(`UPDATE leases SET number = '+13055550119' WHERE company_id = $1`, [company]);
  const known = (await explain(await ring())).candidates;
  expect(known).toHaveLength(1);
  expect(known[0]).toMatchObject({ ...before, pages: null, active_seconds: null, last_seen: null });
  expect(known[0].because.known_caller).toBe(known[0].weight);

  const tapper = await holder('google_organic', 3, { device: 'mobile' });
  await tap(tapper, 4);
  const body = await explain(await ring(rang, '+14045550177'));
  expect(body).toMatchObject({ standing: 'live', live: { ...tapper, method: 'tap' } });
  expect(body.candidates[0].because.tap).toBeGreaterThan(0.9);
});

it('shows the 20 heaviest, and the weight of all others', async () => {
  for (let minute = 1; minute <= 24; minute++) await holder('direct', minute * 30);
  const few = await explain(await ring());
  expect(few.candidates).toHaveLength(20);
  const weights = few.candidates.map(({ weight }: { weight: number }) => weight);
  expect(weights).toEqual([...weights].sort((a, b) => b - a));
  expect(few.other_candidates).toBeGreaterThan(0);
  expect(few.older_visitors).toBe(0);
  expect(sumOf(few)).toBeCloseTo(1, 4);
  for (let minute = 25; minute <= 101; minute++) await holder('direct', minute * 30);
  const many = await explain(await ring(rang, '+14045550178'));
  expect(many.older_visitors).toBeGreaterThan(0);
  expect(sumOf(many)).toBeCloseTo(1, 4);
});

it('says when the kept join is older than the evidence, and when a user made it', async () => {
  const first = await holder('bing_paid', 10);
  const call = await ring();
  expect(await explain(call)).toMatchObject({ standing: 'live', attribution: { visit: first.visit } });
  const late = await holder('google_paid', 2, { device: 'mobile' });
  await tap(late, 3);
  expect(await explain(call)).toMatchObject({
    standing: 'earlier',
    attribution: { visit: first.visit, method: 'sole_holder' },
    live: { visit: late.visit, method: 'tap' },
    candidates: [{ visit: late.visit }, { visit: first.visit }],
  });
  await api.call('PUT', `calls/${call}.json`, { body: { attribution: { visit: first.visit } } });
  const corrected = await explain(call);
  expect(corrected).toMatchObject({
    standing: 'corrected',
    attribution: { visit: first.visit, confidence: 1, corrected_at: expect.any(String) },
    live: { visit: late.visit },
  });
});

it('goes by the thresholds of the tracker and the model that the company learned', async () => {
  await api.pool.query(
    'UPDATE trackers SET visit_threshold = 0.9, source_threshold = 0.6 WHERE tracker_id = $1',
    [tracker],
  );
  // Nobody on the page ever calls: whoever left is it.
  await api.pool.query('UPDATE companies SET call_model = $2 WHERE company_id = $1', [
    company,
    JSON.stringify({ ...PRIOR_MODEL, present: 0 }),
  ]);
  await holder('google_paid', 5, { last_seen: new Date(rang - 1000) });
  const gone = await holder('direct', 10, { pages: 5, active_seconds: 600 });
  const body = await explain(await ring());
  expect(body).toMatchObject({ model: 'learned', thresholds: { visit: 0.9, source: 0.6 } });
  expect(body.candidates[0]).toMatchObject(gone);
});

it('answers 404 for a call that is not there, of another account, or spam', async () => {
  const call = await ring();
  const other = await seedAccount(api.pool);
  expect((await api.get('calls/CALnone/attribution.json')).status).toBe(404);
  expect((await api.get(`calls/${call}/attribution`)).status).toBe(200);
  const path = `/v3/a/${other.accountId}/calls/${call}/attribution.json`;
  expect((await api.get(path)).status).toBe(404);
  expect((await api.get(path, { key: other.key })).status).toBe(404);
  expect((await api.get(`calls/${call}/attribution.json`, { key: 'x'.repeat(40) })).status).toBe(401);
  expect((await api.call('PUT', `calls/${call}/attribution.json`)).status).toBe(405);
  await api.call('PUT', `calls/${call}.json`, { body: { spam: true } });
  expect((await api.get(`calls/${call}/attribution.json`)).status).toBe(404);
});
