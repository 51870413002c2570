/**
 * What a marketer's program sends to have something made or changed, as CallRail's API v3 has it. Names that are not
 * here are ignored.
 */
import { type Static, type TSchema, Type } from 'typebox';

/** A member of a request that may be left out, or sent as null. */
const given = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

/** Clients in use send booleans as text, too. */
const Switch = given(Type.Union([Type.Boolean(), Type.Literal('true'), Type.Literal('false')]));

const Name = Type.String({ minLength: 1, maxLength: 255 });

/** An extension to CallRail's API. What is left out, or null, stays as it is; an empty list clears. */
const SCRIPT_SETTINGS = Type.Object({
  consent: given(
    Type.Union([Type.Literal('wait'), Type.Literal('granted')], {
      description: 'wait: nothing is stored or sent until the visitor agrees. granted if never set.',
    }),
  ),
  gpc: given(
    Type.Union([Type.Literal('mark'), Type.Literal('deny')], {
      description:
        'What Global Privacy Control means: the session is marked, so that nothing of it goes to an ad platform ' +
        '(if never set), or the visitor has refused.',
    }),
  ),
  dnt: given(
    Type.Union([Type.Literal('ignore'), Type.Literal('deny')], {
      description: 'What Do Not Track means: nothing (if never set), or the visitor has refused.',
    }),
  ),
  keep_selectors: given(
    Type.Array(Type.String(), {
      maxItems: 50,
      description: 'CSS selectors: what one of them fits, and all in it, keeps the numbers of the site.',
    }),
  ),
  keep_urls: given(
    Type.Array(Type.String(), {
      maxItems: 50,
      description:
        'Pages that keep the numbers of the site: addresses (www.example.com/legal) or paths (/legal/*); * stands ' +
        'for any characters.',
    }),
  ),
  swap_code: given(
    Type.Union([Type.Boolean(), Type.Literal('true'), Type.Literal('false')], {
      description: 'Numbers in code and pre are swapped as well.',
    }),
  ),
  data_layer: given(
    Type.Union([Type.Boolean(), Type.Literal('true'), Type.Literal('false')], {
      description: 'The events of the script are pushed to window.dataLayer, too.',
    }),
  ),
});
export type ScriptSettingsBody = Static<typeof SCRIPT_SETTINGS>;

/** What both a new company and a change of one may set. */
const COMPANY_SETTINGS = {
  time_zone: given(Type.String({ description: 'IANA name; America/New_York if left out of a new company.' })),
  callscore_enabled: Switch,
  keyword_spotting_enabled: Switch,
  callscribe_enabled: Switch,
  swap_exclude_jquery: Switch,
  swap_ppc_override: Switch,
  swap_landing_override: given(Type.String({ maxLength: 255 })),
  swap_cookie_duration: given(Type.Integer({ minimum: 1, description: 'At most six months.' })),
  swap_cookie_duration_unit: given(
    Type.Union([Type.Literal('months'), Type.Literal('weeks'), Type.Literal('days')]),
  ),
  external_form_capture: Switch,
  script_settings: given(SCRIPT_SETTINGS),
};

export const NewCompanySchema = Type.Object({ name: Name, ...COMPANY_SETTINGS });

/** Null clears what can be empty (`swap_*_override`) and leaves the rest as it is. */
export const CompanyChangesSchema = Type.Object({
  name: given(Name),
  ...COMPANY_SETTINGS,
  status: given(Type.String({ description: 'No other than it is: DELETE disables a company, for good.' })),
});
export type CompanyChangesBody = Static<typeof CompanyChangesSchema>;

// ── Trackers ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A number that a user owns, however he writes it. */
const Written = Type.String({ minLength: 1, maxLength: 40 });

const CallFlow = Type.Object({
  type: Type.String({ description: 'basic' }),
  destination_number: Type.Optional(Written),
  recording_enabled: Switch,
  greeting_text: given(Type.String({ maxLength: 4096 })),
  greeting_recording_url: given(Type.String({ maxLength: 2048 })),
});
const SOURCE = [Type.Record(Type.String(), Type.Unknown()), Type.Literal('all')] as const;
const ABOUT_SOURCE = { description: 'Whose visits are served; a session tracker may say "all".' };

/** An extension to CallRail's API. What is left out, or null, stays as it is; null clears `static_number`. */
const POOL_SETTINGS = Type.Object({
  hold_seconds: given(
    Type.Integer({
      minimum: 1,
      maximum: 86_400,
      description: 'A number stays with its visitor so long after his last sign of life; 1200 if never set.',
    }),
  ),
  lane_key: given(
    Type.Union([Type.Literal('campaign'), Type.Literal('source'), Type.Literal('none')], {
      description: 'What the numbers are divided by; campaign if never set.',
    }),
  ),
  when_full: given(
    Type.Union([Type.Literal('share'), Type.Literal('static'), Type.Literal('keep')], {
      description:
        'What is shown when every number is held: one that somebody else sees, too (if never set), the static ' +
        'number, or the number of the site.',
    }),
  ),
  static_number: given(
    Type.String({
      minLength: 1,
      maxLength: 40,
      description: 'One of tracking_numbers. With when_full static it is leased to nobody alone.',
    }),
  ),
  visit_threshold: given(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'A call is joined to a visit from this confidence on; 0.5 if never set.',
    }),
  ),
  source_threshold: given(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'A call whose visit is left open is joined to a source from this confidence on; 0.5 if never set.',
    }),
  ),
});
export type PoolBody = Static<typeof POOL_SETTINGS>;

/** What both a new tracker and a change of one may say. */
const TRACKER_SETTINGS = {
  tracking_numbers: given(
    Type.Array(Written, {
      description: 'Session tracker: the numbers of its pool, your own, in their order.',
    }),
  ),
  tracking_number: Type.Optional(
    Type.Unknown({ description: 'Source tracker: its number, your own, as text.' }),
  ),
  pool_numbers: Type.Optional(Type.Unknown({ description: 'Asks a provider for numbers: not available.' })),
  pool_size: Type.Optional(Type.Unknown({ description: 'Without effect: the pool is the numbers given.' })),
  swap_targets: given(
    Type.Array(Written, { maxItems: 100, description: 'None means the destination number.' }),
  ),
  advanced_swap_targets: given(
    Type.Record(Type.String(), Type.String(), {
      description:
        'Texts of the site, each with what is shown in its place: {"1-800-FLOWERS": "###phone###"}. Also ' +
        '###phone-dashes### and ###phone-dots###. They stand for the first of swap_targets. At most 20.',
    }),
  ),
  campaign_name: given(Type.String({ maxLength: 255 })),
  whisper_message: given(Type.String({ maxLength: 4096 })),
  sms_enabled: Switch,
  pool: given(POOL_SETTINGS),
};

/** What a request for a new tracker may hold; the rules between the members are the route's. */
export const NewTrackerSchema = Type.Object({
  name: Name,
  type: Type.Union([Type.Literal('session'), Type.Literal('source')]),
  company_id: Type.String(),
  call_flow: CallFlow,
  source: Type.Union([...SOURCE], ABOUT_SOURCE),
  ...TRACKER_SETTINGS,
});
export type NewTrackerBody = Static<typeof NewTrackerSchema>;

/**
 * What is left out, or sent as null, stays as it is; null clears what can be empty (`campaign_name`,
 * `whisper_message`). A list and a `call_flow` replace the one that was there.
 */
export const TrackerChangesSchema = Type.Object({
  name: given(Name),
  call_flow: given(CallFlow),
  source: Type.Optional(Type.Union([...SOURCE, Type.Null()], ABOUT_SOURCE)),
  ...TRACKER_SETTINGS,
  replace_tracking_number: Type.Optional(
    Type.Unknown({ description: 'Asks a provider for a number: not available.' }),
  ),
  type: given(Type.String({ description: 'Fixed: no other than it is.' })),
  company_id: given(Type.String({ description: 'Fixed: no other than it is.' })),
  company: Type.Optional(Type.Unknown({ description: 'Fixed: no other than it is.' })),
  status: given(Type.String({ description: 'No other than it is: DELETE disables a tracker, for good.' })),
  destination_number: given(Type.String({ description: 'No other than it is, or than call_flow makes it.' })),
});
export type TrackerChangesBody = Static<typeof TrackerChangesSchema>;

// ── Leads ────────────────────────────────────────────────────────────────────────────────────────────────────

/** What people say of a call or a form. What is left out stays as it is; null and empty clear. */
const LEAD_CHANGES = {
  tags: given(
    Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
      maxItems: 100,
      description: 'All that it has.',
    }),
  ),
  append_tags: Switch,
  note: given(Type.String({ maxLength: 65_536 })),
  value: given(Type.Union([Type.String({ description: '"$1.00" or "1.00"' }), Type.Number()])),
  lead_status: given(Type.String({ description: 'good_lead or not_a_lead' })),
};

export const CallChangesSchema = Type.Object({
  ...LEAD_CHANGES,
  customer_name: given(Type.String({ maxLength: 255 })),
  spam: Type.Optional(
    Type.Union([Type.Boolean(), Type.Literal('true'), Type.Literal('false'), Type.Null()], {
      description: 'true hides the call from now on, for good.',
    }),
  ),
  attribution: given(
    Type.Object(
      {
        visit: Type.Union([Type.String({ description: 'Id of a visit of this company.' }), Type.Null()], {
          description: 'null: it was no known visit.',
        }),
        source: given(
          Type.String({ description: 'Slug; of a visit it is the visit’s own and may be left out.' }),
        ),
      },
      { description: 'Whose call it was. An extension to CallRail’s API.' },
    ),
  ),
});
export type CallChangesBody = Static<typeof CallChangesSchema>;

export const FormChangesSchema = Type.Object({
  ...LEAD_CHANGES,
  notes: given(Type.String({ maxLength: 65_536, description: 'The same as note.' })),
});
export type FormChangesBody = Static<typeof FormChangesSchema>;

// ── Persons ──────────────────────────────────────────────────────────────────────────────────────────────────

export const PersonMergeSchema = Type.Object({
  person_id: Type.String({ description: 'Who is the same as the person of the path.' }),
});
