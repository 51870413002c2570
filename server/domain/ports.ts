/**
 * What the rules need from the world, in their own words: no connection, key or statement in it. An adapter in
 * `storage/` implements each; `compose.ts` is the one file that knows which.
 */
import type { Attribution, CallFacts, CallHistory, CallJudge, CallReport } from './call-facts.js';
import type { CallModel, VisitSigns } from './call-model.js';
import type { CurrentVisit, RecordEntry, RecordOutcome, SessionKey } from './changes.js';
import type { ArrivalCount, Lane } from './lanes.js';
import type { PoolKey, RememberedLease } from './leases.js';
import type { Directory, Tracker } from './owners.js';
import type { PoolHour } from './pool-report.js';

export type * from './call-facts.js';
export type { CallModel, VisitSigns } from './call-model.js';
export type * from './changes.js';
export type { CallEvidence } from './join-explanation.js';
export type { ArrivalCount, Lane, LaneKey } from './lanes.js';
export type * from './leases.js';
export type * from './owners.js';
export type { PoolHour, PoolTraffic } from './pool-report.js';
export type { ReportStore } from './reports.js';

/** E.164: `+13055550100`. */
export type PhoneNumber = string;
/** Milliseconds since 1970, UTC. */
export type Millis = number;

export interface RecordWriter {
  /**
   * Resolves when the entry is kept: committed, or on this server's disk until it can be. Rejects with a Refusal:
   * `unavailable` when neither was to be had, `invalid` when the store says that the entry itself is wrong.
   */
  write(entry: RecordEntry): Promise<RecordOutcome>;
  /** Keeps a report about a call in the same way; one that was kept before changes nothing. */
  writeCall(report: CallReport): Promise<void>;
}

/** Postgres: what is asked of the record beside writing entries and reporting. */
export interface RecordStore {
  directoryVersion(): Promise<string>;
  loadDirectory(): Promise<Directory>;
  /** The newest visit of each session, in the order asked; null: never seen. */
  currentVisits(sessions: readonly SessionKey[]): Promise<(CurrentVisit | null)[]>;
  /** For each number of one pool, or of all, its last holder, and every holder whose hold may still last. */
  rememberedLeases(now: Millis, pool?: PoolKey): Promise<RememberedLease[]>;
  /**
   * Keeps a report about a call and brings the call's one row up to date, in one transaction that waits for other
   * reports of the same call. A report kept before changes nothing.
   */
  recordCall(report: CallReport, judge: CallJudge): Promise<void>;
  /**
   * Joins the calls since then once more, as what led to them may have been written after them. Answers how many
   * there were.
   */
  rejoinCalls(since: Millis, judge: CallJudge): Promise<number>;
  /**
   * Writes entries in one transaction and says of each whether it is new. Rejects with a Refusal: `unavailable` when
   * the record is away (some or all may have been written: the same entries may come again), `invalid` when a value
   * of one of them cannot be stored.
   */
  commit(entries: readonly RecordEntry[]): Promise<RecordOutcome[]>;
  /** Of each active pool the hours of the last seven days in which something came. */
  poolHours(now: Millis): Promise<PooledHours[]>;
  /** A call with the visit it was joined to, by the provider's id; for the demo page. */
  findCall(companyId: string, provider: string, providerCallId: string): Promise<JoinedCall | null>;
}

export interface PooledHours extends PoolKey {
  hours: Pick<PoolHour, 'hour' | 'leases' | 'leaseSeconds' | 'shared'>[];
}

export interface JoinedCall {
  callId: string;
  trackerName: string | null;
  callerNumber: PhoneNumber | null;
  trackingNumber: PhoneNumber;
  state: CallFacts['state'];
  duration: number | null;
  attribution: Attribution;
  visit: {
    landing: string;
    referrer: string;
    sourceName: string;
    medium: string;
    campaign: string | null;
  } | null;
}

/** Makes a company's call model, from first calls of its pools and a fair sample of its visits. */
export type CallLearner = (
  calls: readonly { at: Millis; history: CallHistory }[],
  visits: readonly VisitSigns[],
) => CallModel;

/** What the record needs from time to time. Each may be asked by any number of servers; one of them does it. */
export interface Housekeeping {
  /** Makes the partitions of this month and the next ones, so that no row ends up in the catch-all. */
  keepMonthsAhead(): Promise<void>;
  /** Forgets event ids that are older than any client keeps an event. Answers how many. */
  forgetOldEvents(): Promise<number>;
  /**
   * Learns the call model of each company that has enough calls and whose model is a day old. Answers how many.
   */
  learnCallModels(learn: CallLearner): Promise<number>;
  /** Gives `close` each open call of which nothing was heard for so long, one after another. Answers how many. */
  closeSilentCalls(silentSeconds: number, close: (call: SilentCall) => Promise<void>): Promise<number>;
  /**
   * Counts what came to each pool, and how full it was, in the hour that begins then, as it is known by `now`. It takes
   * the place of what was counted of that hour before.
   */
  countHour(hour: Millis, now: Millis): Promise<void>;
  /** Asks for the plan of each pool, and keeps those that are others than before. Answers how many. */
  planLanes(now: Millis, plan: LanePlanner): Promise<number>;
  /** Forgets what was counted of hours that began before. */
  forgetArrivals(before: Millis): Promise<void>;
  /**
   * Joins once more the calls of the last day about which something was written after they were joined, within the last
   * hour. Answers how many; there may be more.
   */
  rejoinLateCalls(judge: CallJudge): Promise<number>;
}

/** How a pool is to be divided, by the visits of its last days. */
export type LanePlanner = (
  pool: Pick<Tracker, 'numbers' | 'lanes' | 'laneKey' | 'whenFull' | 'staticNumber'>,
  counts: readonly ArrivalCount[],
  now: Millis,
) => Lane[];

/** A call whose end was never told. */
export interface SilentCall {
  companyId: string;
  trackerId: string | null;
  provider: string;
  providerCallId: string;
  trackingNumber: PhoneNumber;
  lastReportAt: Millis;
}
