import { Value } from 'typebox/value';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TrackerSchema } from '../../../shared/contract/reporting.js';
import { flow, fresh, type Json, startTrackersApi, type TrackersApi } from './trackers-api.js';

let api: TrackersApi;
let { createPool, createFlyer, createTheirs, put, read, ownersOf } = {} as TrackersApi;
beforeAll(async () => {
  api = await startTrackersApi();
  ({ createPool, createFlyer, createTheirs, put, read, ownersOf } = api);
});
afterAll(() => api.close());

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
    ['of the company by a name', 'pool', () => ({ company: 'COM1' }), 'company'],
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
});
