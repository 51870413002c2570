import { describe, expect, test } from 'vitest';
import { createLiveDirectory, indexDirectory } from '../../server/domain/directory.js';
import { leaseNumber } from '../../server/domain/pool.js';
import { createPools, inOrder } from '../../server/domain/pools.js';
import type {
  CurrentVisit,
  Directory,
  Lease,
  LeaseRequest,
  LeaseStore,
  RememberedLease,
  Tracker,
} from '../../server/domain/ports.js';
import { createMemoryLeaseStore } from '../../server/storage/memory/lease-store.js';
import { within } from '../../server/storage/redis/deadline.js';
import { aTracker } from '../support/directory.js';

const NOW = 1_800_000_000_000;
const HOLD = 1_200_000;
const POOL = { companyId: 'COM1', trackerId: 'TRK1' };
const [ONE, TWO] = ['+13055550110', '+13055550111'] as const;

const tracker = (more: Partial<Tracker> = {}) => aTracker({ numbers: [ONE, TWO], ...more });
const directoryOf = (version: string, trackers: Tracker[]): Directory => ({
  version,
  companies: [],
  trackers,
});
const held = (number: string, sessionId: string, heldUntil: number): RememberedLease => ({
  pool: POOL,
  number,
  sessionId,
  since: NOW - 60_000,
  heldUntil,
  shared: false,
});

const requestOf = (sessionId: string): LeaseRequest => ({
  pool: POOL,
  sessionId,
  lane: '*',
  now: NOW,
  holdMs: HOLD,
  mayOpen: true,
  mayShare: true,
});

interface Setting {
  store?: LeaseStore;
  remembered?: () => Promise<RememberedLease[]>;
}

function setUp({ store = createMemoryLeaseStore(), remembered = async () => [] }: Setting = {}) {
  const directory = createLiveDirectory();
  directory.replace(directoryOf('3', [tracker()]));
  const asked: unknown[] = [];
  const told: string[] = [];
  const pools = createPools({
    store,
    directory,
    records: {
      rememberedLeases(_now, pool) {
        asked.push(pool);
        return remembered();
      },
    },
    elapsed: () => performance.now(),
    within,
    count: (what) => told.push(what),
  });
  const assign = (sessionId: string) => pools.assign(requestOf(sessionId), pools.patience());
  return { pools, store, directory, asked, told, assign };
}

/** A store that answers nothing, or never. */
const broken = (fail: () => Promise<never>): LeaseStore => ({
  setPool: fail,
  remember: fail,
  assign: fail,
  renew: fail,
  usage: fail,
});
const away = broken(() => Promise.reject(new Error('away')));
const silent = broken(() => within(200, new Promise<never>(() => undefined)));

describe('a forgotten pool', () => {
  test('is read from the record once for all who wait, and then gives numbers', async () => {
    const { assign, asked, told } = setUp({
      remembered: async () => [held(ONE, 'live', NOW + HOLD), held(TWO, 'gone', NOW - 1000)],
    });
    const leases = await Promise.all(['new', 'live', 'other'].map(assign));
    expect(leases).toMatchObject([
      { number: TWO, shared: false },
      { number: ONE, opened: false, since: NOW - 60_000 },
      { shared: true },
    ]);
    expect(asked).toEqual([POOL]);
    expect(told).toEqual(['remembered']);
  });

  test('gives nobody a number while the record is away, and is asked for anew by the next', async () => {
    let isAway = true;
    const { assign, asked } = setUp({
      remembered: async () => {
        if (isAway) throw new Error('the record is away');
        return [];
      },
    });
    expect(await Promise.all([assign('a'), assign('b')])).toEqual(['away', 'away']);
    isAway = false;
    expect(await assign('a')).toMatchObject({ opened: true });
    expect(asked).toHaveLength(2);
  });

  test('costs a request no more than its patience when the record is slow', async () => {
    const { assign } = setUp({ remembered: () => new Promise(() => undefined) });
    const begun = performance.now();
    expect(await assign('a')).toBe('away');
    expect(performance.now() - begun).toBeLessThan(400);
  });
});

test('of several remembered leases a session keeps the newest, and the oldest hold comes first', () => {
  const leases = [held(TWO, 'a', NOW + HOLD), held(ONE, 'a', NOW - 1000), held(ONE, 'b', NOW - 500)];
  expect(inOrder(leases).map(({ number, sessionId }) => [sessionId, number])).toEqual([
    ['b', ONE],
    ['a', TWO],
  ]);
});

test('all pools of one request share its patience', async () => {
  const { pools } = setUp({ store: silent });
  const patience = pools.patience();
  const begun = performance.now();
  for (const trackerId of ['TRK1', 'TRK2', 'TRK3']) {
    const request = { ...requestOf('a'), pool: { ...POOL, trackerId } };
    expect(await pools.assign(request, patience)).toBe('away');
  }
  expect(performance.now() - begun).toBeLessThan(400);
});

describe('a change of the directory', () => {
  test('reaches the store: new numbers, and none of a tracker that is gone or switched off', async () => {
    const { pools, store, directory } = setUp();
    const first = directory.current();
    expect(await pools.follow(first, createLiveDirectory().current(), NOW)).toBe(true);
    expect(await store.usage(POOL, NOW, HOLD)).toMatchObject({ numbers: 2, held: 0, version: 3 });
    const off = indexDirectory(directoryOf('4', [tracker({ active: false })]));
    await pools.follow(off, first, NOW);
    expect(await store.usage(POOL, NOW, HOLD)).toMatchObject({ numbers: 0, held: 0, version: 4 });
    const on = indexDirectory(directoryOf('5', [tracker()]));
    await pools.follow(on, off, NOW);
    await pools.follow(indexDirectory(directoryOf('6', [])), on, NOW);
    expect(await store.usage(POOL, NOW, HOLD)).toMatchObject({ numbers: 0, held: 0, version: 6 });
  });

  test('that the store did not hear is told to it when the pools are looked after', async () => {
    const memory = createMemoryLeaseStore();
    let store: LeaseStore = away;
    const { pools, directory } = setUp({
      store: {
        setPool: (...given) => store.setPool(...given),
        remember: (...given) => store.remember(...given),
        assign: (...given) => store.assign(...given),
        renew: (...given) => store.renew(...given),
        usage: (...given) => store.usage(...given),
      },
    });
    await memory.remember(POOL, { numbers: [{ number: ONE, lane: '*' }], version: 2, leases: [] });
    const before = createLiveDirectory().current();
    expect(await pools.follow(directory.current(), before, NOW)).toBe(false);
    expect(await pools.lookAfter(NOW, () => undefined)).toBe(false);
    store = memory;
    const seen: string[] = [];
    expect(await pools.lookAfter(NOW, ({ name }) => seen.push(name))).toBe(true);
    expect(seen).toEqual(['Website pool']);
    expect(await memory.usage(POOL, NOW, HOLD)).toMatchObject({ numbers: 2, held: 0, version: 3 });
  });
});

describe('a visitor while the leases are away', () => {
  const visit = (more: Partial<CurrentVisit> = {}): CurrentVisit => ({
    visitId: 'v1',
    landing: '',
    referrer: 'direct',
    startedAt: NOW - 60_000,
    lastSeen: NOW,
    pages: 1,
    activeSeconds: 0,
    source: 'direct',
    campaign: null,
    first: { landing: '', referrer: 'direct' },
    leases: [{ trackerId: 'TRK1', number: TWO, shared: true }],
    ...more,
  });
  const ask = async (current: CurrentVisit, lastSign: number, of = tracker()) => {
    const { pools } = setUp({ store: away });
    const session = {
      key: { companyId: 'COM1', sessionId: 'a' },
      visit: current,
      wasRead: true,
      seenWritten: 0,
      gpc: false,
      lastPage: null,
      unkept: [],
    };
    const visitor = {
      session,
      visit: current,
      lastSign,
      now: NOW,
      mayOpen: true,
      patience: pools.patience(),
    };
    const number = await leaseNumber(pools, of, visitor, (...parts) => parts.join(' '));
    expect(session.unkept).toEqual([]);
    return number;
  };

  test('keeps the number that his visit has by the record, and nothing is written', async () => {
    expect(await ask(visit(), NOW - HOLD + 1)).toEqual({ number: TWO, shared: true, opened: false });
  });

  test('gets none when he has none, when his hold has run out, or when the number left the pool', async () => {
    expect(await ask(visit({ leases: [] }), NOW)).toBeNull();
    expect(await ask(visit(), NOW - HOLD)).toBeNull();
    expect(await ask(visit(), NOW, tracker({ numbers: [ONE] }))).toBeNull();
  });
});

test('two servers that see a visitor at once make the same lease row of his one hold', async () => {
  const store = createMemoryLeaseStore();
  const rows = [];
  for (const now of [NOW, NOW + 7]) {
    const { pools } = setUp({ store });
    const current: CurrentVisit = {
      visitId: 'v1',
      landing: '',
      referrer: 'direct',
      startedAt: now,
      lastSeen: now,
      pages: 1,
      activeSeconds: 0,
      source: 'direct',
      campaign: null,
      first: { landing: '', referrer: 'direct' },
      leases: [],
    };
    const session = {
      key: { companyId: 'COM1', sessionId: 'a' },
      visit: current,
      wasRead: true,
      seenWritten: 0,
      gpc: false,
      lastPage: null,
      unkept: [] as never[],
    };
    const visitor = {
      session,
      visit: current,
      lastSign: now,
      now,
      mayOpen: true,
      patience: pools.patience(),
    };
    const lease = (await leaseNumber(pools, tracker(), visitor, (...parts) => parts.join(' '))) as Lease;
    expect(lease.opened).toBe(now === NOW);
    rows.push(...(session.unkept as { type: string; leaseId: string }[]));
  }
  expect(rows.map(({ type, leaseId }) => [type, leaseId])).toEqual([
    ['lease', `v1 ${ONE} ${NOW}`],
    ['lease', `v1 ${ONE} ${NOW}`],
  ]);
});
