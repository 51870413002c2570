/**
 * What a marketer may ask of the record, and the rules of asking that hold for every resource: pages and chosen fields.
 * Dates are in `report-dates.ts`, how phones and money read in `report-words.ts`.
 */
import { invalid } from './errors.js';
import type { CallEvidence } from './join-explanation.js';
import type { PoolTraffic } from './pool-report.js';
import type { Attribution, CallFacts, Device, Millis, PhoneNumber, Tracker } from './ports.js';
import type { Window } from './report-dates.js';

// ── Who asks ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Whom an API key belongs to. He sees his account and nothing else. */
export interface User {
  userId: string;
  name: string;
  accountId: string;
  /** Nine digits: the account's other id in paths. */
  accountNumericId: string;
  timeZone: string;
  createdAt: Millis;
}

export interface UserStore {
  /** Null: no such key. */
  byKeyHash(sha256: Uint8Array): Promise<User | null>;
}

// ── What is answered ─────────────────────────────────────────────────────────────────────────────────────────

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

// ── What may be asked ────────────────────────────────────────────────────────────────────────────────────────

export interface Slice {
  limit: number;
  offset: number;
}

/** Rows in their order; `total` counts all that match, null when nobody asked for it. */
export interface Found<Row> {
  rows: Row[];
  total: number | null;
}

export interface Listing<Filter, Sort extends string> {
  filter: Filter;
  /** Null: the resource's natural order. */
  sort: Sort | null;
  /** Null: the natural one of what is sorted by (text from A, times from the newest). */
  order: 'asc' | 'desc' | null;
  slice: Slice;
  /** Costs a scan of all that matches. */
  count: boolean;
}

export interface CompanyFilter {
  status?: string;
  search?: string;
}

export interface TrackerFilter {
  companyId?: string;
  type?: string;
  status?: string;
  search?: string;
}

export interface LeadFilter {
  companyId?: string;
  window: Window;
  /** `not_scored`: none. */
  leadStatus?: string;
  /** Any of them. */
  tags?: string[];
}

export interface CallFilter extends LeadFilter {
  trackerId?: string;
  callType?: string;
  answerStatus?: string;
  answered?: boolean;
  device?: string;
  direction?: string;
  /** Slug or display name. */
  source?: string;
  search?: string;
}

export const CALL_SORTS = [
  'start_time',
  'customer_name',
  'customer_phone_number',
  'duration',
  'source',
  'customer_city',
  'customer_country',
  'landing_page_url',
  'device_type',
  'answered',
  'first_call',
  'source_name',
  'lead_status',
  'tags',
] as const;
export type CallSort = (typeof CALL_SORTS)[number];

export const FORM_SORTS = ['submitted_at', 'created_at', 'form_url'] as const;
export type FormSort = (typeof FORM_SORTS)[number];

/** Parts of a lead report that cost look-ups of their own: given only when asked for. */
export type Detail = 'visits' | 'milestones' | 'touches' | 'page' | 'counts';

/**
 * The record as marketers see it. Every question names the account it is asked for; what belongs to another one is
 * as unknown as what does not exist. A company may be named by either of its ids. Methods that change something
 * throw a Refusal `invalid` that names the field when the change cannot be.
 */
export interface ReportStore extends UserStore {
  account(accountId: string): Promise<AccountReport | null>;

  companies(accountId: string, ask: Listing<CompanyFilter, 'name'>): Promise<Found<CompanyReport>>;
  company(accountId: string, companyId: string): Promise<CompanyReport | null>;
  createCompany(
    accountId: string,
    company: Pick<CompanySettings, 'name'> & Partial<CompanySettings>,
  ): Promise<CompanyReport>;
  /** Null: no such company. */
  updateCompany(
    accountId: string,
    companyId: string,
    changes: Partial<CompanySettings>,
  ): Promise<CompanyReport | null>;
  /** Its trackers and script stop with it. False: no such company. The account's last active one stays. */
  disableCompany(accountId: string, companyId: string): Promise<boolean>;

  trackers(accountId: string, ask: Listing<TrackerFilter, 'name'>): Promise<Found<TrackerReport>>;
  tracker(accountId: string, trackerId: string): Promise<TrackerReport | null>;
  /** Refuses a number that is in use, or that would send calls in a circle. */
  createTracker(accountId: string, tracker: NewTracker): Promise<TrackerReport>;
  /**
   * Makes the tracker what `change` says, given what it is; nothing else can change trackers meanwhile. Numbers that
   * it loses are shown no more, ring through as before and may be given to another tracker. Null: no such tracker.
   */
  updateTracker(
    accountId: string,
    trackerId: string,
    change: (tracker: TrackerReport) => NewTracker,
  ): Promise<TrackerReport | null>;
  /** Its numbers are shown no more, ring through as before and may be given to another tracker. False: none such. */
  disableTracker(accountId: string, trackerId: string): Promise<boolean>;
  /** What is known of a pool at this time. Null: no such tracker, or one that has no pool. */
  poolTraffic(accountId: string, trackerId: string, now: Millis): Promise<PoolTraffic | null>;

  calls(
    accountId: string,
    ask: Listing<CallFilter, CallSort>,
    details: ReadonlySet<Detail>,
  ): Promise<Found<CallReport>>;
  call(accountId: string, callId: string, details: ReadonlySet<Detail>): Promise<CallReport | null>;
  /** All that the record knows by now of whose call it is. Null: no such call. */
  callEvidence(accountId: string, callId: string): Promise<CallEvidence | null>;
  /** The call as it is now, also one that was spam; null: no such call. */
  changeCall(
    accountId: string,
    callId: string,
    changes: CallChanges,
    details: ReadonlySet<Detail>,
    userId: string,
  ): Promise<CallReport | null>;

  formSubmissions(
    accountId: string,
    ask: Listing<LeadFilter, FormSort>,
    details: ReadonlySet<Detail>,
  ): Promise<Found<FormReport>>;
  formSubmission(accountId: string, id: string, details: ReadonlySet<Detail>): Promise<FormReport | null>;
  /** The form as it is now; null: no such form. */
  changeFormSubmission(
    accountId: string,
    id: string,
    changes: LeadChanges,
    details: ReadonlySet<Detail>,
  ): Promise<FormReport | null>;

  /** By his own id, or that of one who was merged with him. */
  person(accountId: string, personId: string): Promise<PersonReport | null>;
  /** Makes two of one company one, also if that was taken back before. Null: no such person. */
  mergePersons(
    accountId: string,
    personId: string,
    otherId: string,
    userId: string,
  ): Promise<PersonReport | null>;
  /**
   * Takes back the newest merge that made this person a part of another, or another a part of him, and keeps the two
   * apart from then on. Answers him as he is then; `none`: he was merged with nobody; null: no such person.
   */
  undoMerge(accountId: string, personId: string, userId: string): Promise<PersonReport | 'none' | null>;
}

// ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────

export const PER_PAGE = { standard: 100, most: 250 } as const;

/** A whole number from the query; too small or too large is brought within bounds, other text is refused. */
export function readCount(
  field: string,
  text: string | undefined,
  { standard, least, most }: { standard: number; least: number; most: number },
): number {
  if (text === undefined) return standard;
  if (!/^[-+]?\d+$/.test(text)) throw invalid(field, 'is not a whole number');
  return Math.min(most, Math.max(least, Number(text)));
}

/** At least 1: there are clients that ask for the next page until they have seen the last one. */
export function totalPages(total: number, perPage: number): number {
  return Math.max(1, Math.ceil(total / perPage));
}

// ── Fields ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What a value depends on beside its row. */
export interface View {
  accountId: string;
  /** Of the times shown. */
  timeZone: string;
  /** Scheme, host and path prefix under which this API is reached; no slash at the end. */
  base: string;
}

type Write<Row> = (row: Row, view: View) => unknown;

/** The fields of a resource: those always answered, and those answered when asked for. */
export interface FieldTable<Row> {
  standard: Record<string, Write<Row>>;
  optional?: Record<string, Write<Row>>;
  /** The fields for which the store has to look further. */
  details?: Partial<Record<Detail, readonly string[]>>;
}

export interface Selection<Row> {
  details: ReadonlySet<Detail>;
  write(row: Row, view: View): Record<string, unknown>;
}

/** The standard fields and the names asked for, once each. Throws `invalid` for a name that the resource has not. */
export function selectFields<Row>(table: FieldTable<Row>, asked: readonly string[]): Selection<Row> {
  const optional = table.optional ?? {};
  const chosen = new Map(Object.entries(table.standard));
  for (const name of asked) {
    if (chosen.has(name)) continue;
    const write = Object.hasOwn(optional, name) ? optional[name] : undefined;
    if (!write) throw invalid('fields', `has a name that is not known here: ${name.slice(0, 80)}`);
    chosen.set(name, write);
  }
  const details = Object.entries(table.details ?? {}).filter(([, names]) =>
    names.some((name) => chosen.has(name)),
  );
  return {
    details: new Set(details.map(([detail]) => detail as Detail)),
    write(row, view) {
      const answer: Record<string, unknown> = {};
      for (const [name, write] of chosen) answer[name] = write(row, view);
      return answer;
    },
  };
}
