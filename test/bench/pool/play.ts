/** Plays a site's traffic through a leasing and a join, on a virtual clock, and counts what was right. */
import { explainCall } from '../../../server/domain/attribution.js';
import { type CallModel, PRIOR_MODEL } from '../../../server/domain/call-model.js';
import { activeSince } from '../../../server/domain/engagement.js';
import type { CallHistory } from '../../../server/domain/ports.js';
import type { Leasing } from './policies.js';
import type { SimulatedVisit } from './traffic.js';

const HOLD_MS = 20 * 60_000;
/** So many leases of a number the server reads when it rings. */
export const HISTORY = 100;
/** So many calls a company's model is learned from. */
const KEPT = 400;
/** Not counted: the pool is empty and nothing is known of the traffic. */
const WARM_UP = 0.25;

/** Whom a join names, with its confidence (0 to 1) in each. */
export interface Named {
  visit: { visitId: string; weight: number } | undefined;
  source: { source: string; weight: number } | undefined;
  campaign: { source: string; campaign: string | null; weight: number } | undefined;
}

/** Whose call it was, from what the number's history knows. */
export type Join = (at: number, history: CallHistory) => Named;

export interface Score {
  calls: number;
  /** Shares of first calls, 0 to 1. */
  visit: number;
  source: number;
  campaign: number;
  /** Expected calibration error of the visit's and the source's confidence, in ten equal bins (Naeini et al., 2015). */
  visitError: number;
  sourceError: number;
  /** Of all leases, so many were shared when they were opened. */
  shared: number;
}

type Held = CallHistory['leases'][number];

/** The engine's own join: the likeliest of each, however unlikely. */
export function posterior(model: CallModel = PRIOR_MODEL): Join {
  return (at, history) => {
    const { candidates, sources, campaigns } = explainCall({ at }, history, model);
    return { visit: candidates[0], source: sources[0], campaign: campaigns[0] };
  };
}

/** Whoever got the number last, in all confidence: what is sold today. */
export const lastHolder: Join = (_at, { leases }) => {
  const [newest] = leases;
  const named = newest && { ...newest, weight: 1 };
  return { visit: named, source: named, campaign: named };
};

export interface Played extends Score {
  /** What the join saw of each call, for learning. */
  seen: { at: number; history: CallHistory }[];
}

export function play(traffic: readonly SimulatedVisit[], size: number, leasing: Leasing, join: Join): Played {
  const events = eventsOf(traffic);
  const histories: Held[][] = Array.from({ length: size }, () => []);
  const held: (Held | undefined)[] = [];
  const numberOf: number[] = [];
  const taps: { at: number; number: number; visit: number }[] = [];
  const heldUntil = new Float64Array(size);
  const from = (traffic.at(-1)?.at ?? 0) * WARM_UP;
  const until = traffic.at(-1)?.at ?? 0;
  const tally = { calls: 0, visit: 0, source: 0, campaign: 0, leases: 0, shared: 0 };
  const visitBins = new Bins();
  const sourceBins = new Bins();
  const seen: Played['seen'] = [];

  for (const { at, type, index } of events) {
    const visit = traffic[index] as SimulatedVisit;
    if (type === 'begin') {
      const number = leasing.give(`s${index}`, visit, at);
      numberOf[index] = number;
      const isShared = (heldUntil[number] ?? 0) > at;
      heldUntil[number] = at + HOLD_MS;
      tally.leases++;
      if (isShared) tally.shared++;
      const lease: Held = {
        sessionId: `s${index}`,
        visitId: `v${index}`,
        source: visit.source,
        campaign: visit.campaign,
        device: visit.device,
        from: at,
        until: at + HOLD_MS,
        shared: isShared,
        pages: 1,
        activeSeconds: 0,
        visitStartedAt: at,
        lastSeen: at,
        left: false,
      };
      held[index] = lease;
      histories[number]?.push(lease);
    } else if (type === 'call') {
      const number = numberOf[index] ?? 0;
      const newest = (histories[number] ?? []).slice(-HISTORY).reverse();
      const history: CallHistory = {
        leases: newest,
        isCut: (histories[number]?.length ?? 0) > HISTORY,
        taps: taps
          .filter((tap) => tap.number === number && at - tap.at <= 60_000 && tap.at <= at)
          .map((tap) => ({
            ...(held[tap.visit] as Held),
            at: tap.at,
          })),
        knownCaller: null,
      };
      if (at < from || at > until) continue;
      const named = join(at, history);
      const isVisit = named.visit?.visitId === `v${index}`;
      const isSource = named.source?.source === visit.source;
      tally.calls++;
      tally.visit += Number(isVisit);
      tally.source += Number(isSource);
      tally.campaign += Number(
        named.campaign?.source === visit.source && named.campaign.campaign === visit.campaign,
      );
      visitBins.add(named.visit?.weight ?? 0, isVisit);
      sourceBins.add(named.source?.weight ?? 0, isSource);
      if (seen.length < KEPT) seen.push({ at, history: structuredClone(history) });
    } else {
      const lease = held[index] as Held;
      if (type === 'tap') taps.push({ at, number: numberOf[index] ?? 0, visit: index });
      lease.activeSeconds += activeSince(lease.lastSeen, at);
      lease.lastSeen = at;
      if (type === 'page_view') lease.pages++;
      lease.left = type === 'leave';
      lease.until = Math.max(lease.until, at + HOLD_MS);
      if (type !== 'leave') {
        const number = numberOf[index] ?? 0;
        heldUntil[number] = Math.max(heldUntil[number] ?? 0, at + HOLD_MS);
        leasing.renew(`s${index}`, at);
      }
    }
    if (taps.length > 1000) taps.splice(0, 500);
  }
  const { calls, leases, shared } = tally;
  return {
    calls,
    visit: tally.visit / calls,
    source: tally.source / calls,
    campaign: tally.campaign / calls,
    visitError: visitBins.error(),
    sourceError: sourceBins.error(),
    shared: shared / leases,
    seen,
  };
}

interface Event {
  at: number;
  type: 'begin' | 'call' | 'tap' | SimulatedVisit['signs'][number]['type'];
  index: number;
}

/** Every policy plays the same traffic. */
const sorted = new WeakMap<readonly SimulatedVisit[], Event[]>();

function eventsOf(traffic: readonly SimulatedVisit[]): Event[] {
  const known = sorted.get(traffic);
  if (known) return known;
  const events: Event[] = [];
  for (const [index, { at, signs, call }] of traffic.entries()) {
    events.push({ at, type: 'begin', index });
    for (const sign of signs) events.push({ ...sign, index });
    if (call) events.push({ at: call.at, type: 'call', index });
    if (call && call.tappedAt !== null) events.push({ at: call.tappedAt, type: 'tap', index });
  }
  events.sort((a, b) => a.at - b.at);
  sorted.set(traffic, events);
  return events;
}

class Bins {
  readonly #bins = Array.from({ length: 10 }, () => ({ count: 0, confidence: 0, right: 0 }));
  #count = 0;

  add(confidence: number, isRight: boolean): void {
    const bin = this.#bins[Math.min(9, Math.floor(confidence * 10))];
    if (!bin) return;
    this.#count++;
    bin.count++;
    bin.confidence += confidence;
    bin.right += Number(isRight);
  }

  error(): number {
    return (
      this.#bins.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0) / this.#count
    );
  }
}
