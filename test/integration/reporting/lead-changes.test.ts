import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seedAccount, seedCall, seedCompany, seedForm } from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

const AT = '2026-02-14T17:00:00Z';
let api: TestApi;
let company: string;
beforeAll(async () => {
  api = await startApi();
  company = await seedCompany(api.pool, api.member.accountId);
});
afterAll(() => api.close());

const SAID = 'note,value,lead_status,tags';

describe.each([
  ['call', 'calls', seedCall],
  ['form submission', 'form_submissions', seedForm],
] as const)('of a %s', (kind, path, seed) => {
  let id: string;
  const put = (body: unknown, query = '') => api.call('PUT', `${path}/${id}.json?${query}`, { body });
  const said = async () => (await api.get(`${path}/${id}.json?fields=${SAID}`)).body;
  const money = (value: number) => (kind === 'call' ? value.toFixed(2) : value);
  beforeEach(async () => {
    id = await seed(api.pool, company, AT, {
      note: 'Old',
      value: '5',
      lead_status: 'not_a_lead',
      tags: ['old'],
    });
  });

  it('note, value, status and tags are kept, and nothing else changes', async () => {
    const before = await said();
    const change = {
      note: ' Wants a quote ',
      value: '$1,234.50',
      lead_status: 'good_lead',
      tags: ['a', ' b', 'a'],
    };
    const { status, body } = await put(change, `fields=${SAID}`);
    const { recording_player: _, ...rest } = before;
    const after = { note: 'Wants a quote', value: money(1234.5), lead_status: 'good_lead', tags: ['a', 'b'] };
    expect([status, body]).toEqual([200, { ...rest, ...after }]);
    expect(await said()).toEqual({ ...before, ...after });
  });

  it('what is left out stays; null and what is empty clear', async () => {
    const before = await said();
    await put({});
    await put({ append_tags: true });
    expect(await said()).toEqual(before);
    await put({ note: '', value: '', lead_status: '', tags: [] });
    const nothing = { note: null, value: null, lead_status: null, tags: [] };
    expect(await said()).toMatchObject(nothing);
    await put({ note: 'x', value: 1, lead_status: 'good_lead', tags: ['x'] });
    await put({ note: null, value: null, lead_status: null, tags: null });
    expect(await said()).toMatchObject(nothing);
  });

  it.each([
    ['1.00', 1],
    ['$ 0.5', 0.5],
    ['1,000,000', 1_000_000],
    [7, 7],
    [0, 0],
  ])('a value of %j is %d', async (written, value) => {
    expect((await put({ value: written })).status).toBe(200);
    expect((await said()).value).toBe(money(value));
  });

  it('tags are appended once each, also by many at once', async () => {
    const answers = await Promise.all(
      ['a', 'b', 'c', 'a', 'old'].map((tag) => put({ tags: [tag], append_tags: 'true' })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const { tags } = await said();
    expect(tags[0]).toBe('old');
    expect([...tags].sort()).toEqual(['a', 'b', 'c', 'old']);
  });

  it.each<[object, string]>([
    [{ note: 7 }, 'note'],
    [{ value: '1,23' }, 'value'],
    [{ value: '-1' }, 'value'],
    [{ value: '1.005' }, 'value'],
    [{ value: 1e15 }, 'value'],
    [{ value: 'much' }, 'value'],
    [{ lead_status: 'great' }, 'lead_status'],
    [{ lead_status: 'previously_marked_good_lead' }, 'lead_status'],
    [{ tags: 'a' }, 'tags'],
    [{ tags: ['a', ' '] }, 'tags.1'],
    [{ tags: ['a', 7] }, 'tags.1'],
    [{ append_tags: 'perhaps' }, 'append_tags'],
  ])('%j is refused, and nothing is half kept', async (body, field) => {
    const before = await said();
    const answer = await put({ note: 'Half', tags: ['half'], ...body });
    expect([answer.status, answer.body.field]).toEqual([400, field]);
    expect(answer.body.error).toContain(field);
    expect(await said()).toEqual(before);
  });

  it('one that was a good lead before is not made one again', async () => {
    id = await seed(api.pool, company, AT, { lead_status: 'previously_marked_good_lead' });
    const answer = await put({ lead_status: 'good_lead', note: 'Half' });
    expect([answer.status, answer.body.field]).toEqual([400, 'lead_status']);
    expect((await said()).note).toBeNull();
    expect((await put({ lead_status: 'not_a_lead' })).status).toBe(200);
  });

  it('somebody else’s is not there', async () => {
    const stranger = await seedAccount(api.pool);
    const theirs = `/v3/a/${stranger.accountId}/${path}/${id}.json`;
    expect((await api.call('PUT', theirs, { key: stranger.key, body: { note: 'Mine' } })).status).toBe(404);
    expect((await said()).note).toBe('Old');
    expect((await api.call('PUT', `${path}/NONE1.json`, { body: {} })).status).toBe(404);
  });
});

describe('a call', () => {
  it('gets another customer’s name, or none', async () => {
    const id = await seedCall(api.pool, company, AT, { caller_name: 'WIRELESS CALLER' });
    const put = (body: object) => api.call('PUT', `calls/${id}.json`, { body });
    expect((await put({ customer_name: 'Ada Lovelace' })).body.customer_name).toBe('Ada Lovelace');
    expect((await put({ note: 'x' })).body.customer_name).toBe('Ada Lovelace');
    expect((await put({ customer_name: null })).body.customer_name).toBeNull();
  });

  it('that is spam is answered once more and is in no report from then on', async () => {
    const own = await seedCompany(api.pool, api.member.accountId);
    const [id, other] = [
      await seedCall(api.pool, own, AT, { recording_url: 'https://provider.example/rec.mp3' }),
      await seedCall(api.pool, own, '2026-02-14T18:00:00Z'),
    ];
    const put = (body: object) => api.call('PUT', `calls/${id}.json`, { body });
    expect((await put({ spam: false })).status).toBe(200);
    expect((await api.get(`calls/${id}.json`)).status).toBe(200);
    expect((await put({ spam: 'perhaps' })).body.field).toBe('spam');
    const { status, body } = await put({ spam: true });
    expect([status, body.id]).toEqual([200, id]);
    for (const one of [`calls/${id}.json`, `calls/${id}/recording.json`]) {
      expect((await api.get(one)).status).toBe(404);
    }
    expect((await put({ spam: false })).status).toBe(404);
    for (const query of ['', '&relative_pagination=true']) {
      const list = await api.get(`calls.json?company_id=${own}&fields=total_calls,prior_calls${query}`);
      expect(list.body.calls.map((call: { id: string }) => call.id)).toEqual([other]);
      expect(list.body.calls[0]).toMatchObject({ total_calls: 1, prior_calls: 0 });
      if (query === '') expect(list.body.total_records).toBe(1);
    }
  });
});

describe('a form submission', () => {
  it('takes notes for note, as there are clients that say so', async () => {
    const id = await seedForm(api.pool, company, AT);
    const put = (body: object) => api.call('PUT', `form_submissions/${id}.json?fields=note`, { body });
    expect((await put({ notes: 'Called back' })).body.note).toBe('Called back');
    expect((await put({ note: 'This', notes: 'That' })).body.note).toBe('This');
    expect((await put({ notes: null })).body.note).toBeNull();
  });
});
