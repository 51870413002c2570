/** Persons in a real Postgres: who is one, whatever comes first and however much comes at once. */
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callJudge } from '../../server/domain/calls.js';
import { createPool, transaction } from '../../server/storage/postgres/connect.js';
import {
  applyMigration,
  knownMigrations,
  makeMigrationTable,
  migrate,
} from '../../server/storage/postgres/migrate.js';
import { lockPersons, personOfLead, undoMerge } from '../../server/storage/postgres/persons.js';
import { createRecordStore } from '../../server/storage/postgres/record-store.js';
import { formEntry, ringingReport } from '../support/lead-events.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

interface Lead {
  phone: string | null;
  email: string | null;
}

const PHONES = [1, 2, 3, 4, 5].map((n) => `+1404555010${n}`);
const EMAILS = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.hopper@navy.mil`);
const LEAD = fc
  .record({
    phone: fc.option(fc.constantFrom(...PHONES)),
    email: fc.option(fc.constantFrom(...EMAILS)),
  })
  .filter(({ phone, email }) => phone !== null || email !== null);
const LEADS = fc.array(LEAD, { minLength: 2, maxLength: 10 });
const AT = Date.UTC(2026, 1, 1);

let postgres: TestPostgres;
let pool: pg.Pool;
let companies = 0;
beforeAll(async () => {
  postgres = await startPostgres();
  pool = open(await postgres.createDatabase());
  await migrate(pool);
});
afterAll(async () => {
  await pool?.end();
  await postgres?.close();
});

const open = (connectionString: string) =>
  createPool(
    { connectionString },
    { name: 'test', max: 8, statementTimeoutMs: 10_000, onError: () => undefined },
  );
const newCompany = () => `COM${++companies}`;

/** One lead after the other; answers the person of each, by his own id. */
async function hear(
  companyId: string,
  leads: readonly Lead[],
  names = leads.map((_, n) => n),
): Promise<string[]> {
  const persons: string[] = [];
  for (const [at, lead] of leads.entries()) {
    const newPersonId = `PER${names[at]}`;
    const more = { companyId, kind: 'form', leadId: `FOR${at}`, newPersonId, at: AT + at * 1000 } as const;
    const person = await transaction(pool, (client) => personOfLead(client, { ...lead, ...more }));
    if (person === null) throw new Error('it names somebody');
    persons.push(person);
  }
  return persons;
}

/** Who stands for each of them now. */
async function standIns(companyId: string, persons: readonly string[]): Promise<string[]> {
  const { rows } = await pool.query<{ id: string; stands_for: string }>(
    `SELECT person_id AS id, coalesce(merged_into, person_id) AS stands_for FROM persons WHERE company_id = $1`,
    [companyId],
  );
  const standsFor = new Map(rows.map((row) => [row.id, row.stands_for]));
  return persons.map((id) => standsFor.get(id) ?? 'nobody');
}

const undo = (companyId: string, person: string) =>
  transaction(pool, async (client) => {
    await lockPersons(client, companyId);
    return undoMerge(client, companyId, person, 'USR1');
  });

/** The same number for leads of one person: by nothing but what they name. */
function expected(leads: readonly Lead[]): number[] {
  const groups = leads.map((_, at) => at);
  const join = (a: number, b: number) => {
    const [one, other] = [groups[a], groups[b]];
    for (const [at, group] of groups.entries()) if (group === other) groups[at] = one as number;
  };
  for (const [a, one] of leads.entries()) {
    for (const [b, other] of leads.entries()) {
      if (
        (one.phone !== null && one.phone === other.phone) ||
        (one.email !== null && one.email === other.email)
      ) {
        join(a, b);
      }
    }
  }
  return numbered(groups);
}

/** Each by the place of the first that is equal. */
const numbered = (values: readonly unknown[]) => values.map((value) => values.indexOf(value));

describe('persons', () => {
  test('are the same in whatever order their lead events come', async () => {
    await fc.assert(
      fc.asyncProperty(
        LEADS.chain((leads) =>
          fc.tuple(
            fc.constant(leads),
            fc.shuffledSubarray(
              leads.map((_, n) => n),
              { minLength: leads.length },
            ),
          ),
        ),
        async ([leads, order]) => {
          const companyId = newCompany();
          const shuffled = order.map((n) => leads[n] as Lead);
          const heard = await standIns(companyId, await hear(companyId, shuffled));
          expect(numbered(heard)).toEqual(expected(shuffled));
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  test('are as before when the last merge is taken back, and nothing merges the two again', async () => {
    let tried = 0;
    await fc.assert(
      fc.asyncProperty(LEADS, LEADS, async (leads, later) => {
        // Up to and without the last lead that merges.
        const merging = leads.findLastIndex((_, at) => mergesAt(leads, at));
        if (merging < 0) return;
        tried++;
        const companyId = newCompany();
        const persons = await hear(companyId, leads.slice(0, merging));
        const before = await standIns(companyId, persons);
        const [merger] = await hear(companyId, leads.slice(merging, merging + 1), [merging + 100]);
        const merged = await standIns(companyId, persons);
        expect(merged).not.toEqual(before);
        // By the id that reports show.
        const [shown = ''] = await standIns(companyId, [merger as string]);
        expect(await undo(companyId, shown)).toBe(true);
        expect(await standIns(companyId, persons)).toEqual(before);

        // The two whom it named stay two persons, whatever comes.
        const [{ phone, email }] = [leads[merging] as Lead];
        const apart = async () => {
          const { rows } = await pool.query(
            `SELECT DISTINCT coalesce(p.merged_into, p.person_id) FROM person_identifiers i
             JOIN persons p USING (company_id, person_id) WHERE i.company_id = $1 AND i.value IN ($2, $3)`,
            [companyId, phone, email],
          );
          return rows.length;
        };
        expect(await apart()).toBe(2);
        await hear(
          companyId,
          [...leads.slice(merging, merging + 1), ...later],
          later.map((_, n) => n + 200).concat(300),
        );
        expect(await apart()).toBe(2);
      }),
      // A third of them has a lead that merges.
      { numRuns: 200 },
    );
    expect(tried).toBeGreaterThan(20);
  }, 60_000);

  test('what came after a merge goes with its own phone or e-mail when the merge is taken back', async () => {
    const companyId = newCompany();
    const [phone, , other] = PHONES as [string, string, string];
    const [email, second, third] = EMAILS as [string, string, string];
    const leads = [
      { phone, email: null },
      { phone: null, email },
      { phone, email },
      // After the merge: a further e-mail of the phone's, a further phone of the e-mail's.
      { phone, email: second },
      { phone: other, email },
      { phone: null, email: second },
      { phone: other, email: third },
    ];
    const persons = await hear(companyId, leads);
    expect(new Set(await standIns(companyId, persons))).toEqual(new Set(['PER0']));
    expect(await undo(companyId, 'PER1')).toBe(true);
    expect(await standIns(companyId, persons)).toEqual([
      'PER0',
      'PER1',
      'PER0',
      'PER0',
      'PER1',
      'PER0',
      'PER1',
    ]);
    expect(await undo(companyId, 'PER1')).toBe(false);
    const { rows } = await pool.query(
      'SELECT one_id, other_id, reason, lead_id, undone_at IS NOT NULL AS undone, undone_by FROM person_merges WHERE company_id = $1',
      [companyId],
    );
    expect(rows).toEqual([
      { one_id: 'PER0', other_id: 'PER1', reason: 'form', lead_id: 'FOR2', undone: true, undone_by: 'USR1' },
    ]);
  });

  test('are found by a lead that is told late, and known since then', async () => {
    const companyId = newCompany();
    const [phone = ''] = PHONES;
    await hear(companyId, [{ phone, email: null }]);
    const late = {
      companyId,
      kind: 'call',
      leadId: 'x',
      newPersonId: 'PERx',
      phone,
      email: null,
      at: AT - 5000,
    } as const;
    expect(await transaction(pool, (client) => personOfLead(client, late))).toBe('PER0');
    const { rows } = await pool.query('SELECT created_at FROM persons WHERE company_id = $1', [companyId]);
    expect(rows).toEqual([{ created_at: new Date(AT - 5000) }]);
  });

  test('of an older version keep their phones and e-mails, and those that one writes meanwhile are known, too', async () => {
    const old = open(await postgres.createDatabase());
    await transaction(old, async (client) => {
      await makeMigrationTable(client);
      for (const name of await knownMigrations()) if (name < '0008') await applyMigration(client, name);
    });
    const write = (id: string, phone: string | null, email: string | null) =>
      old.query(
        `INSERT INTO persons (company_id, person_id, phone, email, created_at) VALUES ('COM1', $1, $2, $3, $4)`,
        [id, phone, email, new Date(AT + Number(id.at(-1)))],
      );
    await write('PER2', PHONES[1] ?? '', 'office@navy.mil');
    await write('PER1', PHONES[0] ?? '', 'office@navy.mil');
    await migrate(old);
    await write('PER3', null, EMAILS[0] ?? '');
    await write('PER4', PHONES[2] ?? '', EMAILS[1] ?? '');
    const { rows } = await old.query(
      'SELECT person_id, value FROM person_identifiers ORDER BY person_id, value',
    );
    expect(rows.map(({ person_id, value }) => [person_id, value])).toEqual([
      ['PER1', PHONES[0]],
      // Of two with one e-mail the first.
      ['PER1', 'office@navy.mil'],
      ['PER2', PHONES[1]],
      ['PER3', EMAILS[0]],
      ['PER4', PHONES[2]],
      ['PER4', EMAILS[1]],
    ]);
    await old.end();
  });

  test('are nobody where a caller hides his number', async () => {
    const companyId = newCompany();
    const record = createRecordStore({ pool, callPool: pool, writePool: pool });
    for (let n = 0; n < 3; n++)
      await record.recordCall(ringingReport(companyId, { caller: null }), callJudge);
    const calls = await pool.query('SELECT person_id FROM calls WHERE company_id = $1', [companyId]);
    expect(calls.rows).toEqual(Array(3).fill({ person_id: null }));
    const persons = await pool.query('SELECT FROM persons WHERE company_id = $1', [companyId]);
    expect(persons.rowCount).toBe(0);
  });

  test('are one each when two servers hear of them at once, and nobody waits in a circle', async () => {
    const url = await postgres.createDatabase();
    const pools = [open(url), open(url)];
    const [first] = pools as [pg.Pool];
    await migrate(first);
    const servers = pools.map((one) => createRecordStore({ pool: one, callPool: one, writePool: one }));
    const random = ((state) => () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    })(7);
    const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
    // Few links among many persons: groups that are not too large for one, and enough to get wrong.
    const phones = Array.from({ length: 150 }, (_, n) => `+1404555${1000 + n}`);
    const emails = Array.from({ length: 150 }, (_, n) => `p${n}.hopper@navy.mil`);
    const both = ['COM1', 'COM2'];
    const work: (() => Promise<unknown>)[] = [];
    const told: (Lead & { companyId: string })[] = [];
    for (let n = 0; n < 150; n++) {
      const server = servers[n % 2] as (typeof servers)[number];
      if (n % 3 === 0) {
        const lead = { companyId: pick(both), phone: pick(phones), email: null };
        told.push(lead);
        work.push(() => server.recordCall(ringingReport(lead.companyId, { caller: lead.phone }), callJudge));
        continue;
      }
      const batch = Array.from({ length: 4 }, () => ({
        companyId: pick(both),
        phone: random() < 0.6 ? pick(phones) : null,
        email: random() < 0.6 ? pick(emails) : null,
      }));
      told.push(...batch);
      const entries = batch.map(({ companyId, phone, email }) =>
        formEntry(companyId, { customerPhone: phone, customerEmail: email }),
      );
      work.push(() => server.commit(entries));
    }
    // As many at once as there are connections.
    await Promise.all(
      Array.from({ length: 16 }, async (_, worker) => {
        for (let n = worker; n < work.length; n += 16) await work[n]?.();
      }),
    );

    for (const companyId of both) {
      const named = told.filter(
        (lead) => lead.companyId === companyId && (lead.phone ?? lead.email) !== null,
      );
      const { rows: identifiers } = await first.query<{ value: string; stands_for: string }>(
        `SELECT i.value, coalesce(p.merged_into, p.person_id) AS stands_for
         FROM person_identifiers i JOIN persons p USING (company_id, person_id) WHERE company_id = $1`,
        [companyId],
      );
      const standsFor = new Map(identifiers.map(({ value, stands_for }) => [value, stands_for]));
      const groups = named.map(({ phone, email }) => standsFor.get((phone ?? email) as string));
      expect(numbered(groups)).toEqual(expected(named));
      // Nobody was made in vain, and every lead event has somebody.
      const { rows } = await first.query(
        `SELECT (SELECT count(*)::int FROM persons p WHERE company_id = $1 AND NOT EXISTS
                   (SELECT FROM person_identifiers i WHERE i.company_id = $1 AND i.person_id = p.person_id)) AS vain,
                (SELECT count(*)::int FROM calls WHERE company_id = $1 AND person_id IS NULL) AS lost`,
        [companyId],
      );
      expect(rows).toEqual([{ vain: 0, lost: 0 }]);
    }
    const { rows: locks } = await first.query(
      `SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()`,
    );
    expect(locks).toEqual([{ deadlocks: 0 }]);
    await Promise.all(pools.map((one) => one.end()));
  }, 60_000);
});

/** True: those before had the two whom it names as two known persons. */
function mergesAt(leads: readonly Lead[], at: number): boolean {
  const { phone, email } = leads[at] as Lead;
  const before = leads.slice(0, at);
  const byPhone = before.findIndex((lead) => lead.phone === phone);
  const byEmail = before.findIndex((lead) => lead.email === email);
  if (phone === null || email === null || byPhone < 0 || byEmail < 0) return false;
  const groups = expected(before);
  return groups[byPhone] !== groups[byEmail];
}
