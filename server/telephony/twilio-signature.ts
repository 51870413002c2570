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
  return sign(token, url + joined(parameters));
}

export interface SignedRequest {
  /** Absolute, as the provider asked for it: PUBLIC_URL and the path as received. */
  url: string;
  signature: string | undefined;
  contentType: string;
  body: Uint8Array;
  /** Asked for only when something is to be compared with: reading them costs more than all else. */
  parameters: () => FormParameters;
}

/** Twilio sends a few dozen. Each is read, sorted and signed before anybody has proved who he is. */
const MAX_PARAMETERS = 1000;
const AMPERSAND = 0x26;

/**
 * True when one of the tokens made the signature. Twilio's back ends differ in how they write a URL before they sign
 * it, so each spelling is tried. A body that is no form is signed through its SHA-256 in the query; without that
 * nobody vouches for it, and it is refused.
 */
export function isSignedByTwilio(tokens: readonly string[], request: SignedRequest): boolean {
  const { url, signature, body } = request;
  // Anybody can make a signature with an empty token.
  const keys = tokens.filter((token) => token.length > 0);
  // What is no SHA-1 in base64 (two headers in one, for instance) costs no HMAC over a body that anybody may send.
  if (keys.length === 0 || !signature || !/^[A-Za-z0-9+/]{27}=$/.test(signature)) return false;
  const hash = bodyHash(url);
  if (hash !== null && !isHashOf(body, hash)) return false;
  const isForm = body.length === 0 || request.contentType.startsWith('application/x-www-form-urlencoded');
  if (hash === null && (!isForm || parameterCount(body) > MAX_PARAMETERS)) return false;
  const parameters = hash === null ? joined(request.parameters()) : '';
  return spellings(url).some((spelling) =>
    keys.some((key) => equal(sign(key, spelling + parameters), signature)),
  );
}

function parameterCount(body: Uint8Array): number {
  let found = 1;
  for (let at = body.indexOf(AMPERSAND); at >= 0; at = body.indexOf(AMPERSAND, at + 1)) found++;
  return found;
}

function sign(token: string, text: string): string {
  return createHmac('sha1', token).update(text, 'utf8').digest('base64');
}

/** Names in the order of their code units, each with its value; of a repeated name each different value, sorted. */
function joined(parameters: FormParameters): string {
  return [...parameters.keys()]
    .sort()
    .flatMap((name) => [...new Set(parameters.get(name))].sort().map((value) => name + value))
    .join('');
}

/** The body's SHA-256 that the provider put into the query; null: none. */
function bodyHash(url: string): string | null {
  const at = url.indexOf('?');
  return at < 0 ? null : new URLSearchParams(url.slice(at)).get('bodySHA256');
}

/** Of an empty body the hash of `{}` is as good: that is what Twilio's own package takes. */
function isHashOf(body: Uint8Array, hash: string): boolean {
  const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
  return equal(sha256(body), hash) || (body.length === 0 && equal(sha256('{}'), hash));
}

/** The URL as received, as the WHATWG parser writes it (`'` becomes %27), and with its query encoded anew. */
function spellings(url: string): string[] {
  const normal = URL.canParse(url) ? new URL(url).href : url;
  const written = [url, normal].flatMap((one) => [withoutPort(one), withPort(one)]);
  return [...new Set([...written, requoted(withoutPort(normal)), requoted(withPort(normal))])];
}

/** The query decoded and encoded again, as `node:querystring` does. */
function requoted(url: string): string {
  const at = url.indexOf('?') + 1;
  return at === 0 || at === url.length ? url : url.slice(0, at) + stringify(parse(url.slice(at)));
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
