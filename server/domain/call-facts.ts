/** Calls: what providers told about them, what is known of them, and their join to a visit. */
import type { CallModel } from './call-model.js';
import type { Device } from './changes.js';
import type { Tracker } from './owners.js';
import type { Millis, PhoneNumber } from './ports.js';

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
