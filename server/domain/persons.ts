/**
 * Who is one human. A lead event names him by phone, by e-mail or by both; whoever is named together is one person.
 *
 * Each identifier belongs to the person with whom it was named first, for good. That two persons are one is a merge
 * between them and nothing else: the merges of a company are a forest, a tree of it is a human, and the person known
 * longest stands for his tree. So a merge is taken back by leaving it out, and each lead event, from before or after
 * it, is then with the person to whom its own identifier belongs.
 */
import { callerNumber } from './phone-numbers.js';
import type { Millis } from './ports.js';

/** Joins to a visit that are surer than this make the visit's session one of the person's. */
export const OWN_SESSION_CONFIDENCE = 0.5;

/**
 * Nobody has more phones or e-mails than this. A mailbox or a phone that a whole office uses would make one person of
 * all its clients: beyond it nothing more is added, and nobody is merged.
 */
export const MAX_OF_A_KIND = 10;

export interface Identifier {
  kind: 'phone' | 'email';
  value: string;
}

/** Local parts that stand for a function (RFC 2142, and what businesses use): several people read them. */
const SHARED_MAILBOXES = new Set(
  `abuse accounting accounts admin administration administrator billing bookings buero careers contact contacto
  customerservice dispatch email enquiries enquiry estimating feedback finance frontdesk general hello help helpdesk
  hostmaster hr info information inquiries inquiry invoices it jobs kontakt legal mail mailbox main manager marketing
  media news newsletter noc office operations orders payments post postmaster press privacy purchasing reception
  recepcion reservations root sales schedule secretary security service services shop store support team vendas ventas
  vertrieb web webmaster`.split(/\s+/),
);

/** What is written where an e-mail is demanded and none is given. */
const PLACEHOLDERS =
  /^(a{3,}|x{2,}|y{3,}|z{3,}|abc(d\w*|\d+)?|anonym\w*|asdf\w*|blank|customer|do-?not-?reply|example|fake|n-a|name|nil|no|no-?e?mail|no-?reply|nobody|none|noname|not-?(given|provided|available)|null|qwerty?|somebody|someone|test(er|ing|\d+)?|undefined|unknown|user|your-?(e?mail|name))$/;

/** Domains that belong to nobody (RFC 2606, RFC 6761), and their usual misspellings in forms. */
const NO_DOMAINS =
  /^((.+\.)?(example\.(com|net|org|edu)|localhost|invalid|test)|(test|none|no|noemail|nomail|email|fake|domain|na|abc|asdf|xxx?)\.com)$/;

/** A number that somebody typed because the form demanded one. */
const NO_PHONES = /^\+1?(\d)\1{6,}$|^\+1?(1234567890|0123456789|9876543210)$/;

/**
 * By what a lead event names its person, the surest first; nothing: it is nobody's, as of a caller who hides his number.
 * A mailbox that several people read names somebody only where nothing else does: beside a phone it would merge all
 * who ever gave it. What was written in the place of a phone or an e-mail names nobody.
 */
export function identifiersOf(lead: { phone: string | null; email: string | null }): Identifier[] {
  const named: Identifier[] = [];
  const phone = callerNumber(lead.phone);
  if (phone !== null && !NO_PHONES.test(phone)) named.push({ kind: 'phone', value: phone });
  const email = lead.email?.trim().toLowerCase() ?? '';
  const [, local = '', domain = ''] = /^([^\s@]+)@([^\s@]+\.[^\s@]+)$/.exec(email) ?? [];
  if (local === '' || PLACEHOLDERS.test(local) || NO_DOMAINS.test(domain)) return named;
  if (named.length === 0 || !SHARED_MAILBOXES.has(local)) named.push({ kind: 'email', value: email });
  return named;
}

/** What is known of an identifier: to whom it belongs, and who stands for him. */
export interface Known {
  personId: string;
  /** The person known longest of his group; often himself. */
  standsFor: string;
}

/** How many identifiers of each kind a whole group has. */
export type Sizes = Record<Identifier['kind'], number>;

export interface Acquaintance {
  /** One for each identifier named, in their order; null: never heard of. */
  known: readonly (Known | null)[];
  /** Of each group among them, by who stands for it. */
  sizes: ReadonlyMap<string, Sizes>;
  /** A merge between the two groups was taken back by somebody. */
  keptApart: boolean;
}

export interface Decision {
  /** Whose the lead event is; null: somebody new. */
  personId: string | null;
  /** Identifiers that are his from now on. */
  learned: Identifier[];
  /** Two persons that are one from now on. */
  merge: [one: string, other: string] | null;
}

/**
 * What a lead event that names these identifiers (one at least) tells. It is with the person of the first of them that
 * is known.
 */
export function judgeIdentifiers(
  named: readonly Identifier[],
  { known, sizes, keptApart }: Acquaintance,
): Decision {
  const found = known.filter((one) => one !== null);
  const [first] = found;
  if (!first) return { personId: null, learned: [...named], merge: null };
  const sizeOf = (group: string): Sizes => sizes.get(group) ?? { phone: 0, email: 0 };
  const learned = named.filter(
    ({ kind }, at) => known[at] === null && sizeOf(first.standsFor)[kind] < MAX_OF_A_KIND,
  );
  const other = found.find(({ standsFor }) => standsFor !== first.standsFor);
  const fits = (kind: Identifier['kind']) =>
    sizeOf(first.standsFor)[kind] + sizeOf(other?.standsFor ?? '')[kind] <= MAX_OF_A_KIND;
  const merges = other && !keptApart && fits('phone') && fits('email');
  return {
    personId: first.personId,
    learned,
    merge: merges ? [first.personId, other.personId] : null,
  };
}

export interface Person {
  personId: string;
  /** When he was first heard of. */
  createdAt: Millis;
}

/** Who stands for these persons: the one known longest, so that any order of merges gives the same. */
export function standIn(persons: readonly Person[]): string {
  const [oldest] = persons.toSorted(
    (a, b) => a.createdAt - b.createdAt || (a.personId < b.personId ? -1 : 1),
  );
  if (!oldest) throw new Error('nobody stands for no one');
  return oldest.personId;
}

export interface Merge {
  mergeId: string;
  oneId: string;
  otherId: string;
  /** Who stood for each of them until then. */
  oneStandIn: string;
  otherStandIn: string;
  at: Millis;
}

/**
 * Who stands for one side of a merge that was taken back: who stands for both, if he is on it, else who stood for it
 * before.
 */
export function standInAgain(side: readonly Person[], ofBoth: string, before: string): string {
  const has = (id: string) => side.some(({ personId }) => personId === id);
  if (has(ofBoth)) return ofBoth;
  // He may have been parted from them since.
  return has(before) ? before : standIn(side);
}

/**
 * The merge that is taken back first when somebody says that this person is himself alone: the newest of those that
 * lie between him and who stands for him, and for the latter the newest of the group. So taking back goes backwards
 * through what happened. Null: there is none.
 */
export function mergeToUndo(merges: readonly Merge[], personId: string, standsFor: string): Merge | null {
  const candidates = personId === standsFor ? merges : pathBetween(merges, personId, standsFor);
  return candidates.reduce<Merge | null>(
    (newest, merge) => (newest && newest.at >= merge.at ? newest : merge),
    null,
  );
}

/** All who are one with this person by these merges, himself included. */
export function groupOf(merges: readonly Merge[], personId: string): Set<string> {
  const group = new Set([personId]);
  // A set gives what is added while it is walked through, too.
  for (const member of group) {
    for (const { oneId, otherId } of merges) {
      if (oneId === member) group.add(otherId);
      if (otherId === member) group.add(oneId);
    }
  }
  return group;
}

/** In a forest there is one way at most: a merge lies on it if it parts the two when it is left out. */
function pathBetween(merges: readonly Merge[], from: string, to: string): Merge[] {
  return merges.filter(
    (left) =>
      !groupOf(
        merges.filter((merge) => merge !== left),
        from,
      ).has(to),
  );
}
