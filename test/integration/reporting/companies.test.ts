import { Value } from 'typebox/value';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AccountSchema, CompanySchema, UserSchema } from '../../../shared/contract/reporting.js';
import { seedAccount, seedCompany, seedTracker } from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const names = (rows: { name: string }[]) => rows.map(({ name }) => name);
const tooOld = { created_at: '2020-01-01T00:00:00.120Z' };

describe('accounts', () => {
  it('lists the account of the user, as CallRail describes one', async () => {
    const { body } = await api.get('/v3/a.json');
    expect(body).toEqual({
      page: 1,
      per_page: 100,
      total_pages: 1,
      total_records: 1,
      accounts: [
        { id: api.member.accountId, name: 'Acme', outbound_recording_enabled: false, hipaa_account: false },
      ],
    });
  });

  it('shows it, with its number when asked', async () => {
    const { body } = await api.get(`/v3/a/${api.member.accountId}.json?fields=numeric_id`);
    expect(body).toMatchObject({ id: api.member.accountId, numeric_id: Number(api.member.numericId) });
    expect(Value.Check(AccountSchema, body)).toBe(true);
  });

  it('knows no account under HIPAA, and has an empty page behind the first', async () => {
    expect((await api.get('/v3/a.json?hipaa_account=true')).body.accounts).toEqual([]);
    expect((await api.get('/v3/a.json?page=2')).body.accounts).toEqual([]);
  });

  it('lists the user whose key is used', async () => {
    const { body } = await api.get('users.json');
    expect(body.users).toHaveLength(1);
    expect(body.users[0]).toMatchObject({ id: api.member.userId, first_name: 'Ada', last_name: 'Lovelace' });
    expect(body.users[0].created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0[45]:00$/);
    expect(Value.Check(UserSchema, body.users[0])).toBe(true);
    expect((await api.get(`users/${api.member.userId}.json`)).status).toBe(200);
    expect((await api.get('users/USRother.json')).status).toBe(404);
  });
});

describe('companies', () => {
  it('lists them by name, disabled ones too, and filters', async () => {
    for (const [name, status] of [
      ['Beta', 'active'],
      ['Alpha', 'disabled'],
      ['Gamma %_', 'active'],
    ] as const) {
      await seedCompany(api.pool, api.member.accountId, { name, status });
    }
    const list = async (query: string) => names((await api.get(`companies.json?${query}`)).body.companies);
    expect(await list('')).toEqual(['Alpha', 'Beta', 'Gamma %_']);
    expect(await list('order=desc')).toEqual(['Gamma %_', 'Beta', 'Alpha']);
    expect(await list('status=disabled')).toEqual(['Alpha']);
    expect(await list('search=ET')).toEqual(['Beta']);
    // What is a wildcard to SQL is a character to everybody else.
    expect(await list('search=%25_')).toEqual(['Gamma %_']);
    expect((await api.get('companies.json?status=sleepy')).status).toBe(400);
  });

  it('shows one as CallRail does, by either id', async () => {
    const id = await seedCompany(api.pool, api.member.accountId, {
      ...tooOld,
      name: 'Shown',
      numeric_id: 123456789,
      script_key: '0123456789abcdef0123',
    });
    const expected = {
      id,
      name: 'Shown',
      status: 'active',
      time_zone: 'America/New_York',
      created_at: '2020-01-01T00:00:00.120Z',
      disabled_at: null,
      dni_active: null,
      script_url: '//calls.example/companies/123456789/0123456789abcdef0123/12/swap.js',
      callscribe_enabled: false,
      lead_scoring_enabled: false,
      swap_exclude_jquery: null,
      swap_ppc_override: null,
      swap_landing_override: null,
      swap_cookie_duration: 6,
      swap_cookie_duration_unit: 'months',
      callscore_enabled: false,
      keyword_spotting_enabled: false,
      form_capture: false,
    };
    expect((await api.get(`companies/${id}.json`)).body).toEqual(expected);
    expect((await api.get('companies/123456789.json')).body).toEqual(expected);
    expect(Value.Check(CompanySchema, expected)).toBe(true);
    const more = (await api.get(`companies/${id}.json?fields=verified_caller_ids`)).body;
    expect(more.verified_caller_ids).toEqual([]);
  });

  it('knows that the script is in use once it has asked for numbers', async () => {
    const id = await seedCompany(api.pool, api.member.accountId, { script_seen_at: new Date() });
    expect((await api.get(`companies/${id}.json`)).body.dni_active).toBe(true);
  });

  it('creates one with a name alone', async () => {
    const before = api.changes();
    const { status, body } = await api.call('POST', 'companies.json', {
      body: { name: ' Widget Shop ', colour: 1 },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'Widget Shop', status: 'active', time_zone: 'America/New_York' });
    expect(body.id).toMatch(/^COM[0-9a-f]{32}$/);
    expect(body.script_url).toMatch(/^\/\/calls\.example\/companies\/\d{9}\/[0-9a-f]{20}\/12\/swap\.js$/);
    expect(api.changes()).toBe(before + 1);
    expect((await api.get(`companies/${body.id}.json`)).body.created_at).toBe(body.created_at);
  });

  it.each([
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: '  ' }, 'name'],
    [{ name: 7 }, 'name'],
    [{ name: null }, 'name'],
    [{ name: 'X', time_zone: 'Mars/Olympus' }, 'time_zone'],
  ])('refuses to create one from %j', async (body, field) => {
    const answer = await api.call('POST', 'companies.json', { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: expect.stringContaining(field), field });
  });

  describe('an update', () => {
    let id: string;
    const put = (body: unknown) => api.call('PUT', `companies/${id}.json`, { body });
    beforeEach(async () => {
      id = await seedCompany(api.pool, api.member.accountId, { swap_landing_override: 'src' });
    });

    it('changes what it names and nothing else', async () => {
      const before = (await api.get(`companies/${id}.json`)).body;
      const { status, body } = await put({
        name: 'New name',
        swap_ppc_override: 'true',
        swap_cookie_duration: 30,
        swap_cookie_duration_unit: 'days',
        external_form_capture: true,
        unheard_of: 1,
      });
      expect(status).toBe(200);
      expect(body).toEqual({
        ...before,
        name: 'New name',
        swap_ppc_override: true,
        swap_cookie_duration: 30,
        swap_cookie_duration_unit: 'days',
        form_capture: true,
      });
      expect((await api.get(`companies/${id}.json`)).body).toEqual(body);
    });

    it('takes null for a wish to clear what can be empty, and for silence about the rest', async () => {
      const { status, body } = await put({
        name: null,
        time_zone: null,
        callscore_enabled: null,
        swap_ppc_override: null,
        swap_landing_override: null,
        swap_cookie_duration: null,
        swap_cookie_duration_unit: null,
        external_form_capture: null,
      });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        name: 'Widget Shop',
        swap_landing_override: null,
        swap_cookie_duration: 6,
      });
    });

    it('neither disables a company nor brings it back, and takes back what was read', async () => {
      const whole = (await api.get(`companies/${id}.json`)).body;
      expect((await put({ ...whole, name: 'Again' })).body).toEqual({ ...whole, name: 'Again' });
      const disabling = await put({ status: 'disabled' });
      expect([disabling.status, disabling.body.field]).toEqual([400, 'status']);
      await api.call('DELETE', `companies/${id}.json`);
      const enabling = await put({ status: 'active', name: 'Back' });
      expect([enabling.status, enabling.body.field]).toEqual([400, 'status']);
      expect((await put({ status: 'disabled' })).body).toMatchObject({ status: 'disabled', name: 'Again' });
    });

    it('may be empty', async () => {
      expect((await put({})).status).toBe(200);
    });

    it.each([
      [{ name: '' }, 'name'],
      [{ time_zone: 'EDT5' }, 'time_zone'],
      [{ swap_cookie_duration: 7 }, 'swap_cookie_duration'],
      [{ swap_cookie_duration: 27, swap_cookie_duration_unit: 'weeks' }, 'swap_cookie_duration'],
      [{ swap_cookie_duration: 1.5 }, 'swap_cookie_duration'],
      [{ swap_cookie_duration_unit: 'years' }, 'swap_cookie_duration_unit'],
      [{ external_form_capture: 'perhaps' }, 'external_form_capture'],
    ])('refuses %j', async (body, field) => {
      const answer = await put(body);
      expect([answer.status, answer.body.field]).toEqual([400, field]);
    });
  });

  it('hides companies of other accounts from every method', async () => {
    const stranger = await seedAccount(api.pool);
    const id = await seedCompany(api.pool, stranger.accountId);
    expect((await api.get(`companies/${id}.json`)).status).toBe(404);
    expect((await api.call('PUT', `companies/${id}.json`, { body: { name: 'Mine' } })).status).toBe(404);
    expect((await api.call('DELETE', `companies/${id}.json`)).status).toBe(404);
    for (const list of ['calls', 'trackers', 'form_submissions']) {
      expect((await api.get(`${list}.json?company_id=${id}`)).status).toBe(404);
    }
    expect((await api.get('companies.json?per_page=250')).text).not.toContain(id);
  });

  it('disables one with its trackers and numbers, and keeps it in sight', async () => {
    const id = await seedCompany(api.pool, api.member.accountId, { name: 'Closing' });
    const tracker = await seedTracker(api.pool, id);
    await api.pool.query(
      'INSERT INTO tracking_numbers (company_id, tracker_id, number) VALUES ($1, $2, $3)',
      [id, tracker, '+13055550190'],
    );
    const answer = await api.call('DELETE', `companies/${id}.json`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    const { body } = await api.get(`companies/${id}.json`);
    expect(body).toMatchObject({ status: 'disabled', disabled_at: expect.stringMatching(/\.\d{3}Z$/) });
    expect((await api.get(`trackers/${tracker}.json`)).body).toMatchObject({
      status: 'disabled',
      tracking_numbers: ['+13055550190'],
    });
    const { rows } = await api.pool.query('SELECT FROM tracking_numbers WHERE removed_at IS NULL');
    expect(rows).toHaveLength(0);
    expect((await api.call('DELETE', `companies/${id}.json`)).status).toBe(204);
  });

  it('leaves an account its last active company, also when two are disabled at once', async () => {
    const other = await seedAccount(api.pool);
    const ids = await Promise.all([1, 2].map(() => seedCompany(api.pool, other.accountId)));
    const answers = await Promise.all(
      ids.map((id) =>
        api.call('DELETE', `/v3/a/${other.accountId}/companies/${id}.json`, { key: other.key }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 400]);
    expect(answers.find(({ status }) => status === 400)?.body.error).toMatch(/only active company/);
  });
});

describe('when the record is away', () => {
  it('says so, and to come back', async () => {
    const lonely = await startApi();
    expect((await lonely.get('companies.json')).status).toBe(200);
    await lonely.postgres.kill();
    const answer = await lonely.get('companies.json');
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '2']);
    await lonely.close();
  });

  it('are created with the settings that they may be changed to', async () => {
    const { status, body } = await api.call('POST', 'companies.json', {
      body: {
        name: 'With forms',
        external_form_capture: true,
        swap_cookie_duration: 30,
        swap_cookie_duration_unit: 'days',
      },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'With forms', form_capture: true, time_zone: 'America/New_York' });
    const { body: shown } = await api.get(`companies/${body.id}.json`);
    expect(shown).toMatchObject({ swap_cookie_duration: 30, swap_cookie_duration_unit: 'days' });
    const tooLong = await api.call('POST', 'companies.json', {
      body: { name: 'X', swap_cookie_duration: 7 },
    });
    expect(tooLong).toMatchObject({ status: 400, body: { field: 'swap_cookie_duration' } });
  });
});
