/**
 * Changes of trackers, and whose a number is. A number has one active tracker in the installation, and a tracking
 * number is nobody's destination: a call would go in a circle, and each round would be paid for. No index can say the
 * second, so all changes take turns.
 *
 * No circle can close through numbers that are retired, either: a destination was never a tracking number when it was
 * set, and becomes one only when no active tracker sends its calls there; so the way from number to destination leads
 * to younger tracking numbers only.
 */
import type pg from 'pg';
import { invalid, notFound } from '../../../domain/errors.js';
import type { PhoneNumber } from '../../../domain/ports.js';
import {
  type NewTracker,
  numbersField,
  type PoolSettings,
  type TrackerReport,
} from '../../../domain/reports.js';
import { sqlState, transaction } from '../connect.js';
import { newId } from '../ids.js';
import { rowsOf, type Sql, sql } from './sql.js';
import { findTracker } from './trackers.js';

/** Names the lock behind which trackers change: "trck" in ASCII. */
export const CHANGE_LOCK = 0x7472636b;

/** When a change happens, as Postgres writes it, to the microsecond. */
type Instant = string;

/**
 * One transaction that no other change of trackers, of their numbers or of a company's status can come between. It
 * has a time of its own, read when its turn came: the time at which it began may be before the turn of another.
 */
export function changeTrackers<T>(
  pool: pg.Pool,
  change: (client: pg.PoolClient, now: Instant) => Promise<T>,
): Promise<T> {
  return transaction(pool, async (client) => {
    await rowsOf(client, sql`SELECT pg_advisory_xact_lock(${CHANGE_LOCK})`);
    const [clock] = await rowsOf<{ now: Instant }>(client, sql`SELECT clock_timestamp()::text AS now`);
    return change(client, clock?.now ?? 'now');
  });
}

export async function createTracker(
  pool: pg.Pool,
  accountId: string,
  tracker: NewTracker,
): Promise<TrackerReport> {
  const trackerId = newId('TRK');
  return refusingTaken(tracker, () =>
    changeTrackers(pool, async (client, now) => {
      const [company] = await rowsOf<{ status: string }>(
        client,
        sql`SELECT status FROM companies WHERE account_id = ${accountId} AND company_id = ${tracker.companyId}`,
      );
      if (!company) throw invalid('company_id', 'is no company of this account');
      if (company.status !== 'active') throw invalid('company_id', 'is a disabled company');
      await refuseNumbers(client, accountId, { ...tracker, trackerId }, tracker.trackingNumbers);
      await refuseDestination(client, tracker.destinationNumber);
      await rowsOf(
        client,
        sql`INSERT INTO trackers (company_id, tracker_id, name, type, destination_number, swap_targets,
              advanced_swap_targets, source, call_flow, campaign_name, whisper_message, sms_enabled)
            VALUES (${tracker.companyId}, ${trackerId}, ${tracker.name}, ${tracker.type},
              ${tracker.destinationNumber}, ${tracker.swapTargets},
              ${JSON.stringify(tracker.textTargets)}, ${JSON.stringify(tracker.source)},
              ${JSON.stringify(tracker.callFlow)}, ${tracker.campaignName}, ${tracker.whisperMessage},
              ${tracker.smsEnabled})`,
      );
      await setPool(client, tracker.companyId, trackerId, tracker.pool);
      await setNumbers(client, now, tracker.companyId, trackerId, tracker.trackingNumbers);
      return requireTracker(client, accountId, trackerId);
    }),
  );
}

/** The rules of a request are asked inside, since what they say depends on what the tracker is. */
export async function updateTracker(
  pool: pg.Pool,
  accountId: string,
  trackerId: string,
  change: (tracker: TrackerReport) => NewTracker,
): Promise<TrackerReport | null> {
  const known = await findTracker(pool, accountId, trackerId);
  if (!known) return null;
  return refusingTaken(known, () =>
    changeTrackers(pool, async (client, now) => {
      const current = await requireTracker(client, accountId, trackerId);
      const tracker = { ...change(current), trackerId };
      const { companyId } = current;
      const added = tracker.trackingNumbers.filter((number) => !current.trackingNumbers.includes(number));
      await refuseNumbers(client, accountId, tracker, added);
      if (tracker.destinationNumber !== current.destinationNumber) {
        await refuseDestination(client, tracker.destinationNumber);
      }
      await rowsOf(
        client,
        sql`UPDATE trackers SET name = ${tracker.name}, destination_number = ${tracker.destinationNumber},
              swap_targets = ${tracker.swapTargets},
              advanced_swap_targets = ${JSON.stringify(tracker.textTargets)}, source = ${JSON.stringify(tracker.source)},
              call_flow = ${JSON.stringify(tracker.callFlow)}, campaign_name = ${tracker.campaignName},
              whisper_message = ${tracker.whisperMessage}, sms_enabled = ${tracker.smsEnabled}
            WHERE company_id = ${companyId} AND tracker_id = ${trackerId}`,
      );
      await setPool(client, companyId, trackerId, tracker.pool);
      if (current.active) await setNumbers(client, now, companyId, trackerId, tracker.trackingNumbers);
      return requireTracker(client, accountId, trackerId);
    }),
  );
}

export async function disableTracker(pool: pg.Pool, accountId: string, trackerId: string): Promise<boolean> {
  return changeTrackers(pool, async (client, now) => {
    const tracker = await findTracker(client, accountId, trackerId);
    if (!tracker) return false;
    const { companyId } = tracker;
    await disableTrackers(client, now, sql`company_id = ${companyId} AND tracker_id = ${trackerId}`);
    return true;
  });
}

/** Takes trackers out of use. Their numbers go free at the same instant, by which the last ones are known later. */
export async function disableTrackers(client: pg.PoolClient, now: Instant, which: Sql): Promise<void> {
  await rowsOf(
    client,
    sql`UPDATE trackers SET status = 'disabled', disabled_at = ${now} WHERE ${which} AND status = 'active'`,
  );
  await rowsOf(
    client,
    sql`UPDATE tracking_numbers SET removed_at = ${now} WHERE ${which} AND removed_at IS NULL`,
  );
}

async function setPool(
  client: pg.PoolClient,
  companyId: string,
  trackerId: string,
  pool: PoolSettings | null,
): Promise<void> {
  if (!pool) return;
  await rowsOf(
    client,
    sql`UPDATE trackers SET hold_seconds = ${pool.holdSeconds}, lane_key = ${pool.laneKey},
          when_full = ${pool.whenFull}, static_number = ${pool.staticNumber},
          visit_threshold = ${pool.visitThreshold}, source_threshold = ${pool.sourceThreshold}
        WHERE company_id = ${companyId} AND tracker_id = ${trackerId}`,
  );
}

/** Makes these the tracker's numbers, in this order; the rows of those that stay tell since when. */
async function setNumbers(
  client: pg.PoolClient,
  now: Instant,
  companyId: string,
  trackerId: string,
  numbers: readonly PhoneNumber[],
): Promise<void> {
  const own = sql`n.company_id = ${companyId} AND n.tracker_id = ${trackerId} AND n.removed_at IS NULL`;
  const wanted = sql`unnest(${numbers}::text[]) WITH ORDINALITY AS w (number, position)`;
  await rowsOf(
    client,
    sql`UPDATE tracking_numbers n SET removed_at = ${now} WHERE ${own} AND n.number <> ALL (${numbers})`,
  );
  await rowsOf(
    client,
    sql`UPDATE tracking_numbers n SET position = w.position - 1 FROM ${wanted}
        WHERE ${own} AND n.number = w.number AND n.position <> w.position - 1`,
  );
  // A clock that was set back must not make the newest owner of a number look older than the one before.
  await rowsOf(
    client,
    sql`INSERT INTO tracking_numbers (company_id, tracker_id, number, position, added_at)
        SELECT ${companyId}, ${trackerId}, w.number, w.position - 1, greatest(${now}::timestamptz, (
          SELECT max(greatest(n.added_at, n.removed_at)) + interval '1 microsecond' FROM tracking_numbers n
          WHERE n.number = w.number))
        FROM ${wanted}
        WHERE NOT EXISTS (SELECT FROM tracking_numbers n WHERE ${own} AND n.number = w.number)`,
  );
}

/** What speaks against numbers that the tracker has not had. */
async function refuseNumbers(
  client: pg.PoolClient,
  accountId: string,
  { type, trackerId }: Pick<TrackerReport, 'type' | 'trackerId'>,
  added: readonly PhoneNumber[],
): Promise<void> {
  if (added.length === 0) return;
  const [taken] = await rowsOf<{ number: string; tracker_id: string; own: boolean }>(
    client,
    sql`SELECT n.number, n.tracker_id, co.account_id = ${accountId} AS own
        FROM tracking_numbers n JOIN companies co USING (company_id)
        WHERE n.number = ANY(${added}) AND n.removed_at IS NULL LIMIT 1`,
  );
  if (taken) {
    // Of other accounts not even a name is told.
    const owner = taken.own ? `tracker ${taken.tracker_id}` : 'another tracker';
    throw invalid(numbersField(type), `${taken.number} belongs to ${owner}`);
  }
  const [destination] = await rowsOf<{ destination_number: string; tracker_id: string; own: boolean }>(
    client,
    sql`SELECT t.destination_number, t.tracker_id, co.account_id = ${accountId} AS own
        FROM trackers t JOIN companies co USING (company_id)
        WHERE t.destination_number = ANY(${added}) AND t.status = 'active' AND t.tracker_id <> ${trackerId} LIMIT 1`,
  );
  if (!destination) return;
  const owner = destination.own ? `tracker ${destination.tracker_id}` : 'a tracker';
  throw invalid(
    numbersField(type),
    `has ${destination.destination_number}, to which ${owner} sends its calls: they would go in a circle`,
  );
}

/** A number that was ever ours may still ring through to its old destination, so it leads in circles, too. */
async function refuseDestination(client: pg.PoolClient, destinationNumber: PhoneNumber): Promise<void> {
  const [circle] = await rowsOf(
    client,
    sql`SELECT FROM tracking_numbers WHERE number = ${destinationNumber} LIMIT 1`,
  );
  if (!circle) return;
  throw invalid('call_flow.destination_number', 'is a tracking number: calls would go in a circle');
}

/** The index that lets a number have one active tracker has the last word. */
async function refusingTaken<T>({ type }: Pick<NewTracker, 'type'>, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (sqlState(error) !== '23505') throw error;
    throw invalid(numbersField(type), 'has a number that another tracker has');
  }
}

async function requireTracker(
  client: pg.PoolClient,
  accountId: string,
  trackerId: string,
): Promise<TrackerReport> {
  const tracker = await findTracker(client, accountId, trackerId);
  if (!tracker) throw notFound('tracker', trackerId);
  return tracker;
}
