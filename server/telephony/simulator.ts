/**
 * A pretend Twilio: places a call to a tracking number by the same signed webhooks, and follows the TwiML that comes
 * back. For the demo page and `npm run simulate-call`; its token is good for the demo company's numbers only.
 */
import { randomBytes } from 'node:crypto';
import type { PhoneNumber } from '../domain/ports.js';
import { twilioSignature } from './twilio-signature.js';

export const ANSWERS = ['answered', 'voicemail', 'no-answer', 'busy', 'abandoned'] as const;
type Answer = (typeof ANSWERS)[number];

const STATUS = '/v1/telephony/twilio/status';

export interface SimulatedCall {
  /** Where the server listens. */
  baseUrl: string;
  /** What it believes to be its address: the signature covers that. */
  publicUrl: string;
  token: string;
  from: PhoneNumber;
  to: PhoneNumber;
  /** Whether somebody at the business picks up, and what the caller does when nobody does. */
  answer: Answer;
  /** Of talk, or of the message. */
  talkSeconds: number;
  log?: (line: string) => void;
}

/** Plays a whole call. Resolves with the provider's id of it; rejects with what the server said when it refused. */
export async function simulateCall(call: SimulatedCall): Promise<{ callSid: string }> {
  const callSid = `CA${randomBytes(16).toString('hex')}`;
  const common = {
    AccountSid: `AC${'0'.repeat(32)}`,
    ApiVersion: '2010-04-01',
    CallSid: callSid,
    From: call.from,
    Caller: call.from,
    To: call.to,
    Called: call.to,
    Direction: 'inbound',
    FromCity: 'MIAMI',
    FromState: 'FL',
    FromCountry: 'US',
  };
  const send = (url: string, parameters: Record<string, string>) => post(call, url, parameters);

  const document = await send('/v1/telephony/twilio/voice', { ...common, CallStatus: 'ringing' });
  const dial = attributes(document, 'Dial');
  const number = attributes(document, 'Number');
  if (!dial?.action || !number?.statusCallback)
    throw new Error(`The server did not forward the call: ${document}`);
  const destination = />(\+\d+)<\/Number>/.exec(document)?.[1] ?? '';
  const leg = {
    ...common,
    CallSid: `CA${randomBytes(16).toString('hex')}`,
    ParentCallSid: callSid,
    To: destination,
  };
  const legStatus = (CallStatus: string, more = {}) =>
    send(number.statusCallback ?? '', { ...leg, Direction: 'outbound-dial', CallStatus, ...more });

  await legStatus('initiated');
  await legStatus('ringing');
  if (call.answer === 'abandoned') {
    // The caller is gone: nobody is asked what to do next, and only the statuses tell.
    await legStatus('canceled');
    await send(STATUS, { ...common, CallStatus: 'no-answer', CallDuration: '0' });
    return { callSid };
  }
  const seconds = String(call.talkSeconds);
  const ended = (DialCallStatus: string, more = {}) =>
    send(dial.action ?? '', {
      ...common,
      CallStatus: 'in-progress',
      DialCallStatus,
      DialCallSid: leg.CallSid,
      ...more,
    });
  if (call.answer === 'answered') {
    await legStatus('in-progress');
    if (number.url) await send(number.url, { ...leg, Direction: 'outbound-dial', CallStatus: 'in-progress' });
    await legStatus('completed', { CallDuration: seconds });
    await ended('completed', { DialCallDuration: seconds });
  } else {
    const word = call.answer === 'voicemail' ? 'no-answer' : call.answer;
    await legStatus(word);
    const offered = attributes(await ended(word), 'Record');
    if (call.answer === 'voicemail') await leaveMessage(offered);
  }
  const length = call.answer === 'answered' || call.answer === 'voicemail' ? seconds : '0';
  await send(STATUS, { ...common, CallStatus: 'completed', CallDuration: length });
  return { callSid };

  async function leaveMessage(record: Record<string, string> | undefined): Promise<void> {
    if (!record?.action || !record.recordingStatusCallback)
      throw new Error('The server did not offer to take a message.');
    const sid = `RE${randomBytes(16).toString('hex')}`;
    const recording = {
      RecordingSid: sid,
      RecordingUrl: `https://api.twilio.com/2010-04-01/Accounts/${common.AccountSid}/Recordings/${sid}`,
      RecordingDuration: seconds,
    };
    await send(record.action, { ...common, CallStatus: 'in-progress', ...recording });
    const { AccountSid, CallSid } = common;
    await send(record.recordingStatusCallback, {
      AccountSid,
      CallSid,
      RecordingStatus: 'completed',
      ...recording,
    });
  }
}

async function post(call: SimulatedCall, url: string, parameters: Record<string, string>): Promise<string> {
  // Callbacks come back as absolute URLs under the public address; they are sent to where the server really is.
  const path = url.startsWith(call.publicUrl) ? url.slice(call.publicUrl.length) : url;
  const form = new Map(Object.entries(parameters).map(([name, value]) => [name, [value]]));
  const response = await fetch(call.baseUrl + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': twilioSignature(call.token, call.publicUrl + path, form),
    },
    body: new URLSearchParams(parameters),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  call.log?.(
    `${path.split('?')[0]} ${parameters.DialCallStatus ?? parameters.CallStatus} → ${response.status}`,
  );
  if (!response.ok) throw new Error(`${path.split('?')[0]} answered ${response.status}: ${text}`);
  return text;
}

/** Attributes of the first element of a name, in a document that our own serializer wrote. */
function attributes(xml: string, name: string): Record<string, string> | undefined {
  const tag = new RegExp(`<${name}( [^>]*?)/?>`).exec(xml)?.[1];
  if (tag === undefined) return undefined;
  return Object.fromEntries(
    [...tag.matchAll(/([\w:]+)="([^"]*)"/g)].map(([, key, value]) => [
      key,
      (value ?? '').replaceAll('&amp;', '&'),
    ]),
  );
}
