/** What is learned of a company's callers: from the record, once a day, and used by the next join. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CallModel } from '../../server/domain/call-model.js';
import { PRIOR_MODEL } from '../../server/domain/call-model.js';
import { callJudge } from '../../server/domain/calls.js';
import { learnCallModels } from '../../server/jobs/learn-call-models.js';
import { createHousekeeping } from '../../server/storage/postgres/housekeeping.js';
import { migrate } from '../../server/storage/postgres/migrate.js';
import { createRecordStore } from '../../server/storage/postgres/record-store.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { insert, seedAccount, seedCall, seedCompany, seedTracker, seedVisit } from '../support/seed.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NOW = Date.now();

let postgres: TestPostgres;
let pool: pg.Pool;
beforeAll(async () => {
  postgres = await startPostgres();
  pool = new pg.Pool({ connectionString: await postgres.createDatabase() });
  await migrate(pool);
});
afterAll(async () => {
  await pool?.end();
  await postgres?.close();
});

/** A company each of whose callers had a number to himself and called so long after his visit. */
async function companyOf(calls: number, waited: number, at = NOW - 20 * DAY): Promise<string> {
  const companyId = await seedCompany(pool, (await seedAccount(pool)).accountId);
  const trackerId = await seedTracker(pool, companyId);
  for (let call = 0; call < calls; call++) {
    const number = `+1305556${String(call).padStart(4, '0')}`;
    const callAt = at + call * 10 * MINUTE;
    await hold(companyId, trackerId, number, callAt - waited);
    await seedCall(pool, companyId, new Date(callAt), {
      tracker_id: trackerId,
      tracking_number: number,
      caller_number: `+1404555${String(call).padStart(4, '0')}`,
    });
  }
  return companyId;
}

async function hold(companyId: string, trackerId: string, number: string, leftAt: number): Promise<string> {
  const session_id = crypto.randomUUID();
  const visit_id = await seedVisit(pool, companyId, session_id, new Date(leftAt - 2 * MINUTE), {
    last_seen: new Date(leftAt),
    left_at: new Date(leftAt),
    active_seconds: 120,
    pages: 3,
    device: 'desktop',
  });
  await insert(pool, 'leases', {
    company_id: companyId,
    tracker_id: trackerId,
    lease_id: crypto.randomUUID(),
    session_id,
    visit_id,
    number,
    started_at: new Date(leftAt - 2 * MINUTE),
    ended_at: new Date(leftAt + 20 * MINUTE),
    hold_seconds: 1200,
    shared: false,
  });
  return visit_id;
}

const learn = () => learnCallModels(createHousekeeping(pool)).run();
const modelOf = async (company: string): Promise<CallModel | null> =>
  (await pool.query('SELECT call_model FROM companies WHERE company_id = $1', [company])).rows[0].call_model;

test('a company whose callers wait for half a day learns it once a day, one with few calls keeps the prior', async () => {
  const slow = await companyOf(60, DAY / 2);
  const small = await companyOf(10, DAY / 2);
  expect(await learn()).toBe(1);
  expect(await modelOf(small)).toBeNull();
  const model = await modelOf(slow);
  expect(model?.delays[0]?.share ?? 1).toBeLessThan(0.6 * (PRIOR_MODEL.delays[0]?.share ?? 0));
  expect(model?.present ?? 1).toBeLessThan(0.6 * PRIOR_MODEL.present);
  expect(await learn()).toBe(0);
  await pool.query("UPDATE companies SET call_model_at = now() - interval '1 day' WHERE company_id = $1", [
    slow,
  ]);
  expect(await learn()).toBe(1);
});

test('the next call is joined by what was learned', async () => {
  const company = await companyOf(60, DAY / 2);
  const { rows } = await pool.query('SELECT tracker_id FROM trackers WHERE company_id = $1', [company]);
  const trackerId = rows[0].tracker_id as string;
  const number = '+13055577001';
  const reader = await hold(company, trackerId, number, NOW - DAY / 2);
  await hold(company, trackerId, number, NOW - 30 * MINUTE);
  const { recordCall } = createRecordStore({ pool, callPool: pool, writePool: pool });
  const call = async (id: string) => {
    await recordCall(
      {
        companyId: company,
        trackerId,
        event: {
          kind: 'ringing',
          key: 'ringing',
          at: NOW,
          provider: 'twilio',
          providerCallId: id,
          trackingNumber: number,
          caller: { number: null, raw: 'anonymous' },
          place: null,
          callerName: null,
          status: 'ringing',
          seconds: null,
          destinationNumber: null,
          recordingUrl: null,
        },
      },
      callJudge,
    );
    const found = await pool.query('SELECT attribution FROM calls WHERE provider_call_id = $1', [id]);
    const { candidates } = found.rows[0].attribution as { candidates: { visit: string; weight: number }[] };
    return candidates.find(({ visit }) => visit === reader)?.weight ?? 0;
  };
  const before = await call('CAbefore');
  await learn();
  const after = await call('CAafter');
  expect(after).toBeGreaterThan(1.3 * before);
});
