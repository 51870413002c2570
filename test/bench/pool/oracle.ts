/**
 * The join of somebody who knows the site's true figures, which no engine can: how each kind of visitor behaves, and
 * how calls are spread over time. From what the engine sees of a visit he infers its kind, by Bayes. What he misses,
 * nobody can find.
 */
import type { CallHistory } from '../../../server/domain/ports.js';
import type { Join } from './play.js';
import type { Kind, Site } from './traffic.js';

const TAP_SECONDS = { least: 3, mean: 6 };
const PAGE_MS = 50_000;
const PING_MS = 60_000;

export function oracle(site: Site): Join {
  return (at, { leases, taps }) => {
    const rated = leases.map((lease) => {
      const tap = taps.find(({ visitId }) => visitId === lease.visitId);
      return { ...lease, weight: tap ? tapRate((at - tap.at) / 1000) : rateOf(site, lease, at) };
    });
    const whole = rated.reduce((sum, { weight }) => sum + weight, 0) || 1;
    const best = (keyOf: (one: (typeof rated)[number]) => string) => {
      const sums = new Map<string, (typeof rated)[number]>();
      for (const one of rated) {
        const key = keyOf(one);
        sums.set(key, { ...one, weight: (sums.get(key)?.weight ?? 0) + one.weight / whole });
      }
      return [...sums.values()].reduce<(typeof rated)[number] | undefined>(
        (a, b) => (a && a.weight >= b.weight ? a : b),
        undefined,
      );
    };
    return {
      visit: best(({ visitId }) => visitId),
      source: best(({ source }) => source),
      campaign: best(({ source, campaign }) => JSON.stringify([source, campaign])),
    };
  };
}

function tapRate(seconds: number): number {
  const { least, mean } = TAP_SECONDS;
  return seconds < least ? 0 : Math.exp(-(seconds - least) / mean) / mean;
}

/** Calls a second of a visitor whose signs were these, over the kinds that he may be of. */
function rateOf(site: Site, lease: CallHistory['leases'][number], at: number): number {
  const seen = Math.max(1, lease.lastSeen - lease.visitStartedAt);
  const silence = Math.max(0, at - lease.lastSeen);
  const silentTap = lease.device === 'mobile' ? 1 - site.taps : 1;
  let likelihoods = 0;
  let rates = 0;
  for (const kind of site.kinds) {
    if (kind.isBounce && lease.pages > 1) continue;
    const pages = kind.isBounce ? 1 : Math.exp(-seen / PAGE_MS) * (seen / PAGE_MS) ** (lease.pages - 1);
    // Gone at the last sign, and said so.
    const gone = lease.left ? (site.leaves / kind.meanMs) * Math.exp(-seen / kind.meanMs) : 0;
    // Still there, as far as the next ping is not due.
    const isDue = seen + silence > Math.ceil((seen + 1) / PING_MS) * PING_MS;
    const stays = lease.left || isDue ? 0 : Math.exp(-(seen + silence) / kind.meanMs);
    // Gone since, and did not say so.
    const quiet = Math.min(silence, PING_MS);
    const left = lease.left
      ? 0
      : (1 - site.leaves) * Math.exp(-seen / kind.meanMs) * (1 - Math.exp(-quiet / kind.meanMs));
    const prior = kind.share * pages;
    likelihoods += prior * (gone + stays + left);
    const here = stays > 0 ? stays * presentRate(site, kind, seen + silence) * silentTap : 0;
    rates += prior * (here + (gone + left) * laterRate(site, kind, silence));
  }
  return likelihoods > 0 ? rates / likelihoods : 0;
}

/** A call falls anywhere into the visit: of one that has lasted so long, and goes on for nobody knows how long. */
function presentRate(site: Site, { calls, meanMs }: Kind, sofar: number): number {
  const x = Math.max(1e-3, sofar / meanMs);
  return ((calls * site.during) / meanMs) * 1000 * scaledIntegral(x);
}

function laterRate(site: Site, { calls }: Kind, waited: number): number {
  return site.after.reduce(
    (sum, { share, meanMs }) => sum + ((calls * share * 1000) / meanMs) * Math.exp(-waited / meanMs),
    0,
  );
}

/** exp(x) E1(x), by the series below 1 and the continued fraction above (Abramowitz and Stegun, 5.1.11 and 5.1.22). */
function scaledIntegral(x: number): number {
  if (x < 1) {
    let term = 1;
    let sum = -0.5772156649015329 - Math.log(x);
    for (let n = 1; n < 30; n++) {
      term *= -x / n;
      sum -= term / n;
    }
    return Math.exp(x) * sum;
  }
  let fraction = 0;
  for (let n = 40; n > 0; n--) fraction = n / (1 + n / (x + fraction));
  return 1 / (x + fraction);
}
