/**
 * What a marketer may ask of the record, and the rules of asking that hold for every resource: pages and chosen fields.
 * Dates are in `report-dates.ts`, how phones and money read in `report-words.ts`.
 */
import { invalid } from './errors.js';
import type { CallEvidence } from './join-explanation.js';
import type { PoolTraffic } from './pool-report.js';
import type { Millis } from './ports.js';
import type { Window } from './report-dates.js';
import type {
  AccountReport,
  CallChanges,
  CallReport,
  CompanyReport,
  CompanySettings,
  FormReport,
  LeadChanges,
  NewTracker,
  PageViewReport,
  PersonReport,
  TrackerReport,
} from './report-rows.js';
import type { CallGroup, CallSums, FormGroup, FormSums, SumsOf } from './summaries.js';

export * from './report-rows.js';
export type { CallGroup, CallSums, FormGroup, FormSums, SumsOf } from './summaries.js';

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
  /** Something is asked for that no lead event here has. */
  none?: boolean;
}

export interface CallFilter extends LeadFilter {
  /** Any of them. */
  trackerIds?: string[];
  callType?: string;
  answerStatus?: string;
  answered?: boolean;
  device?: string;
  direction?: string;
  /** Whether the caller had never called the company before. */
  firstCall?: boolean;
  /** Slug or display name. */
  source?: string;
  /** Part of the display name. */
  sourceLike?: string;
  /** Seconds, both included. */
  minDuration?: number;
  maxDuration?: number;
  search?: string;
}

export interface FormFilter extends LeadFilter {
  formUrl?: string;
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
  /** Of each group that has calls, the largest first; of all calls together where no group is named. */
  callSums(accountId: string, filter: CallFilter, group: CallGroup | null): Promise<SumsOf<CallSums>[]>;
  /** From each of these times up to the next one, in their order; undefined where there was none. */
  callCourse(
    accountId: string,
    filter: CallFilter,
    from: readonly Millis[],
  ): Promise<(CallSums | undefined)[]>;
  /** What the visitor looked at before he called, newest first. Null: no such call. */
  pageViews(accountId: string, callId: string, slice: Slice): Promise<Found<PageViewReport> | null>;
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
    ask: Listing<FormFilter, FormSort>,
    details: ReadonlySet<Detail>,
  ): Promise<Found<FormReport>>;
  /** As `callSums`. */
  formSums(accountId: string, filter: FormFilter, group: FormGroup | null): Promise<SumsOf<FormSums>[]>;
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
