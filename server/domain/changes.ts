/** What visitors did, as it is written: plain data, so that it can be journalled as JSON. */
import type { Attribution } from './call-facts.js';
import type { Millis, PhoneNumber } from './ports.js';

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
  /** Comes again to say that it is marked (`gpc`), which it stays. The journal of a version before does not say it. */
  | { type: 'session'; sessionId: string; device: Device | null; at: Millis; gpc?: boolean }
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
