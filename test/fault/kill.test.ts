/**
 * The promise of a 2xx: while a crowd of visitors goes on, the server or its Postgres is killed at a random moment,
 * again and again. What was acknowledged must be in the record exactly once, whatever happened in between; what was
 * refused is sent again with the same ids, as the script on the page does.
 *
 * FAULT_ROUNDS sets the number of rounds; FAULT_SEED repeats the choices of a run (not its timing).
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEMO_NUMBER, demoCompany } from '../support/demo.js';
import { startPostgres } from '../support/postgres.js';
import { exitOf, processesWith, until } from '../support/processes.js';
import { newDataDir, type RunningServer, removeDataDir, startServer } from '../support/server.js';

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 10);
const SEED = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 1e9));
const VISITORS = 24;
/** A refused request is sent again until then; a server that takes longer to come back has failed. */
const PATIENCE_MS = 30_000;
/** Short, so that numbers change hands all the time. */
const HOLD_SECONDS = 1;
/** With the 8 of the demo company: now and then the pool is full. */
const MORE_NUMBERS = Array.from({ length: 20 }, (_, at) => `+130555501${30 + at}`);

const random = randomFrom(SEED);
const between = (low: number, high: number) => low + random() * (high - low);
const oneOf = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

const FAULTS = ['server', 'postmaster', 'server', 'backend', 'server'] as const;
type Fault = (typeof FAULTS)[number];

let installations: Installation[] = [];
beforeAll(async () => {
  const made = await Promise.allSettled([embedded(), debian()]);
  installations = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  for (const one of made) if (one.status === 'rejected') throw one.reason;
  for (const installation of installations) await prepare(installation);
});
afterAll(async () => {
  const ends = await Promise.allSettled(installations.map((installation) => installation.remove()));
  expect(ends.filter(({ status }) => status === 'rejected')).toEqual([]);
});

it(`what was acknowledged is in the record exactly once after ${ROUNDS} kills (seed ${SEED})`, {
  timeout: 60_000 + ROUNDS * 45_000,
}, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const installation = installations[round % 2] as Installation;
    const fault = FAULTS[Math.floor(round / 2) % FAULTS.length] as Fault;
    await playRound(installation, fault);
  }
  const lost = new Map<string, number>();
  for (const installation of installations) {
    for (const scenario of await findLost(installation)) lost.set(scenario, (lost.get(scenario) ?? 0) + 1);
  }
  const rows = [...books].map(([scenario, book]) => [scenario, { ...book, lost: lost.get(scenario) ?? 0 }]);
  console.table(Object.fromEntries(rows));

  for (const installation of installations) expect([...installation.surprises].slice(0, 5)).toEqual([]);
  for (const [, { sent, accepted, repeated, rejected, refused }] of books) {
    expect(sent).toBe(accepted + repeated + rejected + refused);
    expect(Math.min(accepted, repeated, rejected)).toBeGreaterThan(0);
  }
  expect([...lost]).toEqual([]);
  const found = [];
  for (const installation of installations) found.push(...(await contradictions(installation)));
  expect(found).toEqual([]);
});

// ── A round ──────────────────────────────────────────────────────────────────────────────────────────────────

async function playRound(installation: Installation, fault: Fault): Promise<void> {
  const scenario = `${fault} killed, ${installation.name}`;
  const crowd = startCrowd(installation, scenario);
  await sleep(between(150, 900));
  const { server } = installation;
  if (fault === 'server') {
    server.child.kill('SIGKILL');
    await exitOf(server.child);
    await installation.start();
  } else if (fault === 'backend') {
    process.kill(await writerOf(installation), 'SIGKILL');
  } else {
    await installation.killPostgres();
  }
  await until(() => isWell(installation), { timeoutMs: 20_000 }).catch((error) => {
    const { child, said } = installation.server;
    throw new Error(`no answer after ${scenario} (exit code ${child.exitCode}):\n${said()}`, {
      cause: error,
    });
  });
  await sleep(between(300, 800));
  await crowd.leave();
  if (fault !== 'server') {
    expect(installation.server).toBe(server);
    expect([server.child.exitCode, server.child.signalCode]).toEqual([null, null]);
  }
}

async function isWell({ server }: Installation): Promise<true | undefined> {
  const { status } = await fetch(`${server.url}/readyz`, { signal: AbortSignal.timeout(3000) });
  return status === 200 ? true : undefined;
}

// ── The crowd ────────────────────────────────────────────────────────────────────────────────────────────────

/** Every sending of an event is in one of the columns after `sent`. */
interface Book {
  sent: number;
  accepted: number;
  repeated: number;
  rejected: number;
  /** The connection broke, it took too long, or the answer was a 5xx. */
  refused: number;
}
const books = new Map<string, Book>();

type Kind = 'page_view' | 'ping' | 'tap' | 'form' | 'leave';
interface Event {
  id: string;
  type: string;
  /** Whether the server should take it. */
  good: boolean;
  body: object;
}

/** A page was told to show this number. */
interface Shown {
  session: string;
  number: string;
  from: number;
  to: number;
}

function startCrowd(installation: Installation, scenario: string): { leave(): Promise<void> } {
  let isOver = false;
  const book = books.get(scenario) ?? { sent: 0, accepted: 0, repeated: 0, rejected: 0, refused: 0 };
  books.set(scenario, book);
  const visitors = Array.from({ length: VISITORS }, async () => {
    while (!isOver) await visit(installation, scenario, book, () => isOver);
  });
  // Settled: who despairs in the middle of a round is heard at its end.
  const all = Promise.allSettled(visitors);
  return {
    async leave() {
      isOver = true;
      await all;
      await Promise.all(visitors);
    },
  };
}

/** One session: pages with their swaps, and what the visitor does on them. */
async function visit(
  installation: Installation,
  scenario: string,
  book: Book,
  isOver: () => boolean,
): Promise<void> {
  const session = randomUUID();
  let landing = 'https://bluebird.example/';
  const mine: Event[] = [];
  const post = (path: string, body: object, events: Event[]) =>
    deliver(installation, {
      scenario,
      book,
      path,
      body: { key: installation.key, session, ...body },
      events,
    });
  for (let pages = Math.floor(between(1, 12)); pages > 0 && !isOver(); pages--) {
    // A click on another advertisement begins a new visit.
    if (random() < 0.1) landing = `https://bluebird.example/?gclid=${Math.floor(between(1, 1e6))}`;
    const page = { id: randomUUID(), url: `https://bluebird.example/${pages}`, title: `Page ${pages}` };
    const view: Event = { id: page.id, type: 'page_view', good: true, body: {} };
    const swap = { visit: { landing, referrer: 'direct' }, page, targets: [DEMO_NUMBER] };
    const ask = async () => {
      const from = Date.now();
      const answer = await post('/v1/swap', swap, [view]);
      const number = answer.numbers[DEMO_NUMBER]?.e164;
      if (number) installation.shown.push({ session, number, from, to: Date.now() });
      else installation.surprises.add(`no number: ${JSON.stringify(answer)}`);
    };
    const tell = async () => {
      const events = Array.from({ length: Math.floor(between(1, 5)) }, newEvent);
      if (mine.length > 0 && random() < 0.3) events.push(oneOf(mine));
      if (random() < 0.05) events.push(...events);
      mine.push(...events.filter(({ good }) => good));
      const bodies = events.map(({ id, type, body }) => ({ id, type, at: Date.now(), ...body }));
      await post('/v1/events', { events: bodies }, events);
    };
    const work = [ask, ...(random() < 0.1 ? [ask] : [])];
    for (let batches = Math.floor(between(0, 3)); batches > 0; batches--) work.push(tell);
    // Often a page asks and tells at once, and a visitor may have two tabs.
    if (random() < 0.4) await Promise.all(work.map((some) => some()));
    else for (const some of work) await some();
    // Long enough, at times, for somebody else to get the number.
    await sleep(random() < 0.05 ? between(1000, 1500) : between(0, 40));
  }
}

function newEvent(): Event {
  const id = randomUUID();
  const url = 'https://bluebird.example/contact';
  const good = (type: Kind, body: object = {}): Event => ({ id, type, good: true, body });
  const bad = (type: string, body: object = {}): Event => ({ id, type, good: false, body });
  return oneOf([
    () => good('page_view', { url, title: 'Contact \u{1F4DE}' }),
    () => good('tap', { number: oneOf(installations[0]?.pool ?? []), target: DEMO_NUMBER }),
    () => good('form', { url, form_name: 'Contact', fields: { Name: 'Ada', Phone: newPhone() } }),
    () => good('ping'),
    () => good('leave'),
    () => bad('tap', { number: 'not a number' }),
    () => bad('form', { url }),
    () => bad('teleport', { url }),
  ])();
}

const newPhone = () => `+1404555${String(Math.floor(between(0, 10_000))).padStart(4, '0')}`;

interface Letter {
  scenario: string;
  book: Book;
  path: string;
  body: object;
  events: Event[];
}

/** Sends it until it is acknowledged, and books every sending. */
async function deliver(installation: Installation, letter: Letter): Promise<any> {
  const { book, path, body, events, scenario } = letter;
  const { acknowledged, surprises, sent } = installation;
  for (const { id, good } of events) if (good) sent.add(id);
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    book.sent += events.length;
    const answer = await post(installation.server.url + path, body);
    if (typeof answer === 'object') {
      const { accepted, repeated, rejected } = path === '/v1/swap' ? ofSwap(installation, events) : answer;
      book.accepted += accepted;
      book.repeated += repeated;
      book.rejected += rejected.length;
      const refusedIds = rejected.map(({ id }: { id: string }) => id).sort();
      const badIds = events.filter(({ good }) => !good).map(({ id }) => id);
      if (`${refusedIds}` !== `${badIds.sort()}`) surprises.add(`rejected: ${JSON.stringify(rejected)}`);
      for (const { id, type, good } of events) {
        if (good && !acknowledged.has(id)) acknowledged.set(id, { scenario, type: type as Kind });
      }
      return answer;
    }
    book.refused += events.length;
    if (answer !== 'no answer' && answer !== '503') {
      const why = installation.server
        .logged()
        .split('\n')
        .findLast((line) => line.includes('"error"'));
      surprises.add(`${path} was answered ${answer}: ${why}`);
    }
    if (Date.now() > end)
      throw new Error(`${path} was refused for ${PATIENCE_MS} ms (${scenario}): ${answer}`);
    await sleep(between(20, 120));
  }
}

/** A swap does not say whether its page view is new; we know whether one was acknowledged before. */
function ofSwap({ acknowledged }: Installation, [view]: Event[]) {
  const repeated = acknowledged.has(view?.id ?? '') ? 1 : 0;
  return { accepted: 1 - repeated, repeated, rejected: [] };
}

async function post(url: string, body: object): Promise<any> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'text/plain',
        'user-agent': 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36',
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(8000),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    return response.status === 503 ? '503' : `${response.status} ${text}`;
  } catch {
    return 'no answer';
  }
}

// ── What the record says ─────────────────────────────────────────────────────────────────────────────────────

const TABLES = {
  page_view: ['page_views', 'page_view_id'],
  tap: ['taps', 'tap_id'],
  form: ['form_submissions', 'event_id'],
} as const;

/** The scenario of each acknowledged event that is not there. */
async function findLost(installation: Installation): Promise<string[]> {
  const { acknowledged } = installation;
  const missing = async () => {
    const lost = new Set<string>();
    const ledger = new Set(await idsOf(installation, 'event_ledger', 'event_id'));
    for (const id of acknowledged.keys()) if (!ledger.has(id)) lost.add(id);
    for (const [kind, [table, column]] of Object.entries(TABLES)) {
      const there = new Set(await idsOf(installation, table, column));
      for (const [id, { type }] of acknowledged) if (type === kind && !there.has(id)) lost.add(id);
    }
    return lost;
  };
  // What waits on this disk for Postgres counts once it is there.
  await until(async () => ((await missing()).size === 0 ? true : undefined), { stepMs: 250 }).catch(() => 0);
  return [...(await missing())].map((id) => acknowledged.get(id)?.scenario ?? '');
}

async function idsOf({ query }: Installation, table: string, column: string): Promise<string[]> {
  return (await query(`SELECT ${column}::text AS id FROM ${table}`)).map(({ id }) => id);
}

/** Some of each kind; empty when the record is as it should be. */
async function contradictions({ name, query, sent, shown }: Installation): Promise<object[]> {
  const found: object[] = [];
  const add = (what: string, rows: object[]) => {
    for (const row of rows.slice(0, 3)) found.push({ what, where: name, ...row });
  };
  for (const [table, column] of [...Object.values(TABLES), ['event_ledger', 'event_id'] as const]) {
    const ids = await query(`SELECT ${column}::text AS id, count(*)::int FROM ${table} GROUP BY 1`);
    add(
      'nobody sent this',
      ids.filter(({ id }) => !sent.has(id)).map((row) => ({ table, ...row })),
    );
    add(
      'is there more than once',
      ids.filter(({ count }) => count > 1).map((row) => ({ table, ...row })),
    );
  }
  for (const table of ['page_views', 'taps', 'form_submissions', 'leases']) {
    const orphans = await query(
      `SELECT '${table}' AS "table", r.* FROM ${table} r LEFT JOIN visits v USING (company_id, visit_id)
       LEFT JOIN sessions s ON s.company_id = v.company_id AND s.session_id = v.session_id
       WHERE v.session_id IS DISTINCT FROM r.session_id OR s.session_id IS NULL`,
    );
    add('its visit is not there', orphans);
  }
  await query(
    `CREATE TEMP TABLE held AS
     SELECT l.lease_id, l.number, l.session_id, l.visit_id, l.started_at, l.shared, l.ended_at,
            coalesce(l.ended_at, v.last_seen + make_interval(secs => l.hold_seconds)) AS until
     FROM leases l JOIN visits v USING (company_id, visit_id)`,
  );
  await query('CREATE INDEX ON held (number, session_id)');
  const overlaps = await query(
    `SELECT to_jsonb(a) AS a, to_jsonb(b) AS b
     FROM held a JOIN held b ON b.number = a.number AND b.session_id <> a.session_id
     WHERE NOT a.shared AND a.started_at < b.until - interval '1 ms' AND b.started_at < a.until - interval '1 ms'`,
  );
  add('another session held this exclusive number, too', overlaps);
  const unleased = await query(
    `SELECT s.*, (SELECT jsonb_agg(to_jsonb(h) - 'lease_id' ORDER BY h.started_at) FROM held h
                   WHERE h.session_id = s.session) AS had
     FROM jsonb_to_recordset($1) AS s(session uuid, number text, "from" float8, "to" float8)
     WHERE NOT EXISTS (SELECT FROM held h WHERE h.number = s.number AND h.session_id = s.session
       AND h.started_at < to_timestamp(s.to / 1000) + interval '1 ms'
       AND h.until > to_timestamp(s.from / 1000))`,
    [JSON.stringify(shown satisfies Shown[])],
  );
  add('a page was given this number without a lease', unleased);
  return found;
}

// ── Where it runs ────────────────────────────────────────────────────────────────────────────────────────────

interface Installation {
  name: string;
  server: RunningServer;
  /** Starts the server again where it was. */
  start(): Promise<void>;
  killPostgres(): Promise<void>;
  query(sql: string, values?: unknown[]): Promise<any[]>;
  remove(): Promise<void>;
  key: string;
  pool: string[];
  /** Ids of good events. */
  sent: Set<string>;
  acknowledged: Map<string, { scenario: string; type: Kind }>;
  shown: Shown[];
  /** Answers that should not have been given. */
  surprises: Set<string>;
}

async function embedded(): Promise<Installation> {
  const dataDir = newDataDir();
  const cluster = ` -D ${join(dataDir, 'postgres')} `;
  const database = { host: join(dataDir, 'socket'), port: 5432, user: 'calltrk', database: 'calltrk' };
  return install('embedded Postgres', database, {
    options: { dataDir },
    async killPostgres() {
      const postmaster = Number.parseInt(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10);
      process.kill(postmaster, 'SIGKILL');
    },
    async remove() {
      const left = processesWith(cluster);
      for (const pid of left) process.kill(pid, 'SIGKILL');
      removeDataDir(dataDir);
      expect(left).toEqual([]);
    },
  });
}

async function debian(): Promise<Installation> {
  const postgres = await startPostgres();
  const connectionString = await postgres.createDatabase();
  const dataDir = newDataDir();
  return install(
    "Debian's PostgreSQL",
    { connectionString },
    {
      options: { dataDir, env: { DATABASE_URL: connectionString } },
      async killPostgres() {
        await postgres.kill('SIGKILL');
        await sleep(between(0, 600));
        await postgres.start();
      },
      async remove() {
        await postgres.close();
        removeDataDir(dataDir);
      },
    },
  );
}

interface Surroundings extends Pick<Installation, 'killPostgres' | 'remove'> {
  options: Parameters<typeof startServer>[0];
}

async function install(
  name: string,
  database: pg.ClientConfig,
  { options, killPostgres, remove }: Surroundings,
): Promise<Installation> {
  let client: pg.Client | undefined;
  const installation: Installation = {
    name,
    server: await startServer(options).catch(async (error) => {
      await remove();
      throw error;
    }),
    async start() {
      installation.server = await startServer(options);
    },
    killPostgres,
    async query(sql, values) {
      if (client === undefined) {
        client = new pg.Client(database);
        client.on('error', () => undefined);
        client.once('end', () => {
          client = undefined;
        });
        await client.connect();
      }
      return (await client.query(sql, values)).rows;
    },
    async remove() {
      await client?.end().catch(() => undefined);
      const code = await installation.server.end();
      await remove();
      expect(code).toBe(0);
    },
    key: '',
    pool: [],
    sent: new Set(),
    acknowledged: new Map(),
    shown: [],
    surprises: new Set(),
  };
  return installation;
}

/** Gives the demo company a larger pool that forgets soon. */
async function prepare(installation: Installation): Promise<void> {
  const { query, server } = installation;
  await query(
    `INSERT INTO tracking_numbers (company_id, tracker_id, number, position)
     SELECT company_id, tracker_id, number, 100 + position
     FROM trackers, unnest($1::text[]) WITH ORDINALITY AS n(number, position) WHERE type = 'session'`,
    [MORE_NUMBERS],
  );
  await query(`UPDATE trackers SET hold_seconds = $1 WHERE type = 'session'`, [HOLD_SECONDS]);
  await until(async () => {
    const { scriptKey, pool } = await demoCompany(server);
    Object.assign(installation, { key: scriptKey, pool });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    return (
      new RegExp(`^calltrk_\\w+\\{[^}]*state="all"[^}]*\\} ${pool.length}$`, 'm').exec(metrics) ?? undefined
    );
  });
}

async function writerOf({ query }: Installation): Promise<number> {
  const find = async () =>
    (await query(`SELECT pid FROM pg_stat_activity WHERE application_name = 'calltrk writer'`))[0]?.pid;
  return until(find, { what: 'a connection of the writer' });
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** mulberry32: small, and the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
