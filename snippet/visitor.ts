/**
 * Who the browser is on this site, how it first came, and what it was given: four cookies under CallRail's names, so
 * that a site that reads them goes on reading them, and one record in localStorage with the same and the rest. Where
 * both are refused, the visitor is remembered as long as the page lives.
 */
import type { Spellings } from '../shared/phone.js';
import { judgeTouch, siteOf, type Touch } from '../shared/source-match.js';
import { config } from './config.js';
import { fromDocument } from './guard.js';
import { eraseLocal, readCookies, readLocal, writeCookie, writeLocal } from './storage.js';
import { createUuid, isUuid } from './uuid.js';

/** A visit ends after this long without activity. */
const IDLE_MS = 30 * 60_000;
/** Longer addresses are cut: each is sent with every request, and a cookie holds no more than 4 KB. */
const MAX_URL = 2048;
/** What each of the cookies holds. */
export const COOKIES = ['session_id', 'landing', 'referrer', 'fcid'] as const;

/** Whether the browser keeps what is written down: one that keeps nothing has erased nothing. */
let isStored = false;

/** What is remembered. The landing page and referrer are the first ones, for the life of the cookies. */
export interface Visitor extends Touch {
  session_id: string;
  /** Under which forms are captured; made with the first of them, or for a form that has a field for it. */
  fcid?: string;
  /** When all this is forgotten. */
  until: number;
  /** How the visit under way began, and when it ends unless there is a sign of life. */
  visit: Touch & { until: number };
  /** The tracking numbers of last time by target. */
  numbers: Record<string, Spellings>;
}

/**
 * The visitor of now. His session begins anew if he came with a click that the company lets begin one (the page that is
 * looked at again is no other click), or if he comes from another site that says who he is: `taken`. His visit is the
 * one under way, unless it went idle, or he came from outside with parameters in the address: whether they are another
 * campaign click, the server knows, and goes on with the visit if not. Nothing is written down yet.
 */
export function openVisitor(taken?: Touch & { session_id: string }): Visitor {
  const now = Date.now();
  const { inner, ...touch } = currentTouch();
  const begun = taken ?? { ...touch, session_id: createUuid() };
  const { landing, referrer } = begun;
  const fresh: Visitor = {
    ...begun,
    until: now + config.cookie_days * 864e5,
    visit: { landing, referrer, until: now },
    numbers: {},
  };
  const kept = readLocal('') as Visitor | undefined;
  const record: Partial<Visitor> = kept && kept.until > now ? kept : {};
  const visitor = { ...fresh, ...record };
  for (const name of COOKIES) {
    const values = [...readCookies(name), record[name], fresh[name]];
    visitor[name] = values.find(/id$/.test(name) ? isUuid : isText) as string;
  }
  // What was given to somebody else is shown to nobody.
  if (visitor.session_id !== record.session_id) visitor.numbers = {};
  const { visit } = visitor;
  const goesOn = now < visit?.until && isText(visit.landing) && isText(visit.referrer);
  if (!goesOn || (!inner && /[?#]./.test(landing))) visitor.visit = fresh.visit;
  const isOther = !inner && visitor.landing !== landing && config.overrides?.some(judgeTouch(touch));
  return taken || isOther ? fresh : visitor;
}

function isText(value: unknown): boolean {
  return !!value && typeof value === 'string';
}

/** Writes down what has changed, and that he is still there. */
export function keepVisitor(visitor: Visitor): void {
  if (isErased()) return;
  visitor.visit.until = Date.now() + IDLE_MS;
  writeLocal('', visitor);
  for (const name of COOKIES) {
    const value = visitor[name];
    if (value) writeCookie(name, value, visitor.until);
  }
  isStored = isFound();
}

/** Whether nothing is left of who was written down here. */
export function isErased(): boolean {
  return isStored && !isFound();
}

function isFound(): boolean {
  return !!readLocal('') || !!readCookies('session_id').join('');
}

/** The id under which his forms are captured. */
export function formSession(visitor: Visitor): string {
  if (!visitor.fcid) {
    visitor.fcid = createUuid();
    keepVisitor(visitor);
  }
  return visitor.fcid;
}

/** Nothing of what is remembered here is left. */
export function forgetVisitor(): void {
  for (const name of COOKIES) writeCookie(name, '', 0);
  for (const name of ['', '-queue']) eraseLocal(name);
  isStored = false;
}

/** This page as the beginning of something. A `utm_referrer` in the address wins; the site itself is no referrer. */
export function currentTouch(): Touch & { inner: boolean } {
  const referrer = fromDocument('referrer');
  const inner = !!referrer && siteOf(referrer) === siteOf(location.href);
  const told = parameter('utm_referrer');
  return { inner, landing: cut(location.href), referrer: cut(told || (!inner && referrer) || 'direct') };
}

export function parameter(name: string): string | null {
  return new URLSearchParams(location.search).get(name);
}

export function cut(url: string): string {
  return url.slice(0, MAX_URL);
}
