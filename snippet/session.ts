/**
 * Who the browser is on this site, and how it first came: four cookies under CallRail's names, so that a site that
 * reads them goes on reading them. Each is mirrored in localStorage, and lives in memory where both are refused.
 */
import Cookies from 'js-cookie';
import type { ScriptConfig } from '../shared/contract/visitor.js';
import { campaignOf, createJudge } from '../shared/source-match.js';
import { safely } from './guard.js';
import { eraseLocal, readLocal, writeLocal } from './storage.js';
import { createUuid, isUuid } from './uuid.js';
import { currentTouch } from './visit.js';

export interface Session {
  id: string;
  /** The first page and the first referrer, for the life of the cookies. */
  landing: string;
  referrer: string;
  /** It began anew on this page, though the browser had one. */
  isNew: boolean;
}

/**
 * The session of this browser, made now if it has none, or if it came with a click that the company lets begin a new
 * one: `isNew` says that, and the page that is looked at again is no other click.
 */
export function openSession({ cookie_days: days, overrides = [] }: ScriptConfig): Session {
  const touch = currentTouch();
  const began = remember('calltrk_landing', days, () => touch.landing);
  const isNew =
    !touch.inner && clickOf(began) !== clickOf(touch.landing) && overrides.some(createJudge(touch));
  const keep = (name: string, make: () => string, isGood?: (value: string) => boolean) =>
    remember(name, days, make, isGood, isNew);
  return {
    isNew,
    id: keep('calltrk_session_id', createUuid, isUuid),
    landing: keep('calltrk_landing', () => touch.landing),
    referrer: keep('calltrk_referrer', () => touch.referrer),
  };
}

/** Another site of the company has handed over its visitor: he goes on here as who he is there. */
export function takeOver(session: Session, taken: Omit<Session, 'isNew'>, days: number): void {
  Object.assign(session, taken);
  for (const name of ['id', 'landing', 'referrer'] as const)
    remember(`calltrk_${name === 'id' ? 'session_id' : name}`, days, () => taken[name], Boolean, true);
}

/** Nothing of what is remembered here is left. */
export function forgetSession(): void {
  for (const name of ['session_id', 'landing', 'referrer', 'fcid']) writeCookie(`calltrk_${name}`, '', 0);
  eraseLocal();
}

function clickOf(landing: string): string {
  return campaignOf(landing) ?? landing;
}

/** The id under which this browser's forms are captured, made with the first of them. */
export function openFormSession(days: number): string {
  return remember('calltrk_fcid', days, createUuid, isUuid);
}

/**
 * The first good value that the browser has under this name, else (or `anew`) a new one; it is kept wherever it was
 * missing.
 */
function remember(
  name: string,
  days: number,
  make: () => string,
  isGood: (value: string) => boolean = Boolean,
  anew = false,
): string {
  const cookies = (!anew && readCookies(name)) || [];
  const mirror = readLocal(`calltrk-${name}`) as { value: string; until: number } | null | undefined;
  // The mirror lives no longer than the cookie would.
  const isAlive = !anew && !!mirror && mirror.until > Date.now();
  const mirrored = isAlive ? String(mirror.value) : '';
  const until = isAlive ? mirror.until : Date.now() + days * 864e5;
  const value = [...cookies, mirrored].find(isGood) ?? make();
  if (cookies[0] !== value) writeCookie(name, value, until);
  if (mirrored !== value) writeLocal(`calltrk-${name}`, { value, until });
  return value;
}

/**
 * Every value under this name: a cookie of the host and one of the domain can stand side by side. Before 2023
 * CallRail put the company's number behind the name.
 */
const readCookies = safely((name: string): string[] =>
  document.cookie
    .split('; ')
    .map((cookie) => RegExp(`^${name}(?:_\\d+)?=(.*)`).exec(cookie)?.[1] ?? '')
    .filter(Boolean)
    .map((value) => decode(value, name) ?? ''),
);

/** As js-cookie wrote it; somebody else's cookie may be no good. */
const decode = safely(Cookies.converter.read as (value: string, name: string) => string);

const writeCookie = safely((name: string, value: string, until: number): void => {
  Cookies.set(name, value, { ...attributes(), expires: new Date(until) });
});

function attributes(): Cookies.CookieAttributes {
  const domain = widestDomain();
  return { sameSite: 'Lax', secure: location.protocol === 'https:', ...(domain && { domain }) };
}

/** The widest domain on which the browser keeps a cookie of this page; none on an address or a single name. */
function widestDomain(): string | undefined {
  const probe = 'calltrk_probe';
  const labels = location.hostname.split('.');
  if (/^[\d.]+$|:/.test(location.hostname)) return undefined;
  for (let count = 2; count <= labels.length; count++) {
    const domain = labels.slice(-count).join('.');
    Cookies.set(probe, '1', { domain });
    const kept = Cookies.get(probe);
    Cookies.remove(probe, { domain });
    if (kept) return domain;
  }
  return undefined;
}
