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

const message = (word: string, after: number, more: Partial<CallEvent> = {}) =>
  event('recording', 'completed', after, {
    key: `recording CA1 RE1 ${word}`,
    recordingUrl: 'https://x/RE1',
    caller: { number: null, raw: null },
    ...more,
  });
const silence = (after: number) =>
  event('unreported_end', null, after, { key: 'unreported_end CA1', caller: { number: null, raw: null } });

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
  'abandoned, and nothing was told of the leg': {
    events: [ringing, event('call_status', 'no_answer', 6, { seconds: 0 })],
    expected: { state: 'abandoned', answered: false, duration: 0, endedAt: START + 6000 },
  },
  'abandoned, and the leg was told late': {
    events: [
      ringing,
      event('call_status', 'completed', 6, { seconds: 6 }),
      leg('ringing', 300),
      leg('canceled', 301),
    ],
    expected: { state: 'abandoned', answered: false, endedAt: START + 6000 },
  },
  "refused by the business's line, and the end of the dial was never told": {
    events: [ringing, leg('busy', 2), event('call_status', 'completed', 4, { seconds: 4 })],
    expected: { state: 'missed', answered: false, duration: 4 },
  },
  'answered, and the end of the call was never told': {
    events: [ringing, leg('in_progress', 5), event('dial_ended', 'completed', 65, { seconds: 60 })],
    expected: { state: 'answered', answered: true, duration: 60, endedAt: START + 65_000, inferred: false },
  },
  "answered, and nothing but the leg's end was told": {
    events: [ringing, leg('in_progress', 5), leg('completed', 65, 60)],
    expected: { state: 'answered', answered: true, duration: 60, endedAt: START + 65_000 },
  },
  'answered, and no report has a length': {
    events: [ringing, event('dial_ended', 'completed', 60), event('call_status', 'completed', 60)],
    expected: { state: 'answered', duration: null, endedAt: START + 60_000 },
  },
  'with a message whose recording came before anything else, and the words long after the end': {
    events: [
      message('left', 40, { seconds: 20 }),
      message('in-progress', 21, { status: 'in_progress' }),
      message('completed', 130, { seconds: 20 }),
      ringing,
      event('dial_ended', 'no_answer', 20),
      event('call_status', 'completed', 41, { seconds: 41 }),
      event('transcription', 'completed', 600, { key: 'transcription CA1 TR1 completed', text: 'Call me.' }),
    ],
    expected: {
      state: 'voicemail',
      answered: false,
      voicemail: true,
      startedAt: START,
      endedAt: START + 41_000,
      duration: 41,
      recordingUrl: 'https://x/RE1',
      recordingDuration: 20,
      transcription: 'Call me.',
    },
  },
  'with a message in which nobody spoke': {
    events: [
      ringing,
      event('dial_ended', 'no_answer', 20),
      message('absent', 130, { status: 'failed' }),
      event('call_status', 'completed', 41, { seconds: 41 }),
    ],
    expected: { state: 'missed', voicemail: false, recordingUrl: null, endedAt: START + 41_000 },
  },
  'with a message that was lost': {
    events: [
      ringing,
      event('dial_ended', 'busy', 5),
      message('left', 40),
      message('failed', 60, { status: 'failed' }),
    ],
    expected: { state: 'missed', voicemail: false, recordingUrl: null, endedAt: null },
  },
  'with a message that is being left': {
    events: [ringing, event('dial_ended', 'busy', 5), message('in-progress', 7, { status: 'in_progress' })],
    expected: { state: 'missed', voicemail: false, recordingUrl: null, duration: null },
  },
  'known from its words alone': {
    events: [event('transcription', 'completed', 600, { text: 'Call me.' })],
    expected: { state: 'ringing', transcription: 'Call me.', endedAt: null, inferred: false },
  },
  'answered after the fallback address was asked': {
    events: [
      ringing,
      event('ringing', 'ringing', 3, {
        key: 'ringing CA1 ringing fallback 11200',
        fault: { code: '11200', url: null },
      }),
      event('dial_ended', 'completed', 60, { seconds: 50 }),
      event('call_status', 'completed', 61, { seconds: 61 }),
    ],
    expected: { state: 'answered', startedAt: START, duration: 50, callerCity: 'MIAMI' },
  },
  'that rang, and then nothing was told': {
    events: [ringing, leg('ringing', 1), silence(1)],
    expected: { state: 'abandoned', answered: false, duration: null, endedAt: START + 1000, inferred: true },
  },
  'that was talking, and then nothing was told': {
    events: [ringing, leg('in_progress', 6), silence(6)],
    expected: { state: 'answered', answered: true, duration: null, endedAt: START + 6000, inferred: true },
  },
  'that nobody took, and then nothing was told': {
    events: [ringing, event('dial_ended', 'no_answer', 25), silence(25)],
    expected: { state: 'missed', answered: false, duration: null, endedAt: START + 25_000, inferred: true },
  },
  'that was given up, and then its end was told all the same': {
    events: [
      ringing,
      leg('in_progress', 6),
      silence(6),
      event('call_status', 'completed', 20_000, { seconds: 19_990 }),
    ],
    expected: { state: 'answered', duration: 19_990, endedAt: START + 20_000_000, inferred: false },
  },
  'by a caller who hides his number, for whom the leg names another': {
    events: [
      { ...ringing, caller: { number: null, raw: 'anonymous' } },
      leg('in_progress', 6),
      event('call_status', 'completed', 9, { seconds: 9, caller: { number: null, raw: 'anonymous' } }),
    ],
    expected: { callerNumber: null, callerRaw: 'anonymous' },
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

  const everyEvent = Object.values(CALLS).flatMap(({ events }) => events);
  const anyEvents = fc
    .uniqueArray(fc.nat(everyEvent.length - 1), { minLength: 1, maxLength: 10 })
    .map((picks) => picks.map((pick) => everyEvent[pick] as CallEvent))
    // A report is known by its key: the same key twice is the same report.
    .map((events) => [...new Map(events.map((one) => [one.key, one])).values()]);

  test('any set of reports, sensible or not, gives one call in every order, and one that makes sense', () => {
    fc.assert(
      fc.property(
        anyEvents.chain((events) =>
          fc.tuple(
            fc.constant(events),
            fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }),
          ),
        ),
        ([events, order]) => {
          const call = foldCall(events);
          expect(foldCall(order)).toEqual(call);
          expect(call.answered && call.voicemail).toBe(false);
          expect(call.answered).toBe(call.state === 'answered' || call.state === 'in_progress');
          expect(call.voicemail).toBe(call.state === 'voicemail');
          if (call.endedAt === null) expect(call.duration).toBeNull();
          else expect(call.endedAt).toBeGreaterThanOrEqual(call.startedAt);
          if (call.inferred) expect(call.duration).toBeNull();
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('whatever else is told, a call whose end was told is over, since then', () => {
    const end = event('call_status', 'completed', 49, { key: 'call_status CA1 its end', seconds: 49 });
    fc.assert(
      fc.property(anyEvents, (events) => {
        const call = foldCall([...events.filter(({ kind }) => kind !== 'call_status'), end]);
        expect(['ringing', 'in_progress']).not.toContain(call.state);
        expect(call.endedAt).toBe(Math.max(end.at, call.startedAt));
        expect(call.inferred).toBe(false);
      }),
      { numRuns: 1000 },
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
