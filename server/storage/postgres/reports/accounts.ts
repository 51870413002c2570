import type pg from 'pg';
import type { AccountReport, User } from '../../../domain/reports.js';
import { millis, rowsOf, sql } from './sql.js';

export async function findAccount(pool: pg.Pool, accountId: string): Promise<AccountReport | null> {
  const [row] = await rowsOf<{ account_id: string; numeric_id: string; name: string }>(
    pool,
    sql`SELECT account_id, numeric_id, name FROM accounts WHERE account_id = ${accountId}`,
  );
  return row ? { accountId: row.account_id, numericId: Number(row.numeric_id), name: row.name } : null;
}

interface UserRow {
  user_id: string;
  name: string;
  account_id: string;
  numeric_id: string;
  time_zone: string;
  created_at: Date;
}

/** A user by the SHA-256 of his API key: the key itself is kept nowhere. */
export async function findUserByKey(pool: pg.Pool, sha256: Uint8Array): Promise<User | null> {
  const [row] = await rowsOf<UserRow>(
    pool,
    sql`SELECT u.user_id, u.name, u.account_id, a.numeric_id, u.time_zone, u.created_at
        FROM api_keys k JOIN users u USING (user_id) JOIN accounts a USING (account_id)
        WHERE k.key_hash = ${Buffer.from(sha256)}`,
  );
  if (!row) return null;
  return {
    userId: row.user_id,
    name: row.name,
    accountId: row.account_id,
    accountNumericId: row.numeric_id,
    timeZone: row.time_zone,
    createdAt: millis(row.created_at),
  };
}
