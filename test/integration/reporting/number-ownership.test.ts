import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadDirectory } from '../../../server/storage/postgres/directory.js';
import { seedCompany } from '../../support/seed.js';
import type { Answer } from './api.js';
import { flow, fresh, type Json, startTrackersApi, type TrackersApi } from './trackers-api.js';

let api: TrackersApi;
let { company, stranger, strangersCompany, createPool, createFlyer, createTheirs, put, read, ownersOf } =
  {} as TrackersApi;
beforeAll(async () => {
  api = await startTrackersApi();
  ({ company, stranger, strangersCompany, createPool, createFlyer, createTheirs, put, read, ownersOf } = api);
});
afterAll(() => api.close());

describe('a number moves from one tracker to another', () => {
  it('when it was removed first; until then the other is refused, and told which tracker has it', async () => {
    const [number, stays] = [fresh(), fresh()];
    const [from, to] = [await createPool({ tracking_numbers: [number, stays] }), await createFlyer()];
    const early = await put(to, { tracking_number: number });
    expect([early.status, early.body.field]).toEqual([400, 'tracking_number']);
    expect(early.body.error).toContain(`${number} belongs to tracker ${from.id}`);
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

describe('the directory that servers keep', () => {
  const trackerOf = async (id: unknown) => {
    const { trackers } = await loadDirectory(api.pool);
    return trackers.find(({ trackerId }) => trackerId === id);
  };

  it('has a number that nobody has at its last tracker, and at no other', async () => {
    const [number, other] = [fresh(), fresh()];
    const [first, second] = [await createPool({ tracking_numbers: [number, other] }), await createFlyer()];
    await put(first, { tracking_numbers: [other] });
    expect(await trackerOf(first.id)).toMatchObject({ numbers: [other], retiredNumbers: [number] });
    const was = (second.tracking_numbers as string[])[0];
    await put(second, { tracking_number: number });
    expect(await trackerOf(first.id)).toMatchObject({ numbers: [other], retiredNumbers: [] });
    expect(await trackerOf(second.id)).toMatchObject({ numbers: [number], retiredNumbers: [was] });
    await api.call('DELETE', `trackers/${second.id}.json`);
    expect(await trackerOf(first.id)).toMatchObject({ retiredNumbers: [] });
    expect((await trackerOf(second.id))?.retiredNumbers.sort()).toEqual([number, was].sort());
  });

  it('has a number that is in use at its tracker, also when a clock says that another had it later', async () => {
    const number = fresh();
    const [first, second] = [await createFlyer({ tracking_number: number }), await createFlyer()];
    await api.pool.query(
      `INSERT INTO tracking_numbers (company_id, tracker_id, number, added_at, removed_at)
       VALUES ($1, $2, $3, now() + interval '1 hour', now() + interval '2 hours')`,
      [company, second.id, number],
    );
    expect(await trackerOf(first.id)).toMatchObject({ numbers: [number] });
    expect(await trackerOf(second.id)).toMatchObject({ retiredNumbers: [] });
  });
});

describe('a change is refused, and nothing kept,', () => {
  let pool: Json;
  let flyer: Json;
  beforeEach(async () => {
    pool = await createPool();
    flyer = await createFlyer();
  });
  const numbersOf = (tracker: Json) => tracker.tracking_numbers as [string, ...string[]];

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
