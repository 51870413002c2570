/**
 * How a visit is looked at, by the page and by the server with the same few lines: what its landing page and its
 * referrer say, as one text, and whether a rule fits that. What is known about the web is not in here: `source-compile`
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
 * in it.
 */
export function hostOf(url: string): string {
  const [, host = ''] =
    /^\s*(?:[a-z-]+:)?(?:\/\/)?(?:[^/?#\\\s]*@)?(?:www\.)?([^\s/?#\\:@]+\.[^\s/?#\\:@.]+)/i.exec(url) ?? [];
  return host.toLowerCase();
}

/**
 * What the subdomains of one site share, as far as labels tell: two of them, three where they end like `co.uk`. Good
 * enough to know a site from others; the names of sources come from the Public Suffix List.
 */
export function siteOf(url: string): string {
  return /^[\d.]+$|[^.]*\.(?:[a-z]{2,3}\.[a-z]{2}|[^.]*)$/.exec(hostOf(url))?.[0] ?? '';
}

/**
 * Says for each rule whether it serves the visitor who came this way. Rules read a visit in lower case, three lines: the
 * host that sent the visitor; the parameters, each `&name=value` and `&` at the end; the address of the landing page.
 */
export function createJudge(
  host: string,
  parameters: readonly string[],
  landing: string,
): (rule: Matcher) => boolean {
  const told = ['', ...parameters, ''].map(flatten).join('&');
  const text = `${host}\n${told}\n${flatten(decode(landing))}`;
  return (rule) => rule.find(([, expression]) => new RegExp(expression).test(text))?.[0] === 1;
}

/**
 * The same for the page, which knows its referrer. Of what mailers and redirects do to links it forgives `&amp;` and
 * what is encoded once too often; the server, which has more room, forgives some more.
 */
export function judgeTouch({ landing, referrer }: Touch): (rule: Matcher) => boolean {
  const [, ...parameters] = (/[?#].*=/.test(landing) ? landing : decode(landing)).split(/[?#]|&(?:amp;)*/);
  return createJudge(
    hostOf(referrer),
    parameters.map((parameter) => decode(decode(parameter.replace(/\+/g, ' ')))),
    landing,
  );
}

/** Text as a rule is compared with it: nothing in it ends a line or a parameter. */
export function flatten(text: string): string {
  return text
    .replace(/[&\s]+/g, ' ')
    .trim()
    .toLowerCase();
}
