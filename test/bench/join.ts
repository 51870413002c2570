/** Joining a call when its numbers have a long history. */
import pg from 'pg';
import { callJudge } from '../../server/domain/calls.js';
import type { CallEvent } from '../../server/domain/ports.js';
import { createPool } from '../../server/storage/postgres/connect.js';
import { migrate } from '../../server/storage/postgres/migrate.js';
import { createRecordStore } from '../../server/storage/postgres/record-store.js';
import { startPostgres } from '../support/postgres.js';

const LEASES = 10_000_000;
const NUMBERS = 2000;
const CALLS = 2000;
const BAR_MS = 10;
const COMPANY = 'COM00000000000000000000000000000001';
/** The history is spread over a year. */
const YEAR_SECONDS = 365 * 86_400;

export async function benchJoin(): Promise<void> {
  const postgres = await startPostgres({ settings: { max_wal_size: '8GB' } });
  const url = await postgres.createDatabase();
  const pool = createPool(
    { connectionString: url },
    {
      name: 'bench',
      max: 2,
      statementTimeoutMs: 60_000,
      onError: () => undefined,
    },
  );
  try {
    await migrate(pool);
    await fill(url);
    const records = createRecordStore({ pool, callPool: pool, writePool: pool });
    const times: number[] = [];
    for (let call = 0; call < CALLS; call++) {
      const event = ringing(call);
      const began = performance.now();
      await records.recordCall({ companyId: COMPANY, trackerId: null, event }, callJudge);
      times.push(performance.now() - began);
    }
    const joined = (await pool.query('SELECT count(*)::int AS calls FROM calls WHERE visit_id IS NOT NULL'))
      .rows[0];
    if (joined.calls < CALLS / 2) throw new Error(`only ${joined.calls} of ${CALLS} calls were joined`);
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
    console.table({
      [`ms to join and record a call over ${LEASES} leases (bar: p99 ${BAR_MS})`]: {
        p50: at(0.5).toFixed(2),
        p99: at(0.99).toFixed(2),
        max: times.at(-1)?.toFixed(2),
      },
    });
  } finally {
    await pool.end();
    await postgres.close();
  }
}

/** Each lease has a visit and a session of its own, as most have. */
async function fill(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const step = LEASES / 20;
  const id = (name: string) => `md5('${name}' || i)::uuid`;
  const at = `now() - make_interval(secs => ${YEAR_SECONDS}::float8 * i / ${LEASES})`;
  await client.query("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'");
  // Indexes are made at the end: in one go, instead of row by row at random places.
  const { rows: indexes } = await client.query<{ name: string; sql: string }>(
    `SELECT indexname AS name, indexdef AS sql FROM pg_indexes
     WHERE tablename IN ('visits', 'leases') AND indexname NOT LIKE '%_pkey'`,
  );
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
  await client.query(
    'ALTER TABLE visits DROP CONSTRAINT visits_pkey; ALTER TABLE leases DROP CONSTRAINT leases_pkey',
  );
  for (let from = 0; from < LEASES; from += step) {
    const range = `generate_series(${from}, ${from + step - 1}) AS i`;
    await client.query(`INSERT INTO visits (company_id, visit_id, session_id, landing, referrer, source, source_name,
        medium, click_ids, started_at, last_seen)
      SELECT '${COMPANY}', ${id('v')}, ${id('s')}, 'https://bluebird.example/', 'direct', 'direct', 'Direct', 'direct',
        '{}', ${at}, ${at} + interval '3 minutes' FROM ${range}`);
    await client.query(`INSERT INTO leases (company_id, lease_id, tracker_id, number, session_id, visit_id, started_at,
        ended_at, hold_seconds, shared)
      SELECT '${COMPANY}', ${id('l')}, 'TRK1', '+1646555' || (1000 + i % ${NUMBERS}), ${id('s')}, ${id('v')}, ${at},
        ${at} + interval '23 minutes', 1200, false FROM ${range}`);
    process.stderr.write(`\r${((from + step) / LEASES) * 100} % of ${LEASES} leases`);
  }
  process.stderr.write('\n');
  await client.query('ALTER TABLE visits ADD PRIMARY KEY (company_id, visit_id)');
  await client.query('ALTER TABLE leases ADD PRIMARY KEY (company_id, lease_id)');
  for (const { sql } of indexes) await client.query(sql);
  await client.query('VACUUM ANALYZE');
  // What the filling left to be written is not what is measured.
  await client.query('CHECKPOINT');
  await client.end();
}

function ringing(call: number): CallEvent {
  const providerCallId = `CA${String(call).padStart(32, '0')}`;
  return {
    kind: 'ringing',
    key: `ringing ${providerCallId}`,
    at: Date.now() - ((call * 7919) % (300 * 86_400)) * 1000,
    provider: 'twilio',
    providerCallId,
    trackingNumber: `+1646555${1000 + (call % NUMBERS)}`,
    caller: { number: `+1212${String(5_550_000 + call)}`, raw: null },
    place: null,
    callerName: null,
    status: 'ringing',
    seconds: null,
    destinationNumber: '+12125550100',
    recordingUrl: null,
  } as CallEvent;
}
