/**
 * Who the browser is on this site, and how it first came: four cookies under CallRail's names, so that a site that
 * reads them goes on reading them. Each is mirrored in localStorage, and lives in memory where both are refused.
 */
import { createJudge, type Touch } from '../shared/source-match.js';
import { config } from './config.js';
import { safely } from './guard.js';
import { eraseLocal, readLocal, writeLocal } from './storage.js';
import { createUuid, isUuid } from './uuid.js';
import { currentTouch } from './visit.js';

/** Its landing page and referrer are the first ones, for the life of the cookies. */
export interface Session extends Touch {
  id: string;
  /** It began anew on this page, though the browser had one. */
  isNew: boolean;
}

/**
 * The session of this browser, made now if it has none, or if it came with a click that the company lets begin a new
 * one: `isNew` says that, and the page that is looked at again is no other click. `taken` is the session of another
 * site, which goes on here.
 */
export function openSession(taken?: Touch & { id: string }): Session {
  const touch = currentTouch();
  const began = remember('landing', touch.landing);
  const isNew =
    !!taken || (!touch.inner && began !== touch.landing && !!config.overrides?.some(createJudge(touch)));
  const { id, landing, referrer } = taken ?? { ...touch, id: createUuid() };
  return {
    isNew,
    id: remember('session_id', id, isUuid, isNew),
    landing: remember('landing', landing, Boolean, isNew),
    referrer: remember('referrer', referrer, Boolean, isNew),
  };
}

/** The id under which this browser's forms are captured, made with the first of them. */
export function openFormSession(): string {
  return remember('fcid', createUuid(), isUuid);
}

/** Nothing of what is remembered here is left. */
export function forgetSession(): void {
  for (const name of ['session_id', 'landing', 'referrer', 'fcid']) writeCookie(`calltrk_${name}`, '', 0);
  eraseLocal();
}

/**
 * The first good value that the browser has under this name, else (or `anew`) this one; it is kept wherever it was
 * missing.
 */
function remember(
  shortName: string,
  fresh: string,
  isGood: (value: string) => boolean = Boolean,
  anew = false,
): string {
  const name = `calltrk_${shortName}`;
  const cookies = (!anew && readCookies(name)) || [];
  const mirror = readLocal(name) as { value: string; until: number } | null | undefined;
  // The mirror lives no longer than the cookie would.
  const alive = !anew && mirror && mirror.until > Date.now() ? mirror : undefined;
  const until = alive?.until ?? Date.now() + config.cookie_days * 864e5;
  const value = [...cookies, `${alive?.value ?? ''}`].find(isGood) ?? fresh;
  if (cookies[0] !== value) writeCookie(name, value, until);
  if (alive?.value !== value) writeLocal(name, { value, until });
  return value;
}

/**
 * Every value under this name: a cookie of the host and one of the domain can stand side by side. Before 2023
 * CallRail put the company's number behind the name.
 */
const readCookies = safely((name: string): string[] =>
  document.cookie
    .split('; ')
    .filter((cookie) => RegExp(`^${name}(_\\d+)?=`).test(cookie))
    .map((cookie) => decode(cookie) ?? ''),
);

/** As js-cookie 3 reads and writes it, so that a site may use that; somebody else's cookie may be no good. */
const decode = safely((cookie: string) =>
  cookie
    .replace(/.*?=/, '')
    .replace(/^"|"$/g, '')
    .replace(/(%[\dA-F]{2})+/gi, decodeURIComponent),
);

const writeCookie = safely((name: string, value: string, until: number): void => {
  const encoded = encodeURIComponent(value).replace(
    /%(2[346BF]|3[AC-F]|40|5[BDE]|60|7[BCD])/g,
    decodeURIComponent,
  );
  bake(name, `${encoded}; expires=${new Date(until).toUTCString()}${widestDomain()}`);
});

function bake(name: string, value: string): void {
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is asynchronous, and not everywhere.
  document.cookie = `${name}=${value}; path=/; SameSite=Lax${location.protocol === 'https:' ? '; Secure' : ''}`;
}

/** The widest domain on which the browser keeps a cookie of this page, found by trying. */
function widestDomain(): string {
  const labels = location.hostname.split('.');
  for (let count = 2; count <= labels.length; count++) {
    const domain = `; domain=${labels.slice(-count).join('.')}`;
    bake('calltrk_probe', `1${domain}`);
    const isKept = document.cookie.includes('calltrk_probe');
    bake('calltrk_probe', `; max-age=0${domain}`);
    if (isKept) return domain;
  }
  return '';
}
