import { invalid } from '../domain/errors.js';
import { callerNumber } from '../domain/phone-numbers.js';
import type { CallEvent, CallStatus, PhoneNumber } from '../domain/ports.js';
import type { Plan, Step } from './plan.js';
import type { Callback, Provider, ProviderReport, ProviderRequest, Voucher } from './provider.js';
import { type FormParameters, isSignedByTwilio } from './twilio-signature.js';
import { element, renderXml, type XmlElement } from './xml.js';

export interface TwilioOptions {
  /** Auth tokens; two while one is being rotated. Empty: nobody is Twilio. */
  authTokens: readonly string[];
  /** The simulator's token, where it may be used. */
  simulatorToken: string | null;
  /** The address that Twilio knows us by: its signature covers it. Read at each request: the port may be chosen late. */
  publicUrl: () => string;
}

const STATUS: Record<string, CallStatus> = {
  queued: 'queued',
  initiated: 'queued',
  ringing: 'ringing',
  'in-progress': 'in_progress',
  answered: 'completed',
  completed: 'completed',
  busy: 'busy',
  'no-answer': 'no_answer',
  failed: 'failed',
  canceled: 'canceled',
};

/** Twilio Programmable Voice: TwiML and its webhooks. https://www.twilio.com/docs/voice/twiml */
export function createTwilio({ authTokens, simulatorToken, publicUrl }: TwilioOptions): Provider {
  const callbackUrl = (callback: Callback, number?: PhoneNumber) => {
    const query = number === undefined ? '' : `?number=${encodeURIComponent(number)}`;
    return `${publicUrl()}/v1/telephony/twilio/${callback}${query}`;
  };

  return {
    name: 'twilio',

    verify(request): Voucher | null {
      const header = request.headers['x-twilio-signature'];
      const signed = {
        url: publicUrl() + request.url,
        signature: Array.isArray(header) ? header[0] : header,
        contentType: String(request.headers['content-type'] ?? '').toLowerCase(),
        body: request.body,
        // What a GET carries is in its URL already.
        parameters: request.method === 'GET' ? new Map() : readForm(request),
      };
      if (isSignedByTwilio(authTokens, signed)) return 'provider';
      return simulatorToken !== null && isSignedByTwilio([simulatorToken], signed) ? 'simulator' : null;
    },

    read(callback, request, now): ProviderReport {
      const form = readForm(request);
      const get = (name: string) => form.get(name)?.[0]?.trim() || null;
      const query = new URLSearchParams(request.url.split('?')[1] ?? '');
      const callSid = get('CallSid');
      if (!callSid) throw invalid('CallSid', 'is missing');
      // A report about the business's leg names the caller's call as its parent.
      const parent = callback === 'status' ? get('ParentCallSid') : null;
      const trackingNumber = query.get('number') ?? get('To') ?? get('Called');
      if (!trackingNumber) throw invalid('To', 'is missing');
      const kind = parent ? 'leg_status' : KIND[callback];
      const status = STATUS[get(callback === 'dial' ? 'DialCallStatus' : 'CallStatus') ?? ''] ?? null;
      const seconds = get(SECONDS[kind]);
      const from = get('From') ?? get('Caller');
      const event: CallEvent = {
        kind,
        key: [kind, callSid, kind === 'recording' ? get('RecordingSid') : status].filter(Boolean).join(' '),
        at: now,
        provider: 'twilio',
        providerCallId: parent ?? callSid,
        trackingNumber,
        caller: { number: callerNumber(from), raw: from },
        place: kind === 'recording' || kind === 'leg_status' ? null : placeOf(get),
        callerName: get('CallerName'),
        status,
        seconds: seconds !== null && /^\d{1,7}$/.test(seconds) ? Number(seconds) : null,
        destinationNumber: kind === 'leg_status' ? get('To') : null,
        recordingUrl: kind === 'recording' ? get('RecordingUrl') : null,
      };
      return { event, trackingNumber };
    },

    render(plan: Plan, trackingNumber: PhoneNumber) {
      const steps = plan.map((step) => renderStep(step, trackingNumber, callbackUrl));
      return { contentType: 'text/xml; charset=utf-8', body: renderXml(element('Response', {}, steps)) };
    },
  };
}

const KIND = { voice: 'ringing', dial: 'dial_ended', status: 'call_status', recording: 'recording' } as const;

const SECONDS: Record<CallEvent['kind'], string> = {
  ringing: 'CallDuration',
  dial_ended: 'DialCallDuration',
  leg_status: 'CallDuration',
  call_status: 'CallDuration',
  recording: 'RecordingDuration',
};

function placeOf(get: (name: string) => string | null): CallEvent['place'] {
  return {
    city: get('FromCity') ?? get('CallerCity'),
    state: get('FromState') ?? get('CallerState'),
    country: get('FromCountry') ?? get('CallerCountry'),
    zip: get('FromZip') ?? get('CallerZip'),
  };
}

function renderStep(
  step: Step,
  number: PhoneNumber,
  callbackUrl: (callback: Callback, number?: PhoneNumber) => string,
): XmlElement {
  switch (step.do) {
    case 'say':
      return element('Say', {}, [step.text]);
    case 'dial':
      // answerOnBridge: the caller hears it ring, and nothing is billed, until somebody picks up.
      return element(
        'Dial',
        { answerOnBridge: true, timeout: step.ringSeconds, action: callbackUrl('dial', number) },
        [
          element(
            'Number',
            {
              statusCallback: callbackUrl('status', number),
              statusCallbackEvent: 'initiated ringing answered completed',
            },
            [step.to],
          ),
        ],
      );
    case 'record':
      return element('Record', {
        maxLength: step.maxSeconds,
        playBeep: true,
        // Without an action of its own, Twilio would ask this document again, for ever.
        action: callbackUrl('recording', number),
        recordingStatusCallback: callbackUrl('recording', number),
      });
    case 'hangup':
      return element('Hangup');
  }
}

/** Form parameters with their repetitions, from a POST body; a GET has them in its URL, which is signed whole. */
function readForm({ method, url, headers, body }: ProviderRequest): FormParameters {
  const form = new Map<string, string[]>();
  const type = String(headers['content-type'] ?? '').toLowerCase();
  const text = new TextDecoder().decode(body);
  if (method === 'GET') return collect(form, new URLSearchParams(url.split('?')[1] ?? ''));
  if (type.startsWith('application/json')) {
    for (const [name, value] of Object.entries(parseObject(text))) form.set(name, [String(value)]);
    return form;
  }
  return collect(form, new URLSearchParams(text));
}

function parseObject(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function collect(form: Map<string, string[]>, entries: URLSearchParams): FormParameters {
  for (const [name, value] of entries) form.set(name, [...(form.get(name) ?? []), value]);
  return form;
}
