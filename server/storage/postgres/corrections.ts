/** Joins that users correct: nothing but a user changes them from then on. */
import type pg from 'pg';
import { invalid } from '../../domain/errors.js';
import type { CallJudge } from '../../domain/ports.js';
import type { Correction } from '../../domain/reports.js';
import { lockCall, REVISED_FROM } from './calls.js';
import { rejoinCall } from './rejoin.js';

/**
 * Joins the call as a user says, or by its evidence again (null). Throws `invalid` for `attribution.visit` where the
 * company has no such visit, and for `attribution.source` where the visit has another. To be called before anything
 * else of the call is locked; a call that is not there is left to others.
 */
export async function correctCall(
  client: pg.ClientBase,
  call: { accountId: string; callId: string },
  correction: Correction | null,
  userId: string,
  judge: CallJudge,
): Promise<void> {
  const { rows } = await client.query<{ companyId: string; provider: string; providerCallId: string }>(
    `SELECT c.company_id AS "companyId", c.provider, c.provider_call_id AS "providerCallId"
     FROM calls c JOIN companies co USING (company_id) WHERE co.account_id = $1 AND c.call_id = $2 AND NOT c.spam`,
    [call.accountId, call.callId],
  );
  const [found] = rows;
  if (!found) return;
  const key = { companyId: found.companyId, callId: call.callId };
  await lockCall(client, found);
  if (correction === null) {
    const { rowCount } = await client.query(
      `UPDATE calls SET corrected_at = NULL, corrected_by = NULL
       WHERE company_id = $1 AND call_id = $2 AND corrected_at IS NOT NULL`,
      [key.companyId, key.callId],
    );
    if (rowCount !== 0) await rejoinCall(client, key, judge);
    return;
  }
  const visit = correction.visit === null ? null : await visitOf(client, key.companyId, correction.visit);
  if (visit && correction.source !== null && correction.source !== visit.source) {
    throw invalid('attribution.source', `is not the source of that visit, which is ${visit.source}`);
  }
  const attribution = judge.correct(visit, correction.source);
  await client.query(
    `UPDATE calls c SET attribution = $3, session_id = $4, visit_id = $5, corrected_at = now(), corrected_by = $6,
       revised_at = now(), revised_from = ${REVISED_FROM}
     WHERE c.company_id = $1 AND c.call_id = $2`,
    [key.companyId, key.callId, JSON.stringify(attribution), attribution.session, attribution.visit, userId],
  );
}

async function visitOf(
  client: pg.ClientBase,
  companyId: string,
  visitId: string,
): Promise<{ sessionId: string; visitId: string; source: string }> {
  const { rows } = await client.query<{ sessionId: string; visitId: string; source: string }>(
    `SELECT session_id AS "sessionId", visit_id AS "visitId", source FROM visits
     WHERE company_id = $1 AND visit_id::text = $2`,
    [companyId, visitId.toLowerCase()],
  );
  const [visit] = rows;
  if (!visit) throw invalid('attribution.visit', 'is no visit of this company');
  return visit;
}
