import type { FastifyRequest } from 'fastify';
import { getDomain } from 'tldts';

const NAMES = ['calltrk_session_id', 'calltrk_landing', 'calltrk_referrer'] as const;

/** What the browser is to remember. */
export interface Remembered {
  session: string;
  landing: string;
  referrer: string;
}

/**
 * The script's cookies as `Set-Cookie` lines, when page and API are one origin (a reverse proxy on the site's own
 * host): cookies that a server sets are not under Safari's seven-day cap. Cookies that the browser has are renewed as
 * they are, so that the first landing page and referrer stay, unless they are of a session that the visitor has left
 * for the one he had on another site. Empty for any other origin: then the script sets them.
 * https://webkit.org/tracking-prevention/
 */
export function firstPartyCookies(request: FastifyRequest, visitor: Remembered, days: number): string[] {
  const { origin } = request.headers;
  if (origin === undefined || origin !== `${request.protocol}://${request.host}`) return [];
  const had = readCookies(request.headers.cookie ?? '');
  const id = had.get('calltrk_session_id');
  const present = id === undefined || id.toLowerCase() === visitor.session ? had : new Map<string, string>();
  const fresh = {
    calltrk_session_id: visitor.session,
    calltrk_landing: encode(visitor.landing),
    calltrk_referrer: encode(visitor.referrer),
  };
  // The widest domain a browser accepts, as the script does; a bare host or an address has none.
  const domain = getDomain(request.hostname);
  const attributes = [
    'Path=/',
    `Max-Age=${days * 86_400}`,
    'SameSite=Lax',
    ...(domain ? [`Domain=${domain}`] : []),
    ...(request.protocol === 'https' ? ['Secure'] : []),
  ].join('; ');
  return NAMES.map((name) => {
    const value = name === 'calltrk_session_id' ? fresh[name] : (present.get(name) ?? fresh[name]);
    return `${name}=${value}; ${attributes}`;
  });
}

/** Values as they are on the wire: what js-cookie wrote goes back untouched. */
function readCookies(header: string): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of header.split(/;\s*/)) {
    const at = pair.indexOf('=');
    if (at > 0 && !cookies.has(pair.slice(0, at))) cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return cookies;
}

/** js-cookie's encoding: percent-encoded, except what RFC 6265 allows in a cookie value. */
function encode(value: string): string {
  return encodeURIComponent(value).replace(/%(2[346BF]|3[AC-F]|40|5[BDE]|60|7[BCD])/g, decodeURIComponent);
}
