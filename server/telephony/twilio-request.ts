/** What Twilio's webhooks say, in our words. https://www.twilio.com/docs/voice/twiml#twilios-request-to-your-application */
import { invalid } from '../domain/errors.js';
import { callerNumber } from '../domain/phone-numbers.js';
import type { CallEvent, CallStatus } from '../domain/ports.js';
import type { Callback, ProviderReport, ProviderRequest } from './provider.js';
import type { FormParameters } from './twilio-signature.js';

const CALL_STATUS: Record<string, CallStatus> = {
  queued: 'queued',
  initiated: 'queued',
  ringing: 'ringing',
  'in-progress': 'in_progress',
  answered: 'in_progress',
  completed: 'completed',
  busy: 'busy',
  'no-answer': 'no_answer',
  failed: 'failed',
  canceled: 'canceled',
};

/** The word at the end of a dial: `answered` is over, too. */
const DIAL_STATUS: Record<string, CallStatus> = { ...CALL_STATUS, answered: 'completed' };

/** `absent`: there was nothing to hear. */
const RECORDING_STATUS: Record<string, CallStatus> = {
  'in-progress': 'in_progress',
  completed: 'completed',
  absent: 'failed',
  failed: 'failed',
};

const KIND = {
  voice: 'ringing',
  dial: 'dial_ended',
  status: 'call_status',
  recording: 'recording',
  transcription: 'transcription',
} as const satisfies Record<Exclude<Callback, 'whisper'>, CallEvent['kind']>;

type Kind = (typeof KIND)[keyof typeof KIND] | 'leg_status';

const SECONDS: Record<Kind, string> = {
  ringing: 'CallDuration',
  dial_ended: 'DialCallDuration',
  leg_status: 'CallDuration',
  call_status: 'CallDuration',
  recording: 'RecordingDuration',
  transcription: 'RecordingDuration',
};

/** A name, a city, an address: nobody's is longer. */
const MAX_TEXT = 500;
const MAX_TRANSCRIPTION = 20_000;
/** Twilio tells when something happened; what it says of another day is not believed. */
const MAX_DELAY_MS = 86_400_000;

/** Parameters of a request that is known to be genuine. */
type Get = (name: string) => string | null;

/** Translates a request; throws a Refusal that names the parameter at fault. */
export function readTwilioRequest(asked: Callback, request: ProviderRequest, now: number): ProviderReport {
  const form = readForm(request);
  const get: Get = (name) => clean(form.get(name)?.[0], MAX_TEXT);
  const trackingNumber = clean(queryOf(request.url).get('number'), MAX_TEXT) ?? get('To') ?? get('Called');
  if (trackingNumber === null) throw invalid('To', 'is missing');
  // The leg's status tells that somebody picked up.
  if (asked === 'whisper') return { callback: asked, event: null, trackingNumber };

  const fault = asked === 'voice' ? faultOf(get) : null;
  const callback = fault ? failedCallback(fault.url) : asked;
  const callSid = idOf(get, 'CallSid');
  if (callSid === null) throw invalid('CallSid', 'is missing');
  // A report about the business's leg names the caller's call as its parent.
  const parent = callback === 'status' && get('Direction') !== 'inbound' ? idOf(get, 'ParentCallSid') : null;
  const kind: Kind = parent === null ? KIND[callback] : 'leg_status';
  const { status, name } = progressOf(kind, get);
  const from = get('From') ?? get('Caller');
  // On the business's leg our own number may stand for a caller who hides his.
  const caller = kind === 'leg_status' && from === trackingNumber ? null : from;
  const seconds = get(SECONDS[kind]);
  const event: CallEvent = {
    kind,
    key: [kind, callSid, ...name, fault && `fallback ${fault.code}`].filter(Boolean).join(' '),
    at: kind === 'leg_status' || kind === 'call_status' ? timeOf(get('Timestamp'), now) : now,
    provider: 'twilio',
    providerCallId: parent ?? callSid,
    trackingNumber,
    caller: { number: callerNumber(caller), raw: caller },
    place: kind === 'ringing' || kind === 'dial_ended' || kind === 'call_status' ? placeOf(get) : null,
    callerName: get('CallerName'),
    status,
    seconds: seconds !== null && /^\d{1,7}$/.test(seconds) ? Number(seconds) : null,
    destinationNumber: kind === 'leg_status' ? get('To') : null,
    recordingUrl: kind === 'recording' ? webAddress(get('RecordingUrl')) : null,
  };
  if (kind === 'transcription') event.text = clean(form.get('TranscriptionText')?.[0], MAX_TRANSCRIPTION);
  if (fault) event.fault = fault;
  return { callback, event, trackingNumber };
}

/** How far it is, and the words that tell this report from others of its kind. */
function progressOf(kind: Kind, get: Get): { status: CallStatus | null; name: (string | null)[] } {
  switch (kind) {
    case 'recording': {
      // The first word of a message that was left has no status: the provider asks what to do next.
      const word = get('RecordingStatus');
      return {
        status: word === null ? 'completed' : (RECORDING_STATUS[word] ?? null),
        name: [get('RecordingSid'), word ?? 'left'],
      };
    }
    case 'transcription': {
      const word = get('TranscriptionStatus');
      return { status: RECORDING_STATUS[word ?? ''] ?? null, name: [get('TranscriptionSid'), word] };
    }
    case 'dial_ended': {
      const status = DIAL_STATUS[get('DialCallStatus') ?? ''] ?? null;
      return { status, name: [status] };
    }
    default: {
      const status = CALL_STATUS[get('CallStatus') ?? ''] ?? null;
      return { status, name: [status] };
    }
  }
}

/** What Twilio adds when it asks the fallback address: which of our answers failed, and how. */
function faultOf(get: Get): CallEvent['fault'] {
  const code = get('ErrorCode');
  const url = get('ErrorUrl');
  if (code === null && url === null) return null;
  // A number of Twilio's list of errors; it is logged, so it must be nothing else.
  return { code: /^\d{1,9}$/.test(code ?? '') ? (code ?? '') : 'unknown', url };
}

/**
 * One fallback address stands in for every document: what failed says which one is wanted. Who has talked already
 * must not be put through a second time.
 */
function failedCallback(url: string | null): 'voice' | 'dial' | 'recording' {
  const path = url?.split(/[?#]/)[0]?.replace(/\/+$/, '') ?? '';
  return (['dial', 'recording'] as const).find((callback) => path.endsWith(`/twilio/${callback}`)) ?? 'voice';
}

function idOf(get: Get, name: string): string | null {
  const id = get(name);
  if (id !== null && !/^[\w:.-]{1,64}$/.test(id)) throw invalid(name, 'is not an id of a call');
  return id;
}

function timeOf(timestamp: string | null, now: number): number {
  const at = Date.parse(timestamp ?? '');
  return at <= now && now - at <= MAX_DELAY_MS ? at : now;
}

function webAddress(url: string | null): string | null {
  return url !== null && /^https?:\/\//i.test(url) && URL.canParse(url) ? url : null;
}

function placeOf(get: Get): CallEvent['place'] {
  return {
    city: get('FromCity') ?? get('CallerCity'),
    state: get('FromState') ?? get('CallerState'),
    country: get('FromCountry') ?? get('CallerCountry'),
    zip: get('FromZip') ?? get('CallerZip'),
  };
}

/** Without what no text column can hold and no report should show; null when nothing is left. */
function clean(value: string | null | undefined, length: number): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  const text = value?.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '').trim();
  return text ? text.slice(0, length).toWellFormed() : null;
}

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : url.slice(at));
}

/** Parameters with their repetitions: of a GET from its URL, else from a form or a flat JSON object. */
export function readForm({ method, url, headers, body }: ProviderRequest): FormParameters {
  if (method === 'GET' || method === 'HEAD') return collect(queryOf(url));
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body);
  const type = String(headers['content-type'] ?? '').toLowerCase();
  if (type.startsWith('application/json')) return parseObject(text);
  // With a question mark of our own, or a first one of theirs would be dropped.
  return collect(new URLSearchParams(`?${text}`));
}

function parseObject(json: string): FormParameters {
  try {
    const value: unknown = JSON.parse(json);
    const entries = Object.entries(typeof value === 'object' && value !== null ? value : {});
    return new Map(entries.filter(([, one]) => one !== null).map(([name, one]) => [name, [String(one)]]));
  } catch {
    return new Map();
  }
}

function collect(entries: URLSearchParams): FormParameters {
  const form = new Map<string, string[]>();
  for (const [name, value] of entries) {
    const values = form.get(name);
    if (values) values.push(value);
    else form.set(name, [value]);
  }
  return form;
}
