import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LeaseStore, PoolKey, RememberedLease } from '../../server/domain/ports.js';
import { HOLD, inLanes, LEASE_STORES, must, NOW, newPool, numbersOf } from './lease-stores.js';

describe.each(LEASE_STORES)('leases in $name', { timeout: 20_000 }, ({ open }) => {
  let store: LeaseStore;
  let close: () => Promise<void>;
  let pool: PoolKey;
  const assign = (sessionId: string, now = NOW, mayOpen = true) =>
    store.assign({ pool, sessionId, lane: '*', now, holdMs: HOLD, mayOpen, mayShare: true });

  /** A pool as a fresh start makes it. */
  const know = (numbers: readonly string[], leases: readonly RememberedLease[] = []) =>
    store.remember(pool, { numbers: inLanes(numbers), version: 1, leases });
  const held = (number: string, sessionId: string, since: number, heldUntil: number): RememberedLease => ({
    pool,
    number,
    sessionId,
    since,
    heldUntil,
    shared: false,
  });

  beforeAll(async () => {
    ({ store, close } = await open());
  }, 30_000);
  afterAll(() => close());
  beforeEach(() => {
    pool = newPool();
  });

  test('a pool without numbers has none to give', async () => {
    await know([]);
    expect(await assign('a')).toBeNull();
  });

  test('each session gets a number of its own while there are enough', async () => {
    await know(numbersOf(5));
    const leases = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((session) => must(assign(session))));
    expect(new Set(leases.map(({ number }) => number)).size).toBe(5);
    for (const lease of leases) {
      expect(lease).toMatchObject({
        opened: true,
        shared: false,
        sharedWith: [],
        ended: [],
        heldUntil: NOW + HOLD,
      });
    }
  });

  test('a session keeps its number, and each sign of life renews the hold', async () => {
    await know(numbersOf(3));
    const first = await must(assign('a'));
    const again = await must(assign('a', NOW + 60_000));
    expect(again).toMatchObject({ number: first.number, opened: false, heldUntil: NOW + 60_000 + HOLD });
    expect(await store.renew({ pool, sessionId: 'a', now: NOW + 120_000, holdMs: HOLD })).toBe(true);
    const later = NOW + 120_000 + HOLD - 1;
    await assign('b', later);
    await assign('c', later);
    expect((await must(assign('d', later))).sharedWith).toEqual(['a']);
  });

  test('a session that comes back after its hold gets its number again, if nobody took it since', async () => {
    await know(numbersOf(2));
    const first = await must(assign('a'));
    const back = await must(assign('a', NOW + 10 * HOLD));
    expect(back).toMatchObject({ number: first.number, shared: false });
  });

  test('a session whose number was taken since gets another', async () => {
    await know(numbersOf(2));
    const a = await must(assign('a'));
    const late = NOW + 2 * HOLD;
    await assign('b', late);
    const c = await must(assign('c', late));
    expect(c.number).toBe(a.number);
    expect(c.ended).toEqual([{ sessionId: 'a', heldUntil: NOW + HOLD }]);
    expect(await store.renew({ pool, sessionId: 'a', now: late, holdMs: HOLD })).toBe(false);
    expect((await must(assign('a', late))).opened).toBe(true);
  });

  test('the number idle longest is handed out first', async () => {
    const numbers = numbersOf(3);
    await know(numbers);
    const a = await must(assign('a', NOW));
    const b = await must(assign('b', NOW + 1000));
    const c = await must(assign('c', NOW + 2000));
    await store.renew({ pool, sessionId: 'a', now: NOW + 3000, holdMs: HOLD });
    const late = NOW + 3 * HOLD;
    const order = [
      await must(assign('d', late)),
      await must(assign('e', late)),
      await must(assign('f', late)),
    ];
    expect(order.map(({ number }) => number)).toEqual([b.number, c.number, a.number]);
  });

  test('when every number is held, the one whose holder is quiet longest is shared, and both are told', async () => {
    await know(numbersOf(2));
    const a = await must(assign('a', NOW));
    await assign('b', NOW + 1000);
    const c = await must(assign('c', NOW + 2000));
    expect(c).toMatchObject({ number: a.number, opened: true, shared: true, sharedWith: ['a'] });
    expect(await must(assign('a', NOW + 3000))).toMatchObject({
      number: a.number,
      opened: false,
      shared: true,
    });
    expect((await must(assign('d', NOW + 4000))).sharedWith).toEqual(['b']);
  });

  test('who runs out while another holds the same number has lost it to him', async () => {
    await know(numbersOf(1));
    const b = await must(assign('b'));
    expect((await must(assign('c', NOW + 1000))).sharedWith).toEqual(['b']);
    const late = NOW + HOLD;
    expect(await must(assign('c', late))).toMatchObject({
      number: b.number,
      opened: false,
      shared: false,
      ended: [{ sessionId: 'b', heldUntil: NOW + HOLD }],
    });
    expect(await store.renew({ pool, sessionId: 'b', now: late, holdMs: HOLD })).toBe(false);
    expect(await must(assign('b', late))).toMatchObject({ opened: true, shared: true, sharedWith: ['c'] });
  });

  test('without leave to open, a session gets only what it has or had', async () => {
    await know(numbersOf(2));
    expect(await assign('a', NOW, false)).toBeNull();
    const a = await must(assign('a'));
    expect(await assign('a', NOW + 1, false)).toMatchObject({ number: a.number });
  });

  test('a crowd on a full pool is spread over its numbers, also by a server whose clock is behind', async () => {
    await know(numbersOf(4));
    for (let at = 0; at < 4; at++) await assign(`a${at}`, NOW + 10_000 + at * 1000);
    const behind: string[] = [];
    for (let at = 0; at < 12; at++) behind.push((await must(assign(`b${at}`, NOW + at))).number);
    const counts = numbersOf(4).map((number) => behind.filter((one) => one === number).length);
    expect(counts).toEqual([3, 3, 3, 3]);
  });

  test('two thousand first visits at once give each session one number, and no exclusive one twice', async () => {
    await know(numbersOf(50));
    const sessions = Array.from({ length: 2000 }, (_, at) => `s${at}`);
    const leases = await Promise.all(sessions.map((session) => must(assign(session))));
    const holders = new Map<string, number>();
    for (const { number } of leases) holders.set(number, (holders.get(number) ?? 0) + 1);
    expect([...holders.values()]).toEqual(Array(50).fill(40));
    const exclusive = leases.filter(({ shared }) => !shared).map(({ number }) => number);
    expect(new Set(exclusive).size).toBe(exclusive.length);
    const again = await Promise.all(sessions.map((session) => must(assign(session, NOW + 1))));
    expect(again.map(({ number }) => number)).toEqual(leases.map(({ number }) => number));
    expect(again.every(({ shared, opened }) => shared && !opened)).toBe(true);
  });

  test('a number taken out of the pool is handed out no more, and live leases on the others stay', async () => {
    const [one = '', two = '', three = ''] = numbersOf(3);
    await know([one, two]);
    const a = await must(assign('a'));
    const b = await must(assign('b'));
    expect(await store.setPool(pool, inLanes([b.number, three]), 2)).toBe(true);
    expect((await must(assign('b', NOW + 1))).number).toBe(b.number);
    expect((await must(assign('a', NOW + 1))).number).toBe(three);
    expect([one, two]).toContain(a.number);
    expect(await store.usage(pool, NOW + 1, HOLD)).toMatchObject({ numbers: 2, held: 2, version: 2 });
  });

  test('a number that comes back to the pool is one that nobody holds', async () => {
    const [one = '', two = ''] = numbersOf(2);
    await know([one]);
    await assign('a');
    await store.setPool(pool, inLanes([two]), 2);
    await store.setPool(pool, inLanes([one, two]), 3);
    const leases = [await must(assign('b', NOW + 1)), await must(assign('c', NOW + 2))];
    expect(leases.map(({ shared }) => shared)).toEqual([false, false]);
    expect((await must(assign('a', NOW + 3))).opened).toBe(true);
  });

  test('an older version of the pool changes nothing: a slower server has it', async () => {
    const [one = '', two = ''] = numbersOf(2);
    await know([one]);
    expect(await store.setPool(pool, inLanes([two]), 7)).toBe(true);
    expect(await store.setPool(pool, inLanes([one, two]), 6)).toBe(true);
    expect(await store.usage(pool, NOW, HOLD)).toMatchObject({ numbers: 1, held: 0, version: 7 });
    expect((await must(assign('a'))).number).toBe(two);
  });

  test('a pool that the store does not know is said to be forgotten, and nothing is done', async () => {
    expect(await assign('a')).toBe('forgotten');
    expect(await store.renew({ pool, sessionId: 'a', now: NOW, holdMs: HOLD })).toBe(false);
    expect(await store.setPool(pool, inLanes(numbersOf(1)), 1)).toBe(false);
    expect(await store.usage(pool, NOW, HOLD)).toBe('forgotten');
    expect(await assign('a')).toBe('forgotten');
  });

  test('of two servers that remember a pool at once the first does, and what was leased since stands', async () => {
    const [one = '', two = ''] = numbersOf(2);
    await know([one, two], [held(one, 'live', NOW - 5000, NOW + HOLD)]);
    const a = await must(assign('a'));
    await know([one, two], [held(a.number, 'other', NOW - 5000, NOW + HOLD)]);
    expect(await must(assign('a', NOW + 1))).toMatchObject({ number: two, shared: false, opened: false });
    expect(await must(assign('other', NOW + 2))).toMatchObject({ opened: true, shared: true });
  });

  test('remembered leases are held on since they began, and idle numbers keep their order', async () => {
    const [one = '', two = '', three = ''] = numbersOf(3);
    await know(
      [one, two, three],
      [
        held(two, 'idle-since-long', NOW - 90_000, NOW - 5000),
        held(one, 'idle', NOW - 80_000, NOW - 1000),
        held(three, 'live', NOW - 70_000, NOW + HOLD),
        held('+13055559999', 'of a number that went away', NOW - 60_000, NOW + HOLD),
      ],
    );
    expect(await must(assign('live'))).toMatchObject({ number: three, since: NOW - 70_000, opened: false });
    expect((await must(assign('new'))).number).toBe(two);
    expect((await must(assign('idle'))).number).toBe(one);
    expect((await must(assign('of a number that went away'))).opened).toBe(true);
  });

  test('a hold has one beginning, through every sign of life, until the number is lost', async () => {
    await know(numbersOf(1));
    expect((await must(assign('a'))).since).toBe(NOW);
    await store.renew({ pool, sessionId: 'a', now: NOW + 60_000, holdMs: HOLD });
    expect((await must(assign('a', NOW + 120_000))).since).toBe(NOW);
    const late = NOW + 3 * HOLD;
    expect((await must(assign('b', late))).since).toBe(late);
    expect(await must(assign('a', late + 5))).toMatchObject({ opened: true, since: late + 5 });
  });

  test('a clock that steps back by minutes shortens no hold', async () => {
    await know(numbersOf(1));
    await assign('a', NOW);
    expect((await must(assign('a', NOW - 200_000))).heldUntil).toBe(NOW + HOLD);
    await store.renew({ pool, sessionId: 'a', now: NOW - 280_000, holdMs: HOLD });
    expect((await must(assign('b', NOW + HOLD - 1))).sharedWith).toEqual(['a']);
  });

  test('a number is as busy as its latest holder, whoever of them gave the last sign of life', async () => {
    await know(numbersOf(2));
    const a = await must(assign('a', NOW));
    await assign('b', NOW + 600_000);
    expect((await must(assign('c', NOW + 700_000))).number).toBe(a.number);
    // By a clock that is behind.
    await store.renew({ pool, sessionId: 'a', now: NOW + 1000, holdMs: HOLD });
    expect((await must(assign('d', NOW + 800_000))).sharedWith).toEqual(['b']);
  });

  test('of very many who lose a number, some are told at a time, and all in the end', async () => {
    await know(numbersOf(1));
    const sessions = Array.from({ length: 250 }, (_, at) => `s${at}`);
    for (const session of sessions) await assign(session);
    const late = NOW + 2 * HOLD;
    const told: string[] = [];
    for (const at of [0, 1, 2]) {
      const lease = await must(assign('new', late + at));
      expect(lease).toMatchObject({ shared: false, sharedWith: [] });
      expect(lease.ended.length).toBeLessThanOrEqual(100);
      told.push(...lease.ended.map(({ sessionId }) => sessionId));
    }
    expect(told.sort()).toEqual(sessions.sort());
  });

  test('pools do not see each other', async () => {
    const other = newPool();
    await know(numbersOf(1));
    await store.remember(other, { numbers: inLanes(numbersOf(1)), version: 1, leases: [] });
    expect((await must(assign('a'))).shared).toBe(false);
    const there = store.assign({
      pool: other,
      sessionId: 'b',
      lane: '*',
      now: NOW,
      holdMs: HOLD,
      mayOpen: true,
      mayShare: true,
    });
    expect((await must(there)).shared).toBe(false);
  });
});
