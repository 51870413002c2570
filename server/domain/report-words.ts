/** How the things of a report read: phones, durations, money, names and sources. */
import type { SourceRule } from '../../shared/contract/visitor.js';
import { explainSource, nameOfSlug, type SourceSign } from '../../shared/source.js';
import { explainPool, explainRule, sourceOfRule } from '../../shared/source-rules.js';
import { spell } from './phone-numbers.js';
import type { PhoneNumber } from './ports.js';
import type { CallReport, LeadReport } from './reports.js';

/** `305-555-0100` for a number of the North American plan, the international spelling for others. */
export function formatPhone(number: PhoneNumber | null): string | null {
  if (number === null) return null;
  const [, area, exchange, line] = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number) ?? [];
  return area ? `${area}-${exchange}-${line}` : spell(number).international;
}

/** `13s`, `2m 59s`, `1h 0m 5s`. */
export function formatDuration(seconds: number | null): string | null {
  if (seconds === null) return null;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const parts = [`${seconds % 60}s`];
  if (hours > 0 || minutes > 0) parts.unshift(`${minutes}m`);
  if (hours > 0) parts.unshift(`${hours}h`);
  return parts.join(' ');
}

/** `$1,234.50`; `--` when nobody said what the lead is worth. */
export function formatMoney(value: number | null): string {
  if (value === null) return '--';
  return value.toLocaleString('en-US', { style: 'currency', currency: 'USD' });
}

/** `google_paid` → `Google Paid`; a domain stays as it is. */
export function formatSlug(slug: string): string {
  if (slug.includes('.')) return slug;
  return slug.replace(/_/g, ' ').replace(/(?<![\p{L}\p{N}])\p{L}/gu, (letter) => letter.toUpperCase());
}

/** Caller id shouts; a name all in capitals is set as people write it. */
export function formatName(name: string | null): string | null {
  if (name === null || name !== name.toUpperCase()) return name;
  return name.toLowerCase().replace(/(^|[\s'-])\p{L}/gu, (start) => start.toUpperCase());
}

/**
 * Slug and display name of what led to a lead event: the first touch where a session is known, else what the
 * tracker's own rule tells, else what the join says of the source alone.
 */
export function sourceOf(
  lead: Pick<LeadReport, 'firstTouch' | 'attribution'> &
    Partial<Pick<CallReport, 'trackerType' | 'trackerName' | 'trackerSource'>>,
): { source: string; name: string } | null {
  if (lead.firstTouch) return { source: lead.firstTouch.source, name: lead.firstTouch.sourceName };
  if (lead.trackerType === 'source') {
    return sourceOfRule(lead.trackerSource as unknown as SourceRule, lead.trackerName ?? '');
  }
  const { source } = lead.attribution;
  return source === null ? null : { source, name: nameOfSource(source) };
}

/** How a source reads of which nothing but the slug is known. */
export function nameOfSource(slug: string): string {
  return nameOfSlug(slug) ?? formatSlug(slug);
}

/** Which rule gave a lead event its source. */
export interface SourceExplanation {
  /** Its slug; null: nothing tells. */
  source: string | null;
  /** What decided: a sign of the first visit, or the number's `tracker`, or the `attribution`. */
  sign: SourceSign | 'tracker' | 'attribution';
  /** What was seen, in English. */
  because: string;
  /** Whom the tracker that was called shows its number; null for forms and for numbers without a tracker. */
  tracker: string | null;
}

/** Why `sourceOf` answers what it does, in the same order. */
export function explainSourceOf(lead: Parameters<typeof sourceOf>[0]): SourceExplanation {
  const { firstTouch, trackerType, trackerSource } = lead;
  const source = sourceOf(lead)?.source ?? null;
  const shownTo =
    trackerType === 'source'
      ? explainRule(trackerSource as unknown as SourceRule)
      : trackerType === 'session'
        ? explainPool(trackerSource ?? {})
        : null;
  const tracker = shownTo && `its number is for ${shownTo}`;
  if (firstTouch) {
    const { sign, because } = explainSource(firstTouch);
    return { source, sign, because: `first visit: ${because}`, tracker };
  }
  if (trackerType === 'source') {
    return {
      source,
      sign: 'tracker',
      because: 'no visit is known, and the number stands for a source',
      tracker,
    };
  }
  const because = source
    ? 'no visit is sure, but those that may have called have this source'
    : 'neither one visit nor one source is sure enough';
  return { source, sign: 'attribution', because, tracker };
}
