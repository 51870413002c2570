/** What `domain/call-learning.ts` learns from; the model stays with the company. */
import type pg from 'pg';
import type { CallLearner, VisitSigns } from '../../domain/ports.js';
import { callHistory } from './calls.js';

/** With fewer calls than these nothing would be learned. */
const MIN_CALLS = 20;
/** The newest calls that are learned from. Each one's history is a query of some milliseconds. */
const MAX_CALLS = 400;
const SAMPLE_VISITS = 2000;
const LEARN_DAYS = 90;
/** What led to a call may be written after it. */
const SETTLED = "interval '1 hour'";

/** First calls to a company's pools that are old enough to have all their facts. */
const FIRST_CALLS = `calls c JOIN trackers t ON t.company_id = c.company_id AND t.tracker_id = c.tracker_id
  WHERE t.type = 'session' AND c.first_call AND NOT c.spam AND c.caller_number IS NOT NULL
    AND c.started_at BETWEEN now() - interval '${LEARN_DAYS} days' AND now() - ${SETTLED}`;

/** Learns the model of one company whose own is a day old; false when there is none. */
export async function learnCallModel(client: pg.ClientBase, learn: CallLearner): Promise<boolean> {
  const { rows } = await client.query<{ company_id: string }>(
    `SELECT m.company_id FROM companies m
     WHERE (m.call_model_at IS NULL OR m.call_model_at < now() - interval '20 hours') AND m.status = 'active'
       AND (SELECT count(*) FROM (SELECT FROM ${FIRST_CALLS} AND c.company_id = m.company_id
                                  LIMIT ${MIN_CALLS}) enough) = ${MIN_CALLS}
     ORDER BY m.call_model_at NULLS FIRST LIMIT 1`,
  );
  const company = rows[0]?.company_id;
  if (company === undefined) return false;
  const model = learn(await callsOf(client, company), await visitsOf(client, company));
  await client.query('UPDATE companies SET call_model = $2, call_model_at = now() WHERE company_id = $1', [
    company,
    JSON.stringify(model),
  ]);
  return true;
}

async function callsOf(client: pg.ClientBase, companyId: string): Promise<Parameters<CallLearner>[0]> {
  const { rows } = await client.query<{ number: string; provider: string; id: string; at: number }>(
    `SELECT c.tracking_number AS number, c.provider, c.provider_call_id AS id,
            (extract(epoch FROM c.started_at) * 1000)::float8 AS at
     FROM ${FIRST_CALLS} AND c.company_id = $1 ORDER BY c.started_at DESC LIMIT ${MAX_CALLS}`,
    [companyId],
  );
  const calls: { at: number; history: Awaited<ReturnType<typeof callHistory>> }[] = [];
  for (const { number, provider, id, at } of rows) {
    const name = { trackingNumber: number, provider, providerCallId: id };
    // Of first calls only: that nobody knows the caller is the point.
    calls.push({ at, history: await callHistory(client, companyId, name, at, null) });
  }
  return calls;
}

/** Session ids are chance, so the next ones from anywhere are a fair sample, and an index has them. */
async function visitsOf(client: pg.ClientBase, companyId: string): Promise<VisitSigns[]> {
  const { rows } = await client.query<VisitSigns>(
    `SELECT v.pages, v.active_seconds AS "activeSeconds", v.device, coalesce(v.left_at >= v.last_seen, false) AS "left",
            (extract(epoch FROM v.started_at) * 1000)::float8 AS "visitStartedAt",
            (extract(epoch FROM v.last_seen) * 1000)::float8 AS "lastSeen"
     FROM (
       (SELECT * FROM visits WHERE company_id = $1 AND session_id >= $2 ORDER BY session_id LIMIT ${SAMPLE_VISITS})
       UNION ALL
       (SELECT * FROM visits WHERE company_id = $1 AND session_id < $2 ORDER BY session_id LIMIT ${SAMPLE_VISITS})
     ) v WHERE v.started_at > now() - interval '${LEARN_DAYS} days' LIMIT ${SAMPLE_VISITS}`,
    [companyId, crypto.randomUUID()],
  );
  return rows;
}
