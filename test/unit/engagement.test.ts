import { describe, expect, test } from 'vitest';
import { engagementOf, isBounce } from '../../server/domain/engagement.js';
import type { CurrentVisit } from '../../server/domain/ports.js';
import { createSessions, type Session, seeLeave, seeVisitor } from '../../server/domain/sessions.js';

const AT = 1_800_000_000_000;
const LANDING = 'https://x.example/';

/** A session that the record knows nothing of, unless told; what is written of it is in `written`. */
async function newSession(onRecord: CurrentVisit | null = null, alone = true) {
  const record = { visit: onRecord };
  const sessions = createSessions({
    records: { currentVisits: async (keys) => keys.map(() => record.visit && { ...record.visit }) },
    defer: (work) => setImmediate(work),
    after: () => () => undefined,
    alone,
  });
  const key = { companyId: 'COM1', sessionId: 's' };
  const open = (seconds: number) => sessions.open(key, AT + seconds * 1000);
  return { session: await open(0), open, record };
}

/** A sign of life so many seconds after the visit began; with a page, a view of it. */
function see(session: Session, seconds: number, page: string | null = null) {
  const seen = {
    landing: LANDING,
    referrer: 'direct',
    device: null,
    page,
    gpc: false,
    now: AT + seconds * 1000,
  };
  return seeVisitor(session, seen, (...parts) => parts.join(' '));
}
const leave = (session: Session, seconds: number) => seeLeave(session, AT + seconds * 1000);
const told = ({ visit }: Session) => visit && engagementOf(visit);

describe('the engagement of a visit', () => {
  test('begins with its landing page, and adds up the time between signs of life', async () => {
    const { session } = await newSession();
    see(session, 0, 'one');
    expect(told(session)).toEqual({ pages: 1, activeSeconds: 0, lengthSeconds: 0 });
    see(session, 2.5, 'two');
    see(session, 62.5);
    expect(told(session)).toEqual({ pages: 2, activeSeconds: 62.5, lengthSeconds: 62.5 });
  });

  test('counts 90 seconds of a longer silence', async () => {
    const { session } = await newSession();
    see(session, 0, 'one');
    see(session, 90);
    see(session, 1090, 'two');
    expect(told(session)).toEqual({ pages: 2, activeSeconds: 180, lengthSeconds: 1090 });
  });

  test('does not count a page again that is told again, nor time that a clock goes back', async () => {
    const { session } = await newSession();
    see(session, 0, 'one');
    see(session, 1, 'one');
    see(session, -10, 'two');
    see(session, -9, 'two');
    expect(told(session)).toEqual({ pages: 2, activeSeconds: 1, lengthSeconds: 1 });
    see(session, 3, 'one');
    expect(told(session)?.pages).toBe(3);
  });

  test('begins anew with the next visit', async () => {
    const { session } = await newSession();
    see(session, 0, 'one');
    see(session, 60, 'two');
    const { visit } = see(session, 3600);
    expect(engagementOf(visit)).toEqual({ pages: 0, activeSeconds: 0, lengthSeconds: 0 });
    see(session, 3601, 'three');
    expect(told(session)).toEqual({ pages: 1, activeSeconds: 1, lengthSeconds: 1 });
  });

  test('ends with a leave while the sign before it is fresh', async () => {
    const { session } = await newSession();
    see(session, 0, 'one');
    expect(leave(session, 40)).toEqual([
      { type: 'visit_seen', visitId: session.visit?.visitId, at: AT + 40_000, activeSeconds: 40, left: true },
    ]);
    expect(told(session)).toEqual({ pages: 1, activeSeconds: 40, lengthSeconds: 40 });
    expect(leave(session, 131)).toEqual([]);
    expect(told(session)).toEqual({ pages: 1, activeSeconds: 40, lengthSeconds: 40 });
  });

  test('is not begun by a leave', async () => {
    const { session } = await newSession();
    expect(leave(session, 0)).toEqual([]);
    expect([session.visit, session.unkept]).toEqual([null, []]);
  });

  test('is written in whole seconds, every five of them', async () => {
    const { session } = await newSession();
    see(session, 0, 'one');
    expect(see(session, 4.9).changes).toEqual([]);
    expect(see(session, 6.9).changes).toMatchObject([{ type: 'visit_seen', activeSeconds: 6 }]);
    expect(see(session, 7.3).changes).toEqual([]);
    expect(session.visit?.activeSeconds).toBeCloseTo(7.3);
  });

  test('goes on with what another server knows', async () => {
    const { session, open, record } = await newSession(null, false);
    see(session, 0, 'one');
    session.unkept = [];
    const before = { ...(session.visit as CurrentVisit) };
    record.visit = { ...before, lastSeen: AT + 8000, pages: 4, activeSeconds: 8 };
    see(await open(12), 12, 'two');
    expect(told(session)).toEqual({ pages: 5, activeSeconds: 12, lengthSeconds: 12 });
    // The record is behind: what is known here holds.
    see(await open(24), 24);
    expect(told(session)).toEqual({ pages: 5, activeSeconds: 24, lengthSeconds: 24 });
  });
});

test.each([
  [1, 9.9, true],
  [1, 10, false],
  [2, 0, false],
  // Forms and taps of a visit none of whose pages were told.
  [0, 0, true],
])('%i pages in %d seconds: a bounce is %s', (pages, activeSeconds, is) => {
  expect(isBounce({ pages, activeSeconds })).toBe(is);
});
