/** A call's join told in full: who may have called, what speaks for each, and what follows from it. */
import { attributeCall, type Candidate, explainCall } from './attribution.js';
import { readyToJoin } from './calls.js';
import type { Attribution, CallHistory, Device, JudgedTracker, Millis } from './ports.js';

/** What the record knows of whose call it is, by now: some of it may have come after the call was joined. */
export interface CallEvidence {
  /** When it rang. */
  at: Millis;
  history: CallHistory;
  /** Null: the number had none. */
  tracker: JudgedTracker | null;
}

/** A candidate with what is known of his visit; null where he never had the number, as one known from before may not. */
export interface ExplainedCandidate extends Candidate {
  pages: number | null;
  activeSeconds: number | null;
  device: Device | null;
  lastSeen: Millis | null;
}

/** The parts of all candidates, `others`, `older` and `stranger` together are 1. */
export interface JoinExplanation {
  /** Heaviest first, no more than `SHOWN_CANDIDATES`. */
  candidates: ExplainedCandidate[];
  /** The weight of the candidates after these. */
  others: number;
  /** … of visitors before them, of whom the history does not reach far enough to tell. */
  older: number;
  /** … of somebody who never had the number. */
  stranger: number;
  /** Heaviest first, the older visitors among them. */
  sources: { source: string; weight: number }[];
  thresholds: { visit: number; source: number };
  /** The company's own, learned from its calls, or the one that all begin with. */
  model: 'prior' | 'learned';
  /** The join that follows. */
  join: Attribution;
}

/** Beyond these a weight tells nothing to a person who reads it. */
export const SHOWN_CANDIDATES = 20;

/** Why a call is joined as it is, by all that is known now. */
export function explainJoin({ at, history, tracker }: CallEvidence): JoinExplanation {
  const { call, settings } = readyToJoin(at, tracker);
  const { candidates, older, stranger, sources } = explainCall(call, history, settings.model);
  const leases = new Map(history.leases.map((lease) => [lease.visitId, lease]));
  return {
    candidates: candidates.slice(0, SHOWN_CANDIDATES).map((candidate) => {
      const { pages, activeSeconds, device, lastSeen } = leases.get(candidate.visitId) ?? UNSEEN;
      return { ...candidate, pages, activeSeconds, device, lastSeen };
    }),
    others: candidates.slice(SHOWN_CANDIDATES).reduce((sum, { weight }) => sum + weight, 0),
    older,
    stranger,
    sources,
    thresholds: settings.thresholds,
    model: tracker?.callModel ? 'learned' : 'prior',
    join: attributeCall(call, history, settings),
  };
}

const UNSEEN = { pages: null, activeSeconds: null, device: null, lastSeen: null };

/** Whether a kept join says what another one does. Who else may have called is no part of what it says. */
export function isSameJoin(kept: Attribution, other: Attribution): boolean {
  return (['visit', 'source', 'method', 'confidence', 'sourceConfidence'] as const).every(
    (name) => kept[name] === other[name],
  );
}
