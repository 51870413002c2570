import type pg from 'pg';
import type { CallReport, JudgedTracker, Millis } from '../../domain/ports.js';

/** Whose call it is. */
export interface CallOwner {
  companyId: string;
  trackerId: string | null;
  /** Null where the number had no tracker. */
  tracker: JudgedTracker | null;
}

/** A `JudgedTracker`, of a tracker `t` and its company `m`; null where there is no tracker. */
export const JUDGED_TRACKER = `CASE WHEN t.tracker_id IS NOT NULL THEN json_build_object(
  'type', t.type, 'name', t.name, 'source', t.source, 'callModel', m.call_model,
  'thresholds', json_build_object('visit', t.visit_threshold, 'source', t.source_threshold)) END`;

/**
 * Whose call a report is about. A number may move to another tracker, even of another company, while a call goes on
 * or before its last report comes: the call stays with the tracker that had the number when it rang. The report names
 * who has the number by the map that answered; the call's lock must be held.
 */
export async function ownerOfCall(client: pg.ClientBase, report: CallReport): Promise<CallOwner> {
  const { event } = report;
  const { rows } = await client.query<CallOwner>({
    name: 'owner of call',
    text: `
      SELECT o.company_id AS "companyId", o.tracker_id AS "trackerId",
             ${JUDGED_TRACKER} AS tracker
      FROM (
        (SELECT 1 AS rank, c.company_id, c.tracker_id FROM calls c
         WHERE c.company_id IN (SELECT company_id FROM tracking_numbers WHERE number = $3 UNION SELECT $4)
           AND c.provider = $1 AND c.provider_call_id = $2 ORDER BY c.created_at LIMIT 1)
        UNION ALL
        -- Whoever was rung is right by that; of a later report without it only the number's history can tell.
        (SELECT 2, company_id, tracker_id FROM tracking_numbers
         WHERE $6 AND number = $3 AND added_at <= to_timestamp($7::float8 / 1000) ORDER BY added_at DESC LIMIT 1)
        UNION ALL
        SELECT 3, $4, $5) o
      LEFT JOIN trackers t ON t.company_id = o.company_id AND t.tracker_id = o.tracker_id
      LEFT JOIN companies m ON m.company_id = o.company_id
      ORDER BY o.rank LIMIT 1`,
    values: [
      event.provider,
      event.providerCallId,
      event.trackingNumber,
      report.companyId,
      report.trackerId,
      event.kind !== 'ringing',
      beginOf(event),
    ],
  });
  return rows[0] ?? { companyId: report.companyId, trackerId: report.trackerId, tracker: null };
}

/** When the call rang at the latest: a report tells of so many seconds before it. */
function beginOf({ kind, at, seconds }: CallReport['event']): Millis {
  return kind === 'recording' ? at : at - (seconds ?? 0) * 1000;
}
