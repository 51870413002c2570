/** What reports answer, one record each: in our words, not yet in those of the wire. */
import type { Attribution, CallFacts, Company, Device, Millis, PhoneNumber, Tracker } from './ports.js';

export interface AccountReport {
  accountId: string;
  numericId: number;
  name: string;
}

/** What a user may set on a company. */
export interface CompanySettings {
  name: string;
  timeZone: string;
  callscoreEnabled: boolean;
  keywordSpottingEnabled: boolean;
  callscribeEnabled: boolean;
  swapExcludeJquery: boolean | null;
  swapPpcOverride: boolean | null;
  swapLandingOverride: string | null;
  swapCookieDuration: number;
  swapCookieDurationUnit: 'months' | 'weeks' | 'days';
  externalFormCapture: boolean;
  /** A change names those that it changes. */
  script: Company['script'];
}

export interface CompanyReport extends CompanySettings {
  companyId: string;
  numericId: string;
  scriptKey: string;
  active: boolean;
  scriptSeen: boolean;
  createdAt: Millis;
  disabledAt: Millis | null;
}

/** How a session tracker leases its numbers, and how sure a join of their calls must be. */
export interface PoolSettings extends Pick<Tracker, 'holdSeconds' | 'laneKey' | 'whenFull' | 'staticNumber'> {
  visitThreshold: number;
  sourceThreshold: number;
}

export interface NewTracker {
  companyId: string;
  name: string;
  type: 'session' | 'source';
  destinationNumber: PhoneNumber;
  trackingNumbers: PhoneNumber[];
  swapTargets: PhoneNumber[];
  textTargets: Record<string, string>;
  source: Record<string, unknown>;
  callFlow: Record<string, unknown>;
  campaignName: string | null;
  whisperMessage: string | null;
  smsEnabled: boolean;
  /** Of a session tracker; null of a source tracker. */
  pool: PoolSettings | null;
}

/** The member of a request that holds a tracker's numbers. */
export function numbersField(type: NewTracker['type']): 'tracking_numbers' | 'tracking_number' {
  return type === 'session' ? 'tracking_numbers' : 'tracking_number';
}

export interface TrackerReport extends NewTracker {
  trackerId: string;
  companyName: string;
  active: boolean;
  createdAt: Millis;
  disabledAt: Millis | null;
}

/** A visit as a touch of a lead. */
export interface Touch {
  visitId: string;
  sessionId: string;
  device: Device | null;
  landing: string;
  /** A URL, or `direct`. */
  referrer: string;
  source: string;
  sourceName: string;
  medium: string;
  campaign: string | null;
  term: string | null;
  content: string | null;
  at: Millis;
}

/** A join that was replaced by another. */
export type RevisedJoin = Pick<Attribution, 'visit' | 'source' | 'confidence' | 'method'>;

/** What calls and form submissions have in common. */
export interface LeadReport {
  companyId: string;
  companyName: string;
  companyTimeZone: string;
  /** Who stands for the person: of merged ones always the same. */
  personId: string | null;
  sessionId: string | null;
  device: Device | null;
  /**
   * The session asked for Global Privacy Control. Whatever tells an ad platform of lead events must leave this one out,
   * its click ids first of all.
   */
  gpc: boolean;
  note: string | null;
  value: number | null;
  leadStatus: string | null;
  tags: string[];
  attribution: Attribution;
  /** When a user said whose it is; null: nobody did. */
  correctedAt: Millis | null;
  /** When the join became what it is, and what it was until then; null: it was never another. */
  revised: { at: Millis; before: RevisedJoin } | null;
  /** Detail `visits`: the session's first visit. */
  firstTouch: Touch | null;
  /** Detail `visits`: of each kind of click id the newest that any visit of the session brought. */
  clickIds: Record<string, string>;
  /** Detail `milestones`. */
  milestones: Milestones | null;
  /** Detail `touches`: the person's visits before the lead event, oldest first; of very many the newest. */
  touches: Touch[];
}

/**
 * How somebody became who he is, over all sessions that are surely his; of a lead event that is nobody's, over its own
 * session. A touch is the visit that was last alive at that time, and began before it.
 */
export interface Milestones {
  firstTouch: Touch | null;
  /** When he was first heard of. */
  leadCreated: { at: Millis; touch: Touch | null };
  /** When a user first called a lead event of his a good lead; null: not yet. */
  qualified: { at: Millis; touch: Touch | null } | null;
  /** Before this lead event. */
  lastTouch: Touch | null;
}

export interface CallReport extends LeadReport, Omit<CallFacts, 'callerRaw' | 'callerZip'> {
  callId: string;
  trackerId: string | null;
  trackerName: string | null;
  trackerType: 'session' | 'source' | null;
  trackerSource: Record<string, unknown> | null;
  direction: string;
  firstCall: boolean;
  createdAt: Millis;
  /** Detail `page`: the page that was open when the call came. */
  lastPage: string | null;
  /** Detail `counts`: calls of this caller to this company before this one, and in all. */
  callsBefore: number;
  callsTotal: number;
}

/** A page that a visitor looked at. */
export interface PageViewReport {
  url: string;
  /** The page of the visit before it, or what the visit came from; null: nothing did. */
  referrer: string | null;
  at: Millis;
}

/** What people say of a lead event. What is left out stays as it is, null clears. */
export interface LeadChanges {
  note?: string | null;
  value?: number | null;
  leadStatus?: 'good_lead' | 'not_a_lead' | null;
  /** In place of those that it has. */
  tags?: string[];
  /** Beside those that it has. */
  moreTags?: string[];
  customerName?: string | null;
  /** Of calls: in no report any more, for good. */
  spam?: true;
}

/** Whose call it was, as a user says: a visit's (the source is its own), a source's alone, or nobody's of the site. */
export interface Correction {
  visit: string | null;
  source: string | null;
}

export interface CallChanges extends LeadChanges {
  /** Nothing but a user changes the join from then on; null: it is joined by evidence again. */
  attribution?: Correction | null;
}

export interface FormReport extends LeadReport {
  formSubmissionId: string;
  fields: Record<string, string>;
  formUrl: string;
  formName: string | null;
  firstForm: boolean;
  customerName: string | null;
  customerEmail: string | null;
  customerPhone: PhoneNumber | null;
  submittedAt: Millis;
}

/** A person, with all who were merged with him. */
export interface PersonReport {
  /** Who stands for all of them. */
  personId: string;
  companyId: string;
  companyName: string;
  /** When he was first heard of. */
  createdAt: Millis;
  /** E.164, oldest first; so the e-mails. */
  phones: PhoneNumber[];
  emails: string[];
  /** Ids that lead to him, too. */
  others: string[];
  /** What made them one, oldest first. */
  merges: {
    persons: [string, string];
    reason: 'form' | 'text' | 'call' | 'hand';
    /** The lead event that named both; null when a user said so. */
    leadId: string | null;
    userId: string | null;
    at: Millis;
  }[];
}
