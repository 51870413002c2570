/**
 * What to do with a call, in no provider's words. Made from a route alone, without any store, so that a caller is
 * connected whatever else is down.
 */
import { TALK_LIMIT_SECONDS } from '../domain/calls.js';
import type { Route } from '../domain/directory.js';
import { isE164 } from '../domain/phone-numbers.js';
import type { CallStatus, PhoneNumber } from '../domain/ports.js';

export type Step =
  | { do: 'say'; text: string }
  /** A recording, at an address that the provider can reach. */
  | { do: 'play'; url: string }
  /**
   * Ring the business; when nobody answers, the provider asks again what to do. With `whisper` it asks what to say to
   * whoever picks up, before he is put through.
   */
  | { do: 'dial'; to: PhoneNumber; ringSeconds: number; limitSeconds: number; whisper: boolean }
  /** Let the caller leave a message. */
  | { do: 'record'; maxSeconds: number }
  | { do: 'hangup' };

/** A call plan is short: a provider reads it from top to bottom. */
export type Plan = readonly Step[];

/** Rings about five times, well under the 30 s after which most mailboxes of mobile phones answer. */
const RING_SECONDS = 25;
const VOICEMAIL_SECONDS = 120;

const HANG_UP: Plan = [{ do: 'hangup' }];

/** A call comes in. A number that is not ours, or leads nowhere, gets a polite word and no error tone. */
export function planAnswer(route: Route | undefined): Plan {
  if (!route || !isE164(route.destinationNumber))
    return [{ do: 'say', text: 'This number is not in service.' }, { do: 'hangup' }];
  const dial: Step = {
    do: 'dial',
    to: route.destinationNumber,
    ringSeconds: RING_SECONDS,
    limitSeconds: TALK_LIMIT_SECONDS,
    whisper: Boolean(route.whisper),
  };
  if (route.greetingRecordingUrl) return [{ do: 'play', url: route.greetingRecordingUrl }, dial];
  return route.greeting ? [{ do: 'say', text: route.greeting }, dial] : [dial];
}

/** Somebody at the business has picked up. Nothing to say puts him through at once. */
export function planWhisper(route: Route | undefined): Plan {
  return route?.whisper ? [{ do: 'say', text: route.whisper }] : [];
}

/** Ringing the business has ended and the caller is still there. Nobody would hear a message to a number not ours. */
export function planAfterDial(route: Route | undefined, status: CallStatus | null): Plan {
  if (!route || status === 'completed') return HANG_UP;
  return [
    { do: 'say', text: 'Nobody can take your call right now. Please leave a message after the tone.' },
    { do: 'record', maxSeconds: VOICEMAIL_SECONDS },
    { do: 'hangup' },
  ];
}

/** The message is left. */
export function planAfterRecording(): Plan {
  return HANG_UP;
}
