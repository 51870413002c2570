/** The rules of a tracker's `advanced_swap_targets`: texts of the site that are replaced, each with its template. */
import { invalid } from '../../domain/errors.js';

const FIELD = 'advanced_swap_targets';
const MAX = { texts: 20, text: 64, template: 255 };
const PLACEHOLDER = /###phone(?:-dashes|-dots)?###/g;

/**
 * The texts as they are to be kept. Replacing a text must leave nothing that is replaced again, so no template has one
 * of the texts in it. Throws `invalid` with the field to blame.
 */
export function readTextTargets(given: Record<string, string>): Record<string, string> {
  const targets = Object.entries(given).map(([text, template]) => [text.trim(), template.trim()] as const);
  if (targets.length > MAX.texts) throw invalid(FIELD, `has more than ${MAX.texts} texts`);
  for (const [text, template] of targets) {
    const fault = faultOfText(text) ?? faultOfTemplate(template);
    if (fault) throw invalid(FIELD, `has ${quoted(text)}, ${fault}`);
    const again = targets.find(([other]) => template.toLowerCase().includes(other.toLowerCase()));
    if (again) {
      throw invalid(FIELD, `has ${quoted(again[0])} in a template: it would be replaced again and again`);
    }
  }
  const read = Object.fromEntries(targets);
  if (Object.keys(read).length < targets.length) throw invalid(FIELD, 'has one text twice');
  return read;
}

function faultOfText(text: string): string | null {
  if (text.length < 3 || text.length > MAX.text) return `which has not 3 to ${MAX.text} characters`;
  if (!isOneLine(text)) return 'which is not one line of text';
  // Numbers are found in all their spellings, by swap_targets.
  return /\p{L}/u.test(text) ? null : 'which has no letter: numbers belong to swap_targets';
}

function faultOfTemplate(template: string): string | null {
  if (template.length > MAX.template) return `whose template has more than ${MAX.template} characters`;
  if (!isOneLine(template)) return 'whose template is not one line of text';
  if (template.replace(PLACEHOLDER, '').includes('###')) return `whose template has ### beside ${KNOWN}`;
  return template.search(PLACEHOLDER) < 0 ? `whose template has none of ${KNOWN}` : null;
}

const KNOWN = '###phone###, ###phone-dashes### and ###phone-dots###';

function isOneLine(text: string): boolean {
  return !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text);
}

/** As JSON writes it, so that nothing in it can be mistaken for the message. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80).toWellFormed());
}
