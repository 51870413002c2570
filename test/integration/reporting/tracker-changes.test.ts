import { Value } from 'typebox/value';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TrackerSchema } from '../../../shared/contract/reporting.js';
import { type Member, seedAccount, seedCompany } from '../../support/seed.js';
import { type Answer, startApi, type TestApi } from './api.js';

let api: TestApi;
let company: string;
let stranger: Member;
let strangersCompany: string;
beforeAll(async () => {
  api = await startApi();
  company = await seedCompany(api.pool, api.member.accountId);
  stranger = await seedAccount(api.pool);
  strangersCompany = await seedCompany(api.pool, stranger.accountId);
});
afterAll(() => api.close());

let last = 1000;
/** A number that no test has used before. */
const fresh = () => `+1786555${last++}`;
const flow = (destination: string, more: object = {}) => ({
  type: 'basic',
  destination_number: destination,
  ...more,
});

type Json = Record<string, unknown>;
const create = async (body: Json): Promise<Json> => {
  const defaults = { name: 'Some', company_id: company, call_flow: flow('+13055550100') };
  const answer = await api.call('POST', 'trackers.json', { body: { ...defaults, ...body } });
  expect(answer.text).toContain('TRK');
  return answer.body;
};
const createPool = (more: Json = {}) =>
  create({ type: 'session', source: 'all', tracking_numbers: [fresh(), fresh()], ...more });
const createFlyer = (more: Json = {}) =>
  create({ type: 'source', source: { type: 'offline' }, tracking_number: fresh(), ...more });
const put = (tracker: Json, body: Json) => api.call('PUT', `trackers/${tracker.id}.json`, { body });
const read = async (tracker: Json): Promise<Json> =>
  (await api.get(`trackers/${tracker.id}.json?fields=swap_targets,campaign_name`)).body;
/** A tracker of another account. */
const createTheirs = async (body: Json): Promise<Answer> => {
  const defaults = { name: 'Theirs', company_id: strangersCompany, call_flow: flow(fresh()) };
  return api.call('POST', `/v3/a/${stranger.accountId}/trackers.json`, {
    key: stranger.key,
    body: { ...defaults, type: 'source', source: { type: 'offline' }, ...body },
  });
};
/** The history of a number: whose it was, and whether it is still. */
const ownersOf = async (number: unknown) => {
  const { rows } = await api.pool.query(
    `SELECT tracker_id, removed_at IS NULL AS active, added_at, removed_at FROM tracking_numbers
     WHERE number = $1 ORDER BY added_at`,
    [number],
  );
  return rows;
};

describe('a tracker is changed', () => {
  it('in what the request names and in nothing else, and answered as it was when created', async () => {
    const pool = await createPool({ whisper_message: 'Hello', swap_targets: ['+13055550101'] });
    const before = await read(pool);
    const changes = api.changes();
    const answer = await put(pool, { name: ' New name ', sms_enabled: 'false', unheard_of: 1 });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ ...pool, name: 'New name', sms_enabled: false });
    expect(Value.Check(TrackerSchema, answer.body)).toBe(true);
    expect(await read(pool)).toEqual({ ...before, name: 'New name', sms_enabled: false });
    expect(api.changes()).toBe(changes + 1);
  });

  it('by nothing', async () => {
    const pool = await createPool();
    expect((await put(pool, {})).body).toEqual(pool);
  });

  it('by null in what can be empty; null elsewhere says nothing', async () => {
    const flyer = await createFlyer({
      whisper_message: 'Hi',
      campaign_name: 'Spring',
      swap_targets: ['+13055550101'],
    });
    const members = ['name', 'call_flow', 'source', 'swap_targets', 'sms_enabled', 'tracking_number'];
    const more = ['tracking_numbers', 'pool_numbers', 'pool_size', 'replace_tracking_number', 'company_id'];
    const silent = Object.fromEntries([...members, ...more].map((name) => [name, null]));
    const before = await read(flyer);
    expect((await put(flyer, silent)).status).toBe(200);
    expect(await read(flyer)).toEqual(before);
    expect((await put(flyer, { ...silent, whisper_message: null, campaign_name: '' })).status).toBe(200);
    expect(await read(flyer)).toEqual({ ...before, whisper_message: null, campaign_name: null });
  });

  it('by a call flow that replaces the old one whole', async () => {
    const pool = await createPool({
      call_flow: flow('+13055550100', { greeting_text: 'Hello', recording_enabled: true }),
    });
    const { body } = await put(pool, { call_flow: flow('(305) 555-0102') });
    expect(body).toMatchObject({
      destination_number: '+13055550102',
      call_flow: {
        type: 'basic',
        recording_enabled: false,
        destination_number: '+13055550102',
        greeting_text: null,
        greeting_recording_url: null,
      },
    });
    // The site's HTML has not changed with the line that rings.
    expect((await read(pool)).swap_targets).toEqual(['+13055550100']);
    await put(pool, { swap_targets: [] });
    expect((await read(pool)).swap_targets).toEqual(['+13055550102']);
  });

  it('by a source of its own kind', async () => {
    const [pool, flyer] = [await createPool(), await createFlyer()];
    expect((await put(pool, { source: { google: ['paid'] } })).body.source).toEqual({ google: ['paid'] });
    expect((await put(pool, { source: 'all' })).body.source).toEqual({ type: 'all' });
    const rule = { type: 'web_referrer', referrer: 'yelp.com' };
    expect((await put(flyer, { source: rule, campaign_name: 'Yelp' })).body.source).toEqual(rule);
    expect((await read(flyer)).campaign_name).toBe('Yelp');
  });

  it('by all of itself with one member changed, as a client sends it that has read it', async () => {
    for (const tracker of [await createPool(), await createFlyer({ campaign_name: 'May' })]) {
      const whole = await read(tracker);
      const { message_flow: _, ...answered } = (await put(tracker, { ...whole, name: 'Renamed' })).body;
      const { swap_targets: _t, campaign_name: _c, ...shown } = whole;
      expect(answered).toEqual({ ...shown, name: 'Renamed' });
      expect(await read(tracker)).toEqual({ ...whole, name: 'Renamed' });
    }
  });

  it('in what is asked for by its answer’s fields', async () => {
    const pool = await createPool();
    const answer = await api.call('PUT', `trackers/${pool.id}.json?fields=swap_targets`, {
      body: { swap_targets: ['+1 305 555 0107'] },
    });
    expect(answer.body.swap_targets).toEqual(['+13055550107']);
    expect((await api.call('PUT', `trackers/${pool.id}.json?fields=junk`, { body: {} })).status).toBe(400);
  });

  it('not at all when it is somebody else’s, or nobody’s', async () => {
    const theirs = await createTheirs({ tracking_number: fresh() });
    for (const id of [theirs.body.id, 'TRK0']) {
      expect((await put({ id }, { name: 'Mine' })).status).toBe(404);
    }
  });

  it('also when it is disabled, but for its numbers: callers still reach its destination', async () => {
    const pool = await createPool();
    await api.call('DELETE', `trackers/${pool.id}.json`);
    const disabled = await read(pool);
    const { body } = await put(pool, { ...disabled, call_flow: flow('+13055550108') });
    expect(body).toMatchObject({
      status: 'disabled',
      destination_number: '+13055550108',
      tracking_numbers: pool.tracking_numbers,
    });
    const answer = await put(pool, { tracking_numbers: [fresh()] });
    expect([answer.status, answer.body.field]).toEqual([400, 'tracking_numbers']);
    expect(answer.body.error).toMatch(/disabled/);
    // Its last number has another tracker now: that is no reason to keep it from being renamed.
    const [number] = pool.tracking_numbers as string[];
    await createFlyer({ tracking_number: number });
    expect((await put(pool, { name: 'Old pool' })).body.name).toBe('Old pool');
    expect(await ownersOf(number)).toHaveLength(2);
  });
});

describe('the numbers of a pool', () => {
  it('are replaced by a whole list in its order; those that stay keep their history', async () => {
    const [a, b, c, d] = [fresh(), fresh(), fresh(), fresh()];
    const pool = await createPool({ tracking_numbers: [a, b, c] });
    const [before] = await ownersOf(c);
    const { status, body } = await put(pool, { tracking_numbers: [d, c, a] });
    expect([status, body.tracking_numbers]).toEqual([200, [d, c, a]]);
    expect((await read(pool)).tracking_numbers).toEqual([d, c, a]);
    expect(await ownersOf(c)).toEqual([before]);
    expect(await ownersOf(b)).toMatchObject([{ tracker_id: pool.id, active: false }]);
  });

  it('may grow and shrink, and the same list again changes nothing', async () => {
    const [a, b, c] = [fresh(), fresh(), fresh()];
    const pool = await createPool({ tracking_numbers: [a] });
    for (const numbers of [[a, b], [c, b, a], [c, b, a], [b], [b]]) {
      expect((await put(pool, { tracking_numbers: numbers })).body.tracking_numbers).toEqual(numbers);
    }
    expect(await ownersOf(b)).toHaveLength(1);
    expect(await ownersOf(a)).toHaveLength(1);
  });

  it('come back by a second stay, which begins after the first', async () => {
    const [a, b] = [fresh(), fresh()];
    const pool = await createPool({ tracking_numbers: [a, b] });
    for (const numbers of [[b], [b, a], [b], [b, a]]) {
      expect((await put(pool, { tracking_numbers: numbers })).body.tracking_numbers).toEqual(numbers);
    }
    const stays = await ownersOf(a);
    expect(stays.map(({ active }) => active)).toEqual([false, false, true]);
    for (const [at, stay] of stays.entries()) {
      if (at > 0) expect(stay.added_at.getTime()).toBeGreaterThanOrEqual(stays[at - 1].removed_at.getTime());
    }
  });

  it('have one newest owner also where the clock was set back', async () => {
    const number = fresh();
    const flyer = await createFlyer({ tracking_number: number });
    await api.pool.query(
      `UPDATE tracking_numbers SET added_at = now() + interval '1 hour' WHERE tracker_id = $1`,
      [flyer.id],
    );
    await put(flyer, { tracking_number: fresh() });
    const second = await createFlyer({ tracking_number: number });
    const [first, next] = await ownersOf(number);
    expect([first.tracker_id, next.tracker_id]).toEqual([flyer.id, second.id]);
    expect(next.added_at.getTime()).toBeGreaterThanOrEqual(first.added_at.getTime());
  });
});

describe('the number of a source tracker', () => {
  it.each(['tracking_number', 'tracking_numbers'])('is replaced by %s', async (member) => {
    const flyer = await createFlyer();
    const number = fresh();
    const { body } = await put(flyer, { [member]: member === 'tracking_number' ? number : [number] });
    expect(body.tracking_numbers).toEqual([number]);
    expect((await put(flyer, { tracking_number: number })).body.tracking_numbers).toEqual([number]);
    expect(await ownersOf(number)).toHaveLength(1);
  });
});

describe('a number moves from one tracker to another', () => {
  it('when it was removed first; until then the other is refused, and told which tracker has it', async () => {
    const [number, stays] = [fresh(), fresh()];
    const [from, to] = [await createPool({ tracking_numbers: [number, stays] }), await createFlyer()];
    const early = await put(to, { tracking_number: number });
    expect([early.status, early.body.field]).toEqual([400, 'tracking_number']);
    expect(early.body.error).toContain(`${number}, which tracker ${from.id} has`);
    await put(from, { tracking_numbers: [stays] });
    expect((await put(to, { tracking_number: number })).body.tracking_numbers).toEqual([number]);
    expect(await ownersOf(number)).toMatchObject([
      { tracker_id: from.id, active: false },
      { tracker_id: to.id, active: true },
    ]);
  });

  it('between accounts, too, and neither hears of the other', async () => {
    const number = fresh();
    const theirs = await createTheirs({ tracking_number: number });
    expect(theirs.status).toBe(201);
    const pool = await createPool();
    const refused = await put(pool, { tracking_numbers: [...(pool.tracking_numbers as string[]), number] });
    expect([refused.status, refused.body.field]).toEqual([400, 'tracking_numbers']);
    expect(refused.body.error).toContain(number);
    for (const secret of [theirs.body.id, strangersCompany, stranger.accountId, 'Theirs']) {
      expect(refused.text).not.toContain(secret);
    }
    expect(await read(pool)).toMatchObject({ tracking_numbers: pool.tracking_numbers });
    await api.call('DELETE', `/v3/a/${stranger.accountId}/trackers/${theirs.body.id}.json`, {
      key: stranger.key,
    });
    expect((await put(pool, { tracking_numbers: [number] })).status).toBe(200);
  });
});

describe('a change is refused, the field named and nothing kept,', () => {
  let pool: Json;
  let flyer: Json;
  beforeEach(async () => {
    pool = await createPool();
    flyer = await createFlyer();
  });
  const numbersOf = (tracker: Json) => tracker.tracking_numbers as [string, ...string[]];

  it.each<[string, 'pool' | 'flyer', (tracker: Json) => Json, string, RegExp?]>([
    ['of the name to none', 'pool', () => ({ name: ' ' }), 'name'],
    ['of the name to a number', 'pool', () => ({ name: 7 }), 'name'],
    ['of the type', 'pool', () => ({ type: 'source' }), 'type', /session for the life of a tracker/],
    ['of the company', 'pool', () => ({ company_id: 'COM1' }), 'company_id', /other company/],
    ['of the company as it is shown', 'pool', () => ({ company: { id: 'COM1' } }), 'company'],
    ['of the status', 'pool', () => ({ status: 'disabled' }), 'status', /DELETE/],
    [
      'of the destination alone',
      'pool',
      () => ({ destination_number: '+13055550109' }),
      'destination_number',
    ],
    ['to no call flow', 'pool', () => ({ call_flow: {} }), 'call_flow.type'],
    ['to no destination', 'pool', () => ({ call_flow: { type: 'basic' } }), 'call_flow.destination_number'],
    ['to a destination of junk', 'pool', () => ({ call_flow: flow('now') }), 'call_flow.destination_number'],
    ['to an advanced call flow', 'pool', () => ({ call_flow: { type: 'advanced' } }), 'call_flow.type'],
    [
      'to a greeting of junk',
      'pool',
      () => ({ call_flow: flow('+13055550100', { greeting_recording_url: 'x' }) }),
      'call_flow.greeting_recording_url',
    ],
    ['to a source that names nothing', 'pool', () => ({ source: {} }), 'source'],
    ['to a source of neither', 'pool', () => ({ source: { type: 'all', inverted: 'x' } }), 'source.inverted'],
    ['to a rule of junk', 'flyer', () => ({ source: { type: 'vibes' } }), 'source.type'],
    ['to a rule of pools', 'flyer', () => ({ source: { google: ['paid'] } }), 'source.type'],
    ['to a switch of junk', 'pool', () => ({ sms_enabled: 'perhaps' }), 'sms_enabled'],
    ['to targets of junk', 'pool', () => ({ swap_targets: ['+13055550100', '5'] }), 'swap_targets.1'],
    ['to an empty pool', 'pool', () => ({ tracking_numbers: [] }), 'tracking_numbers', /your own/],
    ['to a pool of junk', 'pool', () => ({ tracking_numbers: [fresh(), '12'] }), 'tracking_numbers.1'],
    ['to a pool that is none', 'pool', () => ({ tracking_numbers: fresh() }), 'tracking_numbers'],
    [
      'to numbers given twice',
      'pool',
      () => ({ tracking_numbers: ['+17865550001', '786-555-0001'] }),
      'tracking_numbers.1',
    ],
    ['to a number that is no text', 'flyer', () => ({ tracking_number: 7865550001 }), 'tracking_number'],
    ['to a number of junk', 'flyer', () => ({ tracking_number: '12' }), 'tracking_number'],
    ['to no number', 'flyer', () => ({ tracking_numbers: [] }), 'tracking_numbers'],
    [
      'to two numbers for one',
      'flyer',
      () => ({ tracking_numbers: [fresh(), fresh()] }),
      'tracking_numbers',
      /has one/,
    ],
    [
      'to one number for a pool',
      'pool',
      () => ({ tracking_number: fresh() }),
      'tracking_number',
      /tracking_numbers/,
    ],
    [
      'to numbers to be bought',
      'pool',
      () => ({ pool_numbers: { area_code: '305' } }),
      'pool_numbers',
      /buy/,
    ],
    [
      'to a number to be bought',
      'flyer',
      () => ({ tracking_number: { toll_free: true } }),
      'tracking_number',
      /buy/,
    ],
    [
      'to another number for one',
      'pool',
      (t) => ({ replace_tracking_number: numbersOf(t)[0] }),
      'replace_tracking_number',
      /buy/,
    ],
    [
      'to its own number as destination',
      'flyer',
      (t) => ({ call_flow: flow(numbersOf(t)[0]) }),
      'call_flow.destination_number',
      /circle/,
    ],
    [
      'to a destination that it lets go at once',
      'flyer',
      (t) => ({ call_flow: flow(numbersOf(t)[0]), tracking_number: fresh() }),
      'call_flow.destination_number',
      /circle/,
    ],
    [
      'to its own destination as number',
      'flyer',
      () => ({ tracking_number: '+13055550100' }),
      'tracking_number',
      /circle/,
    ],
    [
      'to its own destination among its numbers',
      'pool',
      () => ({ tracking_numbers: [fresh(), '+13055550100'] }),
      'tracking_numbers',
      /circle/,
    ],
    [
      'to its own number as target',
      'pool',
      (t) => ({ swap_targets: ['+13055550100', numbersOf(t)[1]] }),
      'swap_targets.1',
    ],
  ])('%s', async (_name, kind, body, field, message) => {
    const tracker = kind === 'pool' ? pool : flyer;
    const before = await read(tracker);
    const answer = await put(tracker, { name: 'Half', campaign_name: 'Half', ...body(tracker) });
    expect([answer.status, answer.body.field, answer.body.error]).toEqual([
      400,
      field,
      expect.stringContaining(field),
    ]);
    if (message) expect(answer.body.error).toMatch(message);
    expect(await read(tracker)).toEqual(before);
  });

  it('to numbers that are its targets', async () => {
    const [target, number] = [fresh(), fresh()];
    await put(pool, { swap_targets: [target] });
    const answer = await put(pool, { tracking_numbers: [number, target] });
    expect([answer.status, answer.body.field]).toEqual([400, 'tracking_numbers']);
    expect(answer.body.error).toContain(target);
    expect(await ownersOf(target)).toEqual([]);
    // One body may say both, and is taken as it is to be.
    const both = await put(pool, { tracking_numbers: [target], swap_targets: [number] });
    expect(both.status).toBe(200);
  });

  it('to a destination that is, or was, a tracking number of anybody', async () => {
    const theirs = fresh();
    const created = await createTheirs({ tracking_number: theirs });
    for (const _ of ['is', 'was']) {
      const answer = await put(pool, { call_flow: flow(theirs) });
      expect([answer.status, answer.body.field]).toEqual([400, 'call_flow.destination_number']);
      expect(answer.text).not.toContain(created.body.id);
      await api.call('DELETE', `/v3/a/${stranger.accountId}/trackers/${created.body.id}.json`, {
        key: stranger.key,
      });
    }
    const removed = numbersOf(flyer)[0];
    await put(flyer, { tracking_number: fresh() });
    expect((await put(pool, { call_flow: flow(removed) })).body.field).toBe('call_flow.destination_number');
    expect((await put(flyer, { call_flow: flow(removed) })).body.field).toBe('call_flow.destination_number');
  });

  it('to a number to which anybody sends his calls, until he sends them elsewhere', async () => {
    const line = fresh();
    const created = await createTheirs({ tracking_number: fresh(), call_flow: flow(line) });
    const answer = await put(pool, { tracking_numbers: [fresh(), line] });
    expect([answer.status, answer.body.field]).toEqual([400, 'tracking_numbers']);
    expect(answer.body.error).toMatch(/circle/);
    expect(answer.text).not.toContain(created.body.id);
    await api.call('PUT', `/v3/a/${stranger.accountId}/trackers/${created.body.id}.json`, {
      key: stranger.key,
      body: { call_flow: flow(fresh()) },
    });
    expect((await put(pool, { tracking_numbers: [line] })).status).toBe(200);
  });

  it('swaps of number and destination included, within one tracker', async () => {
    const line = fresh();
    await put(flyer, { call_flow: flow(line) });
    // Its own old destination may track, as no call goes there any more.
    const answer = await put(flyer, { call_flow: flow(fresh()), tracking_number: line });
    expect([answer.status, answer.body.tracking_numbers]).toEqual([200, [line]]);
  });
});

describe('of requests at once', () => {
  const statuses = (answers: Answer[]) => answers.map(({ status }) => status).sort();

  it('one gets a number that nobody has, and the others keep what they had', async () => {
    const number = fresh();
    const flyers = await Promise.all(Array.from({ length: 6 }, () => createFlyer()));
    const theirs = await createTheirs({ tracking_number: fresh() });
    const answers = await Promise.all([
      ...flyers.map((flyer) => put(flyer, { tracking_number: number })),
      api.call('PUT', `/v3/a/${stranger.accountId}/trackers/${theirs.body.id}.json`, {
        key: stranger.key,
        body: { tracking_number: number },
      }),
      api.call('POST', 'trackers.json', {
        body: {
          name: 'New',
          type: 'session',
          company_id: company,
          call_flow: flow('+13055550100'),
          source: 'all',
          tracking_numbers: [fresh(), number],
        },
      }),
    ]);
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(7);
    const owners = await ownersOf(number);
    expect(owners).toMatchObject([{ active: true }]);
    for (const [at, flyer] of flyers.entries()) {
      const { tracking_numbers } = await read(flyer);
      expect(tracking_numbers).toEqual(answers[at]?.status === 200 ? [number] : flyer.tracking_numbers);
    }
  });

  it('two do not make number and destination of one another, whichever comes first', async () => {
    for (let round = 0; round < 10; round += 1) {
      const line = fresh();
      const [one, other] = [await createFlyer(), await createPool()];
      const answers = await Promise.all([
        put(one, { tracking_number: line }),
        put(other, { call_flow: flow(line) }),
      ]);
      expect(statuses(answers)).toEqual([200, 400]);
      expect((await ownersOf(line)).length === 1).toBe((await read(other)).destination_number !== line);
    }
  });

  it('two do not make each other’s number their destination by exchange', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [a, b] = [fresh(), fresh()];
      const [one, other] = [await createFlyer(), await createFlyer()];
      const answers = await Promise.all([
        put(one, { tracking_number: a, call_flow: flow(b) }),
        put(other, { tracking_number: b, call_flow: flow(a) }),
      ]);
      expect(statuses(answers)).toEqual([200, 400]);
    }
  });

  it('changes of one tracker all count, and leave it whole', async () => {
    const [a, b] = [fresh(), fresh()];
    const pool = await createPool();
    const answers = await Promise.all([
      put(pool, { name: 'Raced' }),
      put(pool, { tracking_numbers: [a, b] }),
      put(pool, { whisper_message: 'Hi' }),
      put(pool, { call_flow: flow('+13055550103') }),
      put(pool, { tracking_numbers: [a, b] }),
    ]);
    expect(statuses(answers)).toEqual([200, 200, 200, 200, 200]);
    expect(await read(pool)).toMatchObject({
      name: 'Raced',
      tracking_numbers: [a, b],
      whisper_message: 'Hi',
      destination_number: '+13055550103',
    });
    expect(await ownersOf(a)).toHaveLength(1);
  });

  it('rival lists leave one of them, with one owner a number', async () => {
    const lists = Array.from({ length: 5 }, () => [fresh(), fresh(), fresh()]);
    const pool = await createPool({ tracking_numbers: lists[0] });
    await Promise.all(lists.map((numbers) => put(pool, { tracking_numbers: numbers })));
    const { tracking_numbers } = await read(pool);
    expect(lists).toContainEqual(tracking_numbers);
  });

  it('a removal of the tracker, or of its company, leaves none of its numbers in use', async () => {
    for (const what of ['tracker', 'company'] as const) {
      for (let round = 0; round < 5; round += 1) {
        const own = await seedCompany(api.pool, api.member.accountId);
        const pool = await createPool({ company_id: own });
        const [gone, changed] = await Promise.all([
          api.call('DELETE', what === 'tracker' ? `trackers/${pool.id}.json` : `companies/${own}.json`),
          put(pool, { tracking_numbers: [fresh(), fresh()] }),
          createTheirs({ tracking_number: fresh() }),
        ]);
        expect(gone.status).toBe(204);
        expect([200, 400]).toContain(changed.status);
        const { rows } = await api.pool.query(
          'SELECT FROM tracking_numbers WHERE tracker_id = $1 AND removed_at IS NULL',
          [pool.id],
        );
        expect(rows).toHaveLength(0);
        expect(await read(pool)).toMatchObject({
          status: 'disabled',
          tracking_numbers: changed.status === 200 ? changed.body.tracking_numbers : pool.tracking_numbers,
        });
      }
    }
  });
});
