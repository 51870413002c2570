import type { Attribution } from './ports.js';

/**
 * The join of a call as a user says it is: to a visit, to a source alone, or (without both) to nothing. It is certain,
 * and has the method of a join whose session or source is simply known; that a user said so is kept beside it.
 */
export function correctedAttribution(
  visit: { sessionId: string; visitId: string; source: string } | null,
  source: string | null,
): Attribution {
  const known = { source: visit?.source ?? source, confidence: visit ? 1 : 0 };
  return {
    session: visit?.sessionId ?? null,
    visit: visit?.visitId ?? null,
    ...known,
    sourceConfidence: known.source === null ? 0 : 1,
    method: visit ? 'session' : source === null ? 'none' : 'source_only',
    candidates: visit
      ? [{ session: visit.sessionId, visit: visit.visitId, source: visit.source, weight: 1 }]
      : [],
  };
}
