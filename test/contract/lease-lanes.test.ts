import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LeaseRequest, LeaseStore, PooledNumber, PoolKey } from '../../server/domain/ports.js';
import { byTime, LeaseModel } from './lease-model.js';
import { HOLD, inLanes, LEASE_STORES, must, NOW, newPool, numbersOf } from './lease-stores.js';

const MINUTE = 60_000;
/** Names as campaigns have them, and some that would break a format that is not careful. */
const LANES = ['*', 'google_ads', 'google_ads 2', 'é\n:{x}'];

describe.each(LEASE_STORES)('lanes in $name', { timeout: 30_000 }, ({ open }) => {
  let store: LeaseStore;
  let close: () => Promise<void>;
  let pool: PoolKey;
  const ask = (sessionId: string, lane: string, more: Partial<LeaseRequest> = {}) =>
    store.assign({ pool, sessionId, lane, now: NOW, holdMs: HOLD, mayOpen: true, mayShare: true, ...more });
  const assign = (sessionId: string, lane: string, more: Partial<LeaseRequest> = {}) =>
    must(ask(sessionId, lane, more));
  const know = (numbers: readonly PooledNumber[]) =>
    store.remember(pool, { numbers, version: 1, leases: [] });

  beforeAll(async () => {
    ({ store, close } = await open());
  }, 30_000);
  afterAll(() => close());
  beforeEach(() => {
    pool = newPool();
  });

  test('a visitor gets a number of his lane, and shares within it while other lanes are idle', async () => {
    const numbers = inLanes(numbersOf(8), ...LANES);
    await know(numbers);
    for (const lane of LANES) {
      const own = numbers.filter((one) => one.lane === lane).map(({ number }) => number);
      const leases = [await assign(`${lane} 1`, lane), await assign(`${lane} 2`, lane)];
      expect(leases.map(({ number }) => number)).toEqual(own);
      expect(leases.map(({ shared }) => shared)).toEqual([false, false]);
      expect(await assign(`${lane} 3`, lane)).toMatchObject({ number: own[0], sharedWith: [`${lane} 1`] });
      expect(await ask(`${lane} 4`, lane, { mayShare: false })).toBeNull();
    }
  });

  test('who may not share gets a number as soon as one of the lane is idle, and keeps a shared one', async () => {
    await know(inLanes(numbersOf(2), 'ads', '*'));
    await assign('a', 'ads');
    expect(await ask('b', 'ads', { now: NOW + HOLD - 1, mayShare: false })).toBeNull();
    expect(await assign('b', 'ads', { now: NOW + HOLD, mayShare: false })).toMatchObject({ shared: false });
    await assign('c', 'ads', { now: NOW + HOLD });
    expect(await assign('b', 'ads', { now: NOW + HOLD, mayShare: false })).toMatchObject({ shared: true });
  });

  test('a lane without a number stands for *, and where that has none, for all lanes', async () => {
    const [one = '', two = '', three = ''] = numbersOf(3);
    await know(inLanes([one, two, three], 'ads', '*', 'mail'));
    expect((await assign('a', 'gone')).number).toBe(two);
    expect(await assign('b', 'gone', { now: NOW + 1 })).toMatchObject({ number: two, sharedWith: ['a'] });
    expect(await ask('c', 'gone', { mayShare: false })).toBeNull();
    await store.setPool(pool, inLanes([one, three], 'ads', 'mail'), 2);
    await assign('d', 'ads', { now: NOW + 2 });
    expect(await assign('e', 'gone', { now: NOW + 3 })).toMatchObject({ number: three, shared: false });
    expect(await assign('f', 'gone', { now: NOW + 4 })).toMatchObject({ number: one, sharedWith: ['d'] });
  });

  test('a number that changes its lane stays with its visitor, and goes to the new lane as its turn comes', async () => {
    const [one = '', two = '', three = ''] = numbersOf(3);
    await know(inLanes([one, two, three], 'ads', '*', '*'));
    expect((await assign('a', 'ads')).number).toBe(one);
    expect((await assign('b', '*', { now: NOW + 1000 })).number).toBe(two);
    await store.setPool(pool, inLanes([one, two, three], '*', 'ads', '*'), 2);
    // Of its new lane the one that nobody had comes first, then the one that was quiet longest.
    expect((await assign('c', '*', { now: NOW + 2000 })).number).toBe(three);
    expect(await assign('d', '*', { now: NOW + 3000 })).toMatchObject({ number: one, sharedWith: ['a'] });
    expect(await assign('a', 'ads', { now: NOW + 4000 })).toMatchObject({ number: one, opened: false });
    expect(await assign('b', '*', { now: NOW + 5000 })).toMatchObject({ number: two, opened: false });
    expect(await assign('e', 'ads', { now: NOW + 6000 })).toMatchObject({ number: two, sharedWith: ['b'] });
    const late = NOW + 3 * HOLD;
    expect(await assign('a', 'ads', { now: late })).toMatchObject({
      number: one,
      opened: false,
      shared: false,
    });
  });

  test('the usage says of each lane how many numbers it has and how many are held', async () => {
    await know(inLanes(numbersOf(7), 'ads', '*', 'ads'));
    await assign('a', 'ads');
    await assign('b', 'ads', { now: NOW + MINUTE });
    await assign('c', '*', { now: NOW + MINUTE });
    const usage = await store.usage(pool, NOW + HOLD, HOLD);
    if (usage === 'forgotten') throw new Error(usage);
    usage.lanes.sort((x, y) => x.lane.localeCompare(y.lane));
    expect(usage).toEqual({
      numbers: 7,
      held: 2,
      version: 1,
      lanes: [
        { lane: '*', numbers: 2, held: 1 },
        { lane: 'ads', numbers: 5, held: 1 },
      ],
    });
  });

  test('what an hour too early gave away is free when the clock is right again, and its holder keeps it on', async () => {
    await know(inLanes(numbersOf(4), 'ads', '*'));
    const early = NOW + 60 * MINUTE;
    const ahead = [];
    for (const session of ['a', 'b']) ahead.push((await assign(session, 'ads', { now: early })).number);
    await assign('c', '*', { now: early });
    expect(await store.usage(pool, NOW, HOLD)).toMatchObject({ held: 0 });
    // The one who is still there says so by the right clock.
    expect(await store.renew({ pool, sessionId: 'a', now: NOW, holdMs: HOLD })).toBe(true);
    expect(await store.usage(pool, NOW + 500, HOLD)).toMatchObject({ held: 1 });
    const stranger = await assign('d', 'ads', { now: NOW + 1000, mayShare: false });
    expect(stranger).toMatchObject({
      number: ahead[1],
      shared: false,
      ended: [{ sessionId: 'b', heldUntil: NOW + 1000 }],
    });
    const own = await assign('a', 'ads', { now: NOW + 2000 });
    expect(own).toMatchObject({ number: ahead[0], opened: false, heldUntil: NOW + 2000 + HOLD });
    expect(await ask('e', 'ads', { now: NOW + 2000, mayShare: false })).toBeNull();
  });

  test('a clock that is ahead by a few minutes is believed', async () => {
    await know(inLanes(numbersOf(1)));
    await assign('a', '*', { now: NOW + 4 * MINUTE });
    expect(await ask('b', '*', { mayShare: false })).toBeNull();
    expect(await assign('a', '*')).toMatchObject({ heldUntil: NOW + 4 * MINUTE + HOLD });
  });

  test('of very many who share a number and go on, nobody loses it, and those who go away do', async () => {
    await know(inLanes(numbersOf(1)));
    const sessions = Array.from({ length: 300 }, (_, at) => `s${at}`);
    for (const session of sessions) await assign(session, '*');
    const stay = sessions.filter((_, at) => at % 3 === 0);
    for (const at of [0.4, 0.8, 1.2, 1.6, 2]) {
      for (const sessionId of stay)
        await store.renew({ pool, sessionId, now: NOW + at * HOLD, holdMs: HOLD });
    }
    const told = new Set<string>();
    for (let round = 0; round < 6; round++) {
      const lease = await assign('s0', '*', { now: NOW + 2 * HOLD });
      expect(lease).toMatchObject({ opened: false, shared: true });
      for (const { sessionId } of lease.ended) told.add(sessionId);
    }
    expect([...told].sort()).toEqual(sessions.filter((_, at) => at % 3 > 0).sort());
    for (const session of stay) {
      const lease = await ask(session, '*', { now: NOW + 2 * HOLD, mayOpen: false });
      expect(lease).toMatchObject({ opened: false });
    }
  });

  test('two thousand first visits within a second over ten lanes: no exclusive number is given twice', async () => {
    const lanes = ['*', ...Array.from({ length: 9 }, (_, at) => `campaign ${at}`)];
    const numbers = inLanes(numbersOf(500), ...lanes);
    const laneOf = new Map(numbers.map(({ number, lane }) => [number, lane]));
    await know(numbers);
    const visitors = Array.from({ length: 2000 }, (_, at) => ({
      sessionId: `s${at}`,
      // Some lanes are crowded, others have numbers to spare.
      lane: lanes[Math.floor((at % 100) ** 2 / 1000)] as string,
    }));
    const leases = await Promise.all(
      visitors.map(async ({ sessionId, lane }, at) => {
        const now = NOW + Math.floor(at / 2);
        // The pool is divided anew under their hands; none of the numbers goes away.
        if (at % 700 === 699) {
          await store.setPool(pool, inLanes([...numbersOf(500)].reverse(), ...lanes), 2);
          await store.setPool(pool, numbers, 3);
        }
        return { lane, sessionId, lease: await assign(sessionId, lane, { now }) };
      }),
    );
    const exclusive = leases.filter(({ lease }) => !lease.shared).map(({ lease }) => lease.number);
    expect(new Set(exclusive).size).toBe(exclusive.length);
    for (const { lane, sessionId } of leases) {
      const again = await assign(sessionId, lane, { now: NOW + 2000 });
      expect(again.opened).toBe(false);
      expect(again.number).toBe(leases.find((one) => one.sessionId === sessionId)?.lease.number);
    }
    const fresh = await Promise.all(lanes.map((lane) => assign(`later ${lane}`, lane, { now: NOW + 3000 })));
    expect(fresh.map(({ number }) => laneOf.get(number))).toEqual(lanes);
  });

  const operation = fc.record({
    session: fc.integer({ min: 0, max: 12 }),
    lane: fc.constantFrom(...LANES, 'unknown'),
    step: fc.integer({ min: 0, max: HOLD }),
    kind: fc.constantFrom('assign', 'assign', 'assign', 'exclusive', 'known', 'renew', 'plan'),
    plan: fc.array(fc.constantFrom(...LANES), { minLength: 1, maxLength: 7 }),
    jump: fc.constantFrom(0, 0, 0, 0, 0, 60 * MINUTE, -60 * MINUTE, -3 * MINUTE, -15 * MINUTE),
  });
  const planOf = (plan: readonly string[]) => inLanes(numbersOf(7).slice(7 - plan.length), ...plan);

  test.each(['goes on', 'jumps'])(
    'agrees with a plain model over any run of operations while the clock %s',
    async (clock) => {
      await fc.assert(
        fc.asyncProperty(operation, fc.array(operation, { maxLength: 60 }), async (first, run) => {
          pool = newPool();
          await know(planOf(first.plan));
          const model = new LeaseModel(planOf(first.plan));
          let now = NOW;
          for (const [at, { session, lane, step, kind, plan, jump }] of run.entries()) {
            now += clock === 'jumps' ? Math.floor(step / 10) + jump : step;
            await compare(model, { sessionId: `s${session}`, lane, now, kind, plan: planOf(plan), at });
          }
          const usage = await store.usage(pool, now, HOLD);
          if (usage === 'forgotten') throw new Error(usage);
          if (clock === 'goes on') {
            const lanes = usage.lanes.map(({ lane, numbers, held }) => [lane, [numbers, held]]);
            expect(Object.fromEntries(lanes)).toEqual(model.usage(now));
          }
        }),
        { numRuns: 200 },
      );
    },
  );

  test.each([4, 64, 1000, 5000])('agrees with the model in a pool of %i numbers', async (size) => {
    const plan = (shift: number) =>
      numbersOf(size).map((number, at) => ({ number, lane: LANES[((at >> 1) + shift) % 4] as string }));
    await know(plan(0));
    const model = new LeaseModel(plan(0));
    let seed = size;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    let now = NOW;
    for (let at = 0; at < 1200; at++) {
      now += random(2 * MINUTE);
      const kind = at % 300 === 299 ? 'plan' : (['assign', 'assign', 'renew'][random(3)] as string);
      const lane = LANES[random(4)] as string;
      const numbers = plan(random(4)).slice(random(2));
      await compare(model, { sessionId: `s${random(100)}`, lane, now, kind, plan: numbers, at });
    }
  });

  interface Step {
    sessionId: string;
    lane: string;
    now: number;
    kind: string;
    plan: readonly PooledNumber[];
    at: number;
  }

  async function compare(model: LeaseModel, { sessionId, lane, now, kind, plan, at }: Step): Promise<void> {
    if (kind === 'renew') {
      const renewed = await store.renew({ pool, sessionId, now, holdMs: HOLD });
      expect(renewed).toBe(model.renew(sessionId, now));
    } else if (kind === 'plan') {
      await store.setPool(pool, plan, at + 2);
      model.set(plan);
    } else {
      const may = { mayOpen: kind !== 'known', mayShare: kind !== 'exclusive' };
      const lease = await ask(sessionId, lane, { now, ...may });
      if (lease && lease !== 'forgotten') lease.ended.sort(byTime);
      expect(lease).toEqual(model.assign({ sessionId, lane, now, ...may }));
    }
  }
});
