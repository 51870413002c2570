/** Calls joined once more, when what led to them was written after them. */
import type pg from 'pg';
import type { CallJudge, Millis } from '../../domain/ports.js';
import { type CallOwner, JUDGED_TRACKER } from './call-owner.js';
import { type CallName, LATE_TAP_MS, lockCall, TAP_MS, writeCall } from './calls.js';
import { transaction } from './connect.js';

/** Calls joined again after one outage; those before them stay as they are. */
const MAX_REJOINED = 10_000;
/** Calls joined again in one run for late facts; the rest waits for the next run. */
const LATE_BATCH = 500;
/** Facts are late for so long; a journal that is drained later looks at its calls itself (`rejoinCalls`). */
const LATE_MINUTES = 60;
/** Calls of so long ago are improved by them. */
const CALL_HOURS = 24;
/** A row is seen some time after it was written: when its transaction ends, which takes no longer. */
const COMMIT_SECONDS = 6;

/** What a call is joined by, from `calls c` and `TRACKER`. */
export const JOINED_BY = `
  c.company_id AS "companyId", c.tracker_id AS "trackerId", c.provider,
  c.provider_call_id AS "providerCallId", c.tracking_number AS "trackingNumber",
  ${JUDGED_TRACKER} AS tracker`;
export const TRACKER = `LEFT JOIN trackers t ON t.company_id = c.company_id AND t.tracker_id = c.tracker_id
  LEFT JOIN companies m ON m.company_id = c.company_id`;

export type Joinable = CallName & CallOwner;

/**
 * Joins the calls since then once more: the visits that caused them may have been written after them, when several
 * servers drained their journals. Answers how many calls there were.
 */
export async function rejoinCalls(pool: pg.Pool, since: Millis, judge: CallJudge): Promise<number> {
  const { rows } = await pool.query<Joinable>(
    `SELECT ${JOINED_BY} FROM calls c ${TRACKER} WHERE c.started_at >= to_timestamp($1::float8 / 1000)
     ORDER BY c.started_at DESC LIMIT ${MAX_REJOINED}`,
    [since],
  );
  await rejoinEach(pool, rows.toReversed(), judge);
  return rows.length;
}

/**
 * Joins once more the calls about which something was written after they were joined: a tap or a lease of their number
 * that came late, a form of the caller's, or another answer about an earlier call of his. Answers how many there were.
 */
export async function rejoinLateCalls(pool: pg.Pool, judge: CallJudge): Promise<number> {
  const late = (at: string) => `${at} > now() - interval '${LATE_MINUTES} minutes'`;
  const missed = (at: string) =>
    `c.corrected_at IS NULL AND c.started_at > now() - interval '${CALL_HOURS} hours'
       AND c.joined_at < ${at} + interval '${COMMIT_SECONDS} seconds'`;
  const { rows } = await pool.query<Joinable>(
    `SELECT ${JOINED_BY} FROM (
       SELECT c.company_id, c.call_id FROM taps f
       JOIN calls c ON c.company_id = f.company_id AND c.tracking_number = f.number
         AND c.started_at BETWEEN f.tapped_at - interval '${LATE_TAP_MS} ms' AND f.tapped_at + interval '${TAP_MS} ms'
       WHERE ${late('f.written_at')} AND f.written_at - least(f.tapped_at, f.client_at) > interval '1 second'
         AND ${missed('f.written_at')}
       UNION
       SELECT c.company_id, c.call_id FROM leases f
       JOIN calls c ON c.company_id = f.company_id AND c.tracking_number = f.number AND c.started_at >= f.started_at
       WHERE ${late('f.written_at')} AND f.written_at - f.started_at > interval '1 second' AND ${missed('f.written_at')}
       UNION
       SELECT c.company_id, c.call_id FROM form_submissions f
       CROSS JOIN LATERAL one_with(f.company_id, f.person_id) AS person
       JOIN calls c ON c.company_id = f.company_id AND c.person_id = person
       WHERE ${late('f.written_at')} AND f.person_id IS NOT NULL AND ${missed('f.written_at')}
       UNION
       SELECT c.company_id, c.call_id FROM calls f
       CROSS JOIN LATERAL one_with(f.company_id, f.person_id) AS person
       JOIN calls c ON c.company_id = f.company_id AND c.person_id = person AND c.started_at > f.started_at
       WHERE ${late('f.revised_at')} AND f.person_id IS NOT NULL AND ${missed('f.revised_at')}) concerned
     JOIN calls c USING (company_id, call_id) ${TRACKER}
     ORDER BY c.started_at LIMIT ${LATE_BATCH}`,
  );
  await rejoinEach(pool, rows, judge);
  return rows.length;
}

/** Joins one call by its evidence. */
export async function rejoinCall(
  client: pg.ClientBase,
  call: { companyId: string; callId: string },
  judge: CallJudge,
): Promise<void> {
  const { rows } = await client.query<Joinable>(
    `SELECT ${JOINED_BY} FROM calls c ${TRACKER} WHERE c.company_id = $1 AND c.call_id = $2`,
    [call.companyId, call.callId],
  );
  for (const found of rows) await writeCall(client, found, found, judge);
}

/** The oldest first: who called before is known by that. */
async function rejoinEach(pool: pg.Pool, calls: readonly Joinable[], judge: CallJudge): Promise<void> {
  for (const call of calls) {
    await transaction(pool, async (client) => {
      await lockCall(client, call);
      await writeCall(client, call, call, judge);
    });
  }
}
