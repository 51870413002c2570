/**
 * Source rules made ready for the page: expressions with nothing left to look up, and of the table no more than they
 * need. The server decides by the same, so that both show the same number.
 */
import type { Matcher, SourceRule } from './contract/visitor.js';
import { anyOf, CAMPAIGN, hostPattern, KNOWN_NETWORKS, type Network, tagPattern } from './source.js';
import { decode, flatten, hostOf, type Touch } from './source-match.js';
import { networkOfRule } from './source-rules.js';
import { DETOURS, PAID_MEDIUM } from './source-table.js';
import { judgeVisit, readParameters } from './visit-evidence.js';

/** What the script is told of a rule; null: such a tracker's number is never on a page. */
export function compileRule(rule: SourceRule): Matcher | null {
  switch (rule.type) {
    case 'all':
      return [[1, '']];
    case 'direct':
      return [
        [0, `^.*\\n.*&(?:${CAMPAIGN})=[^&]`],
        [1, `^(?:${hostPattern(DETOURS)})?\\n`],
      ];
    case 'landing_url': {
      // A rule without its scheme fits either.
      const part = flatten(decode(rule.landing.replace(/^\s*https?:\/\//i, '')));
      return part ? [[1, `^.*\\n.*\\n.*${literal(part)}`]] : null;
    }
    case 'landing_params':
      return compileParameters(rule.landing);
    case 'web_referrer': {
      // By host alone: what else a rule says, browsers no longer tell. Only a name: with whatever ending.
      const host = literal(hostOf(rule.referrer));
      const [name] = /^[\w-]+$/.exec(flatten(rule.referrer)) ?? [];
      const wanted = host || (name && `${name}\\.(?:[a-z]{2,3}\\.)?[a-z]+`);
      return wanted ? [[1, `^(?:.*\\.)?${wanted}\\n`]] : null;
    }
    default: {
      const networks = readNetworkRule(rule);
      if (!networks) return null;
      const known = compiled.get(networks.name) ?? compileNetworks(networks);
      compiled.set(networks.name, known);
      return known;
    }
  }
}

/**
 * Which clicks begin a new session whatever the browser remembers: those on advertisements of Google, Bing and Yahoo,
 * and those on a landing page with these parameters or, of a text without `=`, with this in its address.
 */
export function compileOverrides(paidClicks: boolean, landing: string | null): Matcher[] {
  const isEngineClick = ({ id }: Network) => ['google', 'bing', 'yahoo'].includes(id);
  const rule =
    landing && ({ type: landing.includes('=') ? 'landing_params' : 'landing_url', landing } as const);
  return [
    paidClicks ? compileNetworks({ name: 'overrides', isWanted: isEngineClick, paid: true }) : null,
    rule ? compileRule(rule) : null,
  ].filter((matcher) => matcher !== null);
}

/** Whether a source tracker with this rule serves the visitor who came this way. */
export function matchesRule(rule: SourceRule, visit: Touch): boolean {
  const matcher = compileRule(rule);
  return !!matcher && judgeVisit(visit)(matcher);
}

/** There are few such rules and they cost half a millisecond each: nothing changes them. */
const compiled = new Map<string, Matcher>();

/** Which networks a rule names, and whether the click was paid for. */
interface NetworkRule {
  name: string;
  isWanted: (network: Network) => boolean;
  paid: boolean | undefined;
}

function readNetworkRule(rule: SourceRule): NetworkRule | undefined {
  const { id, kind } =
    rule.type === 'search'
      ? { id: rule.search_engine, kind: rule.search_type }
      : (networkOfRule(rule.type) ?? { id: undefined, kind: undefined });
  if (id === undefined) return undefined;
  return {
    name: `${id} ${kind}`,
    isWanted: (network) => (id === 'all' ? isEngine(network) : network.id === id || network.of === id),
    paid: { paid: true, organic: false, all: undefined }[kind],
  };
}

function isEngine({ kind, of }: Network): boolean {
  return kind === 'search' || of !== undefined;
}

type Step = Matcher[number];
/** Whether a click on a network's link is one that the rule is for. */
type Verdict = (network: Network) => 0 | 1;

/**
 * What `readSource` does, as steps for these networks alone. What takes a visit from them is told, too: clicks and
 * tags of all others. No host of theirs is, because a host belongs to one network only.
 */
function compileNetworks({ isWanted, paid }: NetworkRule): Matcher {
  const verdict: Verdict = (network) => (isWanted(network) ? 1 : 0);
  const paidVerdict: Verdict = (network) => (isWanted(network) && paid !== false ? 1 : 0);
  const needsClicks = KNOWN_NETWORKS.some((network) => isWanted(network) && network.clicks);
  const isPaid = `.*&utm_medium=${PAID_MEDIUM}`;
  return [
    ...compileAdClicks(paidVerdict),
    ...together(
      KNOWN_NETWORKS.filter(({ adHosts }) => adHosts),
      paidVerdict,
      (some) => onHost(textOf(some, 'adHosts')),
    ),
    // All other signs leave it to `utm_medium` whether the click was paid for.
    ...(paid === undefined ? [] : [[0, `^.*\\n${paid ? `(?!${isPaid})` : isPaid}`] as Step]),
    ...together(KNOWN_NETWORKS, verdict, (some) => `^.*\\n${hasTag(some)}`),
    ...together(
      KNOWN_NETWORKS.filter((network) => needsClicks || isWanted(network)),
      verdict,
      (some) => onHost(textOf(some, 'hosts')),
    ),
    ...together(
      KNOWN_NETWORKS.filter(({ clicks }) => needsClicks && clicks),
      verdict,
      (some) => `^.*\\n${has(some.flatMap(({ clickNames }) => clickNames))}`,
    ),
  ];
}

/** The clicks on advertisements: who shares an id has it where his tag or host is there, else its owner has it. */
function compileAdClicks(verdict: Verdict): Matcher {
  const groups: { ids: string[]; family: Network[] }[] = [];
  for (const id of new Set(KNOWN_NETWORKS.flatMap(({ paidNames }) => paidNames))) {
    const family = KNOWN_NETWORKS.filter(({ paidNames }) => paidNames.includes(id));
    // Where all are of one mind, it does not matter who of them it was.
    const isOne = family.every((network) => verdict(network) === verdict(family[0] as Network));
    const members = isOne ? family.slice(0, 1) : family;
    const last = groups.at(-1);
    const isLikeLast =
      last?.family.length === members.length &&
      (isOne
        ? verdict(last.family[0] as Network) === verdict(family[0] as Network)
        : last.family.every((one) => family.includes(one)));
    if (last && isLikeLast) last.ids.push(id);
    else groups.push({ ids: [id], family: members });
  }
  return groups.flatMap(({ ids, family: [owner, ...others] }): Step[] => {
    if (!owner) return [];
    const clicked = has(ids);
    const family = others.length > 0 ? [owner, ...others] : [];
    return [
      ...family.map((one): Step => [verdict(one), `^.*\\n(?=${clicked})${hasTag([one])}`]),
      ...family.map((one): Step => [verdict(one), `${onHost(textOf([one], 'hosts'))}${clicked}`]),
      [verdict(owner), `^.*\\n${clicked}`],
    ];
  });
}

/** A step for each run of networks of one verdict. */
function together(
  networks: readonly Network[],
  verdict: Verdict,
  expression: (some: readonly Network[]) => string,
): Step[] {
  const runs: { fits: 0 | 1; members: Network[] }[] = [];
  for (const network of networks) {
    const fits = verdict(network);
    const last = runs.at(-1);
    if (last?.fits === fits) last.members.push(network);
    else runs.push({ fits, members: [network] });
  }
  return runs.map(({ fits, members }) => [fits, expression(members)]);
}

function textOf(networks: readonly Network[], name: 'hosts' | 'adHosts' | 'words'): string {
  return networks.flatMap((network) => network[name] ?? []).join(' ');
}

/** Begins an expression on a visit's text. */
function onHost(hosts: string): string {
  return `^${hostPattern(hosts)}\\n`;
}

/** On the second line: one of these parameters is there and not empty. */
function has(names: readonly string[]): string {
  return `.*&${anyOf(names)}=[^&]`;
}

/** On the second line: `utm_source` is one of these networks. */
function hasTag(networks: readonly Network[]): string {
  return `.*&utm_source=${tagPattern(textOf(networks, 'words'))}&`;
}

/** Each `name=value` is a parameter, in any order; `name` and `name=` have any value, `name=begin*` begins so. */
function compileParameters(rule: string): Matcher | null {
  const wanted = [...readParameters(`?${rule.replace(/^[^?#=&]*[?#]/, '')}`)].filter(([name]) => name);
  const expressions = wanted.map(([name, value]) => {
    const text = flatten(value);
    const fits = text.endsWith('*') ? literal(text.slice(0, -1)) : text && `${literal(text)}&`;
    return `(?=.*&${literal(flatten(name))}=${fits})`;
  });
  return wanted.length > 0 ? [[1, `^.*\\n${expressions.join('')}`]] : null;
}

/** Text as an expression that it alone fits. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
