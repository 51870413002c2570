/**
 * Forms: what a visitor submits is told to the server as a lead, and what must not leave the browser is left out
 * here, before anything is sent. The page's own submitting is never held up.
 */
import { listen } from './guard.js';
import type { Transport } from './transport.js';
import { cut } from './visit.js';

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const IGNORED = '[data-cr-no-capture],[data-calltrk-ignore]';
/**
 * Type, name, id and `autocomplete` of what is left out: types without a word of the visitor's; passwords, payment
 * cards and identity papers; what forms carry for their own security.
 */
const LEFT_OUT =
  /^(?:file|submit|button|image|reset|fieldset|output|object)|passw|pwd|cvv|cvc|card.?(?:n|exp|code|holder)|cc.?(?:num|exp)|one-time|csrf|token|nonce|captcha|\b__|(?:^|[^a-z])(?:card|cc|csc|ssn|pin|otp|iban)(?:[^a-z]|$)/i;
const CARD_NUMBER = /(?:\d[ -]?){12,18}\d/g;
/** The same form with the same words within this time is one submission. */
const REPEAT_MS = 1000;
const MAX_LABEL = 256;
const MAX_VALUE = 8192;
/** In characters: three bytes each at the worst, of the 64 KiB that a browser takes from a page that goes. */
const MAX_TOTAL = 16_000;

/** Returns what captures one form now. `formSession` is asked for the id under which this browser's forms go. */
export function watchForms(
  { sendNow }: Transport,
  formSession: () => string,
): (form: HTMLFormElement) => void {
  const captured = new WeakMap<HTMLFormElement, { words: string; at: number }>();

  function capture(form: HTMLFormElement): void {
    const fields = readFields(form);
    const words = JSON.stringify(fields);
    const last = captured.get(form);
    const at = Date.now();
    if (words === '{}' || (last?.words === words && at - last.at < REPEAT_MS)) return;
    captured.set(form, { words, at });
    const name = form.getAttribute('name') || form.getAttribute('id') || form.getAttribute('aria-label');
    sendNow({
      type: 'form',
      url: cut(location.href),
      form_name: name ? name.slice(0, MAX_LABEL) : null,
      fields,
      fcid: formSession(),
    });
  }

  listen('submit', ({ target }) => capture(target as HTMLFormElement));
  return capture;
}

/** What the form would send, by the names that the visitor reads. */
function readFields(form: HTMLFormElement): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  let room = MAX_TOTAL;
  if (form.closest(IGNORED)) return fields;
  for (const field of form.elements as Iterable<Element> as Iterable<Field>) {
    const value = readValue(field).slice(0, Math.max(0, Math.min(MAX_VALUE, room)));
    const label = readLabel(field).slice(0, MAX_LABEL);
    // A server may refuse a body with this name in it.
    if (!value || !label || label === '__proto__') continue;
    fields[label] = label in fields ? `${fields[label]}, ${value}` : value;
    room -= value.length + label.length;
  }
  return fields;
}

/** What the visitor entered; empty for what is not filled in, not sent, or not ours to know. */
function readValue(field: Field): string {
  const names = `${field.type} ${field.name} ${field.id} ${field.getAttribute('autocomplete')}`;
  if (field.disabled || LEFT_OUT.test(names) || field.closest(IGNORED)) return '';
  if (isChoice(field) && !(field as HTMLInputElement).checked) return '';
  const value = String(field.value ?? '').trim();
  return holdsCardNumber(value) ? '' : value;
}

/** The words beside the field, else its name. The label of one choice among several says less than their name. */
function readLabel(field: Field): string {
  const label = !isChoice(field) && (field.labels?.[0]?.textContent || field.getAttribute('aria-label'));
  return String(label || field.name || field.id)
    .replace(/\s+/g, ' ')
    .replace(/^ |[ *:]+$/g, '');
}

function isChoice(field: Field): boolean {
  return field.type === 'checkbox' || field.type === 'radio';
}

/** 13 to 19 digits with a right check digit; what begins with `+` or `00` is a phone number. */
function holdsCardNumber(value: string): boolean {
  if (/^(?:\+|00)/.test(value)) return false;
  return (value.match(CARD_NUMBER) ?? []).some((run) => {
    let sum = 0;
    [...run.replace(/\D/g, '')].reverse().forEach((digit, place) => {
      const weighted = Number(digit) * (1 + (place % 2));
      sum += weighted > 9 ? weighted - 9 : weighted;
    });
    return sum % 10 === 0;
  });
}
