/**
 * How a visit is looked at, by the page and by the server with the same few lines: the parameters of its landing
 * page, the host that sent it, and whether a rule fits. What is known about the web is not in here: `source-compile`
 * compiles it into the rules, so that the script on a page carries no more of it than its company asks for.
 *
 * Every function is total and linear in its input: URLs are written by strangers.
 */
import type { Matcher } from './contract/visitor.js';

/** How a visit began: URLs as the browser gave them, or `direct`. */
export interface Touch {
  landing: string;
  referrer: string;
}

/** A touch, taken apart. */
export interface Evidence {
  /** What `readParameters` finds in the landing page. */
  parameters: ReadonlyMap<string, string>;
  /** Who sent the visitor: the referrer, or `utm_referrer` in its place. */
  referrer: string;
  /** His host, in lower case and without `www`; empty for none, and for the site itself. */
  host: string;
}

/**
 * The parameters of an address, of its query and of what stands behind `#`, decoded, by their names in lower case; of
 * two of one name the first that is not empty. It forgives what mailers and redirects do to links: `&amp;` between
 * them, `%3F` for the question mark, all of it encoded once more.
 */
export function readParameters(url: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const [, query = ''] = url.split(/(?:[?#]|%3f)(.*)/is, 2);
  for (const part of query.split(/&(?:amp;)*|[?#]/)) {
    for (const pair of part.includes('=') ? [part] : decode(part).split('&')) {
      const [, name = '', value = ''] = /([^=]*)=?(.*)/s.exec(pair) ?? [];
      const key = decode(name).toLowerCase();
      if (!parameters.get(key)) parameters.set(key, decode(decode(value.replace(/\+/g, ' '))).trim());
    }
  }
  return parameters;
}

/** What is encoded and can be decoded; all else stays as it is. */
export function decode(text: string): string {
  return text.replace(/(?:%[\da-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
}

/**
 * The host of a URL, also of one without a scheme, in lower case without `www`; empty for whatever has none with a dot
 * in it. 253 characters are the longest that DNS knows.
 */
export function hostOf(url: string): string {
  const [, host = ''] =
    /^\s*(?:[a-z][\w+.-]*:(?!\d))?(?:\/\/)?(?:[^/?#\\\s]*@)?(?:www\.)?([\w\u0080-\uffff.-]{1,189}\.[\w\u0080-\uffff-]{1,63})(?![^/?#\\\s:])/i.exec(
      url,
    ) ?? [];
  return host.toLowerCase();
}

/** Takes a touch apart. `utm_referrer` stands for a referrer that a redirect lost; the site itself is no referrer. */
export function readTouch(touch: Touch): Evidence {
  const parameters = readParameters(touch.landing);
  const referrer = parameters.get('utm_referrer') || touch.referrer;
  const host = hostOf(referrer);
  const [site, own] = [host, hostOf(touch.landing)].map((name) => SITE.exec(name)?.[0]);
  return { parameters, referrer, host: site === own ? '' : host };
}

/**
 * What the subdomains of one site share, as far as labels tell: two of them, three where they end like `co.uk`. Good
 * enough to know a site from others; the names of sources come from the Public Suffix List.
 */
const SITE =
  /^[\d.]+$|[^.]*\.(?:[a-z]{2,3}\.[a-z]{2}|git(?:hub|lab)\.io|(?:blogspot|wordpress|myshopify|wixsite|weebly)\.com|[^.]*)$/;

/** Says for each rule whether it serves the visitor who came this way. */
export function createJudge(touch: Touch): (rule: Matcher) => boolean {
  const text = describe(touch);
  return (rule) => rule.find(([, expression]) => new RegExp(expression).test(text))?.[0] === 1;
}

/**
 * A touch as rules read it, in lower case, three lines: the host that sent the visitor; the parameters, each
 * `&name=value` and `&` at the end; the address of the landing page.
 */
function describe(touch: Touch): string {
  const { host, parameters } = readTouch(touch);
  const told = [...parameters].map(([name, value]) => `&${flatten(name)}=${flatten(value)}`);
  return `${host}\n${told.join('')}&\n${flatten(decode(touch.landing))}`;
}

/** Text as a rule is compared with it: nothing in it ends a line or a parameter. */
export function flatten(text: string): string {
  return text
    .replace(/[&\s]+/g, ' ')
    .trim()
    .toLowerCase();
}
