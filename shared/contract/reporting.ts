/**
 * What the server answers to a marketer's program: CallRail's API v3, the part that calltrk has. Answers are described
 * as their documents name them; which members one has depends on `fields`. Bodies of requests: `reporting-bodies.ts`;
 * summaries: `reporting-summaries.ts`.
 */
import { type TProperties, type TSchema, Type } from 'typebox';
import { PoolSettingsSchema } from './pool-report.js';

// ── Small parts ──────────────────────────────────────────────────────────────────────────────────────────────

const orNull = <T extends TSchema>(schema: T, description?: string) =>
  Type.Optional(Type.Union([schema, Type.Null()], description === undefined ? {} : { description }));
const Text = (description?: string) => orNull(Type.String(), description);
const Whole = (description?: string) => orNull(Type.Integer(), description);
const Flag = (description?: string) => orNull(Type.Boolean(), description);
const Time = (description: string) => orNull(Type.String({ format: 'date-time' }), description);
const Phone = (description: string) => orNull(Type.String(), `${description}, E.164`);
const Texts = (description?: string) => orNull(Type.Array(Type.String()), description);
/** Known by name, so that a client may ask for it; nothing here fills it yet. */
const Reserved = (description = 'Not filled yet.') => Type.Optional(Type.Unknown({ description }));

const resource = <P extends TProperties>(name: string, properties: P) =>
  Type.Object(properties, { title: name, additionalProperties: false });

/** One page of a list, counted from 1. */
export const pageOf = <T extends TSchema>(name: string, item: T) =>
  Type.Object({
    page: Type.Integer(),
    per_page: Type.Integer(),
    total_pages: Type.Integer({ description: 'At least 1.' }),
    total_records: Type.Integer(),
    [name]: Type.Array(item),
  });

/** One page of a list that is not counted: each names the next one. */
export const relativePageOf = <T extends TSchema>(name: string, item: T) =>
  Type.Object({
    has_next_page: Type.Boolean(),
    next_page: Type.Union([Type.String(), Type.Null()], { description: 'To be followed unchanged.' }),
    [name]: Type.Array(item),
  });

/** Which rule gave a lead event its source, and why. */
const SourceExplanationSchema = Type.Object({
  source: Type.Union([Type.String(), Type.Null()], { description: 'Slug of the source.' }),
  sign: Type.String({
    description:
      'What decided: ad_click, ad_host, utm_source, referrer, click, utm_campaign or none of the first visit; tracker; attribution.',
  }),
  because: Type.String({ description: 'What was seen, in English.' }),
  tracker: Type.Union([Type.String(), Type.Null()], {
    description: 'Whom the tracker that was called shows its number.',
  }),
});

/** How a lead event was joined to a visit, and how sure that is. */
export const AttributionSchema = Type.Object(
  {
    session: Type.Union([Type.String(), Type.Null()]),
    visit: Type.Union([Type.String(), Type.Null()]),
    source: Type.Union([Type.String(), Type.Null()], { description: 'Slug of the joined visit’s source.' }),
    confidence: Type.Number({ description: '0 to 1: how sure it is that it was this visit.' }),
    source_confidence: Type.Number({ description: '0 to 1: how sure it is that it was this source.' }),
    method: Type.String({
      description:
        'tap, known_caller, sole_holder, holder, last_holder, posterior, session, tracker, source_only or none.',
    }),
    candidates: Type.Array(
      Type.Object({
        session: Type.String(),
        visit: Type.String(),
        source: Type.String(),
        weight: Type.Number(),
      }),
    ),
    gpc: Type.Boolean({
      description:
        'The session asked for Global Privacy Control: nothing of it may go to an ad platform, no click id either.',
    }),
    corrected_at: Type.Optional(
      Type.String({ format: 'date-time', description: 'A user said so then; nothing else changes it.' }),
    ),
    revised: Type.Optional(
      Type.Object(
        {
          at: Type.String({ format: 'date-time' }),
          before: Type.Object({
            visit: Type.Union([Type.String(), Type.Null()]),
            source: Type.Union([Type.String(), Type.Null()]),
            confidence: Type.Number(),
            method: Type.String(),
          }),
        },
        { description: 'When it became what it is, by late facts or a user, and what it was until then.' },
      ),
    ),
  },
  { title: 'Attribution', additionalProperties: false },
);

const Params = Type.Record(Type.String(), Type.String());
const MILESTONE = {
  event_date: Text(),
  ad_position: Text(),
  campaign: Text(),
  device: Text(),
  keywords: Text(),
  landing: Text(),
  landing_page_url_params: Params,
  match_type: Text(),
  medium: Text(),
  referrer: Text(),
  referrer_url_params: Params,
  session_browser: Text(),
  url_utm_params: Params,
  source: Text(),
};
const MilestoneSchema = Type.Object(MILESTONE, {
  title: 'Milestone',
  description: 'All null and empty: not reached.',
  additionalProperties: false,
});
const MilestonesSchema = Type.Object(
  {
    first_touch: MilestoneSchema,
    lead_created: MilestoneSchema,
    qualified: MilestoneSchema,
    last_touch: MilestoneSchema,
  },
  {
    title: 'Milestones',
    description: 'Of the person, over all his sessions; of nobody’s lead event, over its own session.',
    additionalProperties: false,
  },
);
const TouchesSchema = Type.Optional(
  Type.Array(
    Type.Object(
      { session: Type.String(), visit: Type.String(), ...MILESTONE },
      { title: 'Touch', additionalProperties: false },
    ),
    { description: 'The visits of the person before this, oldest first; of more than 100 the newest.' },
  ),
);

// ── Accounts, users ──────────────────────────────────────────────────────────────────────────────────────────

export const AccountSchema = resource('Account', {
  id: Text(),
  name: Text(),
  outbound_recording_enabled: Flag(),
  hipaa_account: Flag(),
  numeric_id: Whole('Nine digits; may stand for the id in every path.'),
});

export const UserSchema = resource('User', {
  id: Text(),
  email: Text(),
  created_at: Time('In the time zone asked for.'),
  role: Text(),
  first_name: Text(),
  last_name: Text(),
  name: Text(),
  accepted: Flag(),
  companies: Type.Optional(Type.Array(Type.Object({ id: Type.String(), name: Type.String() }))),
});

// ── Companies ────────────────────────────────────────────────────────────────────────────────────────────────

export const CompanySchema = resource('Company', {
  id: Text(),
  name: Text(),
  status: Text('active or disabled'),
  time_zone: Text('IANA name'),
  created_at: Time('UTC'),
  disabled_at: Time('UTC'),
  dni_active: Flag('The script asked for numbers; null: it was never seen.'),
  script_url: Text('To be put into the pages of the site; without a scheme.'),
  callscribe_enabled: Flag(),
  lead_scoring_enabled: Flag(),
  swap_exclude_jquery: Flag('Without effect.'),
  swap_ppc_override: Flag(),
  swap_landing_override: Text(),
  swap_cookie_duration: Whole(),
  swap_cookie_duration_unit: Text('months, weeks or days'),
  callscore_enabled: Flag(),
  keyword_spotting_enabled: Flag('Without effect.'),
  form_capture: Flag('Forms of the site are captured.'),
  verified_caller_ids: Reserved('Empty.'),
  masked_id: Text('The same as id.'),
  script_settings: Type.Optional(
    Type.Object(
      {
        consent: Type.String({ description: 'wait or granted' }),
        gpc: Type.String({ description: 'mark or deny' }),
        dnt: Type.String({ description: 'ignore or deny' }),
        keep_selectors: Type.Array(Type.String()),
        keep_urls: Type.Array(Type.String()),
        swap_code: Type.Boolean(),
        data_layer: Type.Boolean(),
      },
      {
        additionalProperties: false,
        description: 'How the script behaves on a page. An extension to CallRail’s API.',
      },
    ),
  ),
});

// ── Trackers ─────────────────────────────────────────────────────────────────────────────────────────────────

export const TrackerSchema = resource('Tracker', {
  id: Text(),
  name: Text(),
  type: Text('source or session'),
  status: Text('active or disabled'),
  destination_number: Phone('Where calls go'),
  tracking_numbers: Type.Optional(
    Type.Array(Type.String(), { description: 'E.164; of a disabled tracker those it had last.' }),
  ),
  whisper_message: Text(),
  sms_enabled: Flag(),
  sms_supported: Flag(),
  company: Type.Optional(Type.Object({ id: Type.String(), name: Type.String() })),
  call_flow: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  source: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  created_at: Time('UTC'),
  disabled_at: Time('UTC'),
  message_flow: Reserved('Null; answered to a creation.'),
  campaign_name: Text(),
  swap_targets: Texts('Numbers of the site that are replaced, E.164'),
  advanced_swap_targets: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description: 'Texts of the site that are replaced, each with its template.',
    }),
  ),
  call_alerts: Reserved('Empty.'),
  sms_alerts: Reserved('Empty.'),
  pool: orNull(
    PoolSettingsSchema,
    'Of a session tracker: how its numbers are leased and their calls joined.',
  ),
});

// ── Calls ────────────────────────────────────────────────────────────────────────────────────────────────────

export const CallSchema = resource('Call', {
  id: Text(),
  answered: Flag(),
  business_phone_number: Phone('The line that answered'),
  customer_city: Text(),
  customer_country: Text(),
  customer_name: Text(),
  customer_phone_number: Phone('Null for a caller who hides it'),
  customer_state: Text(),
  direction: Text(),
  duration: Whole('Seconds'),
  recording: Text('URL that answers where the recording is.'),
  recording_duration: Text('Seconds, as text'),
  recording_player: Text(),
  start_time: Time('In the time zone asked for.'),
  tracking_phone_number: Phone('The number dialled'),
  voicemail: Flag(),
  agent_email: Text(),
  attribution: Type.Optional(AttributionSchema),
  source_explanation: Type.Optional(SourceExplanationSchema),
  blocked_number: Reserved(),
  call_highlights: Reserved(),
  call_summary: Reserved(),
  call_type: Text('answered, missed, voicemail, abandoned, in_progress or outbound'),
  campaign: Text(),
  company_id: Text(),
  company_name: Text(),
  company_time_zone: Text(),
  conversational_transcript: Reserved(),
  created_at: Time('In the time zone asked for.'),
  custom: Reserved(),
  detail_tags: Reserved(),
  device_type: Text('mobile or desktop'),
  fbclid: Text(),
  first_call: Flag(),
  formatted_business_phone_number: Text(),
  formatted_call_type: Text(),
  formatted_customer_location: Text(),
  formatted_customer_name: Text(),
  formatted_customer_name_or_phone_number: Text(),
  formatted_customer_phone_number: Text(),
  formatted_duration: Text(),
  formatted_tracking_phone_number: Text(),
  formatted_tracking_source: Text(),
  formatted_value: Text(),
  ga: Reserved(),
  gclid: Text(),
  good_lead_call_id: Reserved(),
  good_lead_call_time: Reserved(),
  integration_data: Reserved(),
  keypad_entries: Reserved(),
  keywords: Text(),
  keywords_spotted: Reserved(),
  landing_page_url: Text('Of the first touch'),
  last_requested_url: Text('The page that was open when the call came.'),
  lead_explanation: Reserved(),
  lead_score: Reserved(),
  lead_status: Text(),
  medium: Text(),
  milestones: Type.Optional(MilestonesSchema),
  msclkid: Text(),
  note: Text(),
  person_id: Text(),
  prior_calls: Whole(),
  referrer_domain: Text(),
  referring_url: Text(),
  sentiment: Reserved(),
  session_uuid: Text(),
  source: Text('Display name of the first touch'),
  source_name: Text('Name of the tracker'),
  speaker_percent: Reserved(),
  tags: Texts(),
  timeline_url: Reserved(),
  total_calls: Whole(),
  touches: TouchesSchema,
  tracker_id: Text(),
  transcription: Text(),
  utm_campaign: Text(),
  utm_content: Text(),
  utm_medium: Text(),
  utm_source: Text(),
  utm_term: Text(),
  utma: Reserved('Null.'),
  utmb: Reserved('Null.'),
  utmc: Reserved('Null.'),
  utmv: Reserved('Null.'),
  utmz: Reserved('Null.'),
  value: Text(),
  voice_assist_message: Reserved(),
  waveforms: Reserved(),
  zip_code: Reserved(),
});

export const RecordingSchema = Type.Object({ url: Type.String() }, { title: 'Recording' });

// ── Form submissions ─────────────────────────────────────────────────────────────────────────────────────────

export const FormSubmissionSchema = resource('FormSubmission', {
  id: Text(),
  company_id: Text(),
  person_id: Text('anonymous: nobody knows who sent it.'),
  form_data: Type.Optional(Type.Record(Type.String(), Type.String())),
  form_url: Text(),
  landing_page_url: Text(),
  referrer: Text('Slug of the first touch'),
  referring_url: Text(),
  submitted_at: Time('UTC'),
  first_form: Flag(),
  customer_phone_number: Phone('As the form had it'),
  customer_name: Text(),
  customer_email: Text(),
  formatted_customer_phone_number: Text(),
  formatted_customer_name: Text(),
  source: Text('Display name of the first touch'),
  keywords: Text(),
  campaign: Text(),
  medium: Text(),
  attribution: Type.Optional(AttributionSchema),
  source_explanation: Type.Optional(SourceExplanationSchema),
  company_name: Text(),
  lead_status: Text(),
  value: orNull(Type.Number()),
  note: Text(),
  tags: Texts(),
  utm_source: Text(),
  utm_medium: Text(),
  utm_campaign: Text(),
  form_name: Text(),
  timeline_url: Reserved(),
  touches: TouchesSchema,
  milestones: Type.Optional(MilestonesSchema),
});

// ── Persons ──────────────────────────────────────────────────────────────────────────────────────────────────

/** One human across sessions and lead events: an extension to CallRail's API. */
export const PersonSchema = resource('Person', {
  id: Text('Of those who were merged the one known longest; the other ids lead to him.'),
  company_id: Text(),
  company_name: Text(),
  created_at: Time('When he was first heard of, UTC'),
  phones: Texts('E.164, oldest first'),
  emails: Texts('Oldest first'),
  merged_persons: Texts('Ids of those who are part of him.'),
  merges: Type.Optional(
    Type.Array(
      Type.Object({
        persons: Type.Tuple([Type.String(), Type.String()]),
        reason: Type.String({ description: 'form, text or call: it named both; hand: a user said so.' }),
        lead_id: Type.Union([Type.String(), Type.Null()], { description: 'Which form, text or call.' }),
        user_id: Type.Union([Type.String(), Type.Null()], { description: 'Who said so.' }),
        merged_at: Type.String({ format: 'date-time' }),
      }),
      { description: 'What made them one, oldest first.' },
    ),
  ),
});

/** What a visitor looked at before he called. */
export const PageViewSchema = resource('PageView', {
  referrer_url: Text('The page before it, or what the visit came from.'),
  page_url: Text(),
  created_at: Time('When it was opened.'),
});
