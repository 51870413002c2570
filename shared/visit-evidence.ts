/** A visit taken apart, as the server reads it. */
import type { Matcher } from './contract/visitor.js';
import { createJudge, decode, flatten, hostOf, siteOf, type Touch } from './source-match.js';

/** A touch, taken apart. */
export interface Evidence {
  /** What `readParameters` finds in the landing page. */
  parameters: ReadonlyMap<string, string>;
  /** Who sent the visitor: the referrer, or `utm_referrer` in its place, where a redirect lost it. */
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

/** Takes a touch apart. The site itself is no referrer. */
export function readTouch(touch: Touch): Evidence {
  const parameters = readParameters(touch.landing);
  const referrer = parameters.get('utm_referrer') || touch.referrer;
  const host = siteOf(referrer) === siteOf(touch.landing) ? '' : hostOf(referrer);
  return { parameters, referrer, host };
}

/** Says for each rule whether it serves the visitor who came this way, whoever tells how he came. */
export function judgeVisit(touch: Touch): (rule: Matcher) => boolean {
  const { parameters, host } = readTouch(touch);
  return createJudge(
    host,
    [...parameters].map((parameter) => parameter.map(flatten).join('=')),
    touch.landing,
  );
}
