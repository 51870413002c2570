/**
 * Twilio's request signature: base64(HMAC-SHA1(auth token, URL + sorted parameters)).
 * https://www.twilio.com/docs/usage/security#validating-requests
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parse, stringify } from 'node:querystring';

/** Parameters as received: a name may come more than once. */
export type FormParameters = ReadonlyMap<string, readonly string[]>;

/** The signature of one spelling of the URL. */
export function twilioSignature(token: string, url: string, parameters: FormParameters): string {
  const names = [...parameters.keys()].sort();
  const body = names
    .map((name) =>
      [...new Set(parameters.get(name))]
        .sort()
        .map((value) => name + value)
        .join(''),
    )
    .join('');
  return createHmac('sha1', token)
    .update(url + body, 'utf8')
    .digest('base64');
}

export interface SignedRequest {
  /** Absolute, as the provider asked for it: PUBLIC_URL and the path as received. */
  url: string;
  signature: string | undefined;
  contentType: string;
  body: Uint8Array;
  parameters: FormParameters;
}

/**
 * True when one of the tokens made the signature. Twilio's back ends differ in how they write a URL before they sign
 * it (with or without the port; an apostrophe raw or as %27; the query encoded anew), so each spelling is tried. A
 * JSON body is signed through its SHA-256 in the query, not as parameters.
 */
export function isSignedByTwilio(tokens: readonly string[], request: SignedRequest): boolean {
  if (!request.signature || tokens.length === 0) return false;
  const bodyHash = /[?&]bodySHA256=([0-9a-f]{64})(?:&|$)/i.exec(request.url)?.[1];
  const isForm =
    request.contentType.startsWith('application/x-www-form-urlencoded') || request.body.length === 0;
  if (bodyHash !== undefined && !isForm) {
    const actual = createHash('sha256').update(request.body).digest('hex');
    if (!equal(actual, bodyHash.toLowerCase())) return false;
  } else if (!isForm) {
    return false;
  }
  const parameters: FormParameters = isForm ? request.parameters : new Map();
  const given = request.signature;
  return [...spellings(request.url)].some((url) =>
    tokens.some((token) => equal(twilioSignature(token, url, parameters), given)),
  );
}

function spellings(url: string): Set<string> {
  const found = new Set<string>();
  for (const one of [url, normalised(url), requoted(url)]) {
    found.add(withPort(one)).add(withoutPort(one)).add(one);
  }
  return found;
}

/** As the WHATWG URL parser writes it: an apostrophe in the query becomes %27. */
function normalised(url: string): string {
  return URL.canParse(url) ? new URL(url).href : url;
}

/** The query decoded and encoded again, as form encoders do. */
function requoted(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? url : `${url.slice(0, at)}?${stringify(parse(url.slice(at + 1)))}`;
}

const AUTHORITY = /^(https?:\/\/)((?:[^/@?#]*@)?)(\[[^\]]*\]|[^/:?#]*)(:\d+)?/i;

function withPort(url: string): string {
  return url.replace(
    AUTHORITY,
    (_all, scheme: string, user: string, host: string, port: string | undefined) => {
      return `${scheme}${user}${host}${port ?? (scheme.toLowerCase() === 'https://' ? ':443' : ':80')}`;
    },
  );
}

function withoutPort(url: string): string {
  return url.replace(AUTHORITY, '$1$2$3');
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function equal(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
