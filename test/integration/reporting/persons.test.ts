import { Value } from 'typebox/value';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callJudge } from '../../../server/domain/calls.js';
import { createRecordStore } from '../../../server/storage/postgres/record-store.js';
import { CallSchema, FormSubmissionSchema, PersonSchema } from '../../../shared/contract/reporting.js';
import { formEntry, ringingReport } from '../../support/lead-events.js';
import {
  insert,
  NOBODY,
  seedAccount,
  seedCall,
  seedCompany,
  seedForm,
  seedSession,
  seedVisit,
} from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

const PHONE = '+14045550199';
const EMAIL = 'grace@navy.mil';
const AT = Date.parse('2026-02-14T10:00:00Z');

let api: TestApi;
let company: string;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  company = await seedCompany(api.pool, api.member.accountId);
});

const record = () => createRecordStore({ pool: api.pool, callPool: api.pool, writePool: api.pool });
const call = (caller: string, at = AT) =>
  record().recordCall(ringingReport(company, { caller, at }), callJudge);
const form = (customerPhone: string | null, customerEmail: string | null, at = AT) =>
  record().commit([formEntry(company, { customerPhone, customerEmail, at })]);
const everything = async () => {
  const query = `company_id=${company}&fields=person_id&date_range=all_time&order=asc`;
  const { calls } = (await api.get(`calls.json?${query}`)).body;
  const forms = (await api.get(`form_submissions.json?${query}`)).body.form_submissions;
  const ids = (rows: { person_id: string }[]) => rows.map(({ person_id }) => person_id);
  return { calls: ids(calls), forms: ids(forms) };
};

describe('persons who are one', () => {
  it('have one id in calls and forms, and two again when that is taken back', async () => {
    await call(PHONE, AT);
    await form(null, EMAIL, AT + 1000);
    const { calls, forms } = await everything();
    const [caller = '', sender = ''] = [calls[0], forms[0]];
    expect(caller).not.toBe(sender);

    await form(PHONE, EMAIL, AT + 2000);
    await form(null, EMAIL, AT + 3000);
    expect(await everything()).toEqual({ calls: [caller], forms: [caller, caller, caller] });
    const shown = await api.get(`persons/${sender}.json`);
    expect(shown.status).toBe(200);
    expect(Value.Errors(PersonSchema, shown.body)).toEqual([]);
    expect(shown.body).toEqual({
      id: caller,
      company_id: company,
      company_name: 'Widget Shop',
      created_at: '2026-02-14T10:00:00.000Z',
      phones: [PHONE],
      emails: [EMAIL],
      merged_persons: [sender],
      merges: [
        {
          persons: [caller, sender],
          reason: 'form',
          lead_id: expect.stringMatching(/^FOR/),
          user_id: null,
          merged_at: expect.any(String),
        },
      ],
    });
    expect((await api.get(`persons/${caller}`)).body).toEqual(shown.body);

    const undone = await api.call('DELETE', `persons/${sender}/merge.json`);
    expect([undone.status, undone.body]).toMatchObject([
      200,
      { id: sender, phones: [], emails: [EMAIL], merged_persons: [], merges: [] },
    ]);
    // The form that named both is with its phone, the one that came after with its e-mail.
    expect(await everything()).toEqual({ calls: [caller], forms: [sender, caller, sender] });
    await form(PHONE, EMAIL, AT + 4000);
    expect((await everything()).forms[3]).toBe(caller);
    const again = await api.call('DELETE', `persons/${sender}/merge.json`);
    expect([again.status, again.body]).toEqual([404, { error: 'This person was merged with nobody.' }]);
  });

  it('are made so by a user, too, also against what was taken back', async () => {
    await call(PHONE, AT);
    await call('+14045550188', AT + 1000);
    const [one, other] = (await everything()).calls;
    const merge = () => api.call('POST', `persons/${other}/merge.json`, { body: { person_id: one } });
    const { status, body } = await merge();
    expect([status, body]).toMatchObject([
      200,
      { id: one, phones: [PHONE, '+14045550188'], merged_persons: [other] },
    ]);
    expect(body.merges).toMatchObject([{ reason: 'hand', lead_id: null, user_id: api.member.userId }]);
    expect((await everything()).calls).toEqual([one, one]);
    // Said twice is said once.
    expect((await merge()).body).toEqual(body);
    expect((await api.call('DELETE', `persons/${one}/merge.json`)).body).toMatchObject({
      id: one,
      phones: [PHONE],
    });
    expect((await merge()).body).toMatchObject({ id: one, merged_persons: [other] });
  });

  it('are of one company, and of the account of who asks', async () => {
    await call(PHONE);
    const [person] = (await everything()).calls;
    const say = (body: unknown, key?: string) =>
      api.call('POST', `persons/${person}/merge.json`, { body, ...(key ? { key } : {}) });
    const here = company;
    company = await seedCompany(api.pool, api.member.accountId);
    await call(PHONE);
    const [elsewhere] = (await everything()).calls;
    company = here;
    for (const person_id of ['PERnobody', elsewhere]) {
      const { status, body } = await say({ person_id });
      expect([status, body.error]).toEqual([400, 'person_id is no person of this company']);
    }
    const none = await say({});
    expect([none.status, none.body.error]).toEqual([400, expect.stringContaining('person_id')]);
    expect((await say({ person_id: 7 })).status).toBe(400);
    expect(
      (await api.call('POST', 'persons/PERnobody/merge.json', { body: { person_id: person } })).status,
    ).toBe(404);

    const stranger = await seedAccount(api.pool);
    for (const [method, path] of [
      ['GET', `persons/${person}.json`],
      ['DELETE', `persons/${person}/merge.json`],
    ] as const) {
      const theirs = `/v3/a/${stranger.accountId}/${path}`;
      expect((await api.call(method, theirs, { key: stranger.key })).status, path).toBe(404);
      expect((await api.call(method, path, { key: 'x'.repeat(64) })).status, path).toBe(401);
    }
    expect((await api.get(`persons/${person}.json`)).status).toBe(200);
  });

  it('have one first form', async () => {
    await call(PHONE, AT);
    await form(PHONE, null, AT + 1);
    await form(null, EMAIL, AT + 2);
    await form(PHONE, EMAIL, AT + 3);
    await form(null, EMAIL, AT + 4);
    const { body } = await api.get(
      `form_submissions.json?company_id=${company}&date_range=all_time&order=asc`,
    );
    expect(body.form_submissions.map((one: { first_form: boolean }) => one.first_form)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('the milestones of a person', () => {
  const surely = (session: string, visit: string, confidence = 0.9) => ({
    ...NOBODY,
    session,
    visit,
    source: 'x',
    confidence,
    sourceConfidence: confidence,
    method: 'holder' as const,
  });
  const named = (source_name: string, more = {}) => ({
    source: source_name.toLowerCase(),
    source_name,
    ...more,
  });
  const person = (person_id: string, created_at: string, more = {}) =>
    insert(api.pool, 'persons', { company_id: company, person_id, created_at, ...more });

  let phoneSession: string;
  let deskSession: string;
  let called: string;
  let sent: string;
  beforeEach(async () => {
    phoneSession = await seedSession(api.pool, company, { device: 'mobile' });
    deskSession = await seedSession(api.pool, company, { device: 'desktop' });
    const otherSession = await seedSession(api.pool, company);
    await seedVisit(api.pool, company, phoneSession, '2026-02-01T10:00:00Z', named('Ad'));
    const tapped = await seedVisit(api.pool, company, phoneSession, '2026-02-10T10:00:00Z', named('Maps'));
    const filled = await seedVisit(api.pool, company, deskSession, '2026-02-12T10:00:00Z', named('Mail'));
    await seedVisit(api.pool, company, deskSession, '2026-02-13T10:00:00Z', named('Late'));
    const guessed = await seedVisit(
      api.pool,
      company,
      otherSession,
      '2026-01-01T10:00:00Z',
      named('Stranger'),
    );
    await person('PERa', '2026-02-10T10:05:00Z');
    await person('PERb', '2026-02-12T10:05:00Z', { merged_into: 'PERa' });
    called = await seedCall(api.pool, company, '2026-02-10T10:05:00Z', {
      session_id: phoneSession,
      visit_id: tapped,
      person_id: 'PERa',
      attribution: surely(phoneSession, tapped),
    });
    sent = await seedForm(api.pool, company, '2026-02-12T10:05:00Z', {
      session_id: deskSession,
      visit_id: filled,
      person_id: 'PERb',
      attribution: surely(deskSession, filled, 1),
    });
    // Perhaps his: not enough to say that it is his.
    await seedCall(api.pool, company, '2026-02-11T10:05:00Z', {
      session_id: otherSession,
      visit_id: guessed,
      person_id: 'PERa',
      attribution: surely(otherSession, guessed, 0.4),
    });
  });
  const of = async (path: string) => {
    const { status, body } = await api.get(`${path}.json?fields=milestones,touches`);
    expect(status).toBe(200);
    const schema = path.startsWith('calls') ? CallSchema : FormSubmissionSchema;
    expect(Value.Errors(schema, body)).toEqual([]);
    return body;
  };
  const names = (
    milestones: Record<string, { source: string | null; device: string | null; event_date: string | null }>,
  ) =>
    Object.fromEntries(
      Object.entries(milestones).map(([name, { source, device, event_date }]) => [
        name,
        [source, device, event_date],
      ]),
    );

  it('are over all sessions that are surely his, up to the lead event', async () => {
    const { milestones, touches } = await of(`form_submissions/${sent}`);
    expect(names(milestones)).toEqual({
      first_touch: ['Ad', 'mobile', '2026-02-01T05:00:00.000-05:00'],
      lead_created: ['Maps', 'mobile', '2026-02-10T05:05:00.000-05:00'],
      qualified: [null, null, null],
      last_touch: ['Mail', 'desktop', '2026-02-12T05:00:00.000-05:00'],
    });
    expect(touches.map(({ source, session }: any) => [source, session])).toEqual([
      ['Ad', phoneSession],
      ['Maps', phoneSession],
      ['Mail', deskSession],
    ]);
    const before = await of(`calls/${called}`);
    expect(names(before.milestones)).toMatchObject({
      first_touch: ['Ad', 'mobile', expect.any(String)],
      last_touch: ['Maps', 'mobile', expect.any(String)],
    });
    expect(before.touches.map(({ source }: any) => source)).toEqual(['Ad', 'Maps']);
  });

  it('say when a user called him a good lead, and by which touch, until that is taken back', async () => {
    const say = (path: string, lead_status: string | null) =>
      api.call('PUT', `${path}.json`, { body: { lead_status } });
    await say(`calls/${called}`, 'not_a_lead');
    expect((await of(`calls/${called}`)).milestones.qualified.event_date).toBeNull();
    await say(`calls/${called}`, 'good_lead');
    const { qualified } = (await of(`calls/${called}`)).milestones;
    expect(Date.parse(qualified.event_date)).toBeGreaterThan(Date.now() - 60_000);
    expect(qualified).toMatchObject({ source: 'Late', device: 'desktop' });
    await say(`calls/${called}`, 'good_lead');
    await say(`form_submissions/${sent}`, 'good_lead');
    // Of the person, once: every lead event of his says the same, and the first time stays.
    expect((await of(`form_submissions/${sent}`)).milestones.qualified).toEqual(qualified);
    await say(`calls/${called}`, null);
    const later = (await of(`calls/${called}`)).milestones.qualified;
    expect(Date.parse(later.event_date)).toBeGreaterThan(Date.parse(qualified.event_date));
    await say(`form_submissions/${sent}`, null);
    expect((await of(`calls/${called}`)).milestones.qualified).toMatchObject({
      event_date: null,
      source: null,
    });
  });

  it('of nobody are those of the lead event’s own session', async () => {
    const id = await seedCall(api.pool, company, '2026-02-12T11:00:00Z', {
      session_id: deskSession,
      caller_number: null,
    });
    const { milestones, touches } = await of(`calls/${id}`);
    expect(names(milestones)).toMatchObject({
      first_touch: ['Mail', 'desktop', expect.any(String)],
      lead_created: ['Mail', 'desktop', '2026-02-12T06:00:00.000-05:00'],
      last_touch: ['Mail', 'desktop', expect.any(String)],
    });
    expect(touches).toHaveLength(1);
  });

  it('keep the newest of very many touches', async () => {
    for (let n = 0; n < 120; n++) {
      await seedVisit(api.pool, company, phoneSession, new Date(Date.UTC(2026, 0, 1) + n * 3_600_000));
    }
    const { milestones, touches } = await of(`calls/${called}`);
    expect(touches).toHaveLength(100);
    expect(touches.at(-1)).toMatchObject({ source: 'Maps' });
    expect(milestones.first_touch.event_date).toBe('2025-12-31T19:00:00.000-05:00');
  });
});
