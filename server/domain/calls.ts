/**
 * A call is folded from what the provider told about it. Reports arrive late, twice, out of order or never; the fold
 * looks at the set of them, so every order gives the same call.
 */
import type { SourceRule } from '../../shared/contract/visitor.js';
import { sourceOfRule } from '../../shared/source-rules.js';
import { attributeCall, type CallToJoin, JOIN_DEFAULTS, type JoinSettings } from './attribution.js';
import { PRIOR_MODEL } from './call-model.js';
import { correctedAttribution } from './joins-by-hand.js';
import type { CallEvent, CallFacts, CallJudge, CallStatus, JudgedTracker, Millis } from './ports.js';

/**
 * Nobody talks longer: the provider is told to end a call then. So a call of which nothing was heard for longer than
 * this, and a while for late reports, is over.
 */
export const TALK_LIMIT_SECONDS = 4 * 3600;

/** How far along a status is: a later one is never undone by an earlier one that arrives late. */
const PROGRESS: Record<CallStatus, number> = {
  queued: 0,
  ringing: 1,
  in_progress: 2,
  completed: 3,
  busy: 3,
  no_answer: 3,
  failed: 3,
  canceled: 3,
};

/** Which kind of report is asked first for what several of them tell. */
const KINDS = [
  'ringing',
  'dial_ended',
  'call_status',
  'leg_status',
  'recording',
  'transcription',
  'unreported_end',
] as const satisfies CallEvent['kind'][];

/** The facts of a call, from all reports of it in any order. Needs at least one. */
export function foldCall(events: readonly CallEvent[]): CallFacts {
  // One order for every set: by kind and key, so that "the first that knows" is always the same report.
  const sorted = KINDS.flatMap((kind) =>
    events.filter((event) => event.kind === kind).sort((a, b) => (a.key < b.key ? -1 : 1)),
  );
  const known = <T>(pick: (event: CallEvent) => T | null | undefined): T | null => {
    for (const event of sorted) {
      const value = pick(event);
      if (value !== null && value !== undefined) return value;
    }
    return null;
  };
  const outcome = outcomeOf(sorted);
  const { answered, recording } = outcome;
  const startedAt = startOf(events);
  const told = outcome.endedAt;
  const endedAt = told ?? earliest(sorted.filter(({ kind }) => kind === 'unreported_end'));
  // Number and word of one report: what a later one says in place of a hidden number is not the caller's.
  const caller = known((event) => (event.caller.raw === null ? null : event.caller));

  return {
    trackingNumber: known((event) => event.trackingNumber) ?? '',
    destinationNumber: known((event) => event.destinationNumber),
    callerNumber: caller?.number ?? null,
    callerRaw: caller?.raw ?? null,
    callerName: known((event) => event.callerName),
    callerCity: known((event) => event.place?.city),
    callerState: known((event) => event.place?.state),
    callerCountry: known((event) => event.place?.country),
    callerZip: known((event) => event.place?.zip),
    state: stateOf(outcome, endedAt !== null),
    answered,
    voicemail: recording !== null,
    startedAt,
    // Clocks differ by a little; a call never ends before it starts.
    endedAt: endedAt === null ? null : Math.max(startedAt, endedAt),
    duration: told === null ? null : durationOf(outcome),
    recordingUrl: recording?.recordingUrl ?? null,
    recordingDuration: recording?.seconds ?? null,
    transcription: known((event) => (event.kind === 'transcription' ? event.text : null)),
    inferred: told === null && endedAt !== null,
  };
}

/** What came of a call, as far as its reports tell. */
interface Outcome {
  /** Somebody at the business talked to the caller. */
  answered: boolean;
  /** The message that the caller left. */
  recording: CallEvent | null;
  /** The provider told that ringing the business has ended. */
  dialed: boolean;
  /** The furthest word on that, on the business's leg, and on the caller's whole call. */
  dial: CallEvent | null;
  leg: CallEvent | null;
  whole: CallEvent | null;
  /** When it ended, where a report tells that it did. */
  endedAt: number | null;
}

function outcomeOf(events: readonly CallEvent[]): Outcome {
  const of = (kind: CallEvent['kind']) => events.filter((event) => event.kind === kind);
  const dial = furthest(of('dial_ended'));
  const legs = of('leg_status');
  const leg = furthest(legs);
  const whole = furthest([...of('ringing'), ...of('call_status')]);
  const talked = dial?.status === 'completed';
  const recordings = talked ? [] : keptRecordings(of('recording'));
  // The dial's own word is the richest; the leg's status stands in when it never came (the caller hung up first).
  const picked = legs.some(
    ({ status, seconds }) => status === 'in_progress' || (status === 'completed' && (seconds ?? 0) > 0),
  );
  const answered = dial ? talked : picked && recordings.length === 0;
  const ends = [
    of('call_status').filter(isFinal),
    of('ringing').filter(isFinal),
    // When talk or message has ended, the caller is hung up on.
    talked ? of('dial_ended') : [],
    answered && isFinal(leg) ? legs.filter(isFinal) : [],
    recordings,
  ];
  return {
    answered,
    recording: recordings[0] ?? null,
    dialed: of('dial_ended').length > 0,
    dial,
    leg,
    whole,
    endedAt: earliest(ends.find((some) => some.length > 0) ?? []),
  };
}

/** Messages that can be heard: not the silent ones, nor those that are being made. */
function keptRecordings(recordings: readonly CallEvent[]): CallEvent[] {
  const lost = recordings.filter(({ status }) => status === 'failed').map((event) => event.recordingUrl);
  return recordings.filter(
    ({ status, recordingUrl }) =>
      recordingUrl !== null &&
      status !== 'failed' &&
      status !== 'in_progress' &&
      !lost.includes(recordingUrl),
  );
}

function stateOf({ answered, recording, dialed, leg }: Outcome, over: boolean): CallFacts['state'] {
  if (recording) return 'voicemail';
  if (answered) return over ? 'answered' : 'in_progress';
  if (dialed) return 'missed';
  if (!over) return 'ringing';
  // Over without the end of a dial: the caller hung up while it rang, unless the business's line refused.
  return leg?.status === 'busy' || leg?.status === 'failed' ? 'missed' : 'abandoned';
}

/** Seconds of talk, or of the whole call when nobody talked; null when no report tells. */
function durationOf({ answered, dial, leg, whole }: Outcome): number | null {
  const length = isFinal(whole) ? (whole?.seconds ?? null) : null;
  if (answered) return dial?.seconds ?? leg?.seconds ?? length;
  // A call that was never taken lasted no time; of one that was `completed` the length is not known.
  return length ?? (isFinal(whole) && whole?.status !== 'completed' ? 0 : null);
}

/** The ringing report is the start; without it, the earliest report, less the length it tells of. */
function startOf(events: readonly CallEvent[]): number {
  const ringing = earliest(events.filter((event) => event.kind === 'ringing'));
  if (ringing !== null) return ringing;
  const length = ({ kind, seconds }: CallEvent) =>
    kind === 'recording' || kind === 'transcription' ? 0 : (seconds ?? 0) * 1000;
  return Math.min(...events.map((event) => event.at - length(event)));
}

function earliest(events: readonly CallEvent[]): number | null {
  return events.length === 0 ? null : Math.min(...events.map((event) => event.at));
}

function isFinal(event: CallEvent | null): boolean {
  return event !== null && event.status !== null && PROGRESS[event.status] === 3;
}

function furthest(events: readonly CallEvent[]): CallEvent | null {
  let best: CallEvent | null = null;
  for (const event of events) {
    if (event.status === null) continue;
    const ahead = PROGRESS[event.status] - (best?.status ? PROGRESS[best.status] : -1);
    // Of two final words the one that knows a length says more; then the one that sorts first.
    if (ahead > 0 || (ahead === 0 && (event.seconds ?? -1) > (best?.seconds ?? -1))) best = event;
  }
  return best;
}

/** What the join must know of a call at that time to a number of this tracker's; null: the number had none. */
export function readyToJoin(
  at: Millis,
  tracker: JudgedTracker | null,
): { call: CallToJoin; settings: JoinSettings } {
  return {
    call: {
      at,
      trackerType: tracker?.type ?? null,
      trackerSource:
        tracker?.type === 'source'
          ? sourceOfRule(tracker.source as unknown as SourceRule, tracker.name).source
          : null,
    },
    settings: {
      model: tracker?.callModel ?? PRIOR_MODEL,
      thresholds: tracker?.thresholds ?? JOIN_DEFAULTS.thresholds,
    },
  };
}

/** How calls are told and joined: nothing but the reports, the number's history and its tracker. */
export const callJudge: CallJudge = {
  fold: foldCall,
  attribute(facts, history, tracker) {
    const { call, settings } = readyToJoin(facts.startedAt, tracker);
    return attributeCall(call, history, settings);
  },
  correct: correctedAttribution,
};
