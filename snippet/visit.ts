/** The stretch of time that the visitor spends here now: how it began, and when it was last alive. */
import type { Touch } from '../shared/source-match.js';
import { readLocal, writeLocal } from './storage.js';

/** A visit ends after this long without activity. */
const IDLE_MS = 30 * 60_000;
/** Longer addresses are cut: each is sent with every request, and a cookie holds no more than 4 KB. */
const MAX_URL = 2048;

/**
 * The visit under way, unless it went idle, its session is new, or somebody came from outside with parameters in the
 * address: whether they are another campaign click, the server knows, and goes on with the visit if not. `began` is
 * the visit of another site that goes on here.
 */
export function openVisit(isNewSession: boolean, began?: Touch): Touch {
  const here = currentTouch();
  const last = readLocal('visit') as (Touch & { at: number }) | null | undefined;
  const goesOn =
    !isNewSession &&
    typeof last?.landing === 'string' &&
    typeof last.referrer === 'string' &&
    Date.now() - last.at < IDLE_MS &&
    (here.inner || !/[?#]./.test(here.landing));
  const { landing, referrer } = began ?? (goesOn ? last : here);
  const visit = { landing, referrer };
  touchVisit(visit);
  return visit;
}

/** Says that the visitor is still there. */
export function touchVisit(visit: Touch): void {
  writeLocal('visit', { ...visit, at: Date.now() });
}

/** This page as the beginning of something. A `utm_referrer` in the address wins; the site itself is no referrer. */
export function currentTouch(): Touch & { inner: boolean } {
  const { href, hostname } = location;
  const { referrer } = document;
  const inner = !!referrer && new URL(referrer).hostname === hostname;
  const told = parameter('utm_referrer');
  return { inner, landing: cut(href), referrer: cut(told || (!inner && referrer) || 'direct') };
}

export function parameter(name: string): string | null {
  return new URLSearchParams(location.search).get(name);
}

export function cut(url: string): string {
  return url.slice(0, MAX_URL);
}
