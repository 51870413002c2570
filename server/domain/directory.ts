import type { Matcher, ScriptConfig, SourceRule } from '../../shared/contract/visitor.js';
import { readSource } from '../../shared/source.js';
import { compileOverrides, compileRule } from '../../shared/source-compile.js';
import { precedenceOf } from '../../shared/source-rules.js';
import { judgeVisit } from '../../shared/visit-evidence.js';
import { countryCodes, spell } from './phone-numbers.js';
import type { Company, Directory, PhoneNumber, Tracker } from './ports.js';
import { compileSettings, compileTexts } from './script-settings.js';

/** Where a call to a tracking number goes, and whose it is. Small enough for a file that survives a restart. */
export interface Route {
  companyId: string;
  trackerId: string;
  destinationNumber: PhoneNumber;
  greeting: string | null;
  /** These two are missing in a file that an older version wrote. */
  greetingRecordingUrl?: string | null;
  /** What whoever picks up hears before he hears the caller. */
  whisper?: string | null;
  /** The number belongs to the pretend business: the simulator's token may call it. */
  demo: boolean;
}

/** The landing page and referrer that decide between source trackers. */
export interface Origin {
  landing: string;
  referrer: string;
}

/** The directory with the questions that requests ask of it. Immutable: a change makes a new one. */
export interface Lookup {
  readonly version: string;
  readonly companies: readonly Company[];
  readonly trackers: readonly Tracker[];
  companyByKey(scriptKey: string): Company | undefined;
  companyById(companyId: string): Company | undefined;
  tracker(companyId: string, trackerId: string): Tracker | undefined;
  /**
   * The tracker that shows a number in place of `target` to a visitor of this origin; a source beats a pool. The
   * origin must not be changed afterwards: what was decided for it is remembered.
   */
  trackerFor(companyId: string, target: PhoneNumber, origin: Origin): Tracker | undefined;
  route(number: PhoneNumber): Route | undefined;
  routes(): Record<PhoneNumber, Route>;
  /** What the company's script is told; its `version` changes with its content and with nothing else. */
  scriptConfig(company: Company): ScriptConfig;
}

/** Indexes the directory, so that every question is one look. */
export function indexDirectory(directory: Directory): Lookup {
  const byKey = new Map(directory.companies.map((company) => [company.scriptKey, company]));
  const byId = new Map(directory.companies.map((company) => [company.companyId, company]));
  const trackers = new Map(directory.trackers.map((t) => [`${t.companyId} ${t.trackerId}`, t]));
  const shown = new Map<string, Shown[]>();
  for (const tracker of directory.trackers) {
    if (!tracker.active || tracker.numbers.length === 0) continue;
    const company = shown.get(tracker.companyId) ?? [];
    company.push(prepare(tracker));
    shown.set(tracker.companyId, company);
  }
  // Array.sort is stable: of two rules of one rank the older tracker is tried first.
  for (const company of shown.values()) company.sort((a, b) => rank(a.tracker) - rank(b.tracker));
  const routes = indexRoutes(directory, byId);
  const configs = new Map<string, ScriptConfig>();
  /** A visitor's first touch stays as it is, and so do the trackers for him: page views are spared the rules. */
  const decided = new WeakMap<Origin, Map<string, Tracker | undefined>>();

  return {
    version: directory.version,
    companies: directory.companies,
    trackers: directory.trackers,
    companyByKey: (key) => byKey.get(key),
    companyById: (id) => byId.get(id),
    tracker: (companyId, trackerId) => trackers.get(`${companyId} ${trackerId}`),
    trackerFor(companyId, target, origin) {
      const name = `${companyId} ${target}`;
      let known = decided.get(origin);
      if (!known) {
        known = new Map();
        decided.set(origin, known);
      }
      if (!known.has(name)) {
        const candidates = (shown.get(companyId) ?? []).filter(({ tracker }) =>
          tracker.swapTargets.includes(target),
        );
        known.set(name, candidates.find(({ accepts }) => accepts(origin))?.tracker);
      }
      return known.get(name);
    },
    route: (number) => routes.get(number),
    routes: () => Object.fromEntries(routes),
    scriptConfig(company) {
      const known = configs.get(company.companyId);
      if (known) return known;
      const config = scriptConfig(company, shown.get(company.companyId) ?? []);
      const versioned = { ...config, version: fingerprint(JSON.stringify(config)) };
      configs.set(company.companyId, versioned);
      return versioned;
    },
  };
}

/** Source trackers in their order of precedence, then pools. */
function rank(tracker: Tracker): number {
  return tracker.type === 'source'
    ? precedenceOf(tracker.source as unknown as SourceRule)
    : Number.MAX_SAFE_INTEGER;
}

/** A tracker with what is worked out once: the visitors it serves, and what its company's script is told of it. */
interface Shown {
  tracker: Tracker;
  accepts: (origin: Origin) => boolean;
  /** Of source trackers whose numbers are on pages at all. */
  matcher: Matcher | null;
}

function prepare(tracker: Tracker): Shown {
  if (tracker.type === 'session') return { tracker, accepts: acceptsSession(tracker.source), matcher: null };
  const matcher = compileRule(tracker.source as unknown as SourceRule);
  return { tracker, matcher, accepts: (origin) => matcher !== null && judgeVisit(origin)(matcher) };
}

/** What a session tracker calls the kinds of visits of an engine, as sources. Maps and profiles are unpaid, too. */
const ENGINE_SOURCES: Record<string, Record<string, readonly string[]>> = {
  google: {
    paid: ['google_paid'],
    organic: ['google_organic', 'google_my_business'],
    local: ['google_my_business'],
  },
  bing: { paid: ['bing_paid'], organic: ['bing_organic', 'bing_places'], local: ['bing_places'] },
  yahoo: { paid: ['yahoo_paid'], organic: ['yahoo_organic'], local: [] },
};

/**
 * A session tracker's `source` names the visitors who get a number of its pool: all of them, or those for whom any
 * of what it says holds (`inverted`: none of it).
 */
function acceptsSession(source: Record<string, unknown>): (origin: Origin) => boolean {
  const matchers = [
    ...(source.type === 'all' || source.type === 'direct' ? [compileRule({ type: source.type })] : []),
    ...listOf(source.landing).map((landing) => compileRule({ type: 'landing_url', landing })),
    ...listOf(source.referrer).map((referrer) => compileRule({ type: 'web_referrer', referrer })),
  ].filter((matcher) => matcher !== null);
  const sources = Object.entries(ENGINE_SOURCES).flatMap(([engine, kinds]) =>
    listOf(source[engine]).flatMap((kind) => kinds[kind] ?? []),
  );
  return (origin) => {
    const fits =
      matchers.some(judgeVisit(origin)) ||
      (sources.length > 0 && sources.includes(readSource(origin.landing, origin.referrer).source));
    return fits !== (source.inverted === true);
  };
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function indexRoutes(directory: Directory, companies: Map<string, Company>): Map<PhoneNumber, Route> {
  const routes = new Map<PhoneNumber, Route>();
  // Retired numbers first, so that a number in use has the last word.
  for (const kind of ['retiredNumbers', 'numbers'] as const) {
    for (const tracker of directory.trackers) {
      for (const number of tracker[kind]) {
        routes.set(number, {
          companyId: tracker.companyId,
          trackerId: tracker.trackerId,
          destinationNumber: tracker.destinationNumber,
          greeting: tracker.greeting,
          greetingRecordingUrl: tracker.greetingRecordingUrl,
          whisper: tracker.whisperMessage,
          demo: companies.get(tracker.companyId)?.demo ?? false,
        });
      }
    }
  }
  return routes;
}

function scriptConfig(company: Company, trackers: readonly Shown[]): Omit<ScriptConfig, 'version'> {
  // A disabled company's script stays on the page and does nothing.
  const active = company.active ? trackers : [];
  const pools = active.filter(({ tracker }) => tracker.type === 'session');
  const sources = active.flatMap(({ tracker, matcher }) =>
    matcher ? [{ rule: matcher, targets: tracker.swapTargets, number: spell(tracker.numbers[0] ?? '') }] : [],
  );
  const pooled = pools.flatMap(({ tracker }) => tracker.swapTargets);
  const overrides = compileOverrides(company.paidClicksBegin, company.landingBegins);
  const shown = active.filter(({ tracker, matcher }) => matcher || tracker.type === 'session');
  const targets = [...new Set([...sources.flatMap((source) => source.targets), ...pooled])];
  const texts = compileTexts(shown.map(({ tracker }) => tracker));
  return {
    key: company.scriptKey,
    cookie_days: company.cookieDays,
    forms: company.active && company.captureForms,
    targets,
    codes: countryCodes([...targets, ...active.flatMap(({ tracker }) => tracker.numbers)]),
    pooled: [...new Set(pooled)],
    sources,
    ...(active.length > 0 && overrides.length > 0 && { overrides }),
    ...(texts.length > 0 && { texts }),
    ...compileSettings(company.script),
  };
}

/** FNV-1a, 32 bits: tells versions apart, and is nothing that anybody must not guess. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** The directory of this process: always the newest one that was seen. */
export interface LiveDirectory {
  current(): Lookup;
  replace(directory: Directory): void;
  onChange(listener: (lookup: Lookup) => void): void;
}

export function createLiveDirectory(): LiveDirectory {
  let lookup = indexDirectory({ version: '0', companies: [], trackers: [] });
  const listeners: ((lookup: Lookup) => void)[] = [];
  return {
    current: () => lookup,
    replace(directory) {
      lookup = indexDirectory(directory);
      for (const listener of listeners) listener(lookup);
    },
    onChange(listener) {
      listeners.push(listener);
    },
  };
}
