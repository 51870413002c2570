import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attributeCall, explainCall } from '../../server/domain/attribution.js';
import { PRIOR_MODEL } from '../../server/domain/call-model.js';
import type { CallHistory } from '../../server/domain/ports.js';

const AT = 1_800_000_000_000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const pool = { at: AT, trackerType: 'session', trackerSource: null } as const;
const empty: CallHistory = { taps: [], leases: [], isCut: false, knownCaller: null };

/** A visit whose last sign of life was so long before the call. */
const lease = (sessionId: string, before: number, more: Partial<CallHistory['leases'][number]> = {}) => ({
  sessionId,
  visitId: `visit-${sessionId}`,
  source: 'google_paid',
  campaign: null,
  device: null,
  pages: 2,
  activeSeconds: 100,
  visitStartedAt: AT - before - 2 * MINUTE,
  lastSeen: AT - before,
  left: false,
  from: AT - before - 2 * MINUTE,
  until: AT - before + 20 * MINUTE,
  shared: false,
  ...more,
});
const tap = (sessionId: string, before: number) => ({
  at: AT - before,
  sessionId,
  visitId: `visit-${sessionId}`,
  source: 'direct',
  campaign: null,
});
const known = (sessionId: string, confidence: number) => ({
  sessionId,
  visitId: `visit-${sessionId}`,
  source: 'bing_organic',
  campaign: null,
  confidence,
});

describe('the join of a call', () => {
  test('a tap just before is near certain, also on a shared number', () => {
    const leases = [lease('a', 5 * SECOND, { shared: true }), lease('b', 5 * SECOND, { shared: true })];
    const joined = attributeCall(pool, { ...empty, leases, taps: [tap('b', 3 * SECOND)] });
    expect(joined).toMatchObject({ session: 'b', visit: 'visit-b', source: 'google_paid', method: 'tap' });
    expect(joined.confidence).toBeGreaterThan(0.98);
    expect(joined.confidence).toBeLessThan(1);
  });

  test('of two taps the fresher one is likelier, and both are candidates', () => {
    const joined = attributeCall(pool, { ...empty, taps: [tap('a', 2 * SECOND), tap('b', 40 * SECOND)] });
    expect(joined).toMatchObject({ session: 'a', method: 'tap', source: 'direct' });
    expect(joined.candidates.map(({ session }) => session)).toEqual(['a', 'b']);
    expect(joined.confidence).toBeGreaterThan(0.9);
    expect(joined.sourceConfidence).toBe(0.99);
  });

  test('a known caller beats who holds the number now, and is surer when he holds it himself', () => {
    const stranger = attributeCall(pool, {
      ...empty,
      knownCaller: known('k', 0.8),
      leases: [lease('a', MINUTE)],
    });
    const himself = attributeCall(pool, {
      ...empty,
      knownCaller: known('k', 0.8),
      leases: [lease('k', MINUTE), lease('a', MINUTE)],
    });
    expect(stranger).toMatchObject({ session: 'k', method: 'known_caller', source: 'bing_organic' });
    expect(stranger.confidence).toBeCloseTo(0.8, 2);
    expect(himself.confidence).toBeGreaterThan(0.85);
  });

  test('a caller who was joined unsurely before is not known more surely now', () => {
    expect(attributeCall(pool, { ...empty, knownCaller: known('k', 0.3) })).toMatchObject({
      session: null,
      method: 'none',
      candidates: [{ session: 'k', weight: 0.3 }],
    });
  });

  test('a fresh tap outweighs what is known of the phone: he is back on another device', () => {
    const history = { ...empty, knownCaller: known('k', 0.97), taps: [tap('b', 4 * SECOND)] };
    expect(attributeCall(pool, history)).toMatchObject({ session: 'b', method: 'tap' });
  });

  test('the only holder at that time is joined, also where others had the number before', () => {
    const leases = [lease('a', 20 * SECOND), lease('old', 3 * DAY)];
    const joined = attributeCall(pool, { ...empty, leases });
    expect(joined).toMatchObject({ session: 'a', method: 'sole_holder' });
    expect(joined.confidence).toBeGreaterThan(0.95);
  });

  test('of several holders the one who is on the page is likelier than the one who left', () => {
    const leases = [
      lease('left', 10 * MINUTE, { left: true, shared: true }),
      lease('here', 20 * SECOND, { shared: true }),
    ];
    const joined = attributeCall(pool, { ...empty, leases });
    expect(joined).toMatchObject({ session: 'here', method: 'posterior' });
    expect(joined.confidence).toBeGreaterThan(0.9);
  });

  test('of two who left, the one who read longer is likelier, and a bounce hardly counts', () => {
    const bounce = { pages: 1, activeSeconds: 3, left: true };
    const reader = { pages: 6, activeSeconds: 600, left: true };
    const leases = [lease('bounce', 5 * MINUTE, bounce), lease('reader', 15 * MINUTE, reader)];
    expect(attributeCall(pool, { ...empty, leases })).toMatchObject({ session: 'reader' });
  });

  test('who calls from a phone on the page taps, so without a tap a desk is likelier', () => {
    const leases = [
      lease('phone', 20 * SECOND, { device: 'mobile' }),
      lease('desk', 20 * SECOND, { device: 'desktop' }),
    ];
    expect(attributeCall(pool, { ...empty, leases })).toMatchObject({ session: 'desk' });
  });

  test('two visits of one session are one holder', () => {
    const leases = [lease('a', MINUTE), lease('a', 30 * MINUTE, { visitId: 'before', until: AT + MINUTE })];
    expect(attributeCall(pool, { ...empty, leases })).toMatchObject({
      visit: 'visit-a',
      method: 'sole_holder',
      candidates: [{ visit: 'visit-a' }],
    });
  });

  test('after the hold the last holder is joined, less surely the longer ago', () => {
    const confidences = [10, 60, 24 * 60, 29 * 24 * 60].map(
      (minutes) =>
        explainCall(pool, { ...empty, leases: [lease('a', minutes * MINUTE)] }).candidates[0]?.weight ?? 0,
    );
    expect(confidences.toSorted((a, b) => b - a)).toEqual(confidences);
    expect(new Set(confidences).size).toBe(confidences.length);
    const joined = attributeCall(pool, { ...empty, leases: [lease('a', 30 * MINUTE)] });
    expect(joined).toMatchObject({ session: 'a', method: 'last_holder' });
  });

  test('after thirty days nobody is joined', () => {
    expect(attributeCall(pool, { ...empty, leases: [lease('a', 31 * DAY)] })).toEqual({
      session: null,
      visit: null,
      source: null,
      confidence: 0,
      sourceConfidence: 0,
      method: 'none',
      candidates: [],
    });
  });

  test('where no visit is sure enough, their common source is named', () => {
    const leases = ['a', 'b', 'c'].map((session) => lease(session, 20 * SECOND, { shared: true }));
    const joined = attributeCall(pool, { ...empty, leases });
    expect(joined).toMatchObject({
      session: null,
      visit: null,
      source: 'google_paid',
      method: 'source_only',
    });
    expect(joined.confidence).toBe(0);
    expect(joined.sourceConfidence).toBeGreaterThan(0.98);
    expect(joined.candidates.map(({ weight }) => weight)).toEqual(
      [0.333, 0.333, 0.333].map((near) => expect.closeTo(near, 2)),
    );
  });

  test('where neither is sure enough, nothing is named, and the candidates still are', () => {
    const leases = ['a', 'b', 'c'].map((session) => lease(session, 20 * SECOND, { source: session }));
    const joined = attributeCall(pool, { ...empty, leases });
    expect(joined).toMatchObject({ visit: null, source: null, sourceConfidence: 0, method: 'none' });
    expect(joined.candidates).toHaveLength(3);
  });

  test('the thresholds are a setting', () => {
    const leases = ['a', 'b', 'c'].map((session) => lease(session, 20 * SECOND));
    const settings = { model: PRIOR_MODEL, thresholds: { visit: 0.3, source: 0.3 } };
    expect(attributeCall(pool, { ...empty, leases }, settings)).toMatchObject({ visit: 'visit-a' });
  });

  test("a source tracker's number names its source for certain", () => {
    const call = { at: AT, trackerType: 'source', trackerSource: 'yelp.com' } as const;
    expect(attributeCall(call, empty)).toMatchObject({
      method: 'tracker',
      source: 'yelp.com',
      confidence: 1,
      sourceConfidence: 1,
      session: null,
    });
  });

  test('visitors before a history that is cut are counted with', () => {
    const leases = Array.from({ length: 100 }, (_, at) =>
      lease(`s${at}`, (at + 30) * MINUTE, { left: true }),
    );
    const cut = explainCall(pool, { ...empty, leases, isCut: true });
    const whole = explainCall(pool, { ...empty, leases, isCut: false });
    expect(whole.older).toBe(0);
    expect(cut.older).toBeGreaterThan(0.1);
    expect(cut.sources[0]).toMatchObject({ source: 'google_paid' });
    expect(cut.sources[0]?.weight).toBeGreaterThan(0.9);
  });

  test('the weights of an explanation sum to one, whatever happened', () => {
    const sessions = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const history = fc.record({
      taps: fc.array(
        fc.tuple(sessions, fc.nat(MINUTE)).map(([who, ago]) => tap(who, ago)),
        { maxLength: 4 },
      ),
      leases: fc.array(
        fc
          .tuple(sessions, fc.integer({ min: -DAY, max: 29 * DAY }), fc.nat(5000), fc.nat(20), fc.boolean())
          .map(([who, ago, activeSeconds, pages, left]) => lease(who, ago, { activeSeconds, pages, left })),
        { maxLength: 20 },
      ),
      isCut: fc.boolean(),
      knownCaller: fc.option(
        fc.tuple(sessions, fc.double({ min: 0, max: 1, noNaN: true })).map(([who, sure]) => known(who, sure)),
      ),
    });
    fc.assert(
      fc.property(history, (given) => {
        const { candidates, older, stranger } = explainCall(pool, given);
        const weights = candidates.map(({ parts }) => parts.tap + parts.known + parts.present + parts.later);
        expect(weights.reduce((sum, weight) => sum + weight, older + stranger)).toBeCloseTo(1, 6);
        expect(candidates.every(({ weight }) => weight >= 0 && weight < 1)).toBe(true);
        const joined = attributeCall(pool, given);
        expect(joined.candidates.length).toBeLessThanOrEqual(3);
        expect(joined.sourceConfidence).toBeGreaterThanOrEqual(joined.confidence);
        expect(joined.visit === null ? joined.confidence === 0 : joined.confidence >= 0.5).toBe(true);
      }),
    );
  });
});
