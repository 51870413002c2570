import type pg from 'pg';
import { invalid, notFound } from '../../../domain/errors.js';
import type { Found, Listing, NewTracker, TrackerFilter, TrackerReport } from '../../../domain/reports.js';
import { sqlState, transaction } from '../connect.js';
import { newId } from '../ids.js';
import { contains, millis, orderBy, rowsOf, type Sql, sql, where } from './sql.js';

/** Names the lock behind which trackers are made: "trck" in ASCII. */
const CREATION_LOCK = 0x7472636b;

interface TrackerRow {
  company_id: string;
  company_name: string;
  tracker_id: string;
  name: string;
  type: 'session' | 'source';
  status: string;
  destination_number: string;
  tracking_numbers: string[];
  swap_targets: string[];
  source: Record<string, unknown>;
  call_flow: Record<string, unknown>;
  campaign_name: string | null;
  whisper_message: string | null;
  sms_enabled: boolean;
  created_at: Date;
  disabled_at: Date | null;
}

/** Trackers with their numbers; a disabled one shows those that it had at its end. */
const TRACKERS = sql`
  SELECT t.*, co.name AS company_name,
    ARRAY(SELECT n.number FROM tracking_numbers n
          WHERE n.company_id = t.company_id AND n.tracker_id = t.tracker_id
            AND (n.removed_at IS NULL OR n.removed_at = t.disabled_at)
          ORDER BY n.position, n.number) AS tracking_numbers
  FROM trackers t JOIN companies co USING (company_id)`;

export async function listTrackers(
  pool: pg.Pool,
  companies: readonly string[],
  ask: Listing<TrackerFilter, 'name'>,
): Promise<Found<TrackerReport>> {
  const { type, status, search } = ask.filter;
  const matching = where([
    sql`t.company_id = ANY(${companies})`,
    type !== undefined && sql`t.type = ${type}`,
    status !== undefined && sql`t.status = ${status}`,
    search !== undefined && contains([sql`t.name`], search),
  ]);
  const order = orderBy({ name: { by: sql`t.name`, natural: 'asc' } }, ask, 'name', sql`t.tracker_id`);
  const rows = await rowsOf<TrackerRow>(
    pool,
    sql`${TRACKERS} ${matching} ${order} LIMIT ${ask.slice.limit} OFFSET ${ask.slice.offset}`,
  );
  const [count] = await rowsOf<{ total: string }>(
    pool,
    sql`SELECT count(*) AS total FROM trackers t ${matching}`,
  );
  return { rows: rows.map(reportOf), total: Number(count?.total) };
}

export async function findTracker(
  runner: Pick<pg.Pool, 'query'>,
  accountId: string,
  trackerId: string,
): Promise<TrackerReport | null> {
  const [row] = await rowsOf<TrackerRow>(
    runner,
    sql`${TRACKERS} WHERE co.account_id = ${accountId} AND t.tracker_id = ${trackerId}`,
  );
  return row ? reportOf(row) : null;
}

export async function createTracker(
  pool: pg.Pool,
  accountId: string,
  tracker: NewTracker,
): Promise<TrackerReport> {
  const trackerId = newId('TRK');
  try {
    const outcome = await transaction(pool, async (client) => {
      const problem = await whyNot(client, accountId, tracker);
      if (problem) return { problem };
      await insert(client, trackerId, tracker);
      return { made: await findTracker(client, accountId, trackerId) };
    });
    if (outcome.problem) throw outcome.problem;
    if (!outcome.made) throw notFound('tracker', trackerId);
    return outcome.made;
  } catch (error) {
    // The index that lets a number have one active tracker has the last word.
    if (sqlState(error) !== '23505') throw error;
    throw invalid(numbersField(tracker), 'has a number that another tracker has');
  }
}

/** What speaks against a new tracker, as the record stands; nothing can change it before the transaction ends. */
async function whyNot(client: pg.PoolClient, accountId: string, tracker: NewTracker): Promise<Error | null> {
  // One at a time: whether a destination is somebody's tracking number is no matter for an index.
  await rowsOf(client, sql`SELECT pg_advisory_xact_lock(${CREATION_LOCK})`);
  const [company] = await rowsOf<{ status: string }>(
    client,
    sql`SELECT status FROM companies
        WHERE account_id = ${accountId} AND company_id = ${tracker.companyId} FOR SHARE`,
  );
  if (!company) return invalid('company_id', 'is no company of this account');
  if (company.status !== 'active') return invalid('company_id', 'is a disabled company');
  const [taken] = await rowsOf<{ number: string }>(
    client,
    sql`SELECT number FROM tracking_numbers
        WHERE number = ANY(${tracker.trackingNumbers}) AND removed_at IS NULL LIMIT 1`,
  );
  if (taken) return invalid(numbersField(tracker), `has ${taken.number}, which another tracker has`);
  // A number that was ever ours may still ring through to its old destination, so it leads in circles, too.
  const [circle] = await rowsOf(
    client,
    sql`SELECT FROM tracking_numbers WHERE number = ${tracker.destinationNumber} LIMIT 1`,
  );
  if (circle) {
    return invalid('call_flow.destination_number', 'is a tracking number: calls would go in a circle');
  }
  const [destination] = await rowsOf<{ destination_number: string }>(
    client,
    sql`SELECT destination_number FROM trackers
        WHERE destination_number = ANY(${tracker.trackingNumbers}) AND status = 'active' LIMIT 1`,
  );
  if (!destination) return null;
  return invalid(
    numbersField(tracker),
    `has ${destination.destination_number}, to which a tracker sends its calls: they would go in a circle`,
  );
}

async function insert(client: pg.PoolClient, trackerId: string, tracker: NewTracker): Promise<void> {
  await rowsOf(
    client,
    sql`INSERT INTO trackers (company_id, tracker_id, name, type, destination_number, swap_targets, source,
          call_flow, campaign_name, whisper_message, sms_enabled)
        VALUES (${tracker.companyId}, ${trackerId}, ${tracker.name}, ${tracker.type}, ${tracker.destinationNumber},
          ${tracker.swapTargets}, ${JSON.stringify(tracker.source)}, ${JSON.stringify(tracker.callFlow)},
          ${tracker.campaignName}, ${tracker.whisperMessage}, ${tracker.smsEnabled})`,
  );
  await rowsOf(
    client,
    sql`INSERT INTO tracking_numbers (company_id, tracker_id, number, position)
        SELECT ${tracker.companyId}, ${trackerId}, number, position - 1
        FROM unnest(${tracker.trackingNumbers}::text[]) WITH ORDINALITY AS given (number, position)`,
  );
}

export async function disableTracker(pool: pg.Pool, accountId: string, trackerId: string): Promise<boolean> {
  return transaction(pool, async (client) => {
    const [tracker] = await rowsOf<{ company_id: string }>(
      client,
      sql`SELECT t.company_id FROM trackers t JOIN companies co USING (company_id)
          WHERE co.account_id = ${accountId} AND t.tracker_id = ${trackerId}`,
    );
    if (!tracker) return false;
    await disableTrackers(client, sql`company_id = ${tracker.company_id} AND tracker_id = ${trackerId}`);
    return true;
  });
}

/** Takes trackers out of use. Their numbers go free at the same instant, by which the last ones are known later. */
export async function disableTrackers(client: pg.PoolClient, which: Sql): Promise<void> {
  await rowsOf(
    client,
    sql`UPDATE trackers SET status = 'disabled', disabled_at = now() WHERE ${which} AND status = 'active'`,
  );
  await rowsOf(
    client,
    sql`UPDATE tracking_numbers SET removed_at = now() WHERE ${which} AND removed_at IS NULL`,
  );
}

function numbersField(tracker: NewTracker): string {
  return tracker.type === 'session' ? 'tracking_numbers' : 'tracking_number';
}

function reportOf(row: TrackerRow): TrackerReport {
  return {
    companyId: row.company_id,
    companyName: row.company_name,
    trackerId: row.tracker_id,
    name: row.name,
    type: row.type,
    active: row.status === 'active',
    destinationNumber: row.destination_number,
    trackingNumbers: row.tracking_numbers,
    swapTargets: row.swap_targets,
    source: row.source,
    callFlow: row.call_flow,
    campaignName: row.campaign_name,
    whisperMessage: row.whisper_message,
    smsEnabled: row.sms_enabled,
    createdAt: millis(row.created_at),
    disabledAt: millis(row.disabled_at),
  };
}
