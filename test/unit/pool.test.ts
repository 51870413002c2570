import { describe, expect, test } from 'vitest';
import { createLiveDirectory } from '../../server/domain/directory.js';
import type { Lane } from '../../server/domain/lanes.js';
import { type LeasedNumber, leaseNumber } from '../../server/domain/pool.js';
import { createPools } from '../../server/domain/pools.js';
import type { Change, CurrentVisit, Tracker } from '../../server/domain/ports.js';
import { createMemoryLeaseStore } from '../../server/storage/memory/lease-store.js';
import { aTracker } from '../support/directory.js';

const NOW = 1_800_000_000_000;
const HOLD = 1_200_000;
const [ONE, TWO, THREE, FOUR] = ['+13055550110', '+13055550111', '+13055550112', '+13055550113'] as const;

const LANES: Lane[] = [
  { lane: 'ads/1', source: 'google_paid', campaigns: ['drains'], numbers: [TWO] },
  { lane: 'ads/2', source: 'google_paid', campaigns: null, numbers: [THREE] },
  { lane: '*', source: null, campaigns: null, numbers: [ONE] },
];

/** A pool of one server, and its visitors. */
function open(more: Partial<Tracker> = {}) {
  let elapsed = 0;
  const live = createLiveDirectory();
  const pools = createPools({
    store: createMemoryLeaseStore(),
    records: { rememberedLeases: async () => [] },
    directory: live,
    elapsed: () => elapsed++ / 1000,
    within: (_ms, work) => work,
    count: () => undefined,
  });
  let version = 0;
  let tracker = aTracker({ numbers: [ONE, TWO, THREE], ...more });
  const follow = async (changes: Partial<Tracker> = {}) => {
    tracker = { ...tracker, ...changes };
    const before = live.current();
    live.replace({ version: String(++version), companies: [], trackers: [tracker] });
    await pools.follow(live.current(), before, NOW);
  };

  /** Somebody with one visit, who looks at a page at these times. */
  function visitor(sessionId: string, source = 'direct', campaign: string | null = null) {
    const visit: CurrentVisit = {
      visitId: `visit of ${sessionId}`,
      landing: '',
      referrer: 'direct',
      startedAt: NOW,
      lastSeen: NOW,
      pages: 1,
      activeSeconds: 0,
      source,
      campaign,
      first: { landing: '', referrer: 'direct' },
      leases: [],
    };
    const session = {
      key: { companyId: 'COM1', sessionId },
      visit,
      wasRead: true,
      seenWritten: 0,
      gpc: false,
      lastPage: null,
      unkept: [] as Change[],
    };
    const look = async (now = NOW, mayOpen = true): Promise<LeasedNumber | null> => {
      const lastSign = visit.lastSeen;
      visit.lastSeen = now;
      const who = { session, visit, lastSign, now, mayOpen, patience: pools.patience() };
      return leaseNumber(pools, tracker, who, (...parts) => parts.join(' '));
    };
    return { look, rows: session.unkept };
  }
  return { follow, visitor };
}

describe('a visitor', () => {
  test('gets a number of the lane that serves his source and campaign', async () => {
    const { follow, visitor } = open({ lanes: LANES });
    await follow();
    const shown = async (...way: [string, string, (string | null)?]) =>
      (await visitor(...way).look())?.number;
    expect(await shown('a', 'google_paid', 'drains')).toBe(TWO);
    expect(await shown('b', 'google_paid', 'spring')).toBe(THREE);
    expect(await shown('c', 'yelp.com')).toBe(ONE);
    // The lane is full, though others are not.
    expect(await visitor('d', 'google_paid', 'drains').look()).toMatchObject({ number: TWO, shared: true });
  });

  test('keeps his number when the pool is divided anew, and a number that no lane has serves the rest', async () => {
    const { follow, visitor } = open();
    await follow();
    const early = visitor('early', 'google_paid', 'drains');
    const first = await early.look();
    expect(first).toMatchObject({ number: ONE, opened: true });
    await follow({ lanes: LANES, numbers: [ONE, TWO, THREE, FOUR] });
    expect(await early.look(NOW + 1000)).toMatchObject({ number: ONE, opened: false, shared: false });
    expect(await visitor('late', 'direct').look(NOW + 2000)).toMatchObject({ number: FOUR, shared: false });
  });
});

describe('whoever finds every number held', () => {
  const twoOf = async (more: Partial<Tracker>) => {
    const { follow, visitor } = open({ numbers: [ONE, TWO], ...more });
    await follow();
    return visitor;
  };

  test('shares one', async () => {
    const visitor = await twoOf({});
    await visitor('a').look();
    await visitor('b').look(NOW + 1);
    expect(await visitor('c').look(NOW + 2)).toMatchObject({ number: ONE, shared: true, opened: true });
  });

  test('sees the number of the site where the pool is to keep it, until one is free', async () => {
    const visitor = await twoOf({ whenFull: 'keep' });
    await visitor('a').look();
    await visitor('b').look();
    const late = visitor('c');
    expect(await late.look(NOW + 2)).toBeNull();
    expect(late.rows).toEqual([]);
    expect(await late.look(NOW + HOLD)).toMatchObject({ number: ONE, shared: false, opened: true });
  });

  test('sees the static number, which nobody gets before, and keeps it while it is held', async () => {
    const visitor = await twoOf({ whenFull: 'static', staticNumber: ONE });
    expect(await visitor('a').look()).toMatchObject({ number: TWO, shared: false });
    const late = visitor('c');
    expect(await late.look(NOW + 2)).toMatchObject({ number: ONE, shared: true, opened: true });
    expect(await visitor('d').look(NOW + 2)).toMatchObject({ number: ONE, shared: true, opened: true });
    expect(late.rows).toMatchObject([{ type: 'lease', number: ONE, shared: true, at: NOW + 2 }]);
    // A number is free by now, but he has seen this one.
    expect(await late.look(NOW + HOLD)).toMatchObject({ number: ONE, shared: true, opened: false });
    expect(late.rows).toHaveLength(1);
    // Gone for so long that nothing was held for him: then he gets the one that is free, and his row ends.
    const back = NOW + 3 * HOLD;
    expect(await late.look(back)).toMatchObject({ number: TWO, shared: false, opened: true });
    const ended = late.rows.filter((row) => row.type === 'lease_ended' && row.number === ONE);
    expect(ended).toMatchObject([{ at: NOW + 2 * HOLD }]);
  });

  test('sees none when his address has had too many', async () => {
    const visitor = await twoOf({ whenFull: 'static', staticNumber: ONE });
    await visitor('a').look();
    expect(await visitor('b').look(NOW, false)).toBeNull();
  });

  test('is leased what was static when it no longer is', async () => {
    const { follow, visitor } = open({ numbers: [ONE, TWO], whenFull: 'static', staticNumber: ONE });
    await follow();
    await visitor('a').look();
    await visitor('b').look();
    await follow({ whenFull: 'share' });
    expect(await visitor('c').look()).toMatchObject({ number: ONE, shared: false });
  });
});
