/** Fields that calls and form submissions share: all that is read from the visits of their session. */
import { readParameters } from '../../../shared/visit-evidence.js';
import { formatTime } from '../../domain/report-dates.js';
import { explainSourceOf, sourceOf } from '../../domain/report-words.js';
import type { LeadReport, Touch, View } from '../../domain/reports.js';

const UTM = ['source', 'medium', 'campaign', 'term', 'content'] as const;

/** `utm_source` … of the page on which the first touch landed. */
export const utmFields = Object.fromEntries(
  UTM.map((name) => [
    `utm_${name}`,
    (lead: LeadReport) => readParameters(lead.firstTouch?.landing ?? '').get(`utm_${name}`) || null,
  ]),
);

export const landingPage = (lead: LeadReport) => lead.firstTouch?.landing ?? null;
export const referringUrl = (lead: LeadReport) => urlOf(lead.firstTouch?.referrer);
export const medium = (lead: LeadReport) => lead.firstTouch?.medium ?? null;
export const campaign = (lead: LeadReport) => lead.firstTouch?.campaign ?? null;
export const sourceName = (lead: LeadReport) => sourceOf(lead)?.name ?? null;
/** Search words reach a site through paid clicks only. */
export const keywords = (lead: LeadReport) =>
  lead.firstTouch?.source.endsWith('_paid') ? lead.firstTouch.term : null;

export function referrerDomain(lead: LeadReport): string | null {
  const referrer = referringUrl(lead);
  return referrer !== null && URL.canParse(referrer) ? new URL(referrer).hostname || null : null;
}

/** Which rule gave the source, and why. */
export const sourceExplanation = (lead: LeadReport) => explainSourceOf(lead);

/** A record's attribution in the words of the wire; what a user or late facts changed of it only where they did. */
export function attribution({ attribution: join, correctedAt, revised, gpc }: LeadReport, view: View) {
  const { session, visit, source, confidence, sourceConfidence, method, candidates } = join;
  const time = (at: number) => formatTime(at, view.timeZone);
  return {
    session,
    visit,
    source,
    confidence,
    source_confidence: sourceConfidence,
    method,
    candidates,
    gpc,
    ...(correctedAt === null ? {} : { corrected_at: time(correctedAt) }),
    ...(revised === null ? {} : { revised: { at: time(revised.at), before: revised.before } }),
  };
}

/** First touch, the creation of the lead, its qualification and the touch before this event. */
export function milestones(lead: LeadReport, view: View) {
  const { firstTouch, leadCreated, qualified, lastTouch } = lead.milestones ?? {};
  return {
    first_touch: milestone(firstTouch, firstTouch?.at, view),
    lead_created: milestone(leadCreated?.touch, leadCreated?.at, view),
    qualified: milestone(qualified?.touch, qualified?.at, view),
    last_touch: milestone(lastTouch, lastTouch?.at, view),
  };
}

/** Every visit of the person before this event, oldest first, as milestones are told. */
export function touches(lead: LeadReport, view: View) {
  return lead.touches.map((touch) => ({
    session: touch.sessionId,
    visit: touch.visitId,
    ...milestone(touch, touch.at, view),
  }));
}

function milestone(touch: Touch | null | undefined, at: number | undefined, view: View) {
  const params = paramsOf(touch?.landing);
  const utm = [...readParameters(touch?.landing ?? '')].filter(([name]) => name.startsWith('utm_'));
  return {
    event_date: at === undefined ? null : formatTime(at, view.timeZone),
    ad_position: null,
    campaign: touch?.campaign ?? null,
    device: touch?.device ?? null,
    keywords: touch?.source.endsWith('_paid') ? touch.term : null,
    landing: touch?.landing ?? null,
    landing_page_url_params: params,
    match_type: null,
    medium: touch?.medium ?? null,
    referrer: urlOf(touch?.referrer),
    referrer_url_params: paramsOf(urlOf(touch?.referrer)),
    session_browser: null,
    url_utm_params: Object.fromEntries(utm),
    source: touch?.sourceName ?? null,
  };
}

function urlOf(referrer: string | undefined): string | null {
  return referrer === undefined || referrer === '' || referrer === 'direct' ? null : referrer;
}

function paramsOf(url: string | null | undefined): Record<string, string> {
  if (!url || !URL.canParse(url)) return {};
  return Object.fromEntries(new URL(url).searchParams);
}
