/**
 * What the rules need from the world, in their own words: no connection, key or statement in it. An adapter in
 * `storage/` implements each; `compose.ts` is the one file that knows which.
 */

import type { CallModel, VisitSigns } from './call-model.js';
import type { ArrivalCount, Lane, LaneKey } from './lanes.js';
import type { PoolHour } from './pool-report.js';

export type { CallModel, VisitSigns } from './call-model.js';
export type { CallEvidence } from './join-explanation.js';
export type { ArrivalCount, Lane, LaneKey } from './lanes.js';
export type { PoolHour, PoolTraffic } from './pool-report.js';
export type { ReportStore } from './reports.js';

/** E.164: `+13055550100`. */
export type PhoneNumber = string;
/** Milliseconds since 1970, UTC. */
export type Millis = number;

// ── The directory: who owns what ─────────────────────────────────────────────────────────────────────────────

export interface Company {
  accountId: string;
  companyId: string;
  /** Nine digits, as CallRail's script URLs have them. */
  numericId: string;
  /** Twenty hex digits; public: it is in every page's script tag. */
  scriptKey: string;
  name: string;
  timeZone: string;
  active: boolean;
  /** The pretend business of /demo. */
  demo: boolean;
  cookieDays: number;
  /** `external_form_capture`. */
  captureForms: boolean;
  /** `swap_ppc_override`: a click on an advertisement of a search engine begins a new session. */
  paidClicksBegin: boolean;
  /** `swap_landing_override`: so does a landing page with these parameters, or with this in its address. */
  landingBegins: string | null;
}

export interface Tracker {
  companyId: string;
  trackerId: string;
  name: string;
  type: 'session' | 'source';
  active: boolean;
  destinationNumber: PhoneNumber;
  swapTargets: PhoneNumber[];
  /** CallRail's `source` object, as the reporting API answers it. */
  source: Record<string, unknown>;
  whisperMessage: string | null;
  /** From CallRail's `call_flow`: what the caller hears before it rings. A recording is played in place of the text. */
  greeting: string | null;
  greetingRecordingUrl: string | null;
  holdSeconds: number;
  /** The numbers it has now, in their order, the static one among them. */
  numbers: PhoneNumber[];
  /** Numbers it had last and nobody has now: they are shown to nobody, but an old flyer keeps ringing through. */
  retiredNumbers: PhoneNumber[];
  /** The plan by which a pool is divided. It may be older than `numbers`: those that it does not name belong to the rest. */
  lanes: Lane[];
  laneKey: LaneKey;
  whenFull: WhenFull;
  /** Shown when the pool is full and `whenFull` says so; without effect where it is none of `numbers`. */
  staticNumber: PhoneNumber | null;
  thresholds: Thresholds;
}

/** What a visitor sees when every number is held: one that somebody holds, the static one, or the site's own. */
export type WhenFull = 'share' | 'static' | 'keep';

/** From which confidence on (0 to 1) a call is joined to a visit, and to a source only. */
export interface Thresholds {
  visit: number;
  source: number;
}

/** All companies and trackers, small enough to be held in memory by each server. */
export interface Directory {
  /** Grows with every change. */
  version: string;
  companies: Company[];
  trackers: Tracker[];
}

// ── Leases ───────────────────────────────────────────────────────────────────────────────────────────────────

/** A pool is the numbers of one session tracker. */
export interface PoolKey {
  companyId: string;
  trackerId: string;
}

/** A number of a pool and the part of the pool that it belongs to. */
export interface PooledNumber {
  number: PhoneNumber;
  /** Any text; see `lanes.ts`. */
  lane: string;
}

/** A session is alive, and holds its number on. */
export interface SignOfLife {
  pool: PoolKey;
  sessionId: string;
  now: Millis;
  /** The number is held until `now + holdMs`, unless a later sign of life renews it. */
  holdMs: number;
}

export interface LeaseRequest extends SignOfLife {
  /**
   * The lane that serves the visitor. One that has no number (the pool was divided anew, and not everybody has heard)
   * stands for `*`, and where that has none, for all lanes.
   */
  lane: string;
  /**
   * False: renew what the session holds, or give back the number it had if nobody took it since, but open nothing
   * new. For visitors whose address has used up its share of new leases.
   */
  mayOpen: boolean;
  /** False: open nothing when every number of the lane is held. */
  mayShare: boolean;
}

export interface Lease {
  number: PhoneNumber;
  /** A new hold; false: the one that the session had. */
  opened: boolean;
  /** Another session holds it now, too. */
  shared: boolean;
  /** When the session's hold of this number began: every server that asks gets the same time. */
  since: Millis;
  /** When the hold ends without a further sign of life. */
  heldUntil: Millis;
  /** Sessions whose exclusive hold ended by this: they hold the number still, and share it from now on. */
  sharedWith: string[];
  /** Sessions whose hold had run out and whose claim to get the number back ends now, with the hold's end. */
  ended: { sessionId: string; heldUntil: Millis }[];
}

/** What is known of a number's last holders, when a pool is remembered from its lease rows. */
export interface RememberedLease {
  pool: PoolKey;
  number: PhoneNumber;
  sessionId: string;
  since: Millis;
  heldUntil: Millis;
  shared: boolean;
}

/** A pool as the record has it. */
export interface PoolContents {
  numbers: readonly PooledNumber[];
  /** The directory's version that has these numbers in these lanes; it only grows. */
  version: number;
  /** Oldest hold first, and of each session only its newest. */
  leases: readonly RememberedLease[];
}

/**
 * Which session holds which number: fast memory, which may forget everything and is rebuilt from the lease rows. Each
 * operation is atomic: no exclusive number is ever given to two sessions. Any number of servers may use the same one.
 * Rejects when the store is silent for 200 ms; one that has a crowd to answer may take up to a second.
 */
export interface LeaseStore {
  /**
   * Makes a known pool have exactly these numbers in these lanes: a lease on a number that went away ends, all others
   * stay, also where their number has changed its lane. Not when the store has heard of a newer version. False: the
   * pool is forgotten, and nothing was done.
   */
  setPool(pool: PoolKey, numbers: readonly PooledNumber[], version: number): Promise<boolean>;
  /** Makes a forgotten pool known, with its leases, in one step. Does nothing when it is known. */
  remember(pool: PoolKey, contents: PoolContents): Promise<void>;
  /**
   * The session's number, whatever its lane: the one it holds; else the one it had, if nobody took it since; else of
   * its lane the one idle longest; else, when all of the lane are held, the one whose holders have been quiet longest,
   * shared. Null: the pool has no number, or a new lease would be needed and `mayOpen` is false, or a shared one and
   * `mayShare` is false. A hold that ends later than can be (`latestHold`) was given by a clock that was ahead: it
   * counts as over.
   */
  assign(request: LeaseRequest): Promise<Lease | null | 'forgotten'>;
  /** A sign of life: extends the session's lease. False: it has none, or the pool is forgotten. */
  renew(sign: SignOfLife): Promise<boolean>;
  /** How many numbers the pool has, how many are held now, and of which version it is. Looks at every number. */
  usage(pool: PoolKey, now: Millis, holdMs: number): Promise<PoolUsage | 'forgotten'>;
}

export interface PoolUsage {
  numbers: number;
  held: number;
  version: number;
  /** The same of each lane, in any order. */
  lanes: LaneUsage[];
}

export interface LaneUsage {
  lane: string;
  numbers: number;
  held: number;
}

// ── The record ───────────────────────────────────────────────────────────────────────────────────────────────

export interface SessionKey {
  companyId: string;
  sessionId: string;
}

export type Device = 'mobile' | 'desktop';

export interface Visit {
  visitId: string;
  landing: string;
  referrer: string;
  startedAt: Millis;
  /** The last sign of life. */
  lastSeen: Millis;
}

/** One row to be, or one change of a row. Plain data, so that it can be journalled as JSON. */
export type Change =
  /** A page with the company's script asked for numbers. */
  | { type: 'script_seen'; at: Millis }
  | { type: 'session'; sessionId: string; device: Device | null; at: Millis }
  | {
      type: 'visit';
      sessionId: string;
      device: Device | null;
      visit: Visit;
      source: {
        source: string;
        name: string;
        medium: string;
        campaign: string | null;
        term: string | null;
        content: string | null;
        clickIds: Record<string, string>;
      };
    }
  /** A sign of life: the later time and the longer activity hold. */
  /** `left`: the sign of life was the page telling that it is left. */
  | { type: 'visit_seen'; visitId: string; at: Millis; activeSeconds: number; left: boolean }
  | {
      type: 'lease';
      leaseId: string;
      trackerId: string;
      number: PhoneNumber;
      sessionId: string;
      visitId: string;
      at: Millis;
      holdSeconds: number;
      shared: boolean;
    }
  /** The session's open lease on this number, begun before `at`, is over. */
  | { type: 'lease_ended'; number: PhoneNumber; sessionId: string; at: Millis }
  /** The open leases of these sessions on this number are shared from now on. */
  | { type: 'lease_shared'; number: PhoneNumber; sessionIds: string[] }
  /** Also a sign of life of its visit, which counts the page. */
  | {
      type: 'page_view';
      eventId: string;
      sessionId: string;
      visitId: string;
      url: string;
      title: string | null;
      at: Millis;
      activeSeconds: number;
      clientAt: Millis | null;
    }
  | {
      type: 'tap';
      eventId: string;
      sessionId: string;
      visitId: string;
      number: PhoneNumber;
      target: PhoneNumber | null;
      at: Millis;
      clientAt: Millis | null;
    }
  | {
      type: 'form';
      eventId: string;
      formSubmissionId: string;
      sessionId: string;
      visitId: string;
      /** Used only when nobody with this phone or e-mail is known. */
      newPersonId: string;
      fcid: string | null;
      url: string;
      formName: string | null;
      fields: Record<string, string>;
      customerName: string | null;
      customerEmail: string | null;
      customerPhone: PhoneNumber | null;
      attribution: Attribution;
      at: Millis;
      clientAt: Millis | null;
    };

/** What is written together or not at all. Plain data, so that it can be journalled as JSON. */
export interface RecordEntry {
  companyId: string;
  /** Ids seen before (by company) make the whole entry a repeat, which changes nothing. Null: not an event. */
  eventId: string | null;
  changes: Change[];
}

export type RecordOutcome = 'accepted' | 'repeated';

export interface RecordWriter {
  /**
   * Resolves when the entry is kept: committed, or on this server's disk until it can be. Rejects with a Refusal:
   * `unavailable` when neither was to be had, `invalid` when the store says that the entry itself is wrong.
   */
  write(entry: RecordEntry): Promise<RecordOutcome>;
  /** Keeps a report about a call in the same way; one that was kept before changes nothing. */
  writeCall(report: CallReport): Promise<void>;
}

// ── Calls and their join ─────────────────────────────────────────────────────────────────────────────────────

/** What a provider told about a call, in our words. */
export interface CallEvent {
  kind:
    | 'ringing'
    | 'dial_ended'
    | 'leg_status'
    | 'call_status'
    | 'recording'
    | 'transcription'
    /** Nobody's report: the last one is so old that the call must be over, and its end was never told. */
    | 'unreported_end';
  /** Names the report within its call: the same report again has the same key. */
  key: string;
  at: Millis;
  provider: string;
  providerCallId: string;
  trackingNumber: PhoneNumber;
  caller: { number: PhoneNumber | null; raw: string | null };
  place: { city: string | null; state: string | null; country: string | null; zip: string | null } | null;
  callerName: string | null;
  /** The provider's status word, normalised to these. */
  status: CallStatus | null;
  /** Whole seconds, where the report has them: talk time of a dial, length of a call or a recording. */
  seconds: number | null;
  destinationNumber: PhoneNumber | null;
  recordingUrl: string | null;
  /** What was said, of a transcription. */
  text?: string | null;
  /** The provider asks here because it got no good answer at `url`; `code` is its word for what went wrong. */
  fault?: { code: string; url: string | null } | null;
}

/** A report about a call to a number of ours, with whose number that was. Plain data, as a RecordEntry is. */
export interface CallReport {
  companyId: string;
  trackerId: string | null;
  event: CallEvent;
}

export type CallStatus =
  | 'queued'
  | 'ringing'
  | 'in_progress'
  | 'completed'
  | 'busy'
  | 'no_answer'
  | 'failed'
  | 'canceled';

export interface CallFacts {
  trackingNumber: PhoneNumber;
  destinationNumber: PhoneNumber | null;
  callerNumber: PhoneNumber | null;
  callerRaw: string | null;
  callerName: string | null;
  callerCity: string | null;
  callerState: string | null;
  callerCountry: string | null;
  callerZip: string | null;
  state: 'ringing' | 'in_progress' | 'answered' | 'missed' | 'voicemail' | 'abandoned';
  answered: boolean;
  voicemail: boolean;
  startedAt: Millis;
  endedAt: Millis | null;
  /** Seconds; null while it lasts. */
  duration: number | null;
  recordingUrl: string | null;
  recordingDuration: number | null;
  /** What was said in the message, where the provider wrote it down. */
  transcription: string | null;
  /** The provider never told the end: `endedAt` is the time of its last report, and the length is not known. */
  inferred: boolean;
}

export type AttributionMethod =
  | 'tap'
  | 'known_caller'
  | 'sole_holder'
  | 'holder'
  | 'last_holder'
  | 'posterior'
  | 'session'
  | 'tracker'
  | 'source_only'
  | 'none';

/** The join of a lead event to a visit, as the API shows it (in snake_case). */
export interface Attribution {
  session: string | null;
  visit: string | null;
  /** Slug of the joined visit's source. */
  source: string | null;
  /** 0 to 1: how sure that it was this visit (of a source tracker: this source). */
  confidence: number;
  /** 0 to 1: how sure that it was this source. */
  sourceConfidence: number;
  method: AttributionMethod;
  candidates: { session: string; visit: string; source: string; weight: number }[];
}

/** What a number's history knows about the time before a call. */
export interface CallHistory {
  /** Taps on the number shortly before, newest first. */
  taps: { at: Millis; sessionId: string; visitId: string; source: string; campaign: string | null }[];
  /** Leases of the number that began before the call, newest first; `until` is when the hold ended or will end. */
  leases: {
    sessionId: string;
    visitId: string;
    source: string;
    campaign: string | null;
    device: Device | null;
    from: Millis;
    until: Millis;
    shared: boolean;
    /** What is known of the visit's engagement by now; after a later join it may reach beyond the call. */
    pages: number;
    activeSeconds: number;
    visitStartedAt: Millis;
    lastSeen: Millis;
    /** The visit's last sign of life was the page telling that it is left. */
    left: boolean;
  }[];
  /** There are leases before these. */
  isCut: boolean;
  /** The newest earlier call of the same caller that was joined to a visit. */
  knownCaller: {
    sessionId: string;
    visitId: string;
    source: string;
    campaign: string | null;
    confidence: number;
  } | null;
}

/** What the join must know of a call's tracker. */
export interface JudgedTracker extends Pick<Tracker, 'type' | 'name' | 'source' | 'thresholds'> {
  /** What was learned of the company's callers; null: not enough calls yet. */
  callModel: CallModel | null;
}

export interface CallJudge {
  /** All reports of a call, in any order, to what is known of it. */
  fold(events: readonly CallEvent[]): CallFacts;
  /** The join, from plain data; the tracker is null where the number had none. */
  attribute(facts: CallFacts, history: CallHistory, tracker: JudgedTracker | null): Attribution;
  /**
   * The join as a user says it is: to a visit, to a source alone (a slug), or (without both) to nothing. As certain as
   * it can be.
   */
  correct(
    visit: { sessionId: string; visitId: string; source: string } | null,
    source: string | null,
  ): Attribution;
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

/** A session's newest visit, as the record has it. */
export interface CurrentVisit extends Visit {
  /** Page views so far. Those that another server got meanwhile are known when the record is read again. */
  pages: number;
  /** How long somebody was there (engagement.ts). May have a fraction; the record keeps whole seconds. */
  activeSeconds: number;
  source: string;
  campaign: string | null;
  /** Landing page and referrer of the session's first visit. */
  first: { landing: string; referrer: string };
  /** Numbers for which this visit has an open lease row, by tracker. */
  leases: { trackerId: string; number: PhoneNumber; shared: boolean }[];
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
