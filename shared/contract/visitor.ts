/**
 * What crosses the wire between the page and the server: the swap, the events, and the configuration inside the
 * script. The snippet imports the types only, so no schema ever ships to a browser.
 */
import { type Static, type TSchema, Type } from 'typebox';

/** One request of the visitor surface is at most this many bytes; a browser's keepalive budget is 64 KiB too. */
export const MAX_VISITOR_BYTES = 64 * 1024;

const Url = (description: string) => Type.String({ minLength: 1, maxLength: 8192, description });
const Key = Type.String({ pattern: '^[0-9A-Za-z]{20}$', description: "The company's script key." });
/** Any RFC 9562 UUID, in either case; the script makes version 4. */
const Uuid = (description: string) =>
  Type.String({
    pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
    description,
  });
/** ITU-T E.164: a plus and 7 to 15 digits, the first not zero. */
const E164 = (description: string) => Type.String({ pattern: '^\\+[1-9][0-9]{6,14}$', description });
const ClientTime = Type.Optional(
  Type.Number({
    description: "Milliseconds since 1970 by the visitor's clock: a claim, never the order of things.",
  }),
);

const Beginning = Type.Object({
  landing: Url('The first page of this visit, with its query.'),
  referrer: Url('Where the visit came from, or "direct".'),
});

export const SwapRequestSchema = Type.Object(
  {
    key: Key,
    session: Uuid('calltrk_session_id'),
    visit: Beginning,
    page: Type.Optional(
      Type.Union([
        Type.Object({
          id: Uuid('Made once for this page view; a repeat counts nothing twice.'),
          url: Url('The page shown.'),
          title: Type.Optional(Type.String({ maxLength: 1024 })),
        }),
        Type.Null(),
      ]),
    ),
    targets: Type.Array(E164('A number found on the page.'), { maxItems: 100 }),
    gpc: Type.Optional(
      Type.Boolean({
        description: 'Global Privacy Control: nothing of this session goes to an ad platform.',
      }),
    ),
    link: Type.Optional(
      Type.Boolean({
        description: 'Asks for a token that takes this session to another site of the company.',
      }),
    ),
    arrived: Type.Optional(
      Type.String({
        description:
          'The token with which the visitor came from another site. One that is not good is as none, whatever it is.',
      }),
    ),
    debug: Type.Optional(
      Type.String({
        maxLength: 64,
        description: "Asks for the answer's debug; the version of the script's configuration.",
      }),
    ),
  },
  { $id: 'SwapRequest' },
);
export type SwapRequest = Static<typeof SwapRequestSchema>;

/** A tracking number in the spellings a page may need. */
export const DisplayNumberSchema = Type.Object({
  e164: Type.String({ description: '+13055550100' }),
  national: Type.String({ description: '(305) 555-0100' }),
  national_string: Type.String({ description: '3055550100' }),
  international: Type.String({ description: '+1 305 555 0100' }),
  shared: Type.Boolean({ description: 'Other sessions hold the same number now, because the pool is full.' }),
});
export type DisplayNumber = Static<typeof DisplayNumberSchema>;

export const SwapResponseSchema = Type.Object(
  {
    session: Type.String(),
    visit: Type.String(),
    config: Type.String({
      description: 'Version of the configuration; an older script fetches itself anew.',
    }),
    held_seconds: Type.Integer({ description: 'The number is held this long after the last sign of life.' }),
    ping_seconds: Type.Integer({ description: 'Send a ping this often while somebody is looking.' }),
    numbers: Type.Record(Type.String(), Type.Union([DisplayNumberSchema, Type.Null()]), {
      description: "Target to tracking number; null: keep the site's own number.",
    }),
    source: Type.String({ description: 'Slug of the source of the visit under way.' }),
    link: Type.Optional(Type.String({ description: 'The token asked for, good for two minutes.' })),
    began: Type.Optional(
      Type.Object(
        { landing: Type.String(), referrer: Type.String() },
        {
          description:
            'The token was good: `session` is the one it speaks of, which the browser is to go on with, and its visit under way began so.',
        },
      ),
    ),
    debug: Type.Optional(Type.String({ description: 'Why these numbers: lines for a person to read.' })),
  },
  { $id: 'SwapResponse' },
);
export type SwapResponse = Static<typeof SwapResponseSchema>;

/**
 * Each event is checked on its own, so that a bad one never refuses its batch: here a batch is only a list. How the visit
 * began counts where nothing is known of it yet: the server may have been away when the page asked for its numbers.
 */
export const EventsRequestSchema = Type.Object(
  {
    key: Key,
    session: Uuid('calltrk_session_id'),
    visit: Type.Optional(Beginning),
    events: Type.Array(Type.Unknown(), { maxItems: 1000 }),
  },
  { $id: 'EventsRequest' },
);

const event = <T extends string, P extends Record<string, TSchema>>(type: T, more: P) =>
  Type.Object({ id: Uuid('Made once for this event.'), type: Type.Literal(type), at: ClientTime, ...more });

/** The script sends text; whoever sends forms himself may also send what JSON has for a checkbox or a list. */
const FieldValue = Type.Union([
  Type.String({ maxLength: 16_384 }),
  Type.Number(),
  Type.Boolean(),
  Type.Null(),
  Type.Array(Type.String({ maxLength: 16_384 }), { maxItems: 100 }),
]);

/** One schema for each type of event; a type that is not here is rejected by name. */
export const EventSchemas = {
  page_view: event('page_view', {
    url: Url('The page shown.'),
    title: Type.Optional(Type.String({ maxLength: 1024 })),
  }),
  ping: event('ping', {}),
  tap: event('tap', {
    number: E164('The number dialled.'),
    target: Type.Optional(Type.Union([E164('The number in the HTML.'), Type.Null()])),
  }),
  form: event('form', {
    url: Url('The page that holds the form.'),
    form_name: Type.Optional(Type.Union([Type.String({ maxLength: 512 }), Type.Null()])),
    fields: Type.Record(Type.String({ maxLength: 512 }), FieldValue),
    fcid: Type.Optional(Type.Union([Uuid('calltrk_fcid'), Type.Null()])),
  }),
  /** The page went out of view. A sign of life while the one before it is fresh; later it changes nothing. */
  leave: event('leave', {}),
} as const;
export type EventType = keyof typeof EventSchemas;
export type VisitorEvent = { [T in EventType]: Static<(typeof EventSchemas)[T]> }[EventType];
export interface EventsRequest {
  key: string;
  session: string;
  visit?: Static<typeof Beginning> | undefined;
  events: VisitorEvent[];
}

export const EventsResponseSchema = Type.Object(
  {
    accepted: Type.Integer({ description: 'Stored now.' }),
    repeated: Type.Integer({ description: 'Stored before under the same id.' }),
    rejected: Type.Array(Type.Object({ id: Type.Union([Type.String(), Type.Null()]), error: Type.String() })),
  },
  { $id: 'EventsResponse' },
);
export type EventsResponse = Static<typeof EventsResponseSchema>;

/** What decides whether a source tracker's number is shown: CallRail's `source` of such a tracker. */
export type SourceRule =
  | {
      type:
        | 'all'
        | 'direct'
        | 'offline'
        | 'google_ad_extension'
        | 'mobile_ad_extension'
        | 'google_my_business';
    }
  | { type: 'landing_url' | 'landing_params'; landing: string }
  | { type: 'web_referrer'; referrer: string }
  | {
      type: 'search';
      search_engine: 'google' | 'yahoo' | 'bing' | 'all';
      search_type: 'paid' | 'organic' | 'all';
    }
  /** A network of `shared/source-table`: `facebook_paid`. */
  | { type: `${string}_${'paid' | 'organic' | 'all'}` };

/**
 * A source rule as the page is told it, with nothing left to look up: sources of a RegExp on the text that
 * `shared/source-match` makes of a visit. The first that fits says whether the rule does (1) or not (0); none: not.
 */
export type Matcher = [fits: 0 | 1, expression: string][];

/** The company's configuration, written into the script when it is served. Small: every byte is in every page view. */
export interface ScriptConfig {
  /** The script key. */
  key: string;
  /** Version; the swap answer carries the newest one. */
  version: string;
  /** Lifetime of the cookies. */
  cookie_days: number;
  /** `external_form_capture`. */
  forms: boolean;
  /** Every number that some active tracker replaces, E.164. */
  targets: string[];
  /** The country codes of these and of the numbers in their place: `+1`. */
  codes: string[];
  /** Those of them for which the server must be asked (a session tracker may serve them). */
  pooled: string[];
  /** Source trackers in the order in which they are tried; the first whose rule matches gives the number. */
  sources: { rule: Matcher; targets: string[]; number: Omit<DisplayNumber, 'shared'> }[];
  /** A click that any of these fits begins a new session, whatever the browser remembers. */
  overrides?: Matcher[];
  /** Texts that are replaced as if they were `target`: `###phone###`, `-dashes`, `-dots` in the template are the number. */
  texts?: [text: string, target: string, template: string][];
  /** Nothing is stored or sent until the visitor agrees; `data-consent` on the tag says the same. */
  consent?: 'wait';
  /** These signals of the browser, by their names in `navigator`, count as a refusal. */
  refusals?: ('globalPrivacyControl' | 'doNotTrack')[];
  /** A CSS selector: what it fits, and all in it, keeps the site's own numbers. */
  keep?: string;
  /** Source of a RegExp on the page's address: where it fits, the whole page keeps them. */
  keep_urls?: string;
  /** Numbers in `code` and `pre` are swapped as well. */
  code?: true;
  /** Events are pushed to `window.dataLayer`, too. */
  data_layer?: true;
}
