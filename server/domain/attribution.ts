/**
 * The join: which visit a call belongs to, and how sure that is. Pure: plain data in, plain data out, no clock.
 *
 * The first kind of evidence that exists decides, strongest first: a tap on the number just before; a caller who was
 * joined before; the session that held the number when it rang; the last one that held it, less surely the longer
 * ago; else the source of the tracker alone. (The posterior, which weighs all candidates together, will take the
 * place of this ladder; `CallHistory` carries what it needs.)
 */
import type { Attribution, AttributionMethod, CallHistory, Millis } from './ports.js';

/** How sure each kind of evidence is. First figures from reasoning, to be refitted from calls that are certain. */
const CONFIDENCE = {
  /** The visitor's own finger on the number, less than a minute ago. */
  tap: 0.99,
  /** The same phone was joined before, so its visitor is known; he may have a second device. */
  knownCaller: 0.85,
  /** … and that session holds the number that rings. */
  knownHolder: 0.97,
  /** Nobody else was shown the number then; somebody may have written it down earlier. */
  soleHolder: 0.9,
  /** Split among those who held it together. */
  holders: 0.85,
} as const;

/**
 * What weighs against all past holders together: somebody who never held the number within the history. A single
 * holder whose hold has just ended has weight 1, and so 0.6.
 */
const STRANGER_WEIGHT = 2 / 3;

/** A call is not joined to a holder who lost the number longer ago. */
const LAST_HOLDER_MS = 30 * 86_400_000;
/** The API shows so many. */
const MAX_CANDIDATES = 3;

const MINUTE = 60_000;
/** Of the calls that come after a visit: shares and mean delays, minutes, hours and days later. */
const DELAYS = [
  { share: 12 / 26, mean: 10 * MINUTE },
  { share: 9 / 26, mean: 6 * 60 * MINUTE },
  { share: 5 / 26, mean: 3 * 24 * 60 * MINUTE },
] as const;

export interface CallToJoin {
  at: Millis;
  /** What the tracker's own rule says of the source; null for a pool that serves every source. */
  trackerSource: string | null;
  trackerType: 'session' | 'source' | null;
}

interface Candidate {
  sessionId: string;
  visitId: string;
  source: string;
  weight: number;
}

/** Joins a call to a visit, from what the number's history knows. */
export function attributeCall(call: CallToJoin, history: CallHistory): Attribution {
  const { taps, leases, knownCaller } = history;
  if (taps.length > 0) {
    // Two taps on a shared number within a minute: the later one is likelier by how much fresher it is.
    const weighed = taps.map((tap) => ({ ...tap, weight: 1 / (call.at - tap.at + 1000) }));
    return joined('tap', CONFIDENCE.tap, weighed);
  }
  const holders = newestOfEachSession(leases.filter((lease) => lease.until > call.at));
  if (knownCaller) {
    const holds = holders.some((holder) => holder.sessionId === knownCaller.sessionId);
    const confidence = holds
      ? CONFIDENCE.knownHolder
      : Math.min(CONFIDENCE.knownCaller, knownCaller.confidence);
    return joined('known_caller', confidence, [{ ...knownCaller, weight: 1 }]);
  }
  if (call.trackerType === 'source') return sourceOnly('tracker', call.trackerSource, 1);
  const [sole] = holders;
  if (sole && holders.length === 1 && !sole.shared) {
    return joined('sole_holder', CONFIDENCE.soleHolder, [{ ...sole, weight: 1 }]);
  }
  if (holders.length > 0) {
    return joined(
      'holder',
      CONFIDENCE.holders,
      holders.map((holder) => ({ ...holder, weight: 1 })),
    );
  }
  const past = leases.filter((lease) => call.at - lease.until <= LAST_HOLDER_MS);
  if (past.length > 0) return lastHolder(call.at, past);
  return call.trackerSource === null ? NOBODY : sourceOnly('source_only', call.trackerSource, 1);
}

const NOBODY: Attribution = {
  session: null,
  visit: null,
  source: null,
  confidence: 0,
  sourceConfidence: 0,
  method: 'none',
  candidates: [],
};

/** The source is known and no visit is: a source tracker's own number, or a pool that serves one source. */
function sourceOnly(method: 'tracker' | 'source_only', source: string | null, sure: number): Attribution {
  return { ...NOBODY, method, source, confidence: method === 'tracker' ? sure : 0, sourceConfidence: sure };
}

function lastHolder(at: Millis, past: CallHistory['leases']): Attribution {
  const newest = newestOfEachSession(past.toSorted((a, b) => b.until - a.until));
  const weighed = newest.map((lease) => ({ ...lease, weight: chanceOfWaiting(at - lease.until) }));
  return joined('last_holder', 1, weighed, STRANGER_WEIGHT);
}

/** The chance that a late caller waits at least this long: 1 at once, 0.58 after 20 minutes, 0.14 after a day. */
export function chanceOfWaiting(delay: number): number {
  const late = Math.max(0, delay);
  return DELAYS.reduce((sum, { share, mean }) => sum + share * Math.exp(-late / mean), 0);
}

/** Divides the confidence among the candidates (and `rest`, who is none of them) by weight; names the heaviest. */
function joined(
  method: AttributionMethod,
  confidence: number,
  weighed: readonly Candidate[],
  rest = 0,
): Attribution {
  const total = weighed.reduce((sum, { weight }) => sum + weight, rest) || 1;
  const candidates = weighed
    .map(({ sessionId, visitId, source, weight }) => ({
      session: sessionId,
      visit: visitId,
      source,
      weight: round((confidence * weight) / total),
    }))
    .sort((a, b) => b.weight - a.weight);
  const best = candidates[0];
  if (!best) return NOBODY;
  const sameSource = candidates.filter((candidate) => candidate.source === best.source);
  return {
    session: best.session,
    visit: best.visit,
    source: best.source,
    confidence: best.weight,
    sourceConfidence: round(
      Math.min(
        1,
        sameSource.reduce((sum, { weight }) => sum + weight, 0),
      ),
    ),
    method,
    candidates: candidates.slice(0, MAX_CANDIDATES),
  };
}

function newestOfEachSession(leases: CallHistory['leases']): CallHistory['leases'] {
  const seen = new Set<string>();
  return leases.filter(({ sessionId }) => !seen.has(sessionId) && seen.add(sessionId));
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
