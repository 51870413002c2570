import { describe, expect, test } from 'vitest';
import { attributeCall, chanceOfWaiting } from '../../server/domain/attribution.js';
import type { CallHistory } from '../../server/domain/ports.js';

const AT = 1_800_000_000_000;
const MINUTE = 60_000;
const pool = { at: AT, trackerType: 'session', trackerSource: null } as const;
const empty: CallHistory = { taps: [], leases: [], knownCaller: null };
const lease = (sessionId: string, from: number, until: number, more = {}): CallHistory['leases'][number] => ({
  sessionId,
  visitId: `visit-${sessionId}`,
  source: 'google_paid',
  campaign: null,
  device: null,
  pages: 1,
  activeSeconds: 0,
  visitStartedAt: AT + from,
  lastSeen: AT + from,
  from: AT + from,
  until: AT + until,
  shared: false,
  ...more,
});
const tap = (sessionId: string, before: number) => ({
  at: AT - before,
  sessionId,
  visitId: `visit-${sessionId}`,
  source: 'direct',
});

describe('the join of a call', () => {
  test('a tap just before is near certain, also on a shared number', () => {
    const leases = [
      lease('a', -MINUTE, MINUTE, { shared: true }),
      lease('b', -MINUTE, MINUTE, { shared: true }),
    ];
    expect(attributeCall(pool, { ...empty, leases, taps: [tap('b', 3000)] })).toMatchObject({
      session: 'b',
      visit: 'visit-b',
      source: 'direct',
      method: 'tap',
      confidence: 0.99,
    });
  });

  test('of two taps the fresher one is likelier, and both are candidates', () => {
    const joined = attributeCall(pool, { ...empty, taps: [tap('a', 2000), tap('b', 40_000)] });
    expect(joined).toMatchObject({ session: 'a', method: 'tap' });
    expect(joined.candidates.map(({ session }) => session)).toEqual(['a', 'b']);
    expect(joined.confidence).toBeGreaterThan(0.8);
    expect(joined.confidence).toBeLessThan(0.99);
    expect(joined.sourceConfidence).toBeCloseTo(0.99, 3);
  });

  test('a known caller beats who holds the number now, and is surer when he holds it himself', () => {
    const knownCaller = { sessionId: 'k', visitId: 'visit-k', source: 'bing_organic', confidence: 0.99 };
    const stranger = attributeCall(pool, { ...empty, knownCaller, leases: [lease('a', -MINUTE, MINUTE)] });
    const himself = attributeCall(pool, { ...empty, knownCaller, leases: [lease('k', -MINUTE, MINUTE)] });
    expect(stranger).toMatchObject({
      session: 'k',
      method: 'known_caller',
      source: 'bing_organic',
      confidence: 0.85,
    });
    expect(himself.confidence).toBe(0.97);
  });

  test('a caller who was joined unsurely before is not known more surely now', () => {
    const knownCaller = { sessionId: 'k', visitId: 'visit-k', source: 'direct', confidence: 0.3 };
    expect(attributeCall(pool, { ...empty, knownCaller }).confidence).toBe(0.3);
  });

  test('the only holder at that time is joined', () => {
    const leases = [lease('a', -5 * MINUTE, 15 * MINUTE), lease('old', -60 * MINUTE, -20 * MINUTE)];
    expect(attributeCall(pool, { ...empty, leases })).toMatchObject({
      session: 'a',
      method: 'sole_holder',
      confidence: 0.9,
    });
  });

  test('holders of a shared number divide the confidence, and one source keeps it whole', () => {
    const leases = [
      lease('a', -MINUTE, MINUTE, { shared: true }),
      lease('b', -2 * MINUTE, MINUTE, { shared: true }),
    ];
    expect(attributeCall(pool, { ...empty, leases })).toMatchObject({
      method: 'holder',
      confidence: 0.425,
      sourceConfidence: 0.85,
    });
  });

  test('two visits of one session are one holder', () => {
    const leases = [lease('a', -MINUTE, MINUTE), lease('a', -30 * MINUTE, MINUTE)];
    expect(attributeCall(pool, { ...empty, leases }).method).toBe('sole_holder');
  });

  test('after the hold the last holder is joined, less surely the longer ago', () => {
    const confidences = [0, 10, 60, 24 * 60, 29 * 24 * 60].map(
      (minutes) =>
        attributeCall(pool, { ...empty, leases: [lease('a', -40 * 24 * 60 * MINUTE, -minutes * MINUTE)] })
          .confidence,
    );
    expect(confidences[0]).toBe(0.6);
    expect(confidences.toSorted((a, b) => b - a)).toEqual(confidences);
    expect(new Set(confidences).size).toBe(confidences.length);
    const { method } = attributeCall(pool, { ...empty, leases: [lease('a', -100 * MINUTE, -10 * MINUTE)] });
    expect(method).toBe('last_holder');
  });

  test('after thirty days nobody is joined', () => {
    const leases = [lease('a', -50 * 24 * 60 * MINUTE, -31 * 24 * 60 * MINUTE)];
    expect(attributeCall(pool, { ...empty, leases })).toEqual({
      session: null,
      visit: null,
      source: null,
      confidence: 0,
      sourceConfidence: 0,
      method: 'none',
      candidates: [],
    });
  });

  test("a source tracker's number names its source for certain", () => {
    const call = { at: AT, trackerType: 'source', trackerSource: 'yelp.com' } as const;
    expect(attributeCall(call, empty)).toMatchObject({
      method: 'tracker',
      source: 'yelp.com',
      sourceConfidence: 1,
      session: null,
    });
  });

  test('at most three candidates are named', () => {
    const leases = ['a', 'b', 'c', 'd', 'e'].map((session) =>
      lease(session, -MINUTE, MINUTE, { shared: true }),
    );
    const { candidates, confidence } = attributeCall(pool, { ...empty, leases });
    expect(candidates).toHaveLength(3);
    expect(confidence).toBe(0.17);
  });

  test('the chance of waiting starts at one and only falls', () => {
    expect(chanceOfWaiting(0)).toBe(1);
    expect(chanceOfWaiting(-5)).toBe(1);
    expect(chanceOfWaiting(20 * MINUTE)).toBeCloseTo(0.58, 2);
    expect(chanceOfWaiting(24 * 60 * MINUTE)).toBeCloseTo(0.144, 3);
  });
});
