import { CallSchema, RecordingSchema } from '../../../shared/contract/reporting.js';
import { CallChangesSchema } from '../../../shared/contract/reporting-bodies.js';
import { notFound, Refusal } from '../../domain/errors.js';
import { formatTime, readTimeZone } from '../../domain/report-dates.js';
import {
  formatDuration,
  formatMoney,
  formatName,
  formatPhone,
  formatSlug,
  sourceOf,
} from '../../domain/report-words.js';
import { CALL_SORTS, type CallFilter, type CallReport, type FieldTable } from '../../domain/reports.js';
import {
  type Ask,
  answerOne,
  answerPage,
  DATE_PARAMETERS,
  endpoint,
  FIELDS_PARAMETER,
  type Frame,
  leavingOut,
  PAGE_PARAMETERS,
  pageSchema,
  resource,
  SORT_PARAMETERS,
} from './frame.js';
import { readCallChanges } from './lead-body.js';
import * as lead from './lead-fields.js';
import { given, readDates, readSorting } from './query.js';

const none = () => null;
const noList = () => [];

const FIELDS: FieldTable<CallReport> = {
  standard: {
    answered: (call) => call.answered,
    business_phone_number: answeringNumber,
    customer_city: (call) => call.callerCity,
    customer_country: (call) => call.callerCountry,
    customer_name: (call) => call.callerName,
    customer_phone_number: (call) => call.callerNumber,
    customer_state: (call) => call.callerState,
    direction: (call) => call.direction,
    duration: (call) => call.duration,
    id: (call) => call.callId,
    recording: ({ callId, recordingUrl }, { base, accountId }) =>
      recordingUrl && `${base}/v3/a/${accountId}/calls/${callId}/recording.json`,
    recording_duration: (call) => call.recordingDuration?.toString() ?? null,
    recording_player: none,
    start_time: (call, view) => formatTime(call.startedAt, view.timeZone),
    tracking_phone_number: (call) => call.trackingNumber,
    voicemail: (call) => call.voicemail,
  },
  optional: {
    ...lead.utmFields,
    agent_email: none,
    attribution: lead.attribution,
    blocked_number: none,
    call_highlights: noList,
    call_summary: none,
    call_type: callType,
    campaign: lead.campaign,
    company_id: (call) => call.companyId,
    company_name: (call) => call.companyName,
    company_time_zone: (call) => call.companyTimeZone,
    conversational_transcript: none,
    created_at: (call, view) => formatTime(call.createdAt, view.timeZone),
    custom: () => ({}),
    detail_tags: noList,
    device_type: (call) => call.device,
    fbclid: (call) => call.clickIds.fbclid ?? null,
    first_call: (call) => call.firstCall,
    formatted_business_phone_number: (call) => formatPhone(answeringNumber(call)),
    formatted_call_type: (call) => formatSlug(callType(call)),
    formatted_customer_location: ({ callerCity, callerState }) =>
      [formatName(callerCity), callerState].filter(Boolean).join(', ') || null,
    formatted_customer_name: (call) => formatName(call.callerName),
    formatted_customer_name_or_phone_number: (call) =>
      formatName(call.callerName) ?? formatPhone(call.callerNumber),
    formatted_customer_phone_number: (call) => formatPhone(call.callerNumber),
    formatted_duration: (call) => formatDuration(call.duration),
    formatted_tracking_phone_number: (call) => formatPhone(call.trackingNumber),
    formatted_tracking_source: (call) => {
      const source = sourceOf(call);
      return source && formatSlug(source.source);
    },
    formatted_value: (call) => formatMoney(call.value),
    ga: none,
    gclid: (call) => call.clickIds.gclid ?? null,
    good_lead_call_id: none,
    good_lead_call_time: none,
    integration_data: noList,
    keypad_entries: noList,
    keywords: lead.keywords,
    keywords_spotted: noList,
    landing_page_url: lead.landingPage,
    last_requested_url: (call) => call.lastPage,
    lead_explanation: none,
    lead_score: none,
    lead_status: (call) => call.leadStatus,
    medium: lead.medium,
    milestones: lead.milestones,
    msclkid: (call) => call.clickIds.msclkid ?? null,
    note: (call) => call.note,
    person_id: (call) => call.personId,
    prior_calls: (call) => call.callsBefore,
    referrer_domain: lead.referrerDomain,
    referring_url: lead.referringUrl,
    sentiment: none,
    session_uuid: (call) => call.sessionId,
    source: lead.sourceName,
    source_explanation: lead.sourceExplanation,
    source_name: (call) => call.trackerName,
    speaker_percent: none,
    tags: (call) => call.tags,
    timeline_url: none,
    total_calls: (call) => call.callsTotal,
    touches: lead.touches,
    tracker_id: (call) => call.trackerId,
    transcription: (call) => call.transcription,
    utma: none,
    utmb: none,
    utmc: none,
    utmv: none,
    utmz: none,
    value: (call) => call.value?.toFixed(2) ?? null,
    voice_assist_message: none,
    waveforms: noList,
    zip_code: noList,
  },
  details: {
    visits: [
      ...Object.keys(lead.utmFields),
      'campaign',
      'fbclid',
      'formatted_tracking_source',
      'gclid',
      'keywords',
      'landing_page_url',
      'medium',
      'msclkid',
      'referrer_domain',
      'referring_url',
      'source',
      'source_explanation',
    ],
    milestones: ['milestones'],
    touches: ['touches'],
    page: ['last_requested_url'],
    counts: ['prior_calls', 'total_calls'],
  },
};

/** What is answered to a change. */
const WRITTEN_FIELDS = leavingOut(FIELDS, ['recording_player']);

/** The line on which somebody talked. */
function answeringNumber(call: CallReport): string | null {
  return call.answered ? call.destinationNumber : null;
}

function callType({ direction, state }: CallReport): string {
  if (direction === 'outbound') return 'outbound';
  return state === 'ringing' ? 'in_progress' : state;
}

/** How lists and summaries of calls choose. */
export const CALL_FILTERS = {
  company_id: 'Only calls to this company.',
  tracker_id: 'Only calls to this tracker.',
  'tracker_ids[]': 'Only calls to any of these trackers.',
  call_type: 'first_call, missed, voicemails, inbound or outbound',
  answer_status: 'answered, missed or voicemail',
  answered: 'true or false',
  device: 'desktop or mobile',
  direction: 'inbound or outbound',
  lead_status: 'good_lead, not_a_lead or not_scored',
  source: 'Slug or name of the source.',
  tags: 'One tag; tags[]=A&tags[]=B for any of several.',
};

/** Which calls are asked for. Throws `invalid` for a value that cannot be, `not_found` for a tracker that is not there. */
export async function readCallFilter(
  { query, user }: Ask,
  frame: Frame,
): Promise<{ filter: CallFilter; timeZone: string }> {
  const { window, timeZone } = readDates(query, user.timeZone, frame.now());
  const trackerIds = [query.one('tracker_id') ?? [], query.words('tracker_ids')].flat();
  for (const trackerId of new Set(trackerIds)) {
    if (!(await frame.reports.tracker(user.accountId, trackerId))) throw notFound('tracker', trackerId);
  }
  const answered = { true: true, false: false }[query.one('answered') ?? ''];
  const filter = {
    window,
    ...given({
      companyId: query.one('company_id'),
      trackerIds,
      callType: query.word('call_type', ['first_call', 'missed', 'voicemails', 'inbound', 'outbound']),
      answerStatus: query.word('answer_status', ['answered', 'missed', 'voicemail']),
      answered,
      device: query.word('device', ['desktop', 'mobile']),
      direction: query.word('direction', ['inbound', 'outbound']),
      leadStatus: query.word('lead_status', ['good_lead', 'not_a_lead', 'not_scored']),
      source: query.one('source'),
      tags: query.list('tags'),
      search: query.one('search'),
    }),
  };
  return { filter, timeZone };
}

export function calls(frame: Frame): void {
  const { reports } = frame;
  const unknown = (ask: Ask) => () => notFound('call', ask.id('call'));

  resource(frame, 'calls', '/v3/a/:account/calls', {
    GET: {
      summary: 'List calls',
      query: {
        ...PAGE_PARAMETERS,
        relative_pagination: 'true: pages are not counted, each names the next one.',
        offset: 'Index of a relative page, from 0.',
        ...SORT_PARAMETERS,
        ...DATE_PARAMETERS,
        ...FIELDS_PARAMETER,
        ...CALL_FILTERS,
        search: 'Part of a name, a number, a note or a source.',
      },
      answer: pageSchema('calls', CallSchema, { relative: true }),
      async run(ask) {
        const { query, user } = ask;
        const { filter, timeZone } = await readCallFilter(ask, frame);
        const sorting = readSorting(query, CALL_SORTS);
        return answerPage(ask, {
          name: 'calls',
          table: FIELDS,
          view: ask.view(timeZone),
          relative: true,
          find: (slice, details, count) =>
            reports.calls(user.accountId, { filter, ...sorting, slice, count }, details),
        });
      },
    },
  });

  resource(frame, 'calls', '/v3/a/:account/calls/:call', {
    GET: {
      summary: 'Show a call',
      query: { ...FIELDS_PARAMETER, time_zone: DATE_PARAMETERS.time_zone },
      answer: CallSchema,
      run: (ask) =>
        answerOne(
          ask,
          FIELDS,
          ask.view(readTimeZone(ask.query.one('time_zone'), ask.user.timeZone)),
          (details) => reports.call(ask.user.accountId, ask.id('call'), details),
          unknown(ask),
        ),
    },
    PUT: endpoint({
      summary: 'Say something of a call',
      description:
        'What is left out stays as it is; null and empty clear. A call that is spam is in no report. ' +
        'attribution says whose call it was; nothing but a user changes that afterwards, and later calls of the same ' +
        'person go by it. null takes it back: the call is joined by evidence again.',
      query: { ...FIELDS_PARAMETER, time_zone: DATE_PARAMETERS.time_zone },
      body: CallChangesSchema,
      answer: CallSchema,
      run: (ask) =>
        answerOne(
          ask,
          WRITTEN_FIELDS,
          ask.view(readTimeZone(ask.query.one('time_zone'), ask.user.timeZone)),
          (details) =>
            reports.changeCall(
              ask.user.accountId,
              ask.id('call'),
              readCallChanges(ask.body),
              details,
              ask.user.userId,
            ),
          unknown(ask),
        ),
    }),
  });

  resource(frame, 'calls', '/v3/a/:account/calls/:call/recording', {
    GET: {
      summary: 'Where the recording of a call is',
      answer: RecordingSchema,
      async run(ask) {
        const call = await reports.call(ask.user.accountId, ask.id('call'), new Set());
        if (!call) throw unknown(ask)();
        if (call.recordingUrl === null) throw new Refusal('not_found', 'This call was not recorded.');
        return { url: call.recordingUrl };
      },
    },
  });
}
