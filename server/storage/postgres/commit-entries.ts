/**
 * A batch of entries as one multi-row statement a table. The rows travel as one JSON parameter each
 * (`json_to_recordset`): names instead of twelve parallel arrays, and one plan whatever the size of the batch.
 */
import type pg from 'pg';
import type { Change, RecordEntry, RecordOutcome } from '../../domain/ports.js';
import { findOrCreatePerson } from './persons.js';

type ChangeOf<T extends Change['type']> = Extract<Change, { type: T }> & { companyId: string };

/** Statements in the order in which they must run: a row is inserted before it is changed. */
const STATEMENTS = {
  script_seen: `
    UPDATE companies c SET script_seen_at = greatest(c.script_seen_at, to_timestamp(r.at / 1000.0))
    FROM json_to_recordset($1) AS r("companyId" text, at float8) WHERE c.company_id = r."companyId"`,
  session: `
    INSERT INTO sessions (company_id, session_id, device, first_seen)
    SELECT "companyId", "sessionId", device, to_timestamp(at / 1000.0)
    FROM json_to_recordset($1) AS r("companyId" text, "sessionId" uuid, device text, at float8)
    ORDER BY 1, 2 ON CONFLICT DO NOTHING`,
  visit: `
    INSERT INTO visits (company_id, visit_id, session_id, landing, referrer, source, source_name, medium, campaign,
                        term, content, click_ids, started_at, last_seen)
    SELECT "companyId", (visit->>'visitId')::uuid, "sessionId", visit->>'landing', visit->>'referrer',
           source->>'source', source->>'name', source->>'medium', source->>'campaign', source->>'term',
           source->>'content', coalesce(source->'clickIds', '{}'),
           to_timestamp((visit->>'startedAt')::float8 / 1000), to_timestamp((visit->>'lastSeen')::float8 / 1000)
    FROM json_to_recordset($1) AS r("companyId" text, "sessionId" uuid, visit jsonb, source jsonb)
    ORDER BY 1, 2 ON CONFLICT DO NOTHING`,
  visit_seen: `
    UPDATE visits v SET last_seen = greatest(v.last_seen, to_timestamp(seen.at / 1000.0))
    FROM (SELECT "companyId", "visitId", max(at) AS at
          FROM json_to_recordset($1) AS r("companyId" text, "visitId" uuid, at float8)
          GROUP BY 1, 2 ORDER BY 1, 2) seen
    WHERE v.company_id = seen."companyId" AND v.visit_id = seen."visitId"`,
  lease: `
    INSERT INTO leases (company_id, lease_id, tracker_id, number, session_id, visit_id, started_at, hold_seconds, shared)
    SELECT "companyId", "leaseId", "trackerId", number, "sessionId", "visitId", to_timestamp(at / 1000.0),
           "holdSeconds", shared
    FROM json_to_recordset($1) AS r("companyId" text, "leaseId" uuid, "trackerId" text, number text,
      "sessionId" uuid, "visitId" uuid, at float8, "holdSeconds" int, shared boolean)
    ORDER BY 1, 2 ON CONFLICT DO NOTHING`,
  lease_ended: `
    UPDATE leases l
    -- A hold that had run out before has ended then.
    SET ended_at = least(to_timestamp(r.at / 1000.0), v.last_seen + make_interval(secs => l.hold_seconds))
    FROM json_to_recordset($1) AS r("companyId" text, number text, "sessionId" uuid, at float8), visits v
    WHERE l.company_id = r."companyId" AND l.number = r.number AND l.session_id = r."sessionId"
      AND l.ended_at IS NULL AND l.started_at < to_timestamp(r.at / 1000.0)
      AND v.company_id = l.company_id AND v.visit_id = l.visit_id`,
  lease_shared: `
    UPDATE leases l SET shared = true
    FROM json_to_recordset($1) AS r("companyId" text, number text, "sessionIds" jsonb)
    WHERE l.company_id = r."companyId" AND l.number = r.number AND l.ended_at IS NULL AND NOT l.shared
      AND r."sessionIds" ? l.session_id::text`,
  page_view: `
    INSERT INTO page_views (company_id, page_view_id, session_id, visit_id, url, title, viewed_at, client_at)
    SELECT "companyId", "eventId", "sessionId", "visitId", url, title, to_timestamp(at / 1000.0),
           to_timestamp("clientAt" / 1000.0)
    FROM json_to_recordset($1) AS r("companyId" text, "eventId" uuid, "sessionId" uuid, "visitId" uuid, url text,
      title text, at float8, "clientAt" float8)
    ON CONFLICT DO NOTHING`,
  tap: `
    INSERT INTO taps (company_id, tap_id, session_id, visit_id, number, target, tapped_at, client_at)
    SELECT "companyId", "eventId", "sessionId", "visitId", number, target, to_timestamp(at / 1000.0),
           to_timestamp("clientAt" / 1000.0)
    FROM json_to_recordset($1) AS r("companyId" text, "eventId" uuid, "sessionId" uuid, "visitId" uuid, number text,
      target text, at float8, "clientAt" float8)
    ON CONFLICT DO NOTHING`,
} as const satisfies Partial<Record<Change['type'], string>>;

/**
 * Writes the entries inside the caller's transaction and says of each whether it is new. An event id that the
 * ledger has, or that came earlier in this batch, makes its entry a repeat.
 */
export async function commitEntries(
  client: pg.ClientBase,
  entries: readonly RecordEntry[],
): Promise<RecordOutcome[]> {
  const outcomes = await claimEvents(client, entries);
  const changes = entries.flatMap((entry, at) =>
    outcomes[at] === 'accepted'
      ? entry.changes.map((change) => ({ ...change, companyId: entry.companyId }))
      : [],
  );
  for (const [type, sql] of Object.entries(STATEMENTS)) {
    const rows = changes.filter((change) => change.type === type);
    if (rows.length > 0)
      await client.query({ name: `commit ${type}`, text: sql, values: [JSON.stringify(rows)] });
  }
  for (const change of changes) if (change.type === 'form') await insertForm(client, change);
  return outcomes;
}

async function claimEvents(client: pg.ClientBase, entries: readonly RecordEntry[]): Promise<RecordOutcome[]> {
  const events = entries.filter((entry) => entry.eventId !== null);
  const fresh = new Set<string>();
  if (events.length > 0) {
    const { rows } = await client.query<{ key: string }>({
      name: 'commit ledger',
      text: `INSERT INTO event_ledger (company_id, event_id, received_at)
             SELECT DISTINCT "companyId", "eventId", now()
             FROM json_to_recordset($1) AS r("companyId" text, "eventId" uuid)
             ORDER BY 1, 2 ON CONFLICT DO NOTHING RETURNING company_id || ' ' || event_id AS key`,
      values: [JSON.stringify(events.map(({ companyId, eventId }) => ({ companyId, eventId })))],
    });
    for (const row of rows) fresh.add(row.key);
  }
  // `delete` tells whether it was there: the first entry with an id takes it, the next one is a repeat.
  return entries.map(({ companyId, eventId }) =>
    eventId === null || fresh.delete(`${companyId} ${eventId}`) ? 'accepted' : 'repeated',
  );
}

async function insertForm(client: pg.ClientBase, form: ChangeOf<'form'>): Promise<void> {
  const personId = await findOrCreatePerson(client, {
    companyId: form.companyId,
    newPersonId: form.newPersonId,
    phone: form.customerPhone,
    email: form.customerEmail,
    at: form.at,
  });
  await client.query({
    name: 'commit form',
    text: `
      INSERT INTO form_submissions (company_id, form_submission_id, event_id, session_id, visit_id, person_id, fcid,
        form_url, form_name, fields, customer_name, customer_email, customer_phone_number, attribution,
        submitted_at, client_at, first_form)
      SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
        to_timestamp($15::float8 / 1000), to_timestamp($16::float8 / 1000),
        NOT EXISTS (SELECT FROM form_submissions f WHERE f.company_id = $1
          AND (f.person_id = $6 OR ($6 IS NULL AND f.session_id = $4)))
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
