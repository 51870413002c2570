import { JoinExplanationSchema } from '../../../shared/contract/join-explanation.js';
import { notFound } from '../../domain/errors.js';
import { explainJoin, isSameJoin, type JoinExplanation } from '../../domain/join-explanation.js';
import { formatTime, readTimeZone } from '../../domain/report-dates.js';
import { nameOfSource } from '../../domain/report-words.js';
import type { View } from '../../domain/reports.js';
import { DATE_PARAMETERS, type Frame, resource } from './frame.js';
import * as lead from './lead-fields.js';

/** Why a call is joined as it is, an extension to CallRail's API. */
export function callAttribution(frame: Frame): void {
  const { reports } = frame;
  resource(frame, 'calls', '/v3/a/:account/calls/:call/attribution', {
    GET: {
      summary: 'Explain whose call it was',
      description:
        'The kept attribution, and every weight that the evidence gives now: the join may be older than some of it.',
      query: { time_zone: DATE_PARAMETERS.time_zone },
      answer: JoinExplanationSchema,
      async run(ask) {
        const { accountId, timeZone } = ask.user;
        const view = ask.view(readTimeZone(ask.query.one('time_zone'), timeZone));
        const id = ask.id('call');
        const [call, evidence] = await Promise.all([
          reports.call(accountId, id, new Set()),
          reports.callEvidence(accountId, id),
        ]);
        if (!call || !evidence) throw notFound('call', id);
        const explanation = explainJoin(evidence);
        const isLive = isSameJoin(call.attribution, explanation.join);
        return {
          attribution: lead.attribution(call, view),
          standing: call.correctedAt !== null ? 'corrected' : isLive ? 'live' : 'earlier',
          ...writeExplanation(explanation, view),
        };
      },
    },
  });
}

function writeExplanation(explanation: JoinExplanation, { timeZone }: View): Record<string, unknown> {
  const { join, candidates, others, older, stranger, sources, thresholds, model } = explanation;
  return {
    live: {
      session: join.session,
      visit: join.visit,
      source: join.source,
      confidence: join.confidence,
      source_confidence: join.sourceConfidence,
      method: join.method,
    },
    candidates: candidates.map(({ parts, ...one }) => ({
      session: one.sessionId,
      visit: one.visitId,
      source: one.source,
      source_name: nameOfSource(one.source),
      campaign: one.campaign,
      weight: round(one.weight),
      because: {
        tap: round(parts.tap),
        known_caller: round(parts.known),
        on_the_page: round(parts.present),
        after_the_visit: round(parts.later),
      },
      pages: one.pages,
      active_seconds: one.activeSeconds,
      device: one.device,
      last_seen: one.lastSeen === null ? null : formatTime(one.lastSeen, timeZone),
    })),
    other_candidates: round(others),
    older_visitors: round(older),
    stranger: round(stranger),
    sources: sources.map(({ source, weight }) => ({ source, weight: round(weight) })),
    thresholds,
    model,
  };
}

/** Small weights count when there are many: six figures behind the point. */
function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
