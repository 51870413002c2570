import type pg from 'pg';
import type { CallEvidence, Millis } from '../../../domain/ports.js';
import { callHistory } from '../calls.js';
import { JOINED_BY, type Joinable, TRACKER } from '../rejoin.js';

/** What a call would be joined by now. Null: no such call in this account. */
export async function findCallEvidence(
  pool: pg.Pool,
  accountId: string,
  callId: string,
): Promise<CallEvidence | null> {
  const { rows } = await pool.query<Joinable & { at: Millis; caller: string | null }>(
    `SELECT ${JOINED_BY}, (extract(epoch FROM c.started_at) * 1000)::float8 AS at, c.caller_number AS caller
     FROM companies co JOIN calls c USING (company_id) ${TRACKER}
     WHERE co.account_id = $1 AND c.call_id = $2 AND NOT c.spam`,
    [accountId, callId],
  );
  const [call] = rows;
  if (!call) return null;
  const { companyId, at, caller, tracker } = call;
  return { at, tracker, history: await callHistory(pool, companyId, call, at, caller) };
}
