/** The directory: companies, their trackers and numbers. */
import type { Lane, LaneKey } from './lanes.js';
import type { PhoneNumber } from './ports.js';

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
  /** What was set of them; the rest is as `STANDARD` in script-settings.ts says. */
  script: Partial<ScriptSettings>;
}

/** How the company's script behaves on a page. */
export interface ScriptSettings {
  /** `wait`: nothing is stored or sent until the visitor agrees. */
  consent: 'wait' | 'granted';
  /** What Global Privacy Control means: the session is marked, or the visitor has refused. */
  gpc: 'mark' | 'deny';
  /** What Do Not Track means: nothing, or the visitor has refused. */
  dnt: 'ignore' | 'deny';
  /** CSS selectors: what one of them fits, and all in it, keeps the site's own numbers. */
  keepSelectors: string[];
  /** Addresses and paths, `*` stands for any characters: these pages keep them. */
  keepUrls: string[];
  /** Numbers in `code` and `pre` are swapped as well. */
  swapCode: boolean;
  /** Events are pushed to the page's `dataLayer`, too. */
  dataLayer: boolean;
}

export interface Tracker {
  companyId: string;
  trackerId: string;
  name: string;
  type: 'session' | 'source';
  active: boolean;
  destinationNumber: PhoneNumber;
  swapTargets: PhoneNumber[];
  /** `advanced_swap_targets`: texts of the site, each with what is shown in its place (see script-settings.ts). */
  textTargets: Record<string, string>;
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
