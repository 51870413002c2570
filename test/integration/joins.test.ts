/** Joins that change in a real Postgres: by late facts, and by hand. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { callJudge } from '../../server/domain/calls.js';
import type { Change } from '../../server/domain/ports.js';
import { createPool } from '../../server/storage/postgres/connect.js';
import { createHousekeeping } from '../../server/storage/postgres/housekeeping.js';
import { migrate } from '../../server/storage/postgres/migrate.js';
import { createRecordStore } from '../../server/storage/postgres/record-store.js';
import { formEntry, ringingReport } from '../support/lead-events.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { insert, seedSession, seedVisit } from '../support/seed.js';

const NUMBER = '+13055550110';
const CALLER = '+14045550199';
const MINUTE = 60_000;

let postgres: TestPostgres;
let pool: pg.Pool;
let company: string;
let companies = 0;
beforeAll(async () => {
  postgres = await startPostgres();
  pool = createPool(
    { connectionString: await postgres.createDatabase() },
    { name: 'test', max: 8, statementTimeoutMs: 10_000, onError: () => undefined },
  );
  await migrate(pool);
});
afterAll(async () => {
  await pool?.end();
  await postgres?.close();
});
beforeEach(async () => {
  company = `COM${++companies}`;
  await rest();
});
/** Nothing that was written by now concerns a call that was joined by now. */
const rest = () => pool.query(`UPDATE calls SET joined_at = now() + interval '1 minute'`);

const record = () => createRecordStore({ pool, callPool: pool, writePool: pool });
const late = () => createHousekeeping(pool).rejoinLateCalls(callJudge);
/** As it would be a while after the calls were joined: what was on its way then is written. */
const settle = () =>
  pool.query(`UPDATE calls SET joined_at = joined_at - interval '1 minute' WHERE company_id = $1`, [company]);
const ring = (at: number, more = {}) =>
  record().recordCall(ringingReport(company, { caller: CALLER, at, number: NUMBER, ...more }), callJudge);
const joins = async () => {
  const { rows } = await pool.query(
    `SELECT visit_id, session_id, attribution->>'method' AS method, revised_from, revised_at IS NOT NULL AS revised
     FROM calls WHERE company_id = $1 ORDER BY started_at`,
    [company],
  );
  return rows;
};

async function visit(at: number, source = 'google_paid'): Promise<{ sessionId: string; visitId: string }> {
  const sessionId = await seedSession(pool, company);
  return { sessionId, visitId: await seedVisit(pool, company, sessionId, new Date(at), { source }) };
}
const commit = (change: Change, eventId: string | null = null) =>
  record().commit([{ companyId: company, eventId, changes: [change] }]);
const tap = (who: { sessionId: string; visitId: string }, at: number, clientAt: number | null = null) => {
  const eventId = randomUUID();
  return commit({ type: 'tap', eventId, ...who, number: NUMBER, target: null, at, clientAt }, eventId);
};
const lease = (who: { sessionId: string; visitId: string }, at: number) =>
  commit({
    type: 'lease',
    leaseId: randomUUID(),
    trackerId: 'TRK1',
    number: NUMBER,
    ...who,
    at,
    holdSeconds: 1200,
    shared: false,
  });

describe('a call is joined again by what is written after it', () => {
  test('a tap and a lease that another server kept back, and it says what it was until then', async () => {
    const began = Date.now() - 10 * MINUTE;
    const somebody = await visit(began - MINUTE);
    await ring(began);
    await settle();
    expect(await joins()).toMatchObject([
      { visit_id: null, method: 'none', revised: false, revised_from: null },
    ]);
    await lease(somebody, began - 30_000);
    expect(await late()).toBe(1);
    expect(await joins()).toMatchObject([
      {
        visit_id: somebody.visitId,
        session_id: somebody.sessionId,
        revised: true,
        revised_from: { visit: null, source: null, confidence: 0, method: 'none' },
      },
    ]);
    const [before] = await joins();
    await settle();
    await tap(somebody, began - 5000);
    expect(await late()).toBe(1);
    expect(await joins()).toMatchObject([
      {
        visit_id: somebody.visitId,
        method: 'tap',
        revised_from: { visit: somebody.visitId, method: before.method },
      },
    ]);
    // Nothing is late any more, and what was in time concerns nobody.
    await rest();
    expect(await late()).toBe(0);
  });

  test('not by a tap on another number, of another time, or in another company', async () => {
    const began = Date.now() - 10 * MINUTE;
    const somebody = await visit(began - 5 * MINUTE);
    await ring(began);
    await settle();
    await tap(somebody, began - 2 * MINUTE);
    await tap(somebody, began + 5 * MINUTE);
    company = `COM${++companies}`;
    await tap(await visit(began - MINUTE), began - 5000);
    expect(await late()).toBe(0);
  });

  test('a tap whose beacon came after the call, by the visitor’s own clock, for two minutes', async () => {
    const began = Date.now() - 10 * MINUTE;
    const somebody = await visit(began - MINUTE);
    const [call, other] = ['CAlate', 'CAlater'];
    await ring(began, { sid: call });
    await settle();
    await tap(somebody, began + 20_000, began - 4000);
    expect(await late()).toBe(1);
    expect(await joins()).toMatchObject([{ visit_id: somebody.visitId, method: 'tap' }]);

    // A clock that is far off says nothing, and without one the tap came after the call.
    company = `COM${++companies}`;
    const another = await visit(began - MINUTE);
    await ring(began, { sid: other });
    await tap(another, began + 3 * MINUTE, began - 4000);
    await tap(another, began + 20_000, null);
    await tap(another, began + 20_000, began + 10_000);
    await ring(began, { sid: other, key: 'again' });
    expect(await joins()).toMatchObject([{ visit_id: null, method: 'none' }]);
  });

  test('a form that the caller sends after it, and calls of his that came since', async () => {
    const began = Date.now() - 30 * MINUTE;
    const somebody = await visit(began - MINUTE);
    await ring(began);
    await ring(began + MINUTE);
    await settle();
    expect(await joins()).toMatchObject([{ visit_id: null }, { visit_id: null }]);
    await record().commit([
      formEntry(company, { ...somebody, customerPhone: CALLER, customerEmail: 'grace@navy.mil' }),
    ]);
    expect(await late()).toBe(2);
    expect(await joins()).toMatchObject([
      { visit_id: somebody.visitId, method: 'known_caller' },
      { visit_id: somebody.visitId, method: 'known_caller' },
    ]);

    // By another phone of the same person, too.
    await record().commit([
      formEntry(company, { customerPhone: '+14045550188', customerEmail: 'grace@navy.mil' }),
    ]);
    await ring(began + 2 * MINUTE, { caller: '+14045550188' });
    expect((await joins())[2]).toMatchObject({ session_id: somebody.sessionId, method: 'known_caller' });
  });

  test('another answer about an earlier call of his', async () => {
    const began = Date.now() - 30 * MINUTE;
    const somebody = await visit(began - MINUTE);
    await ring(began);
    await ring(began + 5 * MINUTE);
    await settle();
    await tap(somebody, began - 5000);
    expect(await late()).toBe(1);
    // In the next run: the tap was not about the second call.
    expect((await joins())[1]).toMatchObject({ visit_id: null });
    expect(await late()).toBeGreaterThan(0);
    expect((await joins())[1]).toMatchObject({ visit_id: somebody.visitId, method: 'known_caller' });
  });

  test('none of those that a user corrected', async () => {
    const began = Date.now() - 10 * MINUTE;
    const somebody = await visit(began - MINUTE);
    await ring(began, { sid: 'CAfixed' });
    await settle();
    await pool.query(
      `UPDATE calls SET corrected_at = now(), attribution = attribution || '{"source": "flyer"}' WHERE company_id = $1`,
      [company],
    );
    await tap(somebody, began - 5000);
    expect(await late()).toBe(0);
    // A report of the call, and the rejoin after an outage, leave it as it is, too.
    await ring(began, { sid: 'CAfixed', key: 'again' });
    await record().rejoinCalls(began - 1, callJudge);
    const { rows } = await pool.query(
      `SELECT attribution->>'source' AS source, visit_id, (SELECT count(*)::int FROM call_events e WHERE e.company_id = c.company_id) AS reports
       FROM calls c WHERE company_id = $1`,
      [company],
    );
    expect(rows).toEqual([{ source: 'flyer', visit_id: null, reports: 2 }]);
  });

  test('by one server at a time', async () => {
    const began = Date.now() - 10 * MINUTE;
    await insert(pool, 'calls', {
      company_id: company,
      call_id: 'CAL1',
      provider: 'twilio',
      provider_call_id: 'CAx',
      tracking_number: NUMBER,
      state: 'answered',
      answered: true,
      voicemail: false,
      first_call: true,
      started_at: new Date(began),
      attribution: {},
    });
    // One that did not come by reports has nothing to be joined by, and harms nobody.
    await settle();
    await tap(await visit(began - MINUTE), began - 5000);
    const counts = await Promise.all([late(), late(), late()]);
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(0);
    expect((await joins())[0]).toMatchObject({ visit_id: null });
  });
});
