import type pg from 'pg';

/**
 * The person with this phone, else with this e-mail, else a new one; null when neither is known: an anonymous caller
 * is nobody. Safe when two transactions meet the same stranger at once.
 */
export async function findOrCreatePerson(
  client: pg.ClientBase,
  person: { companyId: string; newPersonId: string; phone: string | null; email: string | null; at: number },
): Promise<string | null> {
  const { companyId, newPersonId, phone, email, at } = person;
  if (phone === null && email === null) return null;
  const find = async () => {
    const { rows } = await client.query<{ person_id: string }>(
      `SELECT person_id FROM persons
       WHERE company_id = $1 AND (phone = $2 OR email = $3)
       ORDER BY phone = $2 DESC NULLS LAST, created_at LIMIT 1`,
      [companyId, phone, email],
    );
    return rows[0]?.person_id ?? null;
  };
  const known = await find();
  if (known !== null) return known;
  const { rowCount } = await client.query(
    `INSERT INTO persons (company_id, person_id, phone, email, created_at)
     VALUES ($1, $2, $3, $4, to_timestamp($5::float8 / 1000)) ON CONFLICT DO NOTHING`,
    [companyId, newPersonId, phone, email, at],
  );
  return rowCount === 1 ? newPersonId : find();
}
