/**
 * Forms: what a visitor submits is told to the server as a lead, and what must not leave the browser is left out
 * here, before anything is sent. The page's own submitting is never held up.
 */
import { later, listen, safely, stringify } from './guard.js';
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
 * Type, name, id, `autocomplete` and label of what is left out: types without a word of the visitor's; passwords, payment
 * cards and identity papers; what forms carry for their own security.
 */
const LEFT_OUT =
  /^(file|submit|button|reset|output)|passw|pwd|card(?!i)|c[sv][cv]|one-time|csrf|token|nonce|captcha|turnstile|security.?code|social.?sec|calltrk_|[^a-z](__|cc|ssn|otp|iban|pin[^a-z])/i;
/** A social security number as it is written in the United States. */
const SOCIAL_SECURITY = /^\d{3}-\d\d-\d{4}$/;
/** The same form with the same words within this time is one submission. */
const REPEAT_MS = 1000;
const MAX_LABEL = 256;
const MAX_VALUE = 8192;
/** Of all values but the last: three bytes a character at the worst, of the 64 KiB that a browser takes from a page that goes. */
const ROOM = 12_000;

const { closest, getAttribute } = Element.prototype;
/** What was told just now. */
const told = new Set<string>();
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

/** Captures what is in a form now. */
export function captureForm(form: HTMLFormElement): void {
  beforehand();
  const fields = readFields(form);
  const words = stringify(fields);
  if (words === '{}' || told.has(words)) return;
  told.add(words);
  later(REPEAT_MS, () => told.delete(words));
  // A form's fields may have the names of its methods: https://html.spec.whatwg.org/#dom-form-nameditem
  const name =
    getAttribute.call(form, 'name') || getAttribute.call(form, 'id') || getAttribute.call(form, 'aria-label');
  onForm({ url: cut(location.href), form_name: name?.slice(0, MAX_LABEL) ?? null, fields });
}

const see = safely(captureForm);

/** What the form would send, by the names that the visitor reads; without what is not ours to know. */
function readFields(form: HTMLFormElement): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  let room = ROOM;
  for (const field of Reflect.get(HTMLFormElement.prototype, 'elements', form) as Iterable<Field>) {
    const { type, name, id } = field;
    const isChoice = /checkbox|radio/.test(type);
    // The words beside the field, else its name. The label of one choice among several says less than their name.
    const words = !isChoice && (field.labels?.[0]?.textContent || field.getAttribute('aria-label'));
    const label = `${words || name || id}`
      .replace(/\s+/g, ' ')
      .replace(/[ *:]+$/, '')
      .trim()
      .slice(0, MAX_LABEL);
    const value = String(field.value ?? '').trim();
    const isLeftOut =
      LEFT_OUT.test(`${type} ${label} ${name} ${id} ${field.getAttribute('autocomplete')}`) ||
      field.matches(':disabled') ||
      (isChoice && !(field as HTMLInputElement).checked) ||
      closest.call(form, IGNORED) ||
      field.closest(IGNORED) ||
      holdsCardNumber(value) ||
      SOCIAL_SECURITY.test(value);
    if (isLeftOut || room < 0 || !value || !label) continue;
    const all = label in fields ? `${fields[label]}, ${value}` : value;
    fields[label] = all.slice(0, MAX_VALUE);
    room -= label.length + fields[label].length;
  }
  return fields;
}

/**
 * 13 to 19 digits with a right check digit, by Luhn, whatever other figures stand beside them; what begins with `+` or
 * `00` is a phone number.
 */
function holdsCardNumber(value: string): boolean {
  const isCard = ([, run]: RegExpMatchArray) =>
    !(
      [...(run as string).replace(/\D/g, '')]
        .reverse()
        .map(Number)
        .reduce((sum, digit, place) => sum + ((place % 2 && (digit * 2) % 9) || digit), 0) % 10
    );
  for (let count = 12; count < 19 && !/^(\+|00)/.test(value); count++) {
    const runs = value.matchAll(RegExp(`(?:^|\\D)(?=((?:\\d[ -]?){${count}}\\d)(?!\\d))`, 'g'));
    if ([...runs].some(isCard)) return true;
  }
  return false;
}
