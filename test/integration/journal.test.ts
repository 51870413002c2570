import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { callJudge } from '../../server/domain/calls.js';
import type { CallReport, RecordEntry } from '../../server/domain/ports.js';
import { createRecordWriter, type JournalledWriter } from '../../server/storage/journal/writer.js';
import { createPool } from '../../server/storage/postgres/connect.js';
import { migrate } from '../../server/storage/postgres/migrate.js';
import { createRecordStore } from '../../server/storage/postgres/record-store.js';
import { demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { NOISE_MS, until } from '../support/processes.js';
import { newDataDir, removeDataDir, startServer } from '../support/server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const COMPANY = 'COM1';
const uuid = (): string => crypto.randomUUID();
const AT = Date.UTC(2026, 10, 22, 12);

let postgres: TestPostgres;
let proxy: TcpProxy;
beforeAll(async () => {
  postgres = await startPostgres();
  proxy = await startTcpProxy({ port: postgres.port });
});
afterAll(async () => {
  await proxy?.close();
  await postgres?.close();
});

describe('the journal, with a real Postgres behind a faulty network', () => {
  let folder: string;
  let url: string;
  /** Straight to the database, past the faults. */
  let direct: pg.Pool;
  let throughProxy: pg.Pool[];
  let writers: JournalledWriter[];
  let told: string[];
  beforeEach(async () => {
    folder = newDataDir();
    url = await postgres.createDatabase();
    direct = open(url);
    await migrate(direct);
    writers = [];
    throughProxy = [];
    told = [];
  });
  afterEach(async () => {
    proxy.heal();
    await Promise.all(writers.map((writer) => writer.close()));
    await Promise.all([direct, ...throughProxy].map((pool) => pool.end()));
    removeDataDir(folder);
  });

  const open = (url: string) =>
    createPool(
      { connectionString: url },
      { name: 'test', max: 4, statementTimeoutMs: 2000, onError: () => undefined },
    );

  function newWriter(): JournalledWriter {
    const pool = open(url.replace(`:${postgres.port}/`, `:${proxy.port}/`));
    throughProxy.push(pool);
    const faulty = createRecordStore({ pool, callPool: pool, writePool: pool });
    const writer = createRecordWriter({
      record: {
        commit: (entries) => faulty.commit(entries),
        recordCall: (report) => faulty.recordCall(report, callJudge),
        rejoinCalls: (since) => faulty.rejoinCalls(since, callJudge),
      },
      folder,
      tell: ({ what }) => told.push(what),
    });
    writers.push(writer);
    return writer;
  }
  /** The record past the faults, as another server reaches it. */
  const records = () => createRecordStore({ pool: direct, callPool: direct, writePool: direct });
  async function openWriter(): Promise<JournalledWriter> {
    const writer = newWriter();
    await writer.open();
    return writer;
  }

  const view = (sessionId: string, url = 'https://x.example/', eventId = uuid()): RecordEntry => ({
    companyId: COMPANY,
    eventId,
    changes: [
      {
        type: 'page_view',
        eventId,
        sessionId,
        visitId: uuid(),
        url,
        title: null,
        at: AT,
        activeSeconds: 0,
        clientAt: null,
      },
    ],
  });
  const ringing = (callSid: string): CallReport => ({
    companyId: COMPANY,
    trackerId: null,
    event: {
      kind: 'ringing',
      key: `ringing ${callSid}`,
      at: AT,
      provider: 'twilio',
      providerCallId: callSid,
      trackingNumber: '+13055550110',
      caller: { number: '+12125550100', raw: '+12125550100' },
      place: null,
      callerName: null,
      status: 'ringing',
      seconds: null,
      destinationNumber: '+13055550100',
      recordingUrl: null,
    } as CallReport['event'],
  });
  const urls = async (sessionId: string) =>
    (
      await direct.query('SELECT url FROM page_views WHERE session_id = $1 ORDER BY ctid', [sessionId])
    ).rows.map(({ url }) => url);
  const drained = (writer: JournalledWriter) =>
    until(() => (writer.waiting().bytes === 0 && told.at(-1) === 'emptied' ? true : undefined), {
      what: 'the journal being drained',
    });
  const journals = () =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.journal')) : [];

  const FAULTS = [
    ['refused', () => proxy.refuse(), () => proxy.cut()],
    ['silent', () => proxy.blackhole(), () => undefined],
    ['slow', () => proxy.delay(600), () => undefined],
  ] as const;

  test.each(FAULTS)(
    'while Postgres is %s, writes are kept within a second, in order, and drained once',
    async (_, begin, also) => {
      const writer = await openWriter();
      const session = uuid();
      expect(await writer.write(view(session, 'https://x.example/0'))).toBe('accepted');
      begin();
      also();
      const late = view(session, 'https://x.example/1');
      const began = performance.now();
      expect(await writer.write(late)).toBe('accepted');
      expect(performance.now() - began).toBeLessThan(1000 + NOISE_MS);
      for (const at of [2, 3, 4]) {
        expect(await writer.write(view(session, `https://x.example/${at}`))).toBe('accepted');
      }
      expect(await writer.write(late)).toBe('repeated');
      await writer.writeCall(ringing('CA1'));
      await writer.writeCall(ringing('CA1'));
      expect(journals()).toHaveLength(1);
      proxy.heal();
      await drained(writer);
      expect(journals()).toEqual([]);
      expect(await urls(session)).toEqual([0, 1, 2, 3, 4].map((at) => `https://x.example/${at}`));
      expect((await direct.query('SELECT provider_call_id FROM calls')).rows).toEqual([
        { provider_call_id: 'CA1' },
      ]);
      expect(await writer.write(late)).toBe('repeated');
      await writer.write(view(session, 'https://x.example/5'));
      expect(journals()).toEqual([]);
      expect(await urls(session)).toHaveLength(6);
    },
  );

  test.each([
    [
      'read only',
      `ALTER DATABASE :db SET default_transaction_read_only = on`,
      `ALTER DATABASE :db RESET default_transaction_read_only`,
    ],
  ])('while Postgres is %s, writes are kept and drained', async (_, fault, repair) => {
    const writer = await openWriter();
    const { rows } = await direct.query('SELECT current_database() AS db');
    const on = (sql: string) => sql.replace(':db', rows[0].db);
    await direct.query(on(fault));
    // Connections there are keep the old setting.
    proxy.cut();
    const session = uuid();
    expect(await writer.write(view(session))).toBe('accepted');
    expect(await urls(session)).toEqual([]);
    await direct.query(`SET default_transaction_read_only = off`);
    const client = await direct.connect();
    await client.query(`SET default_transaction_read_only = off`);
    await client.query(on(repair));
    client.release();
    proxy.cut();
    await drained(writer);
    expect(await urls(session)).toHaveLength(1);
  });

  test('a locked table holds up nobody, and what waited for it is written once', async () => {
    const writer = await openWriter();
    const locker = await direct.connect();
    await locker.query('BEGIN; LOCK TABLE page_views IN ACCESS EXCLUSIVE MODE');
    const session = uuid();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => writer.write(view(session))));
    expect(outcomes).toEqual(Array(20).fill('accepted'));
    await locker.query('COMMIT');
    locker.release();
    await drained(writer);
    expect(await urls(session)).toHaveLength(20);
  });

  test('under steady traffic the journal is left again when Postgres is back, and nothing is lost or doubled', async () => {
    const writer = await openWriter();
    const sessions = Array.from({ length: 16 }, uuid);
    let isOver = false;
    const sent = new Map(sessions.map((session) => [session, 0]));
    const crowd = sessions.map(async (session) => {
      while (!isOver) {
        const at = sent.get(session) ?? 0;
        expect(await writer.write(view(session, `https://x.example/${at}`))).toBe('accepted');
        sent.set(session, at + 1);
      }
    });
    const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
    for (let round = 0; round < 3; round++) {
      await pause(200);
      proxy.cut();
      proxy.refuse();
      await pause(400);
      proxy.heal();
      await until(() => (told.filter((what) => what === 'emptied').length > round ? true : undefined));
    }
    isOver = true;
    await Promise.all(crowd);
    for (const session of sessions) {
      const expected = Array.from({ length: sent.get(session) ?? 0 }, (_, at) => `https://x.example/${at}`);
      // In any order: rows may take the place of those whose transaction was cut.
      expect((await urls(session)).toSorted()).toEqual(expected.toSorted());
    }
  });

  test('the next process drains what one left, also behind a damaged tail', async () => {
    const first = await openWriter();
    proxy.cut();
    proxy.refuse();
    const session = uuid();
    for (const at of [0, 1, 2]) await first.write(view(session, `https://x.example/${at}`));
    const [name = ''] = journals();
    await first.close();
    // As a process that died in the middle of a line would leave it; its number is nobody's.
    const left = name.replace(/-\d+-([0-9a-f]+)\.journal$/, `-${2 ** 22 + 1}-$1.journal`);
    renameSync(join(folder, name), join(folder, left));
    writeFileSync(join(folder, left), '01234567 {"entry":{"comp', { flag: 'a' });

    const next = newWriter();
    await expect(next.open()).rejects.toMatchObject({ code: 'unavailable' });
    // Not open yet: kept all the same, behind the others.
    expect(await next.write(view(session, 'https://x.example/3'))).toBe('accepted');
    proxy.heal();
    await next.open();
    await drained(next);
    expect(await urls(session)).toEqual([0, 1, 2, 3].map((at) => `https://x.example/${at}`));
    expect(told).toEqual(expect.arrayContaining(['adopted', 'damaged', 'emptied']));
    expect(journals()).toEqual([]);
    expect(existsSync(join(folder, 'damaged.txt'))).toBe(true);
  });

  test('a call that one server writes before another can write its visit is joined in the end', async () => {
    const one = await openWriter();
    const [sessionId, visitId] = [uuid(), uuid()];
    const began = Date.now();
    proxy.cut();
    proxy.refuse();
    // The visitor's lease is on one server's disk …
    const lease = {
      leaseId: uuid(),
      trackerId: 'TRK1',
      number: '+13055550110',
      sessionId,
      visitId,
      at: began,
    };
    await one.write({
      companyId: COMPANY,
      eventId: null,
      changes: [
        {
          type: 'visit',
          device: null,
          sessionId,
          visit: { visitId, landing: 'x', referrer: 'direct', startedAt: began, lastSeen: began },
          source: {
            source: 'direct',
            name: 'Direct',
            medium: 'direct',
            campaign: null,
            term: null,
            content: null,
            clickIds: {},
          },
        },
        { type: 'lease', ...lease, holdSeconds: 1200, shared: false },
      ],
    });
    // … and the call is told to the other one, which reaches Postgres first.
    const call = ringing('CA9');
    await records().recordCall({ ...call, event: { ...call.event, at: began + 1000 } }, callJudge);
    const visitOf = async () =>
      (await direct.query(`SELECT visit_id FROM calls WHERE provider_call_id = 'CA9'`)).rows[0];
    expect(await visitOf()).toEqual({ visit_id: null });
    proxy.heal();
    await drained(one);
    await until(async () => ((await visitOf()).visit_id === visitId ? true : undefined));
  });

  test('what the database will never take is parked and holds up nothing', async () => {
    const writer = await openWriter();
    proxy.cut();
    proxy.refuse();
    const session = uuid();
    await writer.write(view(session, 'https://x.example/good'));
    await writer.write(view(session, 'nul \0 byte'));
    await writer.write(view(session, 'https://x.example/too'));
    proxy.heal();
    await drained(writer);
    expect(await urls(session)).toEqual(['https://x.example/good', 'https://x.example/too']);
    expect(told).toContain('parked');
    expect(existsSync(join(folder, 'parked.txt'))).toBe(true);
  });

  test('with neither Postgres nor a disk, a write is refused', async () => {
    const writer = await openWriter();
    proxy.cut();
    proxy.refuse();
    rmSync(folder, { recursive: true });
    // Where the folder was is a file: as good as a full disk, for root too.
    writeFileSync(folder, '');
    await expect(writer.write(view(uuid()))).rejects.toMatchObject({ code: 'unavailable' });
    await expect(writer.writeCall(ringing('CA2'))).rejects.toMatchObject({ code: 'unavailable' });
    rmSync(folder);
    expect(await writer.write(view(uuid()))).toBe('accepted');
  });
});

describe('a server with neither Postgres nor a disk', () => {
  test('connects callers, and tells the provider where nobody is on the line that nothing was kept', async () => {
    const DATABASE_URL = (await postgres.createDatabase()).replace(`:${postgres.port}/`, `:${proxy.port}/`);
    const server = await startServer({ env: { DATABASE_URL } });
    try {
      const { pool } = await demoCompany(server);
      const to = pool[0] ?? '';
      proxy.cut();
      proxy.refuse();
      writeFileSync(join(server.dataDir, 'journal'), '');
      const call = incoming(to);
      const voice = await twilioWebhook(server, '/v1/telephony/twilio/voice', call);
      expect([voice.status, voice.text.includes('<Dial')]).toEqual([200, true]);
      expect(voice.ms).toBeLessThan(1000 + NOISE_MS);
      const dial = await twilioWebhook(server, '/v1/telephony/twilio/dial', {
        ...call,
        DialCallStatus: 'busy',
      });
      expect([dial.status, dial.text.includes('<Record')]).toEqual([200, true]);
      const status = { ...call, CallStatus: 'completed', CallDuration: '7' };
      expect((await twilioWebhook(server, '/v1/telephony/twilio/status', status)).status).toBe(503);
    } finally {
      proxy.heal();
      await server.end();
      removeDataDir(server.dataDir);
    }
  });
});
