/**
 * Where a visit came from: read from nothing but its landing page and its referrer. Every function is total: junk is
 * `direct`, and nothing throws. The page carries none of this; what it needs for its company's rules is compiled by
 * `source-compile`.
 */
import { getDomain } from 'tldts';
import { flatten, hostOf, type Touch } from './source-match.js';
import {
  DETOURS,
  MEDIUM,
  NETWORKS,
  type NetworkFacts,
  PAID_MEDIUM,
  PROFILE_CAMPAIGN,
} from './source-table.js';
import { type Evidence, readParameters, readTouch } from './visit-evidence.js';

export type { Touch } from './source-match.js';

/** The names of the parameters that make a landing page a campaign click. */
export const CAMPAIGN =
  'utm_(?!referrer=)\\w+|\\w*cl(?:ick_?|k)?id|[gw]braid|gad_source|gad_campaignid|fb_ad_id|igsh(?:id)?|li_fat_id|epik|sc_?cid|rdt_cid|mc_cid|_hsenc|mkt_tok|awc|cjevent|irgwc|tblci|dicbo|bd_vid|vmcid|ldtag_cl';

const IS_CAMPAIGN = new RegExp(`^(?:${CAMPAIGN})=`);

export interface Source {
  /** `google_paid`, `facebook_organic`, `gmail`, `direct`, else the domain of the referrer. */
  source: string;
  /** As a person reads it: Google Ads, Google Organic, Gmail, Direct, else the domain. */
  name: string;
  medium: string;
  campaign: string | null;
  term: string | null;
  content: string | null;
  /** By the names of their parameters in lower case. */
  clickIds: Record<string, string>;
}

/** A source by its slug and by the name that a person reads. */
export type NamedSource = Pick<Source, 'source' | 'name'>;

/** What decided about a source, the strongest first. */
export type SourceSign =
  | 'ad_click'
  | 'ad_host'
  | 'utm_source'
  | 'referrer'
  | 'click'
  | 'utm_campaign'
  | 'none';

/** Why a source is what it is. */
export interface SourceReason {
  sign: SourceSign;
  /** What was seen, in English. */
  because: string;
}

/** A network of the table, ready to be looked for. Hosts are tested in lower case without `www`, tags in lower case. */
export interface Network extends NetworkFacts {
  isHost: RegExp;
  isAdHost: RegExp;
  isTag: RegExp;
  paidNames: readonly string[];
  clickNames: readonly string[];
}

/** The table, ready to be looked through. */
export const KNOWN_NETWORKS: readonly Network[] = NETWORKS.map((facts) => ({
  ...facts,
  isHost: whole(hostPattern(facts.hosts)),
  isAdHost: whole(hostPattern(facts.adHosts)),
  isTag: whole(tagPattern(facts.words)),
  paidNames: listOf(facts.paid),
  clickNames: listOf(facts.clicks),
}));

const BY_ID = new Map(KNOWN_NETWORKS.map((network) => [network.id, network]));
const IS_PAID = new RegExp(`^${PAID_MEDIUM}`);
const IS_DETOUR = whole(hostPattern(DETOURS));

/** The source of a visit. Paid clicks go before `utm_source`, and that before the referrer. */
export function readSource(landing: string, referrer: string): Source {
  return judge({ landing, referrer }).source;
}

/** Which rule decided about the source of a visit, and what it saw. */
export function explainSource(touch: Touch): Source & SourceReason {
  const { source, reason } = judge(touch);
  return { ...source, ...reason };
}

function judge(touch: Touch): { source: Source; reason: SourceReason } {
  const evidence = readTouch(touch);
  const { parameters } = evidence;
  const { medium, reason, term, ...named } = nameVisit(evidence);
  const told = (name: string) => textOf(parameters.get(name));
  return {
    source: {
      ...named,
      medium,
      campaign: told('utm_campaign') ?? told('utm_id') ?? told('gad_campaignid'),
      term: told('utm_term') ?? term,
      content: told('utm_content'),
      clickIds: Object.fromEntries(
        [...parameters.keys()].flatMap((name) => {
          const id = isClickId(name) ? told(name) : null;
          return id === null ? [] : [[name, id]];
        }),
      ),
    },
    reason,
  };
}

type Named = NamedSource & { medium: string; term: string | null; reason: SourceReason };

function nameVisit(evidence: Evidence): Named {
  const { parameters, host, referrer } = evidence;
  const medium = textOf(parameters.get('utm_medium'));
  const tag = textOf(parameters.get('utm_source'));
  const found = findNetwork(evidence);
  const isCarried = found?.sign === 'referrer' && found.network.kind === 'email';
  // A letter that says who sent it is his, whichever mailbox it was read in.
  if (found && !(isCarried && tag)) return nameFound(found, evidence, medium);
  if (host && !isCarried && !IS_DETOUR.test(host)) {
    const because = `the referrer is ${host}, which is no network that is known here`;
    return {
      ...nameHost(host, referrer),
      medium: medium ?? 'referral',
      term: null,
      reason: { sign: 'referrer', because },
    };
  }
  const campaign = [...parameters].find(([name, value]) => value && isCampaign(name));
  if (!campaign) {
    const because = IS_DETOUR.test(host)
      ? `${host} is a place that visitors only come back from, and there is no campaign click`
      : 'there is neither a campaign click nor a referrer of another site';
    return {
      source: 'direct',
      name: 'Direct',
      medium: 'direct',
      term: null,
      reason: { sign: 'none', because },
    };
  }
  const name = tag ?? 'campaign';
  return {
    source: slugOf(name) || 'campaign',
    name,
    medium: medium ?? (isCarried ? 'email' : 'campaign'),
    term: null,
    reason: tag
      ? { sign: 'utm_source', because: `utm_source is ${tag}, which is no network that is known here` }
      : {
          sign: 'utm_campaign',
          because: `the landing page has ${campaign[0]}, and nothing says who sent it`,
        },
  };
}

interface Found {
  network: Network;
  paid: boolean;
  sign: SourceSign;
}

/**
 * The network of a visit: of the advertisement that was clicked, then of `utm_source`, then of the referrer, then
 * what any click from there carries. `source-compile` compiles the same order.
 */
function findNetwork({ parameters, host }: Evidence): Found | undefined {
  const has = (name: string) => !!parameters.get(name);
  const tag = flatten(parameters.get('utm_source') ?? '');
  const tagged = tag ? KNOWN_NETWORKS.find(({ isTag }) => isTag.test(tag)) : undefined;
  const sender = host ? KNOWN_NETWORKS.find(({ isHost }) => isHost.test(host)) : undefined;
  // A few networks share their click ids with the one that sells their advertisements, which has them by default.
  const id = KNOWN_NETWORKS.flatMap(({ paidNames }) => paidNames).find(has);
  const family = KNOWN_NETWORKS.filter(({ paidNames }) => id !== undefined && paidNames.includes(id));
  const kin = [tagged, sender].find((network) => network && family.includes(network));
  const signs: [SourceSign, Network | undefined][] = [
    ['ad_click', kin ?? family[0]],
    ['ad_host', KNOWN_NETWORKS.find(({ isAdHost }) => isAdHost.test(host))],
    ['utm_source', tagged],
    ['referrer', sender],
    ['click', KNOWN_NETWORKS.find(({ clickNames }) => clickNames.some(has))],
  ];
  for (const [sign, network] of signs) {
    if (!network) continue;
    const paid = sign === 'ad_click' || sign === 'ad_host' || isPaid(parameters.get('utm_medium'));
    return { network, paid, sign };
  }
  return undefined;
}

function isPaid(medium = ''): boolean {
  return IS_PAID.test(flatten(medium));
}

function nameFound(found: Found, evidence: Evidence, medium: string | null): Named {
  const { paid, sign } = found;
  const network = partOf(found, evidence);
  // The click id was set by who was paid for the click, `utm_medium` by hand.
  const isTold = medium !== null && (sign !== 'ad_click' || isPaid(medium));
  const isSearch = network.kind === 'search' && network.isHost.test(evidence.host);
  return {
    ...nameNetwork(network, paid),
    medium: isTold ? medium : paid ? 'cpc' : MEDIUM[network.kind],
    term: isSearch ? searchWords(network, evidence.referrer) : null,
    reason: { sign, because: `${sayFound(found, evidence)}${paid ? ', and was paid for' : ''}` },
  };
}

/** Advertisements are the engine's; of unpaid clicks those on Google's map and business profiles are not. */
function partOf({ network, paid }: Found, { parameters, referrer }: Evidence): Network {
  if (paid) return BY_ID.get(network.of ?? '') ?? network;
  const tags = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_content'];
  const isProfile =
    network.id === 'google' &&
    (tags.some((name) => PROFILE_CAMPAIGN.test(parameters.get(name) ?? '')) ||
      /^https?:\/\/[^/?#]+\/maps(?:[/?#]|$)/i.test(referrer));
  return (isProfile && BY_ID.get('google_my_business')) || network;
}

function sayFound({ network, sign }: Found, { parameters, host }: Evidence): string {
  const { name } = network;
  const seen = (names: readonly string[]) => names.find((other) => parameters.get(other));
  switch (sign) {
    case 'ad_click':
      return `the landing page has ${seen(network.paidNames)}, which an advertisement of ${name} gives`;
    case 'ad_host':
      return `the referrer is ${host}, from where only advertisements of ${name} send`;
    case 'utm_source':
      return `utm_source is ${textOf(parameters.get('utm_source'))}, which is ${name}`;
    case 'referrer':
      return `the referrer is ${host}, which is ${name}`;
    default:
      return `the landing page has ${seen(network.clickNames)}, which a click on ${name} gives`;
  }
}

/** What was searched for, where the referrer still tells. */
function searchWords({ terms = 'q' }: NetworkFacts, referrer: string): string | null {
  const parameters = readParameters(referrer);
  for (const name of listOf(terms)) {
    const words = textOf(parameters.get(name));
    // Google's redirect has its target there.
    if (words !== null && !/^https?:/i.test(words)) return words;
  }
  return null;
}

/**
 * A fingerprint of the campaign click that brought the visitor to `landing`: the same for the same click however
 * its parameters are ordered, `null` where there was none.
 */
export function campaignOf(landing: string): string | null {
  return (
    [...readParameters(landing)]
      .filter(([name, value]) => value && isCampaign(name))
      .map((parameter) => parameter.join('='))
      .sort()
      .join('&') || null
  );
}

/** Whether a parameter of this name makes a landing page a campaign click. */
export function isCampaign(name: string): boolean {
  return IS_CAMPAIGN.test(`${name}=`);
}

/** Whether this parameter is the id of one click, and not a mark that all clicks have. */
function isClickId(name: string): boolean {
  return isCampaign(name) && !/^(?:utm_|gad_|fb_ad_id$|irgwc$)/.test(name);
}

/** Slug and name of a network's visits. */
export function nameNetwork({ id, name, kind, paidName }: NetworkFacts, paid: boolean): NamedSource {
  if (kind === 'local' || kind === 'email' || kind === 'affiliate') return { source: id, name };
  return paid
    ? { source: `${id}_paid`, name: paidName ?? `${name} Paid` }
    : { source: `${id}_organic`, name: `${name} Organic` };
}

/** The name of a network's visits by their slug; undefined where no network has it. */
export function nameOfSlug(slug: string): string | undefined {
  const [, id, kind] = /^(.+)_(paid|organic)$/.exec(slug) ?? [];
  const network = BY_ID.get(slug) ?? BY_ID.get(id ?? '');
  if (!network) return undefined;
  const named = nameNetwork(network, kind === 'paid');
  return named.source === slug ? named.name : undefined;
}

/** A host that is no network, by the domain that somebody registered (Public Suffix List). */
export function nameHost(host: string, url = host): NamedSource {
  // An app calls itself the other way round: com.example.app.
  const isApp = /^\s*(?:android|ios)-app:/i.test(url) && hostOf(url) === host;
  const domain = isApp ? host : (getDomain(host, { allowPrivateDomains: true }) ?? host);
  return { source: domain, name: domain };
}

/** A name as part of a source: lower case, words joined by `_`. */
export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_|_$/g, '');
}

/** The source of an expression for a host, from a list as the table has it. Without a list none fits. */
export function hostPattern(hosts = ''): string {
  const [exact = [], below = []] = split(listOf(hosts)).map((some) =>
    some.map((host) => escaped(host).replace(/\.\*$/, '.(?:com|cat|(?:com?\\.)?[a-z]{2})')),
  );
  return anyOf([...exact, ...(below.length > 0 ? [`(?:.*\\.)?${anyOf(below)}`] : [])]);
}

/** The source of an expression for a `utm_source` in lower case, from words as the table has them. */
export function tagPattern(words = ''): string {
  const [exact = [], begins = []] = split(listOf(words)).map((some) =>
    some.map((word) => escaped(word).replace(/-/g, '[ _-]?')),
  );
  const begun = `(?:[a-z\\d-]+\\.)*${anyOf(begins)}(?:[ _-]?ads?)?(?:\\.(?:com?\\.)?[a-z]+)?(?:[^a-z\\d.&][^&]*)?`;
  return anyOf([...exact, ...(begins.length > 0 ? [begun] : [])]);
}

/** Those marked with `=`, without it, and the others. */
function split(entries: readonly string[]): [string[], string[]] {
  const isMarked = (entry: string) => entry.startsWith('=');
  return [
    entries.filter(isMarked).map((entry) => entry.slice(1)),
    entries.filter((entry) => !isMarked(entry)),
  ];
}

function escaped(text: string): string {
  return text.replace(/\./g, '\\.');
}

/** The source of an expression that any of these fits; none where there is none. */
export function anyOf(expressions: readonly string[]): string {
  return expressions.length > 0 ? `(?:${expressions.join('|')})` : '(?!)';
}

function whole(expression: string): RegExp {
  return new RegExp(`^${expression}$`);
}

function listOf(text = ''): string[] {
  return text.split(' ').filter(Boolean);
}

/** A parameter's value as it is kept; null where it says nothing, as a macro that nobody filled in. */
function textOf(value = ''): string | null {
  const text = legible(value).trim();
  return text === '' || /^(?:\{.*\}|\(not (?:set|provided)\)|null|undefined)$/i.test(text) ? null : text;
}

/** Without control characters and halves of characters, which no database keeps. */
function legible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}]/gu, '');
}
