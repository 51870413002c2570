import type pg from 'pg';
import type { Housekeeping, SilentCall } from '../../domain/ports.js';
import { countHour, forgetArrivals, planEach } from './arrivals.js';
import { learnCallModel } from './call-models.js';
import { sqlState, transaction } from './connect.js';
import { rejoinLateCalls } from './rejoin.js';

/** Names "housekeeping" among all advisory locks of a database, and in it each job: they do not wait for each other. */
const HOUSEKEEPING_LOCK = 0x6374686b;
const JOBS = {
  keepMonthsAhead: 1,
  forgetOldEvents: 2,
  closeSilentCalls: 3,
  countHour: 4,
  planLanes: 5,
  forgetArrivals: 6,
  learnCallModels: 7,
  rejoinLateCalls: 8,
} as const;
const MONTHS_AHEAD = 2;
/** A page keeps an undelivered event for a day at most; a week is far beyond any retry. */
const LEDGER_DAYS = 7;
/** Calls closed a run; more wait for the next one. */
const CLOSE_BATCH = 1000;
/** Rows a statement: short enough never to hold up the writer. */
const PRUNE_BATCH = 5000;

export function createHousekeeping(pool: pg.Pool): Housekeeping {
  /** Does the work unless another server is at it. */
  const alone = <T>(
    job: keyof typeof JOBS,
    work: (client: pg.ClientBase) => Promise<T>,
    otherwise: T,
  ): Promise<T> =>
    transaction(pool, async (client) => {
      const { rows } = await client.query<{ ok: boolean }>('SELECT pg_try_advisory_xact_lock($1, $2) AS ok', [
        HOUSEKEEPING_LOCK,
        JOBS[job],
      ]);
      return rows[0]?.ok ? work(client) : otherwise;
    });

  return {
    keepMonthsAhead: () => alone('keepMonthsAhead', makeMonths, undefined),
    async forgetOldEvents() {
      let forgotten = 0;
      for (;;) {
        const some = await alone('forgetOldEvents', forgetSome, 0);
        forgotten += some;
        if (some < PRUNE_BATCH) return forgotten;
      }
    },
    async learnCallModels(learn) {
      for (let learned = 0; ; learned++) {
        const isOne = await alone('learnCallModels', (client) => learnCallModel(client, learn), false);
        if (!isOne) return learned;
      }
    },
    // The lock is held until the last one is closed, on a connection of its own.
    closeSilentCalls: (silentSeconds, close) =>
      alone(
        'closeSilentCalls',
        async (client) => closeEach(await silentCalls(client, silentSeconds), close),
        0,
      ),
    countHour: (hour, now) => alone('countHour', (client) => countHour(client, hour, now), undefined),
    planLanes: (now, plan) => alone('planLanes', (client) => planEach(client, now, plan), 0),
    forgetArrivals: (before) =>
      alone('forgetArrivals', (client) => forgetArrivals(client, before), undefined),
    rejoinLateCalls: (judge) => alone('rejoinLateCalls', () => rejoinLateCalls(pool, judge), 0),
  };
}

async function makeMonths(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ name: string; from: string; to: string }>(
    `SELECT to_char(month, '"page_views_"YYYY_MM') AS name, month::text AS from,
            (month + interval '1 month')::text AS to
     FROM generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
       date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => $1), interval '1 month') AS month
     WHERE to_regclass(to_char(month, '"page_views_"YYYY_MM')) IS NULL`,
    [MONTHS_AHEAD],
  );
  for (const { name, from, to } of rows) {
    await client.query('SAVEPOINT month');
    try {
      // Names and bounds come from the clock, not from anybody's request.
      await client.query(
        `CREATE TABLE ${name} PARTITION OF page_views FOR VALUES FROM ('${from}+00') TO ('${to}+00')`,
      );
    } catch (error) {
      // check_violation: the catch-all has rows of that month already (the job did not run in time); they stay there.
      if (sqlState(error) !== '23514') throw error;
      await client.query('ROLLBACK TO SAVEPOINT month');
    }
  }
}

async function forgetSome(client: pg.ClientBase): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM event_ledger WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM event_ledger WHERE received_at < now() - make_interval(days => $1) LIMIT ${PRUNE_BATCH}))`,
    [LEDGER_DAYS],
  );
  return rowCount ?? 0;
}

/** Open calls of which nothing was heard for so long, oldest first. */
async function silentCalls(client: pg.ClientBase, silentSeconds: number): Promise<SilentCall[]> {
  const { rows } = await client.query<SilentCall>(
    `SELECT c.company_id AS "companyId", c.tracker_id AS "trackerId", c.provider,
            c.provider_call_id AS "providerCallId", c.tracking_number AS "trackingNumber",
            last.at AS "lastReportAt"
     FROM calls c
     CROSS JOIN LATERAL (SELECT max(e.received_at) AS received, max((e.event->>'at')::float8) AS at
                         FROM call_events e
                         WHERE e.company_id = c.company_id AND e.provider = c.provider
                           AND e.provider_call_id = c.provider_call_id) last
     WHERE c.ended_at IS NULL AND c.started_at < now() - make_interval(secs => $1)
       AND last.received < now() - make_interval(secs => $1)
     ORDER BY c.started_at LIMIT ${CLOSE_BATCH}`,
    [silentSeconds],
  );
  return rows;
}

/** One that cannot be closed does not keep the others open; the first failure is told at the end. */
async function closeEach(
  calls: readonly SilentCall[],
  close: (call: SilentCall) => Promise<void>,
): Promise<number> {
  const failures: unknown[] = [];
  for (const call of calls) await close(call).catch((error) => failures.push(error));
  if (failures.length > 0) throw failures[0];
  return calls.length;
}
