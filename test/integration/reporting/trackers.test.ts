import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TrackerSchema } from '../../../shared/contract/reporting.js';
import { seedAccount, seedCompany } from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

let api: TestApi;
let company: string;
beforeAll(async () => {
  api = await startApi();
  company = await seedCompany(api.pool, api.member.accountId);
});
afterAll(() => api.close());

let last = 9000;
/** A number that no test has used before. */
const fresh = () => `+1305444${last++}`;

const flow = (destination: string) => ({
  type: 'basic',
  recording_enabled: true,
  destination_number: destination,
});
const pool = (more: object = {}) => ({
  name: 'Website pool',
  type: 'session',
  company_id: company,
  call_flow: flow('(305) 555-0100'),
  source: 'all',
  tracking_numbers: [fresh(), fresh()],
  ...more,
});
const flyer = (more: object = {}) => ({
  name: 'Flyer',
  type: 'source',
  company_id: company,
  call_flow: flow('+13055550100'),
  source: { type: 'offline' },
  tracking_number: fresh(),
  ...more,
});
const create = (body: unknown) => api.call('POST', 'trackers.json', { body });

describe('a session tracker of own numbers', () => {
  it('is answered as CallRail answers one', async () => {
    const before = api.changes();
    const numbers = ['+13055550111', '+13055550110'];
    const { status, body } = await create(pool({ tracking_numbers: ['(305) 555-0111', '+13055550110'] }));
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^TRK[0-9a-f]{32}$/),
      name: 'Website pool',
      type: 'session',
      status: 'active',
      destination_number: '+13055550100',
      tracking_numbers: numbers,
      whisper_message: null,
      sms_enabled: true,
      sms_supported: false,
      company: { id: company, name: 'Widget Shop' },
      call_flow: {
        type: 'basic',
        recording_enabled: true,
        destination_number: '+13055550100',
        greeting_text: null,
        greeting_recording_url: null,
      },
      source: { type: 'all' },
      created_at: expect.stringMatching(/\.\d{3}Z$/),
      disabled_at: null,
      message_flow: null,
    });
    expect(Value.Check(TrackerSchema, body)).toBe(true);
    expect(api.changes()).toBe(before + 1);
    const { message_flow: _, ...shown } = body;
    const { body: read } = await api.get(`trackers/${body.id}.json?fields=swap_targets,campaign_name`);
    expect(read).toEqual({ ...shown, swap_targets: ['+13055550100'], campaign_name: null });
  });

  it('may be as small as one number, whatever pool_size says', async () => {
    const { status, body } = await create(pool({ tracking_numbers: [fresh()], pool_size: 4 }));
    expect([status, body.tracking_numbers.length]).toEqual([201, 1]);
  });

  it('takes targets in any spelling, each once', async () => {
    const { body } = await create(
      pool({ swap_targets: ['305.555.0101', '+1 305 555 0101', '+44 20 7946 0000'] }),
    );
    const shown = await api.get(`trackers/${body.id}.json?fields=swap_targets`);
    expect(shown.body.swap_targets).toEqual(['+13055550101', '+442079460000']);
  });

  it('keeps the rules of its source', async () => {
    const source = { google: ['paid', 'local'], landing: ['utm_campaign=x'], inverted: true };
    expect((await create(pool({ source }))).body.source).toEqual(source);
    expect((await create(pool({ source: { type: 'all' } }))).body.source).toEqual({ type: 'all' });
  });
});

describe('a source tracker of an own number', () => {
  it.each([
    [{ type: 'direct' }],
    [{ type: 'all' }],
    [{ type: 'landing_params', landing: 'utm_source=flyer' }],
    [{ type: 'facebook_all' }],
    [{ type: 'bing_paid' }],
    [{ type: 'web_referrer', referrer: 'yelp.com' }],
    [{ type: 'search', search_engine: 'google', search_type: 'paid' }],
  ])('keeps the rule %j', async (source) => {
    const { status, body } = await create(flyer({ source, campaign_name: 'Spring' }));
    expect([status, body.source, body.type, body.tracking_numbers.length]).toEqual([
      201,
      source,
      'source',
      1,
    ]);
    const shown = await api.get(`trackers/${body.id}.json?fields=campaign_name`);
    expect(shown.body.campaign_name).toBe('Spring');
  });
});

describe('a request for a tracker is refused, and the field named,', () => {
  it.each<[string, () => object, string, RegExp?]>([
    ['without a name', () => pool({ name: undefined }), 'name'],
    ['with an empty name', () => pool({ name: ' ' }), 'name'],
    ['of no known type', () => pool({ type: 'magic' }), 'type', /must be session or source/],
    ['without a company', () => pool({ company_id: undefined }), 'company_id'],
    ['of no known company', () => pool({ company_id: 'COM1' }), 'company_id'],
    ['without a call flow', () => pool({ call_flow: undefined }), 'call_flow'],
    ['without a destination', () => pool({ call_flow: { type: 'basic' } }), 'call_flow.destination_number'],
    [
      'with junk for a destination',
      () => pool({ call_flow: flow('call me') }),
      'call_flow.destination_number',
    ],
    [
      'with an advanced call flow',
      () => pool({ call_flow: { type: 'advanced', uuid: 'x' } }),
      'call_flow.type',
    ],
    ['without a source', () => pool({ source: undefined }), 'source'],
    ['with a source that names nothing', () => pool({ source: {} }), 'source'],
    ['with a word for a source', () => pool({ source: 'direct' }), 'source', /must be an object or all/],
    ['with an unknown kind of visit', () => pool({ source: { google: ['free'] } }), 'source.google'],
    ['without numbers', () => pool({ tracking_numbers: undefined }), 'tracking_numbers', /your own/],
    ['with an empty pool', () => pool({ tracking_numbers: [] }), 'tracking_numbers'],
    ['with junk for a number', () => pool({ tracking_numbers: ['12'] }), 'tracking_numbers.0'],
    [
      'with a number twice',
      () => pool({ tracking_numbers: ['+13054440001', '305-444-0001'] }),
      'tracking_numbers.1',
    ],
    [
      'that wants to buy a pool',
      () => pool({ pool_numbers: { area_code: '305' }, pool_size: 4 }),
      'pool_numbers',
      /tracking_numbers/,
    ],
    [
      'that wants to buy a number',
      () => flyer({ tracking_number: { area_code: '305' } }),
      'tracking_number',
      /provider/,
    ],
    ['without its one number', () => flyer({ tracking_number: undefined }), 'tracking_number'],
    ['with junk for a target', () => pool({ swap_targets: ['5'] }), 'swap_targets.0'],
    ['of an unknown rule', () => flyer({ source: { type: 'vibes' } }), 'source.type'],
    ['of an unknown network', () => flyer({ source: { type: 'altavista_paid' } }), 'source.type'],
    ['of a mailbox that is paid', () => flyer({ source: { type: 'gmail_paid' } }), 'source.type'],
    ['of a rule without what it needs', () => flyer({ source: { type: 'web_referrer' } }), 'source.referrer'],
    [
      'of a search by nobody',
      () => flyer({ source: { type: 'search', search_engine: 'altavista', search_type: 'paid' } }),
      'source.search_engine',
    ],
  ])('%s', async (_name, body, field, message) => {
    const answer = await create(body());
    expect(answer.status).toBe(400);
    expect(answer.body.field).toBe(field);
    if (message) expect(answer.body.error).toMatch(message);
  });

  it('in a company of another account', async () => {
    const stranger = await seedAccount(api.pool);
    const theirs = await seedCompany(api.pool, stranger.accountId);
    expect((await create(pool({ company_id: theirs }))).body.field).toBe('company_id');
  });

  it('in a disabled company', async () => {
    const closed = await seedCompany(api.pool, api.member.accountId, { status: 'disabled' });
    expect((await create(pool({ company_id: closed }))).body.field).toBe('company_id');
  });
});

describe('a number', () => {
  it('has one active tracker in the whole installation', async () => {
    const number = fresh();
    const stranger = await seedAccount(api.pool);
    const theirs = await seedCompany(api.pool, stranger.accountId);
    const first = await api.call('POST', `/v3/a/${stranger.accountId}/trackers.json`, {
      key: stranger.key,
      body: flyer({ company_id: theirs, tracking_number: number }),
    });
    expect(first.status).toBe(201);
    const second = await create(pool({ tracking_numbers: [fresh(), number] }));
    expect([second.status, second.body.field]).toEqual([400, 'tracking_numbers']);
    expect(second.body.error).toContain(number);
  });

  it('goes to one of many who ask at once, and nothing is left of the others', async () => {
    const number = fresh();
    const { rows: before } = await api.pool.query('SELECT count(*) FROM trackers');
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => create(flyer({ tracking_number: number }))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400, 400, 400]);
    const { rows: after } = await api.pool.query('SELECT count(*) FROM trackers');
    expect(Number(after[0].count)).toBe(Number(before[0].count) + 1);
  });

  it('that somebody else put into the record meanwhile is refused by the record itself', async () => {
    const number = fresh();
    // Past every rule of ours, as a second implementation would.
    const other = await create(flyer());
    const client = await api.pool.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO tracking_numbers (company_id, tracker_id, number) VALUES ($1, $2, $3)', [
      company,
      other.body.id,
      number,
    ]);
    const racing = create(flyer({ tracking_number: number }));
    await new Promise((done) => setTimeout(done, 200));
    await client.query('COMMIT');
    client.release();
    const answer = await racing;
    expect([answer.status, answer.body.field]).toEqual([400, 'tracking_number']);
  });

  it('is never its own destination', async () => {
    const number = fresh();
    const answer = await create(flyer({ tracking_number: number, call_flow: flow(number) }));
    expect([answer.status, answer.body.field]).toEqual([400, 'call_flow.destination_number']);
  });

  it('is no destination while, or after, it tracks', async () => {
    const number = fresh();
    const { body } = await create(flyer({ tracking_number: number }));
    for (const _ of ['while', 'after']) {
      const answer = await create(flyer({ call_flow: flow(number) }));
      expect([answer.status, answer.body.field]).toEqual([400, 'call_flow.destination_number']);
      await api.call('DELETE', `trackers/${body.id}.json`);
    }
  });

  it('and its destination never become each other’s, also when both are asked for at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [one, other] = [fresh(), fresh()];
      const answers = await Promise.all([
        create(flyer({ tracking_number: one, call_flow: flow(other) })),
        create(flyer({ tracking_number: other, call_flow: flow(one) })),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 400]);
    }
  });

  it('does not track while calls are sent to it', async () => {
    const destination = fresh();
    const { body } = await create(flyer({ call_flow: flow(destination) }));
    const answer = await create(flyer({ tracking_number: destination }));
    expect([answer.status, answer.body.field]).toEqual([400, 'tracking_number']);
    await api.call('DELETE', `trackers/${body.id}.json`);
    expect((await create(flyer({ tracking_number: destination }))).status).toBe(201);
  });
});

describe('a tracker', () => {
  it('is disabled by DELETE, stays in sight with its numbers, and sets them free', async () => {
    const number = fresh();
    const { body } = await create(flyer({ tracking_number: number }));
    const answer = await api.call('DELETE', `trackers/${body.id}.json`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await api.get(`trackers/${body.id}.json`)).body).toMatchObject({
      status: 'disabled',
      disabled_at: expect.stringMatching(/\.\d{3}Z$/),
      tracking_numbers: [number],
    });
    expect((await api.call('DELETE', `trackers/${body.id}`)).status).toBe(204);
    expect((await create(flyer({ tracking_number: number }))).status).toBe(201);
  });

  it('of another account is not there', async () => {
    const { body } = await create(flyer());
    const stranger = await seedAccount(api.pool);
    const base = `/v3/a/${stranger.accountId}/trackers`;
    for (const method of ['GET', 'DELETE']) {
      expect((await api.call(method, `${base}/${body.id}.json`, { key: stranger.key })).status).toBe(404);
    }
    expect((await api.get(`${base}.json`, { key: stranger.key })).body.trackers).toEqual([]);
    expect((await api.get(`trackers/${body.id}.json`)).body.status).toBe('active');
  });

  it('is listed by name and found by company, type, status and name', async () => {
    const own = await seedCompany(api.pool, api.member.accountId, { numeric_id: 987654321 });
    const made = [
      await create(pool({ company_id: own, name: 'B pool' })),
      await create(flyer({ company_id: own, name: 'A flyer' })),
      await create(flyer({ company_id: own, name: 'C poster' })),
    ];
    await api.call('DELETE', `trackers/${made[2]?.body.id}.json`);
    const list = async (query: string) =>
      (await api.get(`trackers.json?company_id=${own}&${query}`)).body.trackers.map(
        ({ name }: { name: string }) => name,
      );
    expect(await list('')).toEqual(['A flyer', 'B pool', 'C poster']);
    expect(await list('type=source')).toEqual(['A flyer', 'C poster']);
    expect(await list('status=active')).toEqual(['A flyer', 'B pool']);
    expect(await list('search=POST')).toEqual(['C poster']);
    expect((await api.get('trackers.json?company_id=987654321')).body.total_records).toBe(3);
    expect(
      (await api.get(`trackers.json?company_id=${own}&fields=swap_targets`)).body.trackers[0],
    ).toMatchObject({
      swap_targets: ['+13055550100'],
    });
  });

  it('may be made for a company by its number', async () => {
    const { status, body } = await create(flyer({ company_id: '987654321' }));
    expect([status, body.company.id.slice(0, 3)]).toEqual([201, 'COM']);
  });
});
