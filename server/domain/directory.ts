import type { ScriptConfig, SourceRule } from '../../shared/contract/visitor.js';
import { matchesRule, precedenceOf } from '../../shared/source.js';
import { spell } from './phone-numbers.js';
import type { Company, Directory, PhoneNumber, Tracker } from './ports.js';

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
  const shown = new Map<string, Tracker[]>();
  for (const tracker of directory.trackers) {
    if (!tracker.active || tracker.numbers.length === 0) continue;
    const company = shown.get(tracker.companyId) ?? [];
    company.push(tracker);
    shown.set(tracker.companyId, company);
  }
  // Array.sort is stable: of two rules of one rank the older tracker is tried first.
  for (const company of shown.values()) company.sort((a, b) => rank(a) - rank(b));
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
        const trackers = shown.get(companyId) ?? [];
        known.set(
          name,
          trackers.find((tracker) => tracker.swapTargets.includes(target) && accepts(tracker, origin)),
        );
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

function accepts(tracker: Tracker, origin: Origin): boolean {
  if (tracker.type === 'source') return matchesRule(tracker.source as unknown as SourceRule, origin);
  return (
    sessionRules(tracker.source).some((rule) => matchesRule(rule, origin)) !==
    (tracker.source.inverted === true)
  );
}

/**
 * A session tracker's `source` names the visitors who get a number of its pool: all of them, or those for whom any
 * of these rules holds (`inverted`: none of them).
 */
function sessionRules(source: Record<string, unknown>): SourceRule[] {
  const rules: SourceRule[] = [];
  if (source.type === 'all' || source.type === 'direct') rules.push({ type: source.type });
  for (const engine of ['google', 'bing', 'yahoo'] as const) {
    for (const kind of listOf(source[engine])) {
      if (kind === 'paid' || kind === 'organic') {
        rules.push({ type: 'search', search_engine: engine, search_type: kind });
      }
    }
  }
  for (const landing of listOf(source.landing)) rules.push({ type: 'landing_url', landing });
  for (const referrer of listOf(source.referrer)) rules.push({ type: 'web_referrer', referrer });
  return rules;
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

function scriptConfig(company: Company, trackers: readonly Tracker[]): Omit<ScriptConfig, 'version'> {
  // A disabled company's script stays on the page and does nothing.
  const active = company.active ? trackers : [];
  const targetsOf = (some: readonly Tracker[]) => [
    ...new Set(some.flatMap((tracker) => tracker.swapTargets)),
  ];
  return {
    key: company.scriptKey,
    cookie_days: company.cookieDays,
    forms: company.active && company.captureForms,
    targets: targetsOf(active),
    pooled: targetsOf(active.filter((tracker) => tracker.type === 'session')),
    sources: active
      .filter((tracker) => tracker.type === 'source' && Number.isFinite(rank(tracker)))
      .map((tracker) => ({
        rule: tracker.source as unknown as SourceRule,
        targets: tracker.swapTargets,
        number: spell(tracker.numbers[0] ?? ''),
      })),
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
