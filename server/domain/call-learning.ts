/**
 * Learning when a company's visitors call, from calls that were joined: the prior of `call-model.ts` is right for the
 * average site only, and a builder of houses is called days later.
 */
import { explainCall } from './attribution.js';
import { type CallModel, levelOf, PRIOR_MODEL, presentSeconds, type VisitSigns } from './call-model.js';
import type { CallHistory, Millis } from './ports.js';

/** By then the figures change by less than anybody could measure. */
const ROUNDS = 10;

/**
 * The model of a company, from some hundred of its first calls, each with what its number's history knows about it,
 * and from a fair sample of its visits. With few calls it is hardly anything but the prior.
 */
export function learnCallModel(
  calls: readonly { at: Millis; history: CallHistory }[],
  visits: readonly VisitSigns[],
): CallModel {
  let model = PRIOR_MODEL;
  for (let round = 0; round < ROUNDS; round++) {
    const before = model;
    model = fitCallModel(
      calls.map(({ at, history }) => explained(at, history, before)),
      visits,
      before,
    );
  }
  return model;
}

function explained(at: Millis, history: CallHistory, model: CallModel): LearnedCall {
  const visits = new Map(history.leases.map((lease) => [lease.visitId, lease]));
  const { candidates } = explainCall({ at }, history, model);
  return {
    at,
    candidates: candidates.flatMap(({ visitId, parts: { tap, present, later } }) => {
      const visit = visits.get(visitId);
      return visit ? [{ visit, tap, present, later }] : [];
    }),
  };
}

/** One call that a model is learned from: who may have called, each with the probability that it was he. */
export interface LearnedCall {
  at: Millis;
  candidates: { visit: VisitSigns; tap: number; present: number; later: number }[];
}

/** The prior counts as so many calls: a company that has fewer of its own hardly moves it. */
const PRIOR_CALLS = 60;

/**
 * A company's own model, from its calls as `before` explained them and from a fair sample of its visits: one step of
 * expectation maximisation (Dempster, Laird and Rubin, 1977), with the prior as calls that were seen already. To be
 * repeated with its own result until that settles.
 *
 * What is certain (a tap, somebody who alone had the number) decides by itself. Of other calls each candidate counts
 * by his probability: those that come days later are never certain, and a model of certain calls would forget them.
 */
export function fitCallModel(
  calls: readonly LearnedCall[],
  visits: readonly VisitSigns[],
  before: CallModel,
  prior: CallModel = PRIOR_MODEL,
): CallModel {
  if (calls.length === 0 || visits.length === 0) return prior;
  const seconds = visits.reduce((sum, visit) => sum + presentSeconds(visit), 0) / visits.length;
  const levels = prior.later.map(
    (_, level) => visits.filter((visit) => levelOf(visit) === level).length / visits.length,
  );
  const seen = countCalls(calls, before);
  // Calls of a visit, as the prior has it. How many there are in all stays so; what is learned is who makes them.
  const expected =
    prior.present * seconds + sum(prior.later.map((chance, level) => chance * (levels[level] ?? 0)));
  const inAll = PRIOR_CALLS + seen.present + sum(seen.later);
  const learn = (counted: number, rate: number, share: number) =>
    share === 0 ? rate : ((counted + (PRIOR_CALLS * rate * share) / expected) * expected) / (inAll * share);
  const late = PRIOR_CALLS * (1 - (prior.present * seconds) / expected);
  const here = PRIOR_CALLS - late;
  return {
    present: learn(seen.present, prior.present, seconds),
    later: prior.later.map((chance, level) => learn(seen.later[level] ?? 0, chance, levels[level] ?? 0)),
    delays: prior.delays.map(({ share, meanMs }, at) => {
      const delay = seen.delays[at] ?? { calls: 0, ms: 0 };
      const calls = delay.calls + late * share;
      return { share: calls / (sum(seen.later) + late), meanMs: (delay.ms + late * share * meanMs) / calls };
    }),
    taps: (seen.tapped + here * prior.taps) / (seen.mobile + here),
  };
}

/** Of calls that may be several people's, so many are each one's. */
function countCalls(calls: readonly LearnedCall[], model: CallModel) {
  const counts = {
    present: 0,
    later: model.later.map(() => 0),
    delays: model.delays.map(() => ({ calls: 0, ms: 0 })),
    mobile: 0,
    tapped: 0,
  };
  for (const { at, candidates } of calls) {
    for (const { visit, tap, present, later } of candidates) {
      const level = levelOf(visit);
      counts.present += tap + present;
      counts.later[level] = (counts.later[level] ?? 0) + later;
      if (visit.device === 'mobile') {
        counts.mobile += tap + present;
        counts.tapped += tap;
      }
      const waited = Math.max(0, at - visit.lastSeen);
      const parts = model.delays.map(({ share, meanMs }) => (share / meanMs) * Math.exp(-waited / meanMs));
      const whole = sum(parts) || 1;
      for (const [at, delay] of counts.delays.entries()) {
        const own = (later * (parts[at] ?? 0)) / whole;
        delay.calls += own;
        delay.ms += own * waited;
      }
    }
  }
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
