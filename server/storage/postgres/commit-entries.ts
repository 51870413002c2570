import type pg from 'pg';
import type { Change, Device, Millis, RecordEntry, RecordOutcome, Visit } from '../../domain/ports.js';
import { transaction } from './connect.js';
import { personOfLead } from './persons.js';

type Form = Extract<Change, { type: 'form' }>;
type Row = { entry: number; companyId: string };

/** The arguments of `write_entries` (migrations/0013), in their order: one JSON array for each. */
const TABLES = [
  'script_seen',
  'session',
  'visit',
  'visit_seen',
  'lease',
  'lease_ended',
  'lease_shared',
  'page_view',
  'tap',
] as const satisfies Change['type'][];

/**
 * Writes a batch in one transaction and says of each entry whether it is new. An event id that the ledger has, or
 * that came earlier in this batch, makes its entry a repeat.
 */
export async function commitEntries(
  pool: pg.Pool,
  entries: readonly RecordEntry[],
): Promise<RecordOutcome[]> {
  const outcomes: RecordOutcome[] = entries.map(() => 'accepted');
  const claims = claimEvents(entries, outcomes);
  const rows = new Map<Change['type'], object[]>();
  const visits = new Map<string, VisitRow>();
  const forms: (Form & Row)[] = [];
  // Requests of one session write its rows until they are kept: the same object comes more than once.
  const met = new Set<Change>();
  for (const [entry, { companyId, changes }] of entries.entries()) {
    if (outcomes[entry] === 'repeated') continue;
    for (const change of changes) {
      if (met.size === met.add(change).size) continue;
      if (change.type === 'form') forms.push({ ...change, entry, companyId });
      else if (change.type === 'visit') tellVisit(visits, companyId, change, entry);
      else if (change.type === 'visit_seen') tellVisit(visits, companyId, change, entry);
      else put(rows, change.type, { entry, companyId, ...change });
      if (change.type === 'page_view') tellVisit(visits, companyId, change, entry);
    }
  }
  for (const { opened, at, ...row } of visits.values()) {
    if (opened) put(rows, 'visit', { ...row, ...opened, lastSeen: Math.max(at, opened.lastSeen) });
    else put(rows, 'visit_seen', { ...row, at });
  }
  const json = (some: object[] | undefined) => (some?.length ? JSON.stringify(some) : null);
  const query = {
    name: 'write entries',
    text: 'SELECT write_entries($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS repeated',
    values: [json(claims), ...TABLES.map((table) => json(rows.get(table)))],
  };
  const write = async (client: pg.Pool | pg.ClientBase) => {
    const result = await client.query<{ repeated: number[] }>(query);
    for (const entry of result.rows[0]?.repeated ?? []) outcomes[entry] = 'repeated';
  };
  if (forms.length === 0) {
    await write(pool);
  } else {
    await transaction(pool, async (client) => {
      await write(client);
      // In one order of companies, so that two commits never wait for each other.
      forms.sort((a, b) =>
        a.companyId < b.companyId ? -1 : a.companyId > b.companyId ? 1 : a.entry - b.entry,
      );
      for (const form of forms) if (outcomes[form.entry] === 'accepted') await insertForm(client, form);
    });
  }
  return outcomes;
}

/** The events that the ledger must be asked about; a second one with the same id is a repeat already. */
function claimEvents(entries: readonly RecordEntry[], outcomes: RecordOutcome[]): object[] {
  const claims = new Map<string, object>();
  for (const [entry, { companyId, eventId }] of entries.entries()) {
    if (eventId === null) continue;
    const name = `${companyId} ${eventId.toLowerCase()}`;
    if (claims.has(name)) outcomes[entry] = 'repeated';
    else claims.set(name, { entry, companyId, eventId });
  }
  return [...claims.values()];
}

/** What a batch tells of one visit, for one write of its row. */
interface VisitRow extends Row {
  visitId: string;
  at: Millis;
  activeSeconds: number;
  /** When a page of it was left; null: none was. */
  leftAt: Millis | null;
  /** The entries that are page views of it: of these, those whose event is new are counted. */
  views: number[];
  /** Where it is opened in this batch: its columns. */
  opened: (Visit & { sessionId: string; device: Device | null }) | null;
}

function tellVisit(
  visits: Map<string, VisitRow>,
  companyId: string,
  change: Extract<Change, { type: 'visit' | 'visit_seen' | 'page_view' }>,
  entry: number,
): void {
  const { visitId } = change.type === 'visit' ? change.visit : change;
  const name = `${companyId} ${visitId}`;
  let row = visits.get(name);
  if (!row) {
    row = { entry, companyId, visitId, at: 0, activeSeconds: 0, leftAt: null, views: [], opened: null };
    visits.set(name, row);
  }
  if (change.type === 'visit') {
    row.opened ??= { sessionId: change.sessionId, device: change.device, ...change.visit, ...change.source };
    return;
  }
  row.at = Math.max(row.at, change.at);
  // The journal of a version before does not say it.
  row.activeSeconds = Math.max(row.activeSeconds, change.activeSeconds ?? 0);
  if (change.type === 'page_view') row.views.push(entry);
  else if (change.left) row.leftAt = Math.max(row.leftAt ?? 0, change.at);
}

function put<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

async function insertForm(client: pg.ClientBase, form: Form & Row): Promise<void> {
  const personId = await personOfLead(client, {
    companyId: form.companyId,
    kind: 'form',
    leadId: form.formSubmissionId,
    newPersonId: form.newPersonId,
    phone: form.customerPhone,
    email: form.customerEmail,
    at: form.at,
  });
  await client.query({
    name: 'insert form',
    text: `
      INSERT INTO form_submissions (company_id, form_submission_id, event_id, session_id, visit_id, person_id, fcid,
        form_url, form_name, fields, customer_name, customer_email, customer_phone_number, attribution,
        submitted_at, client_at, first_form)
      SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
        to_timestamp($15::float8 / 1000), to_timestamp($16::float8 / 1000),
        CASE WHEN $6::text IS NULL
          THEN NOT EXISTS (SELECT FROM form_submissions f WHERE f.company_id = $1 AND f.session_id = $4)
          ELSE NOT EXISTS (SELECT FROM one_with($1, $6) AS person
                           JOIN form_submissions f ON f.company_id = $1 AND f.person_id = person)
        END
      ON CONFLICT (company_id, event_id) DO NOTHING`,
    values: [
      form.companyId,
      form.formSubmissionId,
      form.eventId,
      form.sessionId,
      form.visitId,
      personId,
      form.fcid,
      form.url,
      form.formName,
      JSON.stringify(form.fields),
      form.customerName,
      form.customerEmail,
      form.customerPhone,
      JSON.stringify(form.attribution),
      form.at,
      form.clientAt,
    ],
  });
}
