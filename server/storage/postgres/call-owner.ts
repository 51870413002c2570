import type pg from 'pg';
import type { CallEvent, Millis } from '../../domain/ports.js';

/** Whose call it is. */
export interface CallOwner {
  companyId: string;
  trackerId: string | null;
}

/**
 * Whose call a report is about. A number may move to another tracker, even of another company, while a call goes on
 * or before its last report comes: the call stays with the tracker that had the number when it rang. `reported` is
 * who has the number by the map that answered; the call's lock must be held.
 */
export async function ownerOfCall(
  client: pg.ClientBase,
  reported: CallOwner,
  event: CallEvent,
): Promise<CallOwner> {
  const { rows: known } = await client.query<CallOwner>(
    `SELECT c.company_id AS "companyId", c.tracker_id AS "trackerId" FROM calls c
     WHERE c.company_id IN (SELECT company_id FROM tracking_numbers WHERE number = $3 UNION SELECT $4)
       AND c.provider = $1 AND c.provider_call_id = $2 ORDER BY c.created_at LIMIT 1`,
    [event.provider, event.providerCallId, event.trackingNumber, reported.companyId],
  );
  if (known[0]) return known[0];
  // Whoever was rung is right by that; of a later report without it only the number's history can tell.
  if (event.kind === 'ringing') return reported;
  const { rows: then } = await client.query<CallOwner>(
    `SELECT company_id AS "companyId", tracker_id AS "trackerId" FROM tracking_numbers
     WHERE number = $1 AND added_at <= to_timestamp($2::float8 / 1000) ORDER BY added_at DESC LIMIT 1`,
    [event.trackingNumber, beginOf(event)],
  );
  return then[0] ?? reported;
}

/** When the call rang at the latest: a report tells of so many seconds before it. */
function beginOf({ kind, at, seconds }: CallEvent): Millis {
  return kind === 'recording' ? at : at - (seconds ?? 0) * 1000;
}
