import { describe, expect, test } from 'vitest';
import { fitCallModel, type LearnedCall } from '../../server/domain/call-learning.js';
import {
  callRate,
  chanceOfWaiting,
  chancePresent,
  levelOf,
  PRIOR_MODEL,
  type VisitSigns,
} from '../../server/domain/call-model.js';

const AT = 1_800_000_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const signs = (more: Partial<VisitSigns> = {}): VisitSigns => ({
  pages: 3,
  activeSeconds: 100,
  device: 'desktop',
  visitStartedAt: AT - 100_000,
  lastSeen: AT,
  left: true,
  ...more,
});
/** A call that one visitor made for certain. */
const call = (
  waited: number,
  part: 'tap' | 'present' | 'later',
  more: Partial<VisitSigns> = {},
): LearnedCall => ({
  at: AT,
  candidates: [{ visit: signs({ lastSeen: AT - waited, ...more }), tap: 0, present: 0, later: 0, [part]: 1 }],
});
const many = (count: number, one: LearnedCall) => Array.from({ length: count }, () => one);

describe('when visitors call', () => {
  test('the chance of waiting starts at one and only falls', () => {
    expect(chanceOfWaiting(PRIOR_MODEL, 0)).toBe(1);
    expect(chanceOfWaiting(PRIOR_MODEL, -5)).toBe(1);
    expect(chanceOfWaiting(PRIOR_MODEL, 20 * MINUTE)).toBeCloseTo(0.58, 2);
    expect(chanceOfWaiting(PRIOR_MODEL, 24 * HOUR)).toBeCloseTo(0.144, 3);
  });

  test('somebody is present until his page is silent, or tells that it is left', () => {
    const visit = signs({ left: false });
    expect(chancePresent(visit, AT + MINUTE)).toBe(1);
    expect(chancePresent(visit, AT + 5 * MINUTE)).toBeLessThan(0.01);
    expect(chancePresent({ ...visit, left: true }, AT + 1000)).toBeLessThan(0.1);
  });

  test('asked afterwards, who was there all the time was there, and who came back perhaps', () => {
    expect(chancePresent(signs(), AT - 1000)).toBe(1);
    const back = signs({ visitStartedAt: AT - 25 * MINUTE, activeSeconds: 120 });
    expect(chancePresent(back, AT - 5 * MINUTE)).toBeLessThan(0.2);
  });

  test('engagement has five levels', () => {
    const levels = [0, 20, 100, 300, 1000].map((activeSeconds) => levelOf({ pages: 1, activeSeconds }));
    expect(levels).toEqual([0, 1, 2, 3, 4]);
    expect(levelOf({ pages: 2, activeSeconds: 0 })).toBe(1);
    expect(PRIOR_MODEL.later).toHaveLength(5);
  });

  test('the rates of one visitor, over all times, are his chance to call later', () => {
    const visit = signs();
    let chance = 0;
    for (let at = 0; at < 40 * 24 * HOUR; at += MINUTE)
      chance += 60 * callRate(PRIOR_MODEL, visit, AT + at).later;
    expect(chance).toBeCloseTo(PRIOR_MODEL.later[2] ?? 0, 3);
  });
});

describe('learning from calls', () => {
  const visits = [signs(), signs({ activeSeconds: 4, pages: 1 }), signs({ activeSeconds: 700 })];

  test('without calls the prior stands', () => {
    expect(fitCallModel([], visits, PRIOR_MODEL)).toEqual(PRIOR_MODEL);
    expect(fitCallModel(many(3, call(0, 'present')), [], PRIOR_MODEL)).toEqual(PRIOR_MODEL);
  });

  test('a few calls hardly move it', () => {
    const fitted = fitCallModel(many(3, call(50 * HOUR, 'later')), visits, PRIOR_MODEL);
    for (const [at, { share, meanMs }] of fitted.delays.entries()) {
      expect(Math.abs(share - (PRIOR_MODEL.delays[at]?.share ?? 0))).toBeLessThan(0.15);
      expect(meanMs / (PRIOR_MODEL.delays[at]?.meanMs ?? 1)).toBeGreaterThan(0.7);
      expect(meanMs / (PRIOR_MODEL.delays[at]?.meanMs ?? 1)).toBeLessThan(1.4);
    }
  });

  test('many calls decide: where they come late, late callers are likelier, and the shares still sum to one', () => {
    const calls = [...many(200, call(0, 'present')), ...many(800, call(2 * 24 * HOUR, 'later'))];
    const fitted = fitCallModel(calls, visits, PRIOR_MODEL);
    expect(fitted.delays.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(fitted.delays[2]?.share).toBeGreaterThan(0.8);
    expect(fitted.later[2] ?? 0).toBeGreaterThan(5 * (PRIOR_MODEL.later[2] ?? 0));
    expect(fitted.present).toBeLessThan(PRIOR_MODEL.present);
  });

  test('where nobody taps, a call without a tap says nothing against a phone', () => {
    const calls = many(500, call(0, 'present', { device: 'mobile' }));
    expect(fitCallModel(calls, visits, PRIOR_MODEL).taps).toBeLessThan(0.1);
  });

  test('a level that no visit reached keeps its figure', () => {
    const fitted = fitCallModel(many(500, call(0, 'present')), [signs()], PRIOR_MODEL);
    expect(fitted.later[4]).toBe(PRIOR_MODEL.later[4]);
  });
});
