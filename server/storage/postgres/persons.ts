/** Persons, their identifiers and their merges: what `domain/persons.ts` decides, asked and written. */
import type pg from 'pg';
import {
  type Acquaintance,
  groupOf,
  type Identifier,
  identifiersOf,
  judgeIdentifiers,
  type Known,
  type Merge,
  mergeToUndo,
  type Person,
  type Sizes,
  standIn,
  standInAgain,
} from '../../domain/persons.js';
import type { Millis } from '../../domain/ports.js';

/** A lead event, as far as it names somebody. */
export interface NamedLead {
  companyId: string;
  kind: 'form' | 'text' | 'call';
  leadId: string;
  /** Used only when nobody whom it names is known. */
  newPersonId: string;
  phone: string | null;
  email: string | null;
  at: Millis;
}

/**
 * The person whom a lead event names: known before, or new; null when it names nobody. What else it tells, a further
 * identifier of his or that two persons are one, is written with it. Safe when any number of transactions meet the
 * same strangers at once; of several leads in one transaction those of one company must follow each other, and the
 * companies be in the order of their ids.
 *
 * The answer is the person to whom the identifier belongs, who stays the same whatever is merged: who stands for him
 * is found by `merged_into`.
 */
export async function personOfLead(client: pg.ClientBase, lead: NamedLead): Promise<string | null> {
  const { companyId, at } = lead;
  const named = identifiersOf(lead);
  if (named.length === 0) return null;
  const before = await lookUp(client, companyId, named);
  const [one] = before;
  if (one && before.every((known) => known?.standsFor === one.standsFor) && one.since <= at) {
    return one.personId;
  }
  await lockPersons(client, companyId);
  const known = await lookUp(client, companyId, named);
  const { personId, learned, merge } = judgeIdentifiers(named, await acquaint(client, companyId, known));
  const id = personId ?? lead.newPersonId;
  await client.query({
    name: 'person of lead',
    text: `INSERT INTO persons AS p (company_id, person_id, created_at) VALUES ($1, $2, to_timestamp($3::float8 / 1000))
           ON CONFLICT (company_id, person_id) DO UPDATE SET created_at = excluded.created_at
           WHERE excluded.created_at < p.created_at`,
    values: [companyId, id, at],
  });
  if (learned.length > 0) {
    await client.query({
      name: 'learn identifiers',
      text: `INSERT INTO person_identifiers (company_id, kind, value, person_id, first_seen)
             SELECT $1, i.kind, i.value, $4, to_timestamp($5::float8 / 1000)
             FROM unnest($2::text[], $3::text[]) AS i(kind, value) ON CONFLICT DO NOTHING`,
      values: [companyId, learned.map(({ kind }) => kind), learned.map(({ value }) => value), id, at],
    });
  }
  if (merge) await mergePersons(client, companyId, merge, { reason: lead.kind, leadId: lead.leadId });
  return id;
}

/** Who decides about persons of a company does it alone, until his transaction ends. */
export async function lockPersons(client: pg.ClientBase, companyId: string): Promise<void> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('persons ' || $1, 0))`, [companyId]);
}

export type Why = { reason: NamedLead['kind']; leadId: string } | { reason: 'hand'; userId: string };

/** Makes two persons of two groups one. The lock must be held. */
export async function mergePersons(
  client: pg.ClientBase,
  companyId: string,
  [one, other]: [string, string],
  why: Why,
): Promise<void> {
  const { rows: standIns } = await client.query<Person & { of: string }>(
    `SELECT p.person_id AS of, s.person_id AS "personId",
            (extract(epoch FROM s.created_at) * 1000)::float8 AS "createdAt"
     FROM persons p JOIN persons s ON s.company_id = p.company_id AND s.person_id = coalesce(p.merged_into, p.person_id)
     WHERE p.company_id = $1 AND p.person_id IN ($2, $3)`,
    [companyId, one, other],
  );
  const group = await client.query<{ id: string }>(
    'SELECT one_with($1, $2) AS id UNION SELECT one_with($1, $3)',
    [companyId, one, other],
  );
  await client.query(
    `INSERT INTO person_merges (company_id, one_id, other_id, one_stand_in, other_stand_in, reason, lead_id, user_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      companyId,
      one,
      other,
      ...[one, other].map((id) => standIns.find(({ of }) => of === id)?.personId),
      why.reason,
      'leadId' in why ? why.leadId : null,
      'userId' in why ? why.userId : null,
    ],
  );
  await standFor(
    client,
    companyId,
    standIn(standIns),
    group.rows.map(({ id }) => id),
  );
}

/**
 * Takes back the newest merge that made this person a part of another, or another a part of him; the two are kept
 * apart from then on. False: there is none. The lock must be held.
 */
export async function undoMerge(
  client: pg.ClientBase,
  companyId: string,
  personId: string,
  userId: string,
): Promise<boolean> {
  const { rows: persons } = await client.query<Person & { standsFor: string }>(
    `SELECT p.person_id AS "personId", coalesce(p.merged_into, p.person_id) AS "standsFor",
            (extract(epoch FROM p.created_at) * 1000)::float8 AS "createdAt"
     FROM persons p WHERE p.company_id = $1 AND p.person_id IN (SELECT one_with($1, $2))`,
    [companyId, personId],
  );
  const [standsFor] = persons.map((person) => person.standsFor);
  if (standsFor === undefined) return false;
  const merges = await mergesAmong(
    client,
    companyId,
    persons.map((person) => person.personId),
  );
  const undone = mergeToUndo(merges, personId, standsFor);
  if (!undone) return false;
  await client.query(
    `UPDATE person_merges SET undone_at = clock_timestamp(), undone_by = $3 WHERE company_id = $1 AND merge_id = $2`,
    [companyId, undone.mergeId, userId],
  );
  const left = merges.filter((merge) => merge !== undone);
  for (const [id, before] of [
    [undone.oneId, undone.oneStandIn],
    [undone.otherId, undone.otherStandIn],
  ] as const) {
    const side = groupOf(left, id);
    const members = persons.filter((person) => side.has(person.personId));
    await standFor(client, companyId, standInAgain(members, standsFor, before), [...side]);
  }
  return true;
}

/** The merges between these persons that hold. */
async function mergesAmong(
  client: pg.ClientBase,
  companyId: string,
  persons: readonly string[],
): Promise<Merge[]> {
  const { rows } = await client.query<Merge>(
    `SELECT merge_id AS "mergeId", one_id AS "oneId", other_id AS "otherId",
            one_stand_in AS "oneStandIn", other_stand_in AS "otherStandIn",
            (extract(epoch FROM merged_at) * 1000)::float8 AS at
     FROM person_merges WHERE company_id = $1 AND one_id = ANY ($2) AND undone_at IS NULL`,
    [companyId, persons],
  );
  return rows;
}

async function standFor(
  client: pg.ClientBase,
  companyId: string,
  standIn: string,
  members: readonly string[],
): Promise<void> {
  await client.query(
    `UPDATE persons SET merged_into = nullif($2, person_id)
     WHERE company_id = $1 AND person_id = ANY ($3) AND merged_into IS DISTINCT FROM nullif($2, person_id)`,
    [companyId, standIn, members],
  );
}

/** Of each identifier, in order, to whom it belongs and since when he is known; null: never heard of. */
async function lookUp(
  client: pg.ClientBase,
  companyId: string,
  named: readonly Identifier[],
): Promise<((Known & { since: Millis }) | null)[]> {
  const { rows } = await client.query<Known & { place: number; since: Millis }>({
    name: 'whose identifiers',
    text: `SELECT n.place::int, p.person_id AS "personId", coalesce(p.merged_into, p.person_id) AS "standsFor",
                  (extract(epoch FROM p.created_at) * 1000)::float8 AS since
           FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS n(kind, value, place)
           JOIN person_identifiers i ON i.company_id = $1 AND i.kind = n.kind AND i.value = n.value
           JOIN persons p ON p.company_id = i.company_id AND p.person_id = i.person_id`,
    values: [companyId, named.map(({ kind }) => kind), named.map(({ value }) => value)],
  });
  return named.map((_, at) => rows.find(({ place }) => place === at + 1) ?? null);
}

async function acquaint(
  client: pg.ClientBase,
  companyId: string,
  known: readonly (Known | null)[],
): Promise<Acquaintance> {
  const groups = [...new Set(known.flatMap((one) => (one ? [one.standsFor] : [])))];
  if (groups.length === 0) return { known, sizes: new Map(), keptApart: false };
  const { rows } = await client.query<Sizes & { id: string }>({
    name: 'sizes of persons',
    text: `SELECT coalesce(p.merged_into, p.person_id) AS id,
                  count(*) FILTER (WHERE i.kind = 'phone')::int AS phone,
                  count(*) FILTER (WHERE i.kind = 'email')::int AS email
           FROM persons p JOIN person_identifiers i ON i.company_id = p.company_id AND i.person_id = p.person_id
           WHERE p.company_id = $1 AND (p.person_id = ANY ($2) OR p.merged_into = ANY ($2)) GROUP BY 1`,
    values: [companyId, groups],
  });
  const sizes = new Map(rows.map(({ id, ...size }) => [id, size]));
  const [one, other] = groups;
  if (other === undefined) return { known, sizes, keptApart: false };
  const apart = await client.query<{ apart: boolean }>({
    name: 'are persons kept apart',
    text: `SELECT EXISTS (
             SELECT FROM person_merges m WHERE m.company_id = $1 AND m.undone_at IS NOT NULL
               AND (m.one_id IN (SELECT one_with($1, $2)) AND m.other_id IN (SELECT one_with($1, $3))
                    OR m.one_id IN (SELECT one_with($1, $3)) AND m.other_id IN (SELECT one_with($1, $2)))) AS apart`,
    values: [companyId, one, other],
  });
  return { known, sizes, keptApart: apart.rows[0]?.apart ?? false };
}
