/** What people say of a call or a form: notes, tags, what it is worth. */
import type { CallChangesBody, FormChangesBody } from '../../../shared/contract/reporting-bodies.js';
import { invalid } from '../../domain/errors.js';
import type { CallChanges, LeadChanges } from '../../domain/reports.js';
import { given } from './query.js';

/** What is left out stays as it is; null and what is empty clear. Throws `invalid` with the field to blame. */
export function readCallChanges(body: CallChangesBody): CallChanges {
  return given({
    ...readLeadChanges(body),
    customerName: body.customer_name === undefined ? undefined : textOf(body.customer_name),
    spam: isOn(body.spam) ? true : undefined,
    attribution: body.attribution === undefined ? undefined : readCorrection(body.attribution),
  }) as CallChanges;
}

function readCorrection(written: CallChangesBody['attribution']): CallChanges['attribution'] {
  if (!written) return null;
  const { visit, source = null } = written;
  if (visit !== null && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(visit)) {
    throw invalid('attribution.visit', 'is not the id of a visit');
  }
  if (source !== null && !/^[\w.-]{1,255}$/.test(source)) {
    throw invalid('attribution.source', 'is not the slug of a source such as google_paid');
  }
  return { visit, source };
}

/** As `readCallChanges`. Clients in use write `notes` for `note`. */
export function readFormChanges({ notes, ...body }: FormChangesBody): LeadChanges {
  return readLeadChanges(body.note === undefined && notes !== undefined ? { ...body, note: notes } : body);
}

function readLeadChanges(body: Omit<FormChangesBody, 'notes'>): LeadChanges {
  const tags = body.tags === undefined ? undefined : readTags(body.tags ?? []);
  return given({
    note: body.note === undefined ? undefined : textOf(body.note),
    value: body.value === undefined ? undefined : readValue(body.value),
    leadStatus: body.lead_status === undefined ? undefined : readStatus(body.lead_status),
    tags: isOn(body.append_tags) ? undefined : tags,
    moreTags: isOn(body.append_tags) ? tags : undefined,
  }) as LeadChanges;
}

function textOf(text: string | null): string | null {
  return text?.trim() || null;
}

function readTags(written: readonly string[]): string[] {
  const tags = written.map((tag, i) => {
    if (tag.trim() === '') throw invalid(`tags.${i}`, 'is empty');
    return tag.trim();
  });
  return [...new Set(tags)];
}

/** Dollars and cents. */
function readValue(written: string | number | null): number | null {
  if (written === null || written === '') return null;
  const [, digits] = /^\s*\$?\s*(\d{1,12}(?:\.\d{1,2})?|\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,2})?)\s*$/.exec(
    String(written),
  ) ?? [null, null];
  if (!digits) throw invalid('value', 'is not an amount such as "$1.00" or "1.00"');
  return Number(digits.replaceAll(',', ''));
}

function readStatus(written: string | null): 'good_lead' | 'not_a_lead' | null {
  if (written === null || written === '') return null;
  if (written !== 'good_lead' && written !== 'not_a_lead') {
    throw invalid('lead_status', 'is none of good_lead, not_a_lead');
  }
  return written;
}

function isOn(flag: boolean | 'true' | 'false' | null | undefined): boolean {
  return flag === true || flag === 'true';
}
