import type pg from 'pg';
import { invalid } from '../../../domain/errors.js';
import type { PersonReport } from '../../../domain/reports.js';
import { transaction } from '../connect.js';
import { lockPersons, mergePersons, undoMerge } from '../persons.js';
import { millis, rowsOf, sql } from './sql.js';

interface PersonRow {
  company_id: string;
  company_name: string;
  person_id: string;
  created_at: Date;
  phones: string[];
  emails: string[];
  others: string[];
  merges: (Omit<PersonReport['merges'][number], 'at'> & { at: string })[];
}

/** The person with this id, or of whom he is a part. */
export async function findPerson(
  runner: Pick<pg.Pool, 'query'>,
  accountId: string,
  personId: string,
): Promise<PersonReport | null> {
  const [row] = await rowsOf<PersonRow>(
    runner,
    sql`
    WITH his AS (
      SELECT p.* FROM persons me JOIN companies co ON co.company_id = me.company_id AND co.account_id = ${accountId}
      CROSS JOIN LATERAL one_with(me.company_id, me.person_id) AS person
      JOIN persons p ON p.company_id = me.company_id AND p.person_id = person
      WHERE me.person_id = ${personId}),
    known AS (
      SELECT i.* FROM his JOIN person_identifiers i USING (company_id, person_id))
    SELECT co.company_id, co.name AS company_name, s.person_id,
      (SELECT min(created_at) FROM his) AS created_at,
      ARRAY(SELECT value FROM known WHERE kind = 'phone' ORDER BY first_seen, value) AS phones,
      ARRAY(SELECT value FROM known WHERE kind = 'email' ORDER BY first_seen, value) AS emails,
      ARRAY(SELECT person_id FROM his WHERE merged_into IS NOT NULL ORDER BY created_at, person_id) AS others,
      coalesce((SELECT jsonb_agg(jsonb_build_object('persons', jsonb_build_array(m.one_id, m.other_id),
                  'reason', m.reason, 'leadId', m.lead_id, 'userId', m.user_id, 'at', m.merged_at) ORDER BY m.merged_at)
                FROM his JOIN person_merges m ON m.company_id = his.company_id AND m.one_id = his.person_id
                WHERE m.undone_at IS NULL), '[]') AS merges
    FROM his s JOIN companies co USING (company_id) WHERE s.merged_into IS NULL`,
  );
  if (!row) return null;
  return {
    personId: row.person_id,
    companyId: row.company_id,
    companyName: row.company_name,
    createdAt: millis(row.created_at),
    phones: row.phones,
    emails: row.emails,
    others: row.others,
    merges: row.merges.map((merge) => ({ ...merge, at: Date.parse(merge.at) })),
  };
}

/** Makes both one. Throws `invalid` for `person_id` where it names nobody of that company. */
export function mergeByHand(
  pool: pg.Pool,
  accountId: string,
  personId: string,
  otherId: string,
  userId: string,
): Promise<PersonReport | null> {
  return transaction(pool, async (client) => {
    const company = await companyOf(client, accountId, personId);
    if (company === null) return null;
    await lockPersons(client, company);
    const person = await findPerson(client, accountId, personId);
    const other = await findPerson(client, accountId, otherId);
    if (other?.companyId !== company) throw invalid('person_id', 'is no person of this company');
    if (other.personId === person?.personId) return person;
    await mergePersons(client, company, [personId, otherId], { reason: 'hand', userId });
    return findPerson(client, accountId, personId);
  });
}

/** `none`: he is part of nobody, and nobody of him. */
export function undoMergeByHand(
  pool: pg.Pool,
  accountId: string,
  personId: string,
  userId: string,
): Promise<PersonReport | 'none' | null> {
  return transaction(pool, async (client) => {
    const company = await companyOf(client, accountId, personId);
    if (company === null) return null;
    await lockPersons(client, company);
    if (!(await undoMerge(client, company, personId, userId))) return 'none';
    return findPerson(client, accountId, personId);
  });
}

async function companyOf(client: pg.ClientBase, accountId: string, personId: string): Promise<string | null> {
  const [row] = await rowsOf<{ company_id: string }>(
    client,
    sql`SELECT company_id FROM persons JOIN companies USING (company_id)
        WHERE account_id = ${accountId} AND person_id = ${personId}`,
  );
  return row?.company_id ?? null;
}
