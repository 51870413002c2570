import type { VisitorEvent } from '../../shared/contract/visitor.js';
import { parsePhoneNumber } from './phone-numbers.js';
import type { Attribution, CurrentVisit } from './ports.js';

type SentFields = Extract<VisitorEvent, { type: 'form' }>['fields'];

/** The fields as text: lists with commas between their items, nothing as an empty text. */
export function fieldsAsText(fields: SentFields): Record<string, string> {
  const text = (value: SentFields[string]) => (Array.isArray(value) ? value.join(', ') : String(value ?? ''));
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, text(value)]));
}

export interface Customer {
  name: string | null;
  email: string | null;
  phone: string | null;
}

/** Who filled in a form, as far as its fields tell. */
export function readCustomer(fields: Record<string, string>): Customer {
  const entries = Object.entries(fields);
  const labelled = (label: RegExp) =>
    entries.filter(([name]) => label.test(name)).map(([, value]) => value.trim());
  const email = entries
    .map(([, value]) => value.trim())
    .find((value) => /^[^\s@]{1,64}@[^\s@]+\.[^\s@]+$/.test(value));
  const phones = labelled(/phone|mobile|\btel|\bcell|telefon|handy/i).map((value) => parsePhoneNumber(value));
  const [first] = labelled(/^\s*(first|given)[\s_-]*name/i);
  const [last] = labelled(/^\s*(last|family|sur)[\s_-]*name/i);
  const [whole] = labelled(/^(?!.*(user|company|business|form|last|family|sur|first|given)).*\bname\b/i);
  const name = [first, last].filter(Boolean).join(' ') || whole || null;
  return { name, email: email?.toLowerCase().slice(0, 254) ?? null, phone: phones.find(Boolean) ?? null };
}

/** A form is sent by the visit itself: nothing is guessed. */
export function attributeForm(sessionId: string, visit: CurrentVisit): Attribution {
  return {
    session: sessionId,
    visit: visit.visitId,
    source: visit.source,
    confidence: 1,
    sourceConfidence: 1,
    method: 'session',
    candidates: [{ session: sessionId, visit: visit.visitId, source: visit.source, weight: 1 }],
  };
}
