import { readdirSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Change, RecordEntry } from '../../server/domain/ports.js';
import { createRecordWriter } from '../../server/storage/journal/writer.js';
import { createPool, type PostgresAddress } from '../../server/storage/postgres/connect.js';
import { createHousekeeping } from '../../server/storage/postgres/housekeeping.js';
import { migrate } from '../../server/storage/postgres/migrate.js';
import { becomeOnlyServer, NotOnlyServerError } from '../../server/storage/postgres/only-server.js';
import { createRecordStore } from '../../server/storage/postgres/record-store.js';
import { POSTGRES_SERVERS, type PostgresServer } from '../support/postgres-servers.js';
import { until } from '../support/processes.js';
import { newDataDir, removeDataDir } from '../support/server.js';

const ALONE = { alone: true, onLost: () => undefined };

const COMPANY = 'COM1';
const AT = 1_800_000_000_000;
const uuid = (): string => crypto.randomUUID();

describe.each(POSTGRES_SERVERS)('the record in $name', ({ start }) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close());

  const openPool = (address: PostgresAddress) =>
    createPool(address, { name: 'test', max: 10, statementTimeoutMs: 10_000, onError: () => undefined });

  describe('migrations', () => {
    test('twenty starters at once make one schema', async () => {
      const address = await server.createDatabase();
      const pools = Array.from({ length: 20 }, () => openPool(address));
      const runs = await Promise.all(pools.map((pool) => migrate(pool)));
      const files = readdirSync('server/storage/postgres/migrations').sort();
      expect(files.length).toBeGreaterThan(3);
      expect(runs.flatMap(({ applied }) => applied)).toEqual(files);
      await Promise.all(pools.map((pool) => pool.end()));
    });

    test('a database that is ahead of this code is refused, and named', async () => {
      const pool = openPool(await server.createDatabase());
      await migrate(pool);
      await pool.query(`INSERT INTO schema_migrations (name) VALUES ('0999_future.sql')`);
      await expect(migrate(pool)).rejects.toThrow(/0999_future\.sql.*newer version/);
      await pool.end();
    });
  });

  test('only one server may keep the leases of a database in its memory', async () => {
    const address = await server.createDatabase();
    const first = await becomeOnlyServer(address, ALONE);
    await expect(becomeOnlyServer(address, ALONE)).rejects.toMatchObject({
      name: 'NotOnlyServerError',
      holder: String(process.pid),
    });
    await first.release();
    const second = await becomeOnlyServer(address, ALONE);
    await second.release();
  });

  test('servers with Redis share a database, and never with one that keeps leases in its memory', async () => {
    const address = await server.createDatabase();
    const together = { ...ALONE, alone: false };
    const servers = [
      await becomeOnlyServer(address, together),
      await becomeOnlyServer(address, together),
    ] as const;
    await expect(becomeOnlyServer(address, ALONE)).rejects.toBeInstanceOf(NotOnlyServerError);
    await Promise.all(servers.map((one) => one.release()));
    // Leases in two databases of Redis would not see each other either.
    const third = await becomeOnlyServer(address, { ...together, redisDb: 3 });
    const again = await becomeOnlyServer(address, { ...together, redisDb: 3 });
    await expect(becomeOnlyServer(address, { ...together, redisDb: 4 })).rejects.toMatchObject({
      otherDb: 3,
    });
    await Promise.all([third.release(), again.release()]);
    const alone = await becomeOnlyServer(address, ALONE);
    await expect(becomeOnlyServer(address, together)).rejects.toBeInstanceOf(NotOnlyServerError);
    await alone.release();
  });

  test('a server whose lock was cut takes it again, or is told that another one has it', async () => {
    const address = await server.createDatabase();
    const lost: unknown[] = [];
    const first = await becomeOnlyServer(address, {
      alone: true,
      onLost: (error) => lost.push(error),
    });
    const client = new pg.Client(address);
    await client.connect();
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'calltrk server%'`);
    const second = await becomeOnlyServer(address, ALONE);
    await until(() => lost[0], { timeoutMs: 15_000, what: 'the first server hearing of the second' });
    expect(lost[0]).toBeInstanceOf(NotOnlyServerError);
    await Promise.all([first.release(), second.release(), client.end()]);
  });

  test('housekeeping makes the months ahead once, whoever asks, and forgets old event ids only', async () => {
    const pool = openPool(await server.createDatabase());
    await migrate(pool);
    const months = async () => {
      const { rows } = await pool.query(`SELECT inhrelid::regclass::text AS name FROM pg_inherits
        WHERE inhparent = 'page_views'::regclass ORDER BY 1`);
      return rows.map(({ name }) => name);
    };
    const housekeeping = createHousekeeping(pool);
    await Promise.all([1, 2, 3].map(() => housekeeping.keepMonthsAhead()));
    await housekeeping.keepMonthsAhead();
    const month = new Date().toISOString().slice(0, 7).replace('-', '_');
    expect(await months()).toHaveLength(4);
    expect(await months()).toEqual(expect.arrayContaining(['page_views_default', `page_views_${month}`]));

    await pool.query(`INSERT INTO event_ledger SELECT 'COM1', gen_random_uuid(), now() - make_interval(days => d)
      FROM generate_series(1, 12000) i, LATERAL (SELECT CASE WHEN i <= 11000 THEN 8 ELSE 6 END AS d) age`);
    expect(await housekeeping.forgetOldEvents()).toBe(11_000);
    expect((await pool.query('SELECT count(*)::int AS n FROM event_ledger')).rows[0].n).toBe(1000);
    await pool.end();
  });

  describe('group commit', () => {
    let pool: pg.Pool;
    beforeAll(async () => {
      pool = openPool(await server.createDatabase());
      await migrate(pool);
    });
    const folder = newDataDir();
    const writers: { close(): Promise<void> }[] = [];
    afterAll(async () => {
      for (const writer of writers) await writer.close();
      await pool.end();
      removeDataDir(folder);
    });
    const openWriter = async (onCommit: (entries: number) => void = () => undefined) => {
      const record = createRecordStore({ pool, callPool: pool, writePool: pool });
      const calls = {
        recordCall: () => Promise.reject(new Error('no calls here')),
        rejoinCalls: () => Promise.resolve(0),
      };
      const writer = createRecordWriter({ record: { ...record, ...calls }, folder, onCommit });
      writers.push(writer);
      await writer.open();
      return writer;
    };

    const visit = (sessionId: string, visitId: string, more = {}): Change => ({
      type: 'visit',
      device: null,
      sessionId,
      visit: {
        visitId,
        landing: 'https://x.example/?q="\'\\{},',
        referrer: 'direct',
        startedAt: AT,
        lastSeen: AT,
        ...more,
      },
      source: {
        source: 'direct',
        name: 'Direct',
        medium: 'direct',
        campaign: 'drains',
        term: null,
        content: null,
        clickIds: {},
      },
    });
    const pageView = (sessionId: string, visitId: string, eventId = uuid(), more = {}): RecordEntry => ({
      companyId: COMPANY,
      eventId,
      changes: [
        {
          type: 'page_view',
          eventId,
          sessionId,
          visitId,
          url: 'https://x.example/',
          title: null,
          at: AT,
          activeSeconds: 0,
          clientAt: null,
          ...more,
        },
      ],
    });
    const count = async (table: string, where = 'true') =>
      Number((await pool.query(`SELECT count(*) FROM ${table} WHERE ${where}`)).rows[0].count);

    test('many entries become few transactions, and each is kept', async () => {
      const commits: number[] = [];
      const writer = await openWriter((entries) => commits.push(entries));
      const [session, visitId] = [uuid(), uuid()];
      const outcomes = await Promise.all(
        Array.from({ length: 1200 }, () => writer.write(pageView(session, visitId))),
      );
      expect(outcomes.every((outcome) => outcome === 'accepted')).toBe(true);
      expect(await count('page_views', `session_id = '${session}'`)).toBe(1200);
      expect(commits.length).toBeLessThan(10);
    });

    test('an event is kept once, whether it is repeated in one batch, at once, or later', async () => {
      const writer = await openWriter();
      const [session, visitId, eventId] = [uuid(), uuid(), uuid()];
      const at_once = await Promise.all(
        Array.from({ length: 5 }, () => writer.write(pageView(session, visitId, eventId))),
      );
      expect(at_once.toSorted()).toEqual(['accepted', 'repeated', 'repeated', 'repeated', 'repeated']);
      expect(await writer.write(pageView(session, visitId, eventId.toUpperCase()))).toBe('repeated');
      expect(await count('page_views', `session_id = '${session}'`)).toBe(1);
    });

    test('an id of one company says nothing of another', async () => {
      const writer = await openWriter();
      const entry = pageView(uuid(), uuid());
      expect(await writer.write(entry)).toBe('accepted');
      expect(await writer.write({ ...entry, companyId: 'COM2' })).toBe('accepted');
    });

    test('an entry that the database refuses costs the others of its batch nothing', async () => {
      const writer = await openWriter();
      const [session, visitId] = [uuid(), uuid()];
      const bad = pageView(session, visitId, uuid(), { url: 'nul \0 byte' });
      const results = await Promise.allSettled([
        writer.write(pageView(session, visitId)),
        writer.write(bad),
        writer.write(pageView(session, visitId)),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(results[1]).toMatchObject({ reason: { code: 'invalid' } });
      expect(await count('page_views', `session_id = '${session}'`)).toBe(2);
      expect(await writer.write({ ...bad, changes: [] })).toBe('accepted');
    });

    test('of exclusive leases that several writers open at once on one number none stays unmarked', async () => {
      const others = [await openWriter(), await openWriter(), await openWriter()];
      const numbers = Array.from({ length: 40 }, (_, at) => `+1646555${2000 + at}`);
      await Promise.all(
        numbers.flatMap((number) =>
          others.map((writer) => {
            const [sessionId, visitId] = [uuid(), uuid()];
            const now = Date.now();
            const lease = { leaseId: uuid(), trackerId: 'TRK1', number, sessionId, visitId, at: now };
            return writer.write({
              companyId: COMPANY,
              eventId: null,
              changes: [
                visit(sessionId, visitId, { startedAt: now, lastSeen: now }),
                { type: 'lease', ...lease, holdSeconds: 1200, shared: false },
              ],
            });
          }),
        ),
      );
      // On a machine that is very busy some may have gone through the journal.
      await until(() => (others.every((writer) => writer.waiting().bytes === 0) ? true : undefined));
      const { rows } = await pool.query(
        `SELECT number, bool_and(shared) AS shared, count(*)::int AS leases FROM leases
         WHERE number = ANY ($1) GROUP BY number ORDER BY number`,
        [numbers],
      );
      expect(rows).toEqual(numbers.map((number) => ({ number, shared: true, leases: 3 })));
    });

    test('of exclusive leases on one number in one commit none stays unmarked, unless the first had ended', async () => {
      const writer = await openWriter();
      const open = (number: string, at: number) => {
        const [sessionId, visitId] = [uuid(), uuid()];
        const lease = { leaseId: uuid(), trackerId: 'TRK1', number, sessionId, visitId, at, holdSeconds: 60 };
        const changes: Change[] = [
          visit(sessionId, visitId, { startedAt: at, lastSeen: at }),
          { type: 'lease', ...lease, shared: false },
        ];
        return { companyId: COMPANY, sessionId, eventId: null, changes };
      };
      const now = Date.now();
      const left = open('+16465550302', now);
      const next = open('+16465550302', now + 9);
      const { sessionId } = left;
      next.changes.unshift({ type: 'lease_ended', number: '+16465550302', sessionId, at: now + 7 });
      const entries = [
        open('+16465550301', now),
        open('+16465550301', now + 5),
        left,
        next,
        open('+16465550303', now - 70_000),
        open('+16465550303', now),
      ];
      await Promise.all(entries.map((entry) => writer.write(entry)));
      await until(() => (writer.waiting().bytes === 0 ? true : undefined));
      const { rows } = await pool.query(
        `SELECT right(number, 1) AS number, shared FROM leases WHERE number LIKE '+1646555030_' ORDER BY number, started_at`,
      );
      expect(rows.map(({ number, shared }) => `${number} ${shared}`)).toEqual([
        '1 true',
        '1 true',
        '2 false',
        '2 false',
        '3 false',
        '3 false',
      ]);
    });

    test('whoever got a number from a clock that was ahead holds it no more for the next one, and can leave it', async () => {
      const writer = await openWriter();
      const [HOUR, MINUTE] = [3_600_000, 60_000];
      const now = Date.now();
      /** Somebody's number, his last sign of life, and when it was given to him. */
      const open = async (number: string, at: number, lastSeen = at) => {
        const [sessionId, visitId] = [uuid(), uuid()];
        const lease = { leaseId: uuid(), trackerId: 'TRK1', number, sessionId, visitId, at };
        const changes: Change[] = [
          visit(sessionId, visitId, { startedAt: at, lastSeen }),
          { type: 'lease', ...lease, holdSeconds: 1200, shared: false },
        ];
        await writer.write({ companyId: COMPANY, eventId: null, changes });
        return { sessionId };
      };
      const end = (number: string, { sessionId }: { sessionId: string }, at: number) =>
        writer.write({
          companyId: COMPANY,
          eventId: null,
          changes: [{ type: 'lease_ended', number, sessionId, at }],
        });
      // Given at a time that has not come, and given in time to one whose last sign of life has not come.
      await open('+16465550401', now + HOUR);
      await open('+16465550401', now);
      await open('+16465550402', now - MINUTE, now + HOUR);
      await open('+16465550402', now);
      // A row that waited in a journal for an hour: whoever came after it is there, and he has the number for longer.
      const there = await open('+16465550403', now - HOUR + MINUTE, now);
      await open('+16465550403', now - HOUR);
      // A clock that is a little ahead is no reason.
      await open('+16465550404', now + 4 * MINUTE);
      await open('+16465550404', now);
      await end('+16465550405', await open('+16465550405', now + HOUR), now);
      // Left by that clock, too: a row that comes a second late has not met him.
      await end('+16465550406', await open('+16465550406', now - MINUTE, now + HOUR), now + HOUR);
      await open('+16465550406', now - 1000);
      // What is told late of a hold that had ended says nothing of the one that was begun since.
      await end('+16465550403', there, now - HOUR);
      await until(() => (writer.waiting().bytes === 0 ? true : undefined));
      const { rows } = await pool.query(
        `SELECT right(number, 1) AS number, string_agg(shared || ' ' || (ended_at IS NOT NULL), ', ' ORDER BY written_at, started_at) AS leases
         FROM leases WHERE number LIKE '+1646555040_' GROUP BY number ORDER BY number`,
      );
      expect(rows).toEqual([
        { number: '1', leases: 'false true, false false' },
        { number: '2', leases: 'false true, false false' },
        { number: '3', leases: 'true false, true false' },
        { number: '4', leases: 'true false, true false' },
        { number: '5', leases: 'false true' },
        { number: '6', leases: 'false true, false false' },
      ]);
    });

    test('a visit with its lease is read back as the session left it', async () => {
      const writer = await openWriter();
      const records = createRecordStore({ pool, callPool: pool, writePool: pool });
      const [sessionId, first, second] = [uuid(), uuid(), uuid()];
      const lease = (visitId: string, number: string, at: number): Change => ({
        type: 'lease',
        leaseId: uuid(),
        trackerId: 'TRK1',
        number,
        sessionId,
        visitId,
        at,
        holdSeconds: 1200,
        shared: false,
      });
      await writer.write({
        companyId: COMPANY,
        eventId: null,
        changes: [
          visit(sessionId, first, { landing: 'https://x.example/first' }),
          lease(first, '+13055550110', AT),
        ],
      });
      const later = AT + 3_600_000;
      await writer.write({
        companyId: COMPANY,
        eventId: null,
        changes: [
          visit(sessionId, second, {
            landing: 'https://x.example/second',
            startedAt: later,
            lastSeen: later,
          }),
          { type: 'lease_ended', number: '+13055550110', sessionId, at: later },
          lease(second, '+13055550111', later),
          { type: 'visit_seen', visitId: second, at: later + 5000, activeSeconds: 5, left: false },
          { type: 'visit_seen', visitId: second, at: later + 1000, activeSeconds: 1, left: false },
        ],
      });
      const key = { companyId: COMPANY, sessionId };
      expect(await records.currentVisits([{ companyId: COMPANY, sessionId: uuid() }, key])).toEqual([
        null,
        {
          visitId: second,
          landing: 'https://x.example/second',
          referrer: 'direct',
          source: 'direct',
          campaign: 'drains',
          startedAt: later,
          lastSeen: later + 5000,
          pages: 0,
          activeSeconds: 5,
          first: { landing: 'https://x.example/first', referrer: 'direct' },
          leases: [{ trackerId: 'TRK1', number: '+13055550111', shared: false }],
        },
      ]);
      // The hold had run out long before the lease was closed: it ended then.
      const { rows } = await pool.query(
        `SELECT extract(epoch FROM ended_at) * 1000 AS at FROM leases WHERE visit_id = $1`,
        [first],
      );
      expect(Number(rows[0].at)).toBe(AT + 1_200_000);
    });
  });
});
