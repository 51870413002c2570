/**
 * Forms: what a visitor submits is told to the server as a lead, and what must not leave the browser is left out
 * here, before anything is sent. The page's own submitting is never held up.
 */
import { listen, safely, stringify } from './guard.js';
import { cut } from './visitor.js';

/** What a form said: an event but for who sent it. */
export interface CapturedForm {
  url: string;
  form_name: string | null;
  fields: Record<string, string>;
}

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const IGNORED = '[data-cr-no-capture],[data-calltrk-ignore]';
/**
 * Type, name, id and `autocomplete` of what is left out: types without a word of the visitor's; passwords, payment
 * cards and identity papers; what forms carry for their own security.
 */
const LEFT_OUT =
  /^(?:file|submit|button|reset|output)|passw|pwd|cv[vc]|card.?(?:n|exp|code|holder)|cc.?(?:num|exp)|one-time|csrf|token|nonce|captcha|turnstile|secur\w*.code|social.?sec|calltrk_|\b__|[^a-z](?:card|cc|csc|ssn|pin|otp|iban)(?:[^a-z]|$)/i;
/** The same in the words that a visitor reads: of these fewer tell, since people write of cards, too. */
const LEFT_OUT_LABEL = /passw|\bcv[vc]\b|card n|security (?:code|n)|\b(?:ssn|iban|pin)\b/i;
/** A social security number as it is written in the United States. */
const SOCIAL_SECURITY = /^\d{3}-\d\d-\d{4}$/;
/** What a digit counts at every other place of a card number, by Luhn: the sum of the digits of its double. */
const DOUBLED = '0246813579';
/** The same form with the same words within this time is one submission. */
const REPEAT_MS = 1000;
const MAX_LABEL = 256;
const MAX_VALUE = 8192;
/** In characters: three bytes each at the worst, of the 64 KiB that a browser takes from a page that goes. */
const MAX_TOTAL = 16_000;

const { closest, getAttribute } = Element.prototype;
const captured = new WeakMap<HTMLFormElement, { words: string; at: number }>();
let onForm: (form: CapturedForm) => void;
let beforehand: () => void;

/**
 * From now on `tell` gets each form that is submitted, by the visitor or by the page's own script. `prepare` is called
 * while the form can still be changed.
 */
export function watchForms(tell: (form: CapturedForm) => void, prepare: () => void): void {
  onForm = tell;
  beforehand = prepare;
  // A form that a script submits tells nobody: https://html.spec.whatwg.org/#dom-form-submit
  const { prototype } = HTMLFormElement;
  const { submit } = prototype;
  prototype.submit = function () {
    see(this);
    return submit.apply(this);
  };
}

/** Hears of forms in this document or shadow root: a `submit` does not leave a shadow root. */
export function watchFormsIn(root: EventTarget): void {
  listen('submit', ({ target }) => see(target as HTMLFormElement), root);
}

const see = safely((form: HTMLFormElement) => {
  beforehand();
  captureForm(form);
});

/** Captures what is in a form now. */
export function captureForm(form: HTMLFormElement): void {
  const fields = readFields(form);
  const words = stringify(fields);
  const last = captured.get(form);
  const at = Date.now();
  if (words === '{}' || (last?.words === words && at - last.at < REPEAT_MS)) return;
  captured.set(form, { words, at });
  // A form's fields may have the names of its methods: https://html.spec.whatwg.org/#dom-form-nameditem
  const name = ['name', 'id', 'aria-label'].map((key) => getAttribute.call(form, key)).find(Boolean);
  onForm({ url: cut(location.href), form_name: name ? name.slice(0, MAX_LABEL) : null, fields });
}

/** What the form would send, by the names that the visitor reads. */
function readFields(form: HTMLFormElement): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  let room = MAX_TOTAL;
  if (closest.call(form, IGNORED)) return fields;
  for (const field of Reflect.get(HTMLFormElement.prototype, 'elements', form) as Iterable<Field>) {
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
  if (field.matches(':disabled') || LEFT_OUT.test(names) || field.closest(IGNORED)) return '';
  if (LEFT_OUT_LABEL.test(readLabel(field))) return '';
  if (isChoice(field) && !(field as HTMLInputElement).checked) return '';
  const value = String(field.value ?? '').trim();
  return holdsCardNumber(value) || SOCIAL_SECURITY.test(value) ? '' : value;
}

/** The words beside the field, else its name. The label of one choice among several says less than their name. */
function readLabel(field: Field): string {
  const label = !isChoice(field) && (field.labels?.[0]?.textContent || field.getAttribute('aria-label'));
  return String(label || field.name || field.id)
    .replace(/\s+/g, ' ')
    .replace(/^ |[ *:]+$/g, '');
}

function isChoice(field: Field): boolean {
  return /^(checkbox|radio)$/.test(field.type);
}

/** 13 to 19 digits with a right check digit; what begins with `+` or `00` is a phone number. */
function holdsCardNumber(value: string): boolean {
  const runs = /^(?:\+|00)/.test(value) ? null : value.match(/(?:\d[ -]?){12,18}\d/g);
  return !!runs?.some((run) => {
    const digits = [...run.replace(/\D/g, '')].reverse();
    return !(digits.reduce((sum, digit, place) => sum + Number(place % 2 ? DOUBLED[+digit] : digit), 0) % 10);
  });
}
