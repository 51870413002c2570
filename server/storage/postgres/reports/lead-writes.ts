import type pg from 'pg';
import { invalid } from '../../../domain/errors.js';
import type { LeadChanges } from '../../../domain/reports.js';
import { join, rowsOf, type Sql, sql } from './sql.js';

/** Where the calls or the forms are kept, and what names one. */
export interface LeadTable {
  name: Sql;
  id: Sql;
  customerName: Sql;
  /** Rows that no report shows. */
  hidden: Sql;
}

/**
 * Writes what people say of a lead, at once with all that others say of it. Within a transaction of the caller's. Answers
 * its key; null: none such in this account.
 */
export async function changeLead<Key extends { company_id: string }>(
  client: pg.ClientBase,
  table: LeadTable,
  lead: { accountId: string; id: string },
  changes: LeadChanges,
): Promise<Key | null> {
  const [found] = await rowsOf<Key & { lead_status: string | null }>(
    client,
    sql`SELECT c.company_id, c.${table.id}, c.lead_status FROM ${table.name} c JOIN companies co USING (company_id)
        WHERE co.account_id = ${lead.accountId} AND c.${table.id} = ${lead.id} AND NOT ${table.hidden}
        FOR UPDATE OF c`,
  );
  if (!found) return null;
  if (changes.leadStatus === 'good_lead' && found.lead_status === 'previously_marked_good_lead') {
    throw invalid('lead_status', 'is previously_marked_good_lead, which good_lead cannot replace');
  }
  const set = assignments(table, changes);
  if (set.length > 0) {
    await rowsOf(
      client,
      sql`UPDATE ${table.name} c SET ${join(set, ', ')}
          WHERE c.company_id = ${found.company_id} AND c.${table.id} = ${lead.id}`,
    );
  }
  return found;
}

function assignments(table: LeadTable, changes: LeadChanges): Sql[] {
  const { note, value, leadStatus, tags, moreTags, customerName, spam } = changes;
  const given: (Sql | false)[] = [
    note !== undefined && sql`note = ${note}`,
    value !== undefined && sql`value = ${value}`,
    leadStatus !== undefined && sql`lead_status = ${leadStatus}`,
    // The first time counts, as long as nobody takes it back.
    leadStatus !== undefined &&
      (leadStatus === 'good_lead'
        ? sql`qualified_at = coalesce(c.qualified_at, now())`
        : sql`qualified_at = NULL`),
    tags !== undefined && sql`tags = ${tags}`,
    moreTags !== undefined &&
      sql`tags = c.tags || ARRAY(SELECT m.tag FROM unnest(${moreTags}::text[]) WITH ORDINALITY AS m (tag, place)
                                 WHERE m.tag <> ALL (c.tags) ORDER BY m.place)`,
    customerName !== undefined && sql`${table.customerName} = ${customerName}`,
    spam === true && sql`spam = true`,
  ];
  return given.filter((one): one is Sql => one !== false);
}
