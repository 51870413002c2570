import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldCall } from '../../server/domain/calls.js';
import type { CallEvent } from '../../server/domain/ports.js';

const START = 1_800_000_000_000;
const event = (
  kind: CallEvent['kind'],
  status: CallEvent['status'],
  after: number,
  more: Partial<CallEvent> = {},
): CallEvent => ({
  kind,
  key: `${kind} ${status}`,
  at: START + after * 1000,
  provider: 'twilio',
  providerCallId: 'CA1',
  trackingNumber: '+13055550110',
  caller: { number: '+14155550123', raw: '+14155550123' },
  place: null,
  callerName: null,
  status,
  seconds: null,
  destinationNumber: null,
  recordingUrl: null,
  ...more,
});
const ringing = event('ringing', 'ringing', 0, {
  destinationNumber: '+13055550100',
  place: { city: 'MIAMI', state: 'FL', country: 'US', zip: null },
});
const leg = (status: CallEvent['status'], after: number, seconds: number | null = null) =>
  event('leg_status', status, after, { seconds });

const CALLS: Record<string, { events: CallEvent[]; expected: object }> = {
  'answered and talked for 42 s': {
    events: [
      ringing,
      leg('queued', 0),
      leg('ringing', 1),
      leg('in_progress', 6),
      leg('completed', 48, 42),
      event('dial_ended', 'completed', 48, { seconds: 42 }),
      event('call_status', 'completed', 49, { seconds: 49 }),
    ],
    expected: {
      state: 'answered',
      answered: true,
      voicemail: false,
      duration: 42,
      startedAt: START,
      endedAt: START + 49_000,
    },
  },
  'missed, no message': {
    events: [
      ringing,
      leg('no_answer', 25),
      event('dial_ended', 'no_answer', 25),
      event('call_status', 'completed', 30, { seconds: 30 }),
    ],
    expected: { state: 'missed', answered: false, voicemail: false, duration: 30 },
  },
  'missed, with a message': {
    events: [
      ringing,
      event('dial_ended', 'busy', 10),
      event('recording', null, 40, { key: 'recording RE1', recordingUrl: 'https://x/RE1', seconds: 20 }),
      event('call_status', 'completed', 41, { seconds: 41 }),
    ],
    expected: {
      state: 'voicemail',
      answered: false,
      voicemail: true,
      recordingUrl: 'https://x/RE1',
      recordingDuration: 20,
    },
  },
  'abandoned while it rang': {
    events: [
      ringing,
      leg('ringing', 1),
      leg('canceled', 6),
      event('call_status', 'completed', 6, { seconds: 6 }),
    ],
    expected: { state: 'abandoned', answered: false, duration: 6 },
  },
  'answered, and the caller hung up before the dial could be told': {
    events: [
      ringing,
      leg('in_progress', 5),
      leg('completed', 65, 60),
      event('call_status', 'completed', 65, { seconds: 65 }),
    ],
    expected: { state: 'answered', answered: true, duration: 60 },
  },
  'still ringing': {
    events: [ringing, leg('ringing', 1)],
    expected: { state: 'ringing', duration: null, endedAt: null },
  },
  'talking now': {
    events: [ringing, leg('in_progress', 4)],
    expected: { state: 'in_progress', duration: null },
  },
  'known from its end alone': {
    events: [event('call_status', 'completed', 60, { seconds: 60 })],
    expected: { state: 'abandoned', startedAt: START, duration: 60 },
  },
};

describe('a call folded from its reports', () => {
  test.each(Object.entries(CALLS))('%s', (_name, { events, expected }) => {
    expect(foldCall(events)).toMatchObject(expected);
  });

  test.each(Object.entries(CALLS))('any order and any repetition gives the same: %s', (_name, { events }) => {
    const straight = foldCall(events);
    const shuffled = fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 });
    fc.assert(
      fc.property(shuffled, (order) => {
        expect(foldCall(order)).toEqual(straight);
      }),
      { numRuns: 200 },
    );
  });

  test('who called, from where, and where it went come from the first report that knows', () => {
    expect(foldCall([leg('ringing', 1), ringing])).toMatchObject({
      callerNumber: '+14155550123',
      callerCity: 'MIAMI',
      callerState: 'FL',
      destinationNumber: '+13055550100',
      trackingNumber: '+13055550110',
    });
  });
});
