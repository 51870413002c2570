import { isE164 } from '../domain/phone-numbers.js';
import type { PhoneNumber } from '../domain/ports.js';
import type { Plan, Step } from './plan.js';
import type { Callback, Provider, Voucher } from './provider.js';
import { readForm, readTwilioRequest } from './twilio-request.js';
import { isSignedByTwilio } from './twilio-signature.js';
import { element, renderXml, type XmlElement } from './xml.js';

export interface TwilioOptions {
  /** Auth tokens; two while one is being rotated. Empty: nobody is Twilio. */
  authTokens: readonly string[];
  /** The simulator's token, where it may be used. */
  simulatorToken: string | null;
  /** The address that Twilio knows us by: its signature covers it. Read at each request: the port may be chosen late. */
  publicUrl: () => string;
}

/** Twilio Programmable Voice: TwiML and its webhooks. https://www.twilio.com/docs/voice/twiml */
export function createTwilio({ authTokens, simulatorToken, publicUrl }: TwilioOptions): Provider {
  const callbackUrl = (callback: Callback, number: PhoneNumber) =>
    `${publicUrl()}/v1/telephony/twilio/${callback}?number=${encodeURIComponent(number)}`;

  return {
    name: 'twilio',

    verify(request): Voucher | null {
      const header = request.headers['x-twilio-signature'];
      const signed = {
        url: publicUrl() + request.url,
        // Of two nobody knows which one is meant.
        signature: Array.isArray(header) ? undefined : header,
        contentType: String(request.headers['content-type'] ?? '').toLowerCase(),
        body: request.body,
        // What a GET carries is in its URL already.
        parameters: () => (request.method === 'POST' ? readForm(request) : new Map()),
      };
      if (isSignedByTwilio(authTokens, signed)) return 'provider';
      return simulatorToken !== null && isSignedByTwilio([simulatorToken], signed) ? 'simulator' : null;
    },

    read: readTwilioRequest,

    render(plan: Plan, trackingNumber: PhoneNumber) {
      const steps = plan.map((step) => renderStep(step, trackingNumber, callbackUrl));
      return { contentType: 'text/xml; charset=utf-8', body: renderXml(element('Response', {}, steps)) };
    },
  };
}

function renderStep(
  step: Step,
  number: PhoneNumber,
  callbackUrl: (callback: Callback, number: PhoneNumber) => string,
): XmlElement {
  switch (step.do) {
    case 'say':
      return element('Say', {}, [step.text]);
    case 'play':
      return element('Play', {}, [step.url]);
    case 'dial':
      // Whatever else is dialled could be a line that costs, or somebody's SIP address.
      if (!isE164(step.to)) throw new TypeError('Only a number in E.164 can be dialled.');
      // answerOnBridge: the caller hears it ring, and nothing is billed, until somebody picks up.
      return element(
        'Dial',
        {
          answerOnBridge: true,
          timeout: step.ringSeconds,
          timeLimit: step.limitSeconds,
          action: callbackUrl('dial', number),
        },
        [
          element(
            'Number',
            {
              url: step.whisper ? callbackUrl('whisper', number) : undefined,
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
