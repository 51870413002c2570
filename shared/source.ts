/**
 * Where a visit came from: read from nothing but its landing page and its referrer, on the page and on the server
 * alike. Every function is total: junk is `direct`, and nothing throws.
 */
import type { SourceRule } from './contract/visitor.js';
import {
  CAMPAIGN,
  ENGINES,
  LABELS,
  type Network,
  OTHER_NETWORKS,
  PAID_MEDIUM,
  SECOND_LEVEL,
} from './source-table.js';

export interface Source {
  /** `google_paid`, `facebook_organic`, `direct`, else the domain of the referrer. */
  source: string;
  /** As a person reads it: Google Ads, Google Organic, Direct, else the domain. */
  name: string;
  medium: string;
  campaign: string | null;
  term: string | null;
  content: string | null;
  clickIds: Record<string, string>;
}

/** A source by its slug and by the name that a person reads. */
export type NamedSource = Pick<Source, 'source' | 'name'>;

/** How a visit began: URLs as the browser gave them, or `direct`. */
export interface Touch {
  landing: string;
  referrer: string;
}

/** The source of a visit. Paid clicks go before `utm_source`, and that before the referrer. */
export function readSource(landing: string, referrer: string): Source {
  const query = readQuery(landing);
  return {
    ...nameVisit({ landing, referrer }, query.utm_medium),
    campaign: query.utm_campaign || null,
    term: query.utm_term || null,
    content: query.utm_content || null,
    clickIds: Object.fromEntries(
      Object.entries(query).filter(
        ([name, id]) => id && !name.startsWith('utm_') && campaignOf(`?${name}=1`),
      ),
    ),
  };
}

/**
 * A fingerprint of the campaign click that brought the visitor to `landing`: the same for the same click however
 * its parameters are ordered, `null` where there was none.
 */
export function campaignOf(landing: string): string | null {
  const parameters = String(landing).match(CAMPAIGN) ?? [];
  return (
    parameters
      .map((parameter) => parameter.slice(1))
      .sort()
      .join('&') || null
  );
}

/** Whether a source tracker with this rule serves the visitor who came this way. */
export function matchesRule(rule: SourceRule, visit: Touch): boolean {
  const { landing } = visit;
  switch (rule.type) {
    case 'all':
      return true;
    case 'landing_params':
      return hasParameters(landing, rule.landing);
    case 'landing_url':
      // A rule without its scheme matches either.
      return contains(landing, rule.landing.replace(/^\s*https?:\/\//i, ''));
    case 'web_referrer':
      return isReferredBy(visit, rule.referrer);
    case 'direct':
      return !campaignOf(landing) && !referringHost(visit);
    case 'search': {
      const found = findNetwork(ENGINES, visit);
      return (
        !!found &&
        (rule.search_engine === 'all' || rule.search_engine === found.network.id) &&
        (rule.search_type === 'all' || (rule.search_type === 'paid') === found.paid)
      );
    }
    default:
      // Offline, ad extensions, business profile: their numbers are never on a page.
      return false;
  }
}

/**
 * The order in which rules are tried, the lowest first: the landing page, then one referrer, then one kind of
 * search, then groups of them, then whatever is left.
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
      return 3 + Number(rule.search_engine === 'all') + Number(rule.search_type === 'all');
    case 'all':
      return 6;
    default:
      return 7;
  }
}

/** What a call to a source tracker's number is credited to, whoever made it. */
export function sourceOfRule(rule: SourceRule, trackerName: string): NamedSource {
  switch (rule.type) {
    case 'direct':
      return { source: 'direct', name: 'Direct' };
    case 'web_referrer': {
      const host = hostOf(rule.referrer);
      const network = allNetworks().find((known) => known.host.test(host));
      if (network) return nameNetwork(network, false);
      return host ? nameHost(host) : nameTracker(rule, trackerName);
    }
    case 'search': {
      const network = ENGINES.find(({ id }) => id === rule.search_engine);
      if (network && rule.search_type !== 'all') return nameNetwork(network, rule.search_type === 'paid');
      const kinds = { paid: 'Paid Search', organic: 'Organic Search', all: 'Search' };
      return {
        source: `${network?.id ?? 'search'}_${rule.search_type}`,
        name: (network && LABELS[network.id]?.name) ?? kinds[rule.search_type],
      };
    }
    case 'google_ad_extension':
      return { source: rule.type, name: 'Google Ad Extension' };
    case 'mobile_ad_extension':
      return { source: rule.type, name: 'Mobile Ad Extension' };
    case 'google_my_business':
      return { source: rule.type, name: 'Google My Business' };
    default:
      return nameTracker(rule, trackerName);
  }
}

function nameVisit(visit: Touch, medium: string | undefined): NamedSource & { medium: string } {
  const host = referringHost(visit);
  const networks = allNetworks();
  const clicked = networks.find(({ click }) => click?.test(visit.landing));
  const found = findNetwork(networks, visit) ?? (clicked && { network: clicked, paid: false });
  if (found) {
    const unpaid = LABELS[found.network.id]?.medium ?? 'referral';
    return { ...nameNetwork(found.network, found.paid), medium: medium || (found.paid ? 'cpc' : unpaid) };
  }
  if (host) return { ...nameHost(host), medium: medium || 'referral' };
  if (!campaignOf(visit.landing)) return { source: 'direct', name: 'Direct', medium: 'direct' };
  const name = decode(tagOf(visit.landing)) || 'campaign';
  return { source: slugOf(name) || 'campaign', name, medium: medium || 'campaign' };
}

/** The network of a visit, of those in the table, and whether it was paid for. */
function findNetwork(
  networks: readonly Network[],
  visit: Touch,
): { network: Network; paid: boolean } | undefined {
  const host = referringHost(visit);
  const tag = tagOf(visit.landing).toLowerCase();
  const advertised = networks.find(({ paid }) => paid?.test(visit.landing) || paid?.test(host));
  const network =
    advertised ??
    networks.find(({ utm }) => utm.test(tag)) ??
    networks.find((known) => known.host.test(host));
  return network && { network, paid: !!advertised || PAID_MEDIUM.test(visit.landing) };
}

function allNetworks(): Network[] {
  return [...ENGINES, ...OTHER_NETWORKS];
}

function nameNetwork({ id }: Network, paid: boolean): NamedSource {
  const { name, paidName } = LABELS[id] ?? { name: id };
  return paid
    ? { source: `${id}_paid`, name: paidName ?? `${name} Paid` }
    : { source: `${id}_organic`, name: `${name} Organic` };
}

function nameHost(host: string): NamedSource {
  const domain = domainOf(host);
  return { source: domain, name: domain };
}

/** A rule that names no source of its own: the tracker does. */
function nameTracker(rule: SourceRule, trackerName: string): NamedSource {
  return { source: slugOf(trackerName) || rule.type, name: trackerName };
}

function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_|_$/g, '');
}

/** Parameters by their names in lower case, the first of each; without a prototype, so that any name is safe. */
function readQuery(url: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  for (const pair of queryOf(url).split(/[?&#]/)) {
    const [name = '', ...value] = pair.split('=');
    const key = decode(name).toLowerCase();
    if (!(key in query)) query[key] = decode(value.join('='));
  }
  return query;
}

/** `utm_source` as it stands in the address. */
function tagOf(landing: string): string {
  return /[?&]utm_source=([^&#]*)/i.exec(landing)?.[1] ?? '';
}

/** What follows the first question mark; that of a route behind `#` counts as well. */
function queryOf(url: string): string {
  return String(url).replace(/^[^?]*\??/, '');
}

function decode(text: string): string {
  const spaced = text.replace(/\+/g, ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** The host that sent the visitor here; none if it is the site itself. */
function referringHost({ landing, referrer }: Touch): string {
  const host = hostOf(referrer);
  return host === hostOf(landing) ? '' : host;
}

/** The host of a URL, also of one without a scheme, without `www`; empty for whatever has none. */
function hostOf(url: string): string {
  const host =
    /^\s*(?:[a-z][\w+.-]*:)?(?:\/\/)?(?:[^/?#@\s]*@)?(?:www\.)?([\w\u0080-\uffff.-]+\.[\w\u0080-\uffff-]+)/i.exec(
      url,
    )?.[1];
  return (host ?? '').toLowerCase();
}

/** The domain that somebody registered, as far as a short list of second levels tells. */
function domainOf(host: string): string {
  const labels = host.split('.');
  const [second = '', top = ''] = labels.slice(-2);
  const isAddress = /^[\d.]+$/.test(host);
  // An Android app calls itself the other way round: com.example.app.
  const isApp = /^(?:com|org|net|io)\./.test(host) && labels.length > 2;
  if (isAddress || isApp) return host;
  return labels.slice(top.length === 2 && SECOND_LEVEL.test(second) ? -3 : -2).join('.');
}

/** Each `name=value` of the rule begins a parameter of the landing page; a rule without `=` is anywhere in them. */
function hasParameters(landing: string, rule: string): boolean {
  const query = `&${queryOf(landing)}`;
  return rule
    .replace(/^[?&]+/, '')
    .split('&')
    .every((part) => contains(query, part.includes('=') ? `&${part}` : part));
}

/** By host alone: what else a rule says, browsers no longer tell. */
function isReferredBy(visit: Touch, rule: string): boolean {
  const host = hostOf(rule);
  return !!host && `.${referringHost(visit)}`.endsWith(`.${host}`);
}

/** Whether `text` has `part` in it, in any case and however either is encoded. */
function contains(text: string, part: string): boolean {
  const wanted = decode(part).trim().toLowerCase();
  return !!wanted && decode(text).toLowerCase().includes(wanted);
}
