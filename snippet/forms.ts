/**
 * Forms: what a visitor submits is told to the server as a lead, and what must not leave the browser is left out
 * here, before anything is sent. The page's own submitting is never held up.
 */
import { listen, safely } from './guard.js';
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
 * What is left out, told from its type, and from its label, name, id and placeholder, each in a line of its own, with
 * `_` as a space and one between words that are written `likeThis`: types without a word of the visitor's; names that
 * begin with two `_`; passwords, payment cards and identity papers; what forms carry for their own security. What
 * is a part of ordinary words counts as a whole word only.
 */
const LEFT_OUT =
  /^(file|submit|button|reset|output)=|^ {2}|@.*\bcc-|passw|pwd|[cx]srf|captcha|turnstile|calltrk |(token|nonce)$|\bview\W?state|build\W?id$|sess(ion)?id|api\W?key|social\W?sec|(security|verification|time)\W?code|(credit|debit|name\W?on)\W?card|^(bill\w*|pay\w*)?\W*(cc|card)\W*$|\b(cc|card)[^\w\n]*(\d|da|det|n[aru]|no\b|exp|hold|type|mo|ye|c[sv]|sec|ver|pin)|\b(c(v[cnv2]|sc)|ssn|otp|iban|pan|pass|pin(?!\W?(code|drop)))(\d|num|code|phrase)*\b/im;
/** A social security number as it is written in the United States. */
const SOCIAL_SECURITY = /(^|[^\d+])\d{3}[^\w,]+\d\d[^\w,]+\d{4}\b/;
/** The same form with the same words within this time is one submission. */
const REPEAT_MS = 1000;
const MAX_LABEL = 256;
const MAX_VALUE = 8192;
/**
 * Of all values but the last: three bytes a character at the worst, of the 64 KiB that a browser takes from a page that
 * goes.
 */
const ROOM = 12_000;

const { closest, getAttribute } = Element.prototype;
/** What the visitor wrote into a form when it was told last, and when that was. */
const told = new WeakMap<HTMLFormElement, [words: string, at: number]>();
/** Fields that were of type `password`: pages show what was typed by making them `text`. */
const passwords = new WeakSet<Node>();
let onForm: (form: CapturedForm) => unknown;
let beforehand: () => void;

/**
 * From now on `tell` gets each form that is submitted, by the visitor or by the page's own script, and answers whether
 * it has taken it. `prepare` is called while the form can still be changed.
 */
export function watchForms(tell: (form: CapturedForm) => unknown, prepare: () => void): void {
  onForm = tell;
  beforehand = prepare;
  // A form that a script submits tells nobody: https://html.spec.whatwg.org/#dom-form-submit
  const { prototype } = HTMLFormElement;
  const { submit } = prototype;
  prototype.submit = function () {
    // The page has looked at what the visitor submitted, which is told already, and sends it.
    see(this, Number.POSITIVE_INFINITY);
    return submit.apply(this);
  };
}

/** Hears of forms in this document or shadow root: a `submit` does not leave a shadow root. */
export function watchFormsIn(root: Document | ShadowRoot): void {
  const { defaultView } = root as Partial<Document>;
  const react = ({ target }: Event) => {
    const form = target as HTMLFormElement;
    // A frame may have a script of its own, which tells.
    const { CallTrkSwap } = form.ownerDocument.defaultView ?? {};
    if (!CallTrkSwap || CallTrkSwap === window.CallTrkSwap) see(form);
  };
  listen('submit', react, defaultView ?? root);
  const note = safely((changes: MutationRecord[]) => {
    for (const { target, oldValue } of changes) if (oldValue === 'password') passwords.add(target);
  });
  const options = { subtree: true, attributeFilter: ['type'], attributeOldValue: true };
  safely(() => new MutationObserver(note).observe(root, options))();
}

/** Captures what is in a form now, unless the same words of it were told within so many milliseconds. */
export function captureForm(form: HTMLFormElement, withinMs = REPEAT_MS): void {
  beforehand();
  const [fields, words] = readFields(form);
  const [before, at = 0] = told.get(form) ?? [];
  if (!Object.keys(fields)[0] || (words === before && Date.now() - at < withinMs)) return;
  // A form's fields may have the names of its methods: https://html.spec.whatwg.org/#dom-form-nameditem
  const name =
    getAttribute.call(form, 'name') || getAttribute.call(form, 'id') || getAttribute.call(form, 'aria-label');
  const form_name = name?.slice(0, MAX_LABEL) ?? null;
  if (onForm({ url: cut(location.href), form_name, fields })) told.set(form, [words, Date.now()]);
}

const see = safely(captureForm);

/**
 * What the form would send, by the names that the visitor reads, without what is not ours to know; and how much of that
 * he wrote himself: the page may fill hidden fields until the last moment.
 */
function readFields(form: HTMLFormElement): [fields: Record<string, string>, words: string] {
  const fields: Record<string, string> = Object.create(null);
  let words = '';
  let room = ROOM;
  for (const field of Reflect.get(HTMLFormElement.prototype, 'elements', form) as Iterable<Field>) {
    const { type } = field;
    const isChoice = /checkbox|radio/.test(type);
    const page = field.getRootNode() as Document | ShadowRoot;
    const labelledBy = `${field.getAttribute('aria-labelledby')}`.split(' ');
    const names = [
      // A label may be around its field: what is to be chosen or written there is none of its words.
      field.labels?.[0]?.textContent?.replace(`${field.textContent}`, ' '),
      field.getAttribute('aria-label'),
      labelledBy.map((id) => page.getElementById?.(id)?.textContent).join(' '),
      field.name,
      field.id,
      field.getAttribute('placeholder'),
    ].map(tidy);
    // The label of one choice among several says less than their name.
    if (isChoice) names.splice(0, 3);
    const label = names.find(Boolean);
    const { selectedOptions: chosen } = field as HTMLSelectElement;
    const value = (
      chosen ? Array.from(chosen, (one) => one.value).join(', ') : `${field.value ?? ''}`
    ).trim();
    const signs = [`${type}=`, ...names, `@${field.getAttribute('autocomplete')}`].join('\n');
    const isLeftOut =
      LEFT_OUT.test(signs.replace(/([a-z](?=[A-Z])|[A-Z](?=[A-Z][a-z]))|_/g, '$1 ')) ||
      passwords.has(field) ||
      field.matches(':disabled') ||
      (isChoice && !(field as HTMLInputElement).checked) ||
      closest.call(form, IGNORED) ||
      field.closest(IGNORED) ||
      holdsSecret(value.normalize('NFKC'));
    if (isLeftOut || room < 0 || !value || !label) continue;
    const all = label in fields ? `${fields[label]}, ${value}` : value;
    fields[label] = all.slice(0, MAX_VALUE);
    room -= label.length + fields[label].length;
    if (type !== 'hidden') words += label + value;
  }
  return [fields, words];
}

const tidy = (words?: string | null) =>
  (words ?? '')
    .replace(/\s+/g, ' ')
    .replace(/[ *:]+$/, '')
    .trim()
    .slice(0, MAX_LABEL);

/**
 * A social security number, or a card's: 13 to 19 digits with a right check digit, by Luhn, with blanks and one kind of
 * mark between, whatever other figures stand beside them. Up to 15 that begin with `+` or `0` are a phone number.
 */
function holdsSecret(text: string): boolean {
  const isCard = ([, run = '']: RegExpMatchArray) => {
    const digits = run.match(/\d/g) ?? [];
    return !(
      (digits.length < 16 && /^[+0]/.test(run)) ||
      /([^+\d\s]).*(?!\1)[^+\d\s]/s.test(run) ||
      digits
        .reverse()
        .map(Number)
        .reduce((sum, digit, place) => sum + ((place % 2 && (digit * 2) % 9) || digit), 0) % 10
    );
  };
  for (let count = 12; count < 19; count++) {
    const runs = text.matchAll(RegExp(`(?:^|[^\\d+])(?=(\\+?\\d(?:[^a-z\\d+]*\\d){${count}})(?!\\d))`, 'gi'));
    if ([...runs].some(isCard)) return true;
  }
  return SOCIAL_SECURITY.test(text);
}
