/**
 * How a company's script behaves on a page: what a user may say about it, and what of that the script is told. Its
 * configuration is in every page view, so what is as usual is left out.
 */
import type { ScriptConfig } from '../../shared/contract/visitor.js';
import type { ScriptSettings, Tracker } from './ports.js';

/** What holds where nobody has set anything. */
export const STANDARD: ScriptSettings = {
  consent: 'granted',
  gpc: 'mark',
  dnt: 'ignore',
  keepSelectors: [],
  keepUrls: [],
  swapCode: false,
  dataLayer: false,
};

/** The settings as the script is told them. */
export function compileSettings(
  set: Partial<ScriptSettings>,
): Pick<ScriptConfig, 'consent' | 'refusals' | 'keep' | 'keep_urls' | 'code' | 'data_layer'> {
  const settings = { ...STANDARD, ...set };
  const refusals: ScriptConfig['refusals'] = [];
  if (settings.gpc === 'deny') refusals.push('globalPrivacyControl');
  if (settings.dnt === 'deny') refusals.push('doNotTrack');
  return {
    ...(settings.consent === 'wait' && { consent: 'wait' }),
    ...(refusals.length > 0 && { refusals }),
    ...(settings.keepSelectors.length > 0 && { keep: compileSelectors(settings.keepSelectors) }),
    ...(settings.keepUrls.length > 0 && { keep_urls: compileAddresses(settings.keepUrls) }),
    ...(settings.swapCode && { code: true }),
    ...(settings.dataLayer && { data_layer: true }),
  };
}

/**
 * The texts of these trackers as the script is told them, in the trackers' order: each is replaced as the first target
 * of its tracker is. One text may stand for several targets, whose numbers are for different visitors.
 */
export function compileTexts(
  trackers: readonly Pick<Tracker, 'textTargets' | 'swapTargets'>[],
): NonNullable<ScriptConfig['texts']> {
  const texts = new Map<string, [text: string, target: string, template: string]>();
  for (const { textTargets, swapTargets } of trackers) {
    const [target] = swapTargets;
    if (target === undefined) continue;
    for (const [text, template] of Object.entries(textTargets)) {
      const name = `${target} ${text}`;
      if (!texts.has(name)) texts.set(name, [text, target, template]);
    }
  }
  return [...texts.values()];
}

/** Control characters, ends of lines and half surrogate pairs. */
const NO_TEXT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

// ── Selectors ────────────────────────────────────────────────────────────────────────────────────────────────

const MAX_SELECTOR = 200;
const CLOSING: Record<string, string> = { '(': ')', '[': ']' };

/**
 * What keeps a text from being a CSS selector, as far as can be told without a browser; null: it may be one. It can
 * hold nothing that reaches beyond it into another selector of a list.
 */
export function faultOfSelector(selector: string): string | null {
  if (selector === '') return 'is empty';
  if (selector.length > MAX_SELECTOR) return `is longer than ${MAX_SELECTOR} characters`;
  if (NO_TEXT.test(selector)) return 'has characters that no selector has';
  const open: string[] = [];
  let quote = '';
  for (let at = 0; at < selector.length; at++) {
    const char = selector[at] as string;
    if (char === '\\') {
      if (++at === selector.length) return 'ends with a backslash';
    } else if (quote) {
      if (char === quote) quote = '';
    } else if (char === '"' || char === "'") {
      quote = char;
    } else if (CLOSING[char]) {
      open.push(CLOSING[char]);
    } else if (char === ')' || char === ']') {
      if (open.pop() !== char) return `has a ${char} that closes nothing`;
    } else if (/[{};<@!]/.test(char) || selector.startsWith('/*', at)) {
      return 'is more than a selector';
    }
  }
  if (quote) return `has a ${quote} that is not closed`;
  if (open.length > 0) return `lacks a ${open.at(-1)}`;
  return /^[,>+~]|[,>+~]$|,\s*,/.test(selector.replace(/"[^"]*"|'[^']*'/g, '""'))
    ? 'begins or ends with a sign that stands between selectors, or has two commas together'
    : null;
}

const IDENT = '-{0,2}[A-Za-z_\\u0080-\\uffff][\\w\\u0080-\\uffff-]*';
const ATTRIBUTE = `\\[${IDENT}(?:[~|^$*]?=(?:${IDENT}|"[^"\\\\]*"|'[^'\\\\]*')(?: [is])?)?\\]`;
const MORE = `(?:[#.]${IDENT}|${ATTRIBUTE})`;
const COMPOUND = `(?:(?:\\*|${IDENT})${MORE}*|${MORE}+)`;
const COMPLEX = `${COMPOUND}(?:(?: *[>+~] *| +)${COMPOUND})*`;
/** Elements, classes, ids and attributes: what every browser understands. */
const PLAIN = new RegExp(`^${COMPLEX}(?: *, *${COMPLEX})*$`);

/**
 * One selector of all. In a plain list a single one that a browser does not know makes it refuse them all; of
 * `:is()` it ignores what it does not know.
 */
function compileSelectors(selectors: readonly string[]): string {
  return selectors.map((selector) => (PLAIN.test(selector) ? selector : `:is(${selector})`)).join(',');
}

// ── Addresses ────────────────────────────────────────────────────────────────────────────────────────────────

const MAX_ADDRESS = 500;

/** What keeps a text from being an address or a path with wildcards; null: it is one. */
export function faultOfAddress(address: string): string | null {
  if (address === '') return 'is empty';
  if (address.length > MAX_ADDRESS) return `is longer than ${MAX_ADDRESS} characters`;
  if (NO_TEXT.test(address) || /\s/.test(address)) return 'has characters that no address has';
  if (readAddress(address)) return null;
  return 'is neither an address (www.example.com/legal) nor a path (/legal/*)';
}

/**
 * The source of an expression on the address of a page, fit for `new RegExp`. What an address says nothing about does
 * not matter: scheme, query, fragment, a slash at the end; a path is of any host. Linear in the length of the page's
 * address, whatever the wildcards are.
 */
function compileAddresses(addresses: readonly string[]): string {
  let groups = 0;
  return addresses
    .map(readAddress)
    .filter((address) => address !== null)
    .map(({ begin, parts }) => {
      const last = parts.length - 1;
      return parts.reduce((source, part, at) => {
        const before = parts.slice(0, at).join('');
        const any = before.includes('#') ? '.' : before.includes('?') ? '[^#]' : '[^?#]';
        if (at === last) {
          // Behind the last wildcard anything may follow.
          if (at > 0 && part === '') return source;
          return source + (at > 0 ? `${any}*` : '') + compileEnd(before, part);
        }
        if (at === 0) return source + literal(part);
        if (at === last - 1 && parts[last] === '') return `${source}${any}*?${literal(part)}`;
        // Its first place is as good as any other, and no other is ever tried: JavaScript's way to say so.
        groups++;
        return `${source}(?=(${any}*?${literal(part)}))\\${groups}`;
      }, begin);
    })
    .join('|');
}

/** Taken apart at its wildcards; null: it is none. */
function readAddress(address: string): { begin: string; parts: string[] } | null {
  if (/^\/(?!\/)/.test(address)) return { begin: '^\\w+://[^/]*', parts: split(address) };
  const [, host = '', rest = ''] = /^(?:https?:)?(?:\/\/)?([^/?#]*)(.*)$/i.exec(address) ?? [];
  const name = readHost(host);
  return name === null ? null : { begin: '^https?://', parts: split(name + rest) };
}

/** A host as browsers write it, so in ASCII; with wildcards, what can stand beside them. */
function readHost(host: string): string | null {
  if (host.includes('*')) return /^[\w.:*-]+$/.test(host) ? host.toLowerCase() : null;
  const isHost = /^[\w-]+(?:\.[\w-]+)*(?::\d+)?$/.test(host) && /\.|^localhost/i.test(host);
  return isHost ? host.toLowerCase() : null;
}

function split(address: string): string[] {
  // As the browser writes them in `location.href`.
  return address.split(/\*+/).map((part) => part.replace(/["<>`{}]|[^\x21-\x7e]+/g, encodeURIComponent));
}

/** The last part of an address, and what may follow it: all that the address says nothing about. */
function compileEnd(before: string, part: string): string {
  const address = before + part;
  if (address.includes('#')) return `${literal(part)}$`;
  if (address.includes('?')) return `${literal(part)}(?:#|$)`;
  return `${literal(part.replace(/\/$/, ''))}/?(?:[?#]|$)`;
}

/** Text as an expression that it alone fits. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
