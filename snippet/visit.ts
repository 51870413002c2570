/** The stretch of time that the visitor spends here now: how it began, and when it was last alive. */
import { campaignOf, type Touch } from '../shared/source-match.js';
import { readLocal, writeLocal } from './storage.js';

const NAME = 'calltrk-visit';
/** A visit ends after this long without activity. */
const IDLE_MS = 30 * 60_000;
/** Longer addresses are cut: each is sent with every request, and a cookie holds no more than 4 KB. */
const MAX_URL = 2048;

export interface Visit extends Touch {
  /** Says that the visitor is still there. */
  touch(): void;
}

/**
 * The visit under way, unless it went idle, its session is new, or the address is a new campaign click; or the one that
 * `began` on another site and goes on here.
 */
export function openVisit(isNewSession: boolean, began?: Touch): Visit {
  const here = began ?? currentTouch();
  const last = readLocal(NAME) as (Touch & { at: number }) | null | undefined;
  const campaign = campaignOf(here.landing);
  const goesOn =
    !isNewSession &&
    !began &&
    typeof last?.landing === 'string' &&
    typeof last.referrer === 'string' &&
    Date.now() - last.at < IDLE_MS &&
    (campaign === null || campaign === campaignOf(last.landing));
  const { landing, referrer } = goesOn ? last : here;
  const touch = () => writeLocal(NAME, { landing, referrer, at: Date.now() });
  touch();
  return { landing, referrer, touch };
}

/** This page as the beginning of something. A `utm_referrer` in the address wins; the site itself is no referrer. */
export function currentTouch(): Touch & { inner: boolean } {
  const { href, hostname } = location;
  const told = new URLSearchParams(location.search).get('utm_referrer');
  const inner = !!document.referrer && new URL(document.referrer).hostname === hostname;
  return { inner, landing: cut(href), referrer: cut(told || (!inner && document.referrer) || 'direct') };
}

export function cut(url: string): string {
  return url.slice(0, MAX_URL);
}
