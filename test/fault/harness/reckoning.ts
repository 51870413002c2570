/** What the record says of what was sent: everything acknowledged exactly once, and nothing that contradicts itself. */
import { expect } from 'vitest';
import { until } from '../../support/processes.js';
import { publish } from './book.js';
import { ROUNDS } from './chance.js';
import { bookOf } from './crowd.js';
import type { Installation, PlacedCall, Shown } from './installation.js';

const TABLES = {
  page_view: ['page_views', 'page_view_id'],
  tap: ['taps', 'tap_id'],
  form: ['form_submissions', 'event_id'],
} as const;

/** A visit's last sign of life is in its row to this much, so a hold may be longer than its row says. */
const SEEN_SECONDS = 5;

export interface ReckoningOptions {
  /** What waits on a disk for Postgres must be there by then. */
  patienceMs?: number;
}

/**
 * The end of scenarios: prints their books and expects that they balance, that nothing is lost, and that the record
 * holds together.
 */
export async function reckon(
  installation: Installation | readonly Installation[],
  scenarios: readonly string[],
  options: ReckoningOptions = {},
): Promise<void> {
  const installations = [installation].flat() as Installation[];
  const lost = new Map<string, string[]>();
  const found: object[] = [];
  for (const one of installations) {
    for (const { scenario, what } of await findLost(one, options)) {
      lost.set(scenario, [...(lost.get(scenario) ?? []), what]);
    }
    found.push(...(await contradictions(one)));
  }
  for (const scenario of scenarios) publish(scenario, bookOf(scenario), lost.get(scenario)?.length ?? 0);

  for (const scenario of scenarios) {
    const { sent, accepted, repeated, rejected, refused } = bookOf(scenario);
    expect(sent).toBe(accepted + repeated + rejected + refused);
    expect(accepted).toBeGreaterThan(0);
  }
  expect({
    surprises: installations.flatMap(({ surprises }) => [...surprises].slice(0, 5)),
    lost: [...lost].flatMap(([scenario, what]) => what.slice(0, 3).map((one) => `${scenario}: ${one}`)),
    contradictions: found,
  }).toEqual({ surprises: [], lost: [], contradictions: [] });
}

interface Lost {
  scenario: string;
  what: string;
}

/** Each acknowledged event that is not there, and each forwarded call that the report does not have. */
async function findLost(
  installation: Installation,
  { patienceMs = ROUNDS > 10 ? 90_000 : 40_000 }: ReckoningOptions,
): Promise<Lost[]> {
  // What waits on this disk for Postgres counts once it is there.
  const options = { stepMs: 250, timeoutMs: patienceMs };
  await until(async () => ((await missing(installation)).length === 0 ? true : undefined), options).catch(
    () => 0,
  );
  return missing(installation);
}

async function missing(installation: Installation): Promise<Lost[]> {
  const { acknowledged, calls } = installation;
  const lost = new Map<string, Lost>();
  const ledger = new Set(await idsOf(installation, 'event_ledger', 'event_id'));
  const lose = (id: string, where: string) =>
    lost.set(id, { scenario: acknowledged.get(id)?.scenario ?? '', what: `${id} is not in ${where}` });
  for (const id of acknowledged.keys()) if (!ledger.has(id)) lose(id, 'event_ledger');
  for (const [kind, [table, column]] of Object.entries(TABLES)) {
    const there = new Set(await idsOf(installation, table, column));
    for (const [id, { type }] of acknowledged) if (type === kind && !there.has(id)) lose(id, table);
  }
  const noted = new Set(await idsOf(installation, 'calls', 'provider_call_id'));
  for (const [callSid, scenario] of installation.connected) {
    if (!noted.has(callSid)) lost.set(callSid, { scenario, what: `${callSid} is not in calls` });
  }
  const reported = await reportedCalls(installation);
  for (const call of calls.values()) {
    const fault = faultOf(call, reported.get(call.caller) ?? []);
    if (fault) lost.set(call.callSid, { scenario: call.scenario, what: `${call.callSid}: ${fault}` });
  }
  return [...lost.values()];
}

async function idsOf({ query }: Installation, table: string, column: string): Promise<string[]> {
  return (await query(`SELECT ${column}::text AS id FROM ${table}`)).map(({ id }) => id);
}

/** All calls of the report, by caller: each caller of ours calls once. */
async function reportedCalls({
  servers: [server],
  account,
  apiKey,
  calls,
}: Installation): Promise<Map<string, any[]>> {
  const byCaller = new Map<string, any[]>();
  if (calls.size === 0) return byCaller;
  for (let page = 1, pages = 1; page <= pages; page++) {
    const path = `calls.json?page=${page}&per_page=250&start_date=2000-01-01&end_date=2100-01-01`;
    const response = await fetch(`${server?.url}/v3/a/${account}/${path}&fields=attribution,session_uuid`, {
      headers: { authorization: `Token token="${apiKey}"` },
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`calls.json: ${response.status} ${await response.text()}`);
    const body = (await response.json()) as any;
    pages = body.total_pages;
    for (const call of body.calls) {
      const same = byCaller.get(call.customer_phone_number) ?? [];
      byCaller.set(call.customer_phone_number, [...same, call]);
    }
  }
  return byCaller;
}

/** What is wrong with a call in the report; null: nothing. */
function faultOf({ number, session, waitedMs, outcome }: PlacedCall, rows: any[]): string | null {
  if (rows.length !== 1) return `is in the report ${rows.length} times`;
  const [{ tracking_phone_number, answered, duration, attribution }] = rows;
  if (tracking_phone_number !== number) return `is reported on ${tracking_phone_number}, not ${number}`;
  if (answered !== outcome.answered) return `answered is ${answered}`;
  if (duration !== outcome.seconds) return `its duration is ${duration}, not ${outcome.seconds}`;
  if (session === null) return null;
  const sessions = attribution.candidates.map((one: any) => one.session);
  // Of several who had the number at once none may be sure enough; of one alone the join must be.
  if (attribution.session === null && sessions.length < 2)
    return `is not joined: ${JSON.stringify(attribution)}`;
  // Who waits while servers are dead may lose the number; of those who share one the report names the likeliest three.
  if (waitedMs < 1500 && attribution.candidates.length < 3 && !sessions.includes(session)) {
    return `is joined to ${JSON.stringify(attribution)}, and ${session} called`;
  }
  return null;
}

/** Some of each kind; empty when the record is as it should be. */
async function contradictions(installation: Installation): Promise<object[]> {
  const { name, query, sent, shown, dialled } = installation;
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
  const calls = await query('SELECT provider_call_id AS id, count(*)::int FROM calls GROUP BY 1');
  add(
    'nobody dialled this',
    calls.filter(({ id }) => !dialled.has(id)),
  );
  add(
    'is there more than once',
    calls.filter(({ count }) => count > 1),
  );
  for (const table of ['page_views', 'taps', 'form_submissions', 'leases']) {
    const orphans = await query(
      `SELECT '${table}' AS "table", r.* FROM ${table} r LEFT JOIN visits v USING (company_id, visit_id)
       LEFT JOIN sessions s ON s.company_id = v.company_id AND s.session_id = v.session_id
       WHERE v.session_id IS DISTINCT FROM r.session_id OR s.session_id IS NULL`,
    );
    add('its visit is not there', orphans);
  }
  await query('DROP TABLE IF EXISTS held');
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
       AND h.until + make_interval(secs => $2) > to_timestamp(s.from / 1000))`,
    [JSON.stringify(shown satisfies Shown[]), SEEN_SECONDS],
  );
  add('a page was given this number without a lease', unleased);
  return found;
}
