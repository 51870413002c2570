/** The rules of source trackers in words: their order, and what a call to such a number is credited to. */
import type { SourceRule } from './contract/visitor.js';
import { KNOWN_NETWORKS, type NamedSource, nameHost, nameNetwork, slugOf } from './source.js';
import { hostOf } from './source-match.js';

/**
 * The order in which rules are tried, the lowest first, as CallRail documents it: the landing page, then one source,
 * then groups of them (the smaller first), then whatever is left. Of equals the older tracker goes first.
 */
export function precedenceOf(rule: SourceRule): number {
  switch (rule.type) {
    case 'landing_params':
    case 'landing_url':
      return 1;
    case 'web_referrer':
    case 'direct':
      return 2;
    case 'search':
      return 2 + Number(rule.search_engine === 'all') + Number(rule.search_type === 'all');
    case 'all':
      return 5;
    default:
      return networkOfRule(rule.type) ? 2 + Number(rule.type.endsWith('_all')) : 6;
  }
}

/** What a call to a source tracker's number is credited to, whoever made it. */
export function sourceOfRule(rule: SourceRule, trackerName: string): NamedSource {
  switch (rule.type) {
    case 'direct':
      return { source: 'direct', name: 'Direct' };
    case 'web_referrer': {
      const host = hostOf(rule.referrer);
      const network = KNOWN_NETWORKS.find(({ isHost }) => isHost.test(host));
      if (network) return nameNetwork(network, false);
      return host ? nameHost(host) : nameTracker(rule, trackerName);
    }
    case 'search': {
      if (rule.search_engine !== 'all') return nameKind(rule.search_engine, rule.search_type);
      const kinds = { paid: 'Paid Search', organic: 'Organic Search', all: 'Search' };
      return { source: `search_${rule.search_type}`, name: kinds[rule.search_type] };
    }
    case 'google_ad_extension':
      return { source: rule.type, name: 'Google Ad Extension' };
    case 'mobile_ad_extension':
      return { source: rule.type, name: 'Mobile Ad Extension' };
    case 'google_my_business':
      return { source: rule.type, name: 'Google My Business' };
    default: {
      const network = networkOfRule(rule.type);
      return network ? nameKind(network.id, network.kind) : nameTracker(rule, trackerName);
    }
  }
}

/** The network that a rule's type names, and what of it: `facebook_paid`. Undefined for every other type. */
export function networkOfRule(type: string): { id: string; kind: NetworkKind } | undefined {
  const [, id, kind] = /^(.+)_(paid|organic|all)$/.exec(type) ?? [];
  const network = KNOWN_NETWORKS.find((known) => known.id === id);
  // Of mailboxes and the like nothing is paid for or not.
  if (!network || nameNetwork(network, true).source === id) return undefined;
  return { id: network.id, kind: kind as NetworkKind };
}

type NetworkKind = 'paid' | 'organic' | 'all';

/** In words: which visitors a rule is for. */
export function explainRule(rule: SourceRule): string {
  switch (rule.type) {
    case 'all':
      return 'every visitor';
    case 'direct':
      return 'visitors without a referrer and without a campaign click';
    case 'landing_url':
      return `visitors whose landing page has "${rule.landing}" in its address`;
    case 'landing_params':
      return `visitors whose landing page has the parameters "${rule.landing}"`;
    case 'web_referrer':
      return `visitors whose referrer is ${rule.referrer}`;
    case 'search': {
      const { search_engine: id, search_type: kind } = rule;
      return explainNetwork(id === 'all' ? 'search engines' : nameKind(id, 'all').name, kind);
    }
    case 'google_ad_extension':
    case 'mobile_ad_extension':
      return 'who saw the number in an advertisement';
    case 'google_my_business':
      return 'who saw the number in a business profile';
    default: {
      const network = networkOfRule(rule.type);
      return network
        ? explainNetwork(nameKind(network.id, 'all').name, network.kind)
        : 'who saw the number elsewhere than on the website';
    }
  }
}

/** In words: which visitors a pool is for, given a session tracker's `source`. */
export function explainPool(source: Record<string, unknown>): string {
  const texts = (name: string) => (Array.isArray(source[name]) ? source[name].map(String) : []);
  const parts = [
    ...(source.type === 'all' || source.type === 'direct' ? [explainRule({ type: source.type })] : []),
    ...['google', 'bing', 'yahoo'].flatMap((id) =>
      texts(id).map((kind) => explainNetwork(nameKind(id, 'all').name, kind)),
    ),
    ...texts('landing').map((landing) => explainRule({ type: 'landing_url', landing })),
    ...texts('referrer').map((referrer) => explainRule({ type: 'web_referrer', referrer })),
  ];
  const all = parts.join(', or ') || 'nobody';
  return source.inverted === true ? `every visitor but ${all}` : all;
}

function explainNetwork(name: string, kind: string): string {
  return `visitors from ${name}${kind === 'all' ? '' : ` (${kind})`}`;
}

function nameKind(id: string, kind: string): NamedSource {
  const facts = KNOWN_NETWORKS.find((network) => network.id === id);
  if (facts && kind !== 'all') return nameNetwork(facts, kind === 'paid');
  return { source: `${id}_${kind}`, name: facts?.name ?? id };
}

/** A rule that names no source of its own: the tracker does. */
function nameTracker(rule: SourceRule, trackerName: string): NamedSource {
  return { source: slugOf(trackerName) || rule.type, name: trackerName };
}
