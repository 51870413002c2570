/**
 * Sites to try the engine on. A site is plain figures; `makeTraffic` draws visits and calls from them, the same ones
 * for the same seed. Times are milliseconds of a virtual clock that begins at 0 on a Monday at midnight.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A kind of visitor: how long he stays on average, and the chance that he calls. */
export interface Kind {
  share: number;
  meanMs: number;
  calls: number;
  /** He sees one page only. */
  isBounce: boolean;
}

/** Where visits come from. A campaign may run for some time only. */
export interface Origin {
  source: string;
  campaign: string | null;
  perHour: number;
  from?: number;
  until?: number;
}

export interface Site {
  name: string;
  /** For readers of the report. */
  about: string;
  days: number;
  /** Visits an hour vary by this much around their mean in the course of a day, 0 to 1. */
  dailySwing: number;
  kinds: Kind[];
  /** Of those who call: during the visit, then after it, with mean delays. Shares sum to 1. */
  during: number;
  after: { share: number; meanMs: number }[];
  mobile: number;
  /** Of mobile callers during the visit, so many tap the number. */
  taps: number;
  /** Of pages that are left, so many manage to say so. */
  leaves: number;
  origins: Origin[];
  /** Crowds: so many visits within the time, by the origins at these places. */
  bursts: { everyMs: number; lastsMs: number; visits: number; origins: number[] } | null;
}

export interface SimulatedVisit {
  at: number;
  end: number;
  kind: number;
  source: string;
  campaign: string | null;
  device: 'mobile' | 'desktop';
  /** Signs of life after the first page view, in order. */
  signs: { at: number; type: 'page_view' | 'ping' | 'leave' }[];
  call: { at: number; tappedAt: number | null } | null;
}

export function makeTraffic(site: Site, seed: number): SimulatedVisit[] {
  const random = randomFrom(seed);
  const after = (meanMs: number) => -meanMs * Math.log(1 - random());
  const pick = <T extends { share: number }>(some: readonly T[]): number => {
    let left = random() * some.reduce((sum, { share }) => sum + share, 0);
    for (const [at, { share }] of some.entries()) {
      left -= share;
      if (left < 0) return at;
    }
    return some.length - 1;
  };
  const end = site.days * DAY;
  const visits: SimulatedVisit[] = [];

  function visit(at: number, { source, campaign }: Origin): void {
    const kind = pick(site.kinds);
    const { meanMs, calls, isBounce } = site.kinds[kind] as Kind;
    const gone = at + after(meanMs);
    const device = random() < site.mobile ? 'mobile' : 'desktop';
    const signs: SimulatedVisit['signs'] = [];
    if (!isBounce) {
      for (let page = at + after(50 * SECOND); page < gone; page += after(50 * SECOND)) {
        signs.push({ at: page, type: 'page_view' });
      }
    }
    for (let ping = at + MINUTE; ping < gone; ping += MINUTE) signs.push({ at: ping, type: 'ping' });
    signs.sort((a, b) => a.at - b.at);
    if (random() < site.leaves) signs.push({ at: gone, type: 'leave' });
    visits.push({
      at,
      end: gone,
      kind,
      source,
      campaign,
      device,
      signs,
      call: callOf(at, gone, calls, device),
    });
  }

  function callOf(at: number, gone: number, chance: number, device: string): SimulatedVisit['call'] {
    if (random() >= chance) return null;
    if (random() < site.during) {
      const thought = at + random() * (gone - at);
      if (device !== 'mobile' || random() >= site.taps) return { at: thought, tappedAt: null };
      return { at: thought + 3 * SECOND + after(6 * SECOND), tappedAt: thought };
    }
    const { meanMs } = site.after[pick(site.after)] as { meanMs: number };
    return { at: gone + after(meanMs), tappedAt: null };
  }

  for (const origin of site.origins) {
    const peak = origin.perHour * (1 + site.dailySwing);
    let at = origin.from ?? 0;
    for (;;) {
      at += after(HOUR / peak);
      if (at >= Math.min(end, origin.until ?? end)) break;
      // Quiet at three in the morning, busy at three in the afternoon.
      const level = 1 + site.dailySwing * Math.sin(((at / HOUR - 9) / 24) * 2 * Math.PI);
      if (random() * (1 + site.dailySwing) < level) visit(at, origin);
    }
  }
  const { bursts } = site;
  for (let at = bursts?.everyMs ?? end; bursts && at < end; at += bursts.everyMs) {
    for (let n = 0; n < bursts.visits; n++) {
      const origin = site.origins[bursts.origins[Math.floor(random() * bursts.origins.length)] ?? 0];
      if (origin) visit(at + random() * bursts.lastsMs, origin);
    }
  }
  return visits.sort((a, b) => a.at - b.at);
}

/** Mulberry32: small, fast, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Shares of a few that are much larger than the rest. */
function zipf(count: number, sum: number): number[] {
  const weights = Array.from({ length: count }, (_, at) => 1 / (at + 1));
  const whole = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => (sum * weight) / whole);
}

function campaigns(source: string, count: number, perHour: number): Origin[] {
  return zipf(count, perHour).map((visits, at) => ({
    source,
    campaign: `${source}-${at + 1}`,
    perHour: visits,
  }));
}

function plain(source: string, perHour: number): Origin {
  return { source, campaign: null, perHour };
}

function referrers(count: number, perHour: number): Origin[] {
  return zipf(count, perHour).map((visits, at) => plain(`site-${at + 1}.com`, visits));
}

const KINDS: Kind[] = [
  { share: 0.45, meanMs: 15 * SECOND, calls: 0.004, isBounce: true },
  { share: 0.45, meanMs: 3 * MINUTE, calls: 0.035, isBounce: false },
  { share: 0.1, meanMs: 8 * MINUTE, calls: 0.15, isBounce: false },
];

/** 300 visits an hour, most of them paid for: the site that the bars are about. */
const BUSY_SITE: Site = {
  name: 'busy site',
  about: '300 visits an hour: 8 Google Ads campaigns, 5 other paid ones, organic, direct, 40 referrers',
  days: 14,
  dailySwing: 0.9,
  kinds: KINDS,
  during: 0.74,
  after: [
    { share: 0.12, meanMs: 10 * MINUTE },
    { share: 0.09, meanMs: 6 * HOUR },
    { share: 0.05, meanMs: 3 * DAY },
  ],
  mobile: 0.6,
  taps: 0.85,
  leaves: 0.85,
  origins: [
    ...campaigns('google_paid', 8, 105),
    ...campaigns('facebook_paid', 3, 30),
    ...campaigns('bing_paid', 2, 15),
    plain('google_organic', 75),
    plain('direct', 39),
    ...referrers(40, 36),
  ],
  bursts: null,
};

const TV_SITE: Site = {
  ...BUSY_SITE,
  name: 'TV spots',
  about:
    '60 visits an hour, and every four hours 400 within five minutes, who type the address or search the name',
  origins: [
    plain('direct', 15),
    plain('google_organic', 15),
    ...campaigns('google_paid', 4, 20),
    ...referrers(20, 10),
  ],
  bursts: { everyMs: 4 * HOUR, lastsMs: 5 * MINUTE, visits: 400, origins: [0, 0, 0, 1] },
};

const SLOW_SITE: Site = {
  ...BUSY_SITE,
  name: 'slow and dear',
  about:
    '40 visits an hour to a builder of houses: long reading at a desk, and most calls hours or days later',
  days: 60,
  kinds: [
    { share: 0.4, meanMs: 20 * SECOND, calls: 0.002, isBounce: true },
    { share: 0.4, meanMs: 4 * MINUTE, calls: 0.02, isBounce: false },
    { share: 0.2, meanMs: 12 * MINUTE, calls: 0.1, isBounce: false },
  ],
  during: 0.35,
  after: [
    { share: 0.15, meanMs: 15 * MINUTE },
    { share: 0.25, meanMs: 8 * HOUR },
    { share: 0.25, meanMs: 5 * DAY },
  ],
  mobile: 0.25,
  origins: [
    ...campaigns('google_paid', 5, 14),
    plain('google_organic', 12),
    plain('direct', 6),
    ...campaigns('facebook_paid', 2, 4),
    ...referrers(15, 4),
  ],
};

const SHORT_CAMPAIGNS: Site = {
  ...BUSY_SITE,
  name: 'short campaigns',
  about: '200 visits an hour; 48 campaigns of three networks, of which each runs for two days only',
  origins: [
    ...Array.from({ length: 48 }, (_, at) => ({
      source: ['google_paid', 'facebook_paid', 'tiktok_paid'][at % 3] ?? '',
      campaign: `flight-${at + 1}`,
      perHour: 18,
      from: (at / 48) * 13 * DAY,
      until: (at / 48) * 13 * DAY + 2 * DAY,
    })),
    plain('google_organic', 35),
    plain('direct', 25),
    ...referrers(30, 20),
  ],
};

export const SITES: readonly Site[] = [BUSY_SITE, TV_SITE, SLOW_SITE, SHORT_CAMPAIGNS];
