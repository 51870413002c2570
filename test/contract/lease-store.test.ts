import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Lease, LeaseStore, PoolKey } from '../../server/domain/ports.js';
import { LEASE_STORES } from './lease-stores.js';

const HOLD = 20 * 60_000;
const NOW = 1_800_000_000_000;
let pools = 0;
const newPool = (): PoolKey => ({ companyId: 'COM1', trackerId: `TRK${++pools}` });
const numbersOf = (count: number) =>
  Array.from({ length: count }, (_, at) => `+1305555${String(at).padStart(4, '0')}`);

describe.each(LEASE_STORES)('leases in $name', ({ open }) => {
  let store: LeaseStore;
  let close: () => Promise<void>;
  let pool: PoolKey;
  const assign = (sessionId: string, now = NOW, mayOpen = true) =>
    store.assign({ pool, sessionId, now, holdMs: HOLD, mayOpen });
  const must = async (lease: Promise<Lease | null>) => {
    const got = await lease;
    if (!got) throw new Error('no lease');
    return got;
  };

  beforeEach(async () => {
    ({ store, close } = await open());
    pool = newPool();
  });
  afterEach(() => close());

  test('a pool without numbers has none to give', async () => {
    expect(await assign('a')).toBeNull();
    await store.setPool(pool, []);
    expect(await assign('a')).toBeNull();
  });

  test('each session gets a number of its own while there are enough', async () => {
    await store.setPool(pool, numbersOf(5));
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
    await store.setPool(pool, numbersOf(3));
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
    await store.setPool(pool, numbersOf(2));
    const first = await must(assign('a'));
    const back = await must(assign('a', NOW + 10 * HOLD));
    expect(back).toMatchObject({ number: first.number, shared: false });
  });

  test('a session whose number was taken since gets another', async () => {
    await store.setPool(pool, numbersOf(2));
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
    await store.setPool(pool, numbers);
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
    await store.setPool(pool, numbersOf(2));
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
    await store.setPool(pool, numbersOf(1));
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
    await store.setPool(pool, numbersOf(2));
    expect(await assign('a', NOW, false)).toBeNull();
    const a = await must(assign('a'));
    expect(await assign('a', NOW + 1, false)).toMatchObject({ number: a.number });
  });

  test('two thousand first visits at once give each session one number, and no exclusive one twice', async () => {
    await store.setPool(pool, numbersOf(50));
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
    await store.setPool(pool, [one, two]);
    const a = await must(assign('a'));
    const b = await must(assign('b'));
    await store.setPool(pool, [b.number, three]);
    expect((await must(assign('b', NOW + 1))).number).toBe(b.number);
    expect((await must(assign('a', NOW + 1))).number).toBe(three);
    expect([one, two]).toContain(a.number);
    expect(await store.usage(pool, NOW + 1)).toEqual({ numbers: 2, held: 2 });
  });

  test('restored leases are held on, and idle numbers keep their order', async () => {
    const [one = '', two = '', three = ''] = numbersOf(3);
    await store.setPool(pool, [one, two, three]);
    await store.restore([
      { pool, number: two, sessionId: 'idle-since-long', heldUntil: NOW - 5000, shared: false },
      { pool, number: three, sessionId: 'live', heldUntil: NOW + HOLD, shared: false },
      { pool, number: one, sessionId: 'idle', heldUntil: NOW - 1000, shared: false },
    ]);
    expect((await must(assign('live'))).number).toBe(three);
    expect((await must(assign('new'))).number).toBe(two);
    expect((await must(assign('idle'))).number).toBe(one);
  });

  test('of several remembered leases a session gets the newest one back', async () => {
    const [one = '', two = ''] = numbersOf(2);
    await store.setPool(pool, [one, two]);
    await store.restore([
      { pool, number: two, sessionId: 'a', heldUntil: NOW + HOLD, shared: false },
      { pool, number: one, sessionId: 'a', heldUntil: NOW - 1000, shared: false },
    ]);
    expect(await must(assign('b'))).toMatchObject({ number: one, shared: false });
    expect(await must(assign('a'))).toMatchObject({ number: two, opened: false, shared: false });
  });

  test('a restored lease never takes a number from a session that has one by now', async () => {
    await store.setPool(pool, numbersOf(2));
    const a = await must(assign('a'));
    const other = numbersOf(2).find((number) => number !== a.number) ?? '';
    await store.restore([{ pool, number: other, sessionId: 'a', heldUntil: NOW + HOLD, shared: false }]);
    expect((await must(assign('a'))).number).toBe(a.number);
  });

  test('pools do not see each other', async () => {
    const other = newPool();
    await store.setPool(pool, numbersOf(1));
    await store.setPool(other, numbersOf(1));
    expect((await must(assign('a'))).shared).toBe(false);
    const lease = await store.assign({ pool: other, sessionId: 'b', now: NOW, holdMs: HOLD, mayOpen: true });
    expect(lease?.shared).toBe(false);
  });

  test('agrees with a plain model over any run of operations', async () => {
    const operation = fc.record({
      session: fc.integer({ min: 0, max: 12 }),
      step: fc.integer({ min: 0, max: HOLD }),
      renew: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.array(operation, { maxLength: 60 }),
        async (size, run) => {
          pool = newPool();
          await store.setPool(pool, numbersOf(size));
          const model = new Model(numbersOf(size));
          let now = NOW;
          for (const { session, step, renew } of run) {
            now += step;
            const sessionId = `s${session}`;
            if (renew) {
              expect(await store.renew({ pool, sessionId, now, holdMs: HOLD })).toBe(
                model.renew(sessionId, now),
              );
            } else {
              const { number, shared } = await must(assign(sessionId, now));
              expect({ number, shared }).toEqual(model.assign(sessionId, now));
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** The rules of the port, written as plainly as possible: linear searches over one list. */
class Model {
  #turn = 100;
  readonly #slots: { number: string; turn: number; holders: Map<string, number> }[];
  constructor(numbers: string[]) {
    this.#slots = numbers.map((number, turn) => ({ number, turn, holders: new Map() }));
  }
  assign(session: string, now: number): { number: string; shared: boolean } {
    let slot = this.#slots.find(({ holders }) => holders.has(session));
    if (!slot) {
      const until = (holders: Map<string, number>) => Math.max(0, ...holders.values());
      slot = this.#slots.toSorted((a, b) => until(a.holders) - until(b.holders) || a.turn - b.turn)[0];
      if (!slot) throw new Error('empty');
    }
    slot.holders.set(session, now + HOLD);
    for (const [holder, held] of slot.holders) if (held <= now) slot.holders.delete(holder);
    slot.turn = this.#turn++;
    const shared = [...slot.holders].some(([holder, held]) => holder !== session && held > now);
    return { number: slot.number, shared };
  }
  renew(session: string, now: number): boolean {
    const slot = this.#slots.find(({ holders }) => holders.has(session));
    if (!slot) return false;
    slot.holders.set(session, now + HOLD);
    slot.turn = this.#turn++;
    return true;
  }
}
