/**
 * A call is folded from what the provider told about it. Reports arrive late, twice, out of order or never; the fold
 * looks at the set of them, so every order gives the same call.
 */
import type { SourceRule } from '../../shared/contract/visitor.js';
import { sourceOfRule } from '../../shared/source.js';
import { attributeCall, type CallToJoin } from './attribution.js';
import type { CallEvent, CallFacts, CallJudge, CallStatus } from './ports.js';

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

/** The facts of a call, from all reports of it in any order. Needs at least one. */
export function foldCall(events: readonly CallEvent[]): CallFacts {
  // One order for every set: by kind and key, so that "the first that knows" is always the same report.
  const sorted = events.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const known = <T>(pick: (event: CallEvent) => T | null): T | null => {
    for (const kind of ['ringing', 'dial_ended', 'call_status', 'leg_status', 'recording'] as const) {
      for (const event of sorted) {
        const value = event.kind === kind ? pick(event) : null;
        if (value !== null) return value;
      }
    }
    return null;
  };
  const of = (kind: CallEvent['kind']) => sorted.filter((event) => event.kind === kind);

  const dial = furthest(of('dial_ended'));
  const leg = furthest(of('leg_status'));
  const whole = furthest([...of('ringing'), ...of('call_status')]);
  const recording = of('recording').find((event) => event.recordingUrl !== null) ?? null;
  const voicemail = of('recording').length > 0 && dial?.status !== 'completed';
  const over = whole !== null && PROGRESS[whole.status ?? 'queued'] === 3;
  const legAnswered =
    leg?.status === 'in_progress' || (leg?.status === 'completed' && (leg.seconds ?? 0) > 0);
  // The dial's own word is the richest; the leg's status stands in when it never came (the caller hung up first).
  const answered = dial ? dial.status === 'completed' : legAnswered;
  const ended = over || voicemail ? Math.max(...events.map((event) => event.at)) : null;

  return {
    trackingNumber: known((event) => event.trackingNumber) ?? '',
    destinationNumber: known((event) => event.destinationNumber),
    callerNumber: known((event) => event.caller.number),
    callerRaw: known((event) => event.caller.raw),
    callerName: known((event) => event.callerName),
    callerCity: known((event) => event.place?.city ?? null),
    callerState: known((event) => event.place?.state ?? null),
    callerCountry: known((event) => event.place?.country ?? null),
    callerZip: known((event) => event.place?.zip ?? null),
    state: stateOf({
      answered,
      voicemail,
      over,
      dialed: dial !== null,
      talking: legAnswered && !over && !dial,
    }),
    answered,
    voicemail,
    startedAt: startOf(events),
    endedAt: ended,
    duration: over || dial ? (talkSeconds(answered, dial, leg) ?? whole?.seconds ?? 0) : null,
    recordingUrl: recording?.recordingUrl ?? null,
    recordingDuration: recording?.seconds ?? null,
  };
}

function stateOf(call: {
  answered: boolean;
  voicemail: boolean;
  over: boolean;
  dialed: boolean;
  talking: boolean;
}): CallFacts['state'] {
  if (call.voicemail) return 'voicemail';
  if (call.talking) return 'in_progress';
  if (call.answered) return 'answered';
  // Over without the end of a dial: the caller hung up while it rang.
  if (call.over) return call.dialed ? 'missed' : 'abandoned';
  return call.dialed ? 'missed' : 'ringing';
}

function talkSeconds(answered: boolean, dial: CallEvent | null, leg: CallEvent | null): number | null {
  return answered ? (dial?.seconds ?? leg?.seconds ?? null) : null;
}

/** The ringing report is the start; without it, the earliest report, less the length it tells of. */
function startOf(events: readonly CallEvent[]): number {
  const ringing = events.filter((event) => event.kind === 'ringing');
  if (ringing.length > 0) return Math.min(...ringing.map((event) => event.at));
  return Math.min(
    ...events.map((event) => event.at - (event.kind === 'recording' ? 0 : (event.seconds ?? 0) * 1000)),
  );
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

/** How calls are told and joined: nothing but the reports, the number's history and its tracker. */
export const callJudge: CallJudge = {
  fold: foldCall,
  attribute(facts, history, tracker) {
    const call: CallToJoin = {
      at: facts.startedAt,
      trackerType: tracker?.type ?? null,
      trackerSource:
        tracker?.type === 'source'
          ? sourceOfRule(tracker.source as unknown as SourceRule, tracker.name).source
          : null,
    };
    return attributeCall(call, history);
  },
};
