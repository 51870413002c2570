/**
 * The name of the source that a lead event is shown with, where rows are sorted, chosen or counted by it: `sourceOf`, in
 * SQL.
 */
import type pg from 'pg';
import type { SourceRule } from '../../../../shared/contract/visitor.js';
import { KNOWN_NETWORKS, nameNetwork } from '../../../../shared/source.js';
import { sourceOfRule } from '../../../../shared/source-rules.js';
import { rowsOf, type Sql, sql } from './sql.js';

/** Slugs that do not tell their name, and their names. */
const NAMED = KNOWN_NETWORKS.flatMap((network) => [nameNetwork(network, false), nameNetwork(network, true)]);

const SLUG = sql`c.attribution->>'source'`;
const BY_SLUG = sql`
    LEFT JOIN unnest(${NAMED.map(({ source }) => source)}::text[], ${NAMED.map(({ name }) => name)}::text[])
      AS by_slug (slug, name) ON by_slug.slug = ${SLUG}`;
/** Of a source of which nothing but the slug is known: `formatSlug`, in SQL, as far as slugs are in small letters. */
const FROM_SLUG = sql`coalesce(by_slug.name, CASE WHEN ${SLUG} LIKE '%.%' THEN ${SLUG} ELSE initcap(replace(${SLUG}, '_', ' ')) END)`;

/** A join to calls `c`, trackers `t` and first visits `f`, which gives `shown.source`. */
export async function joinShownSource(pool: pg.Pool, companies: readonly string[]): Promise<Sql> {
  const trackers = await rowsOf<{ tracker_id: string; name: string; source: Record<string, unknown> }>(
    pool,
    sql`SELECT tracker_id, name, source FROM trackers WHERE company_id = ANY(${companies}) AND type = 'source'`,
  );
  const ids = trackers.map(({ tracker_id }) => tracker_id);
  const names = trackers.map(({ source, name }) => sourceOfRule(source as unknown as SourceRule, name).name);
  return sql`
    LEFT JOIN unnest(${ids}::text[], ${names}::text[]) AS by_tracker (tracker_id, name)
      ON by_tracker.tracker_id = c.tracker_id
    ${BY_SLUG}
    CROSS JOIN LATERAL (SELECT coalesce(f.source_name, by_tracker.name, ${FROM_SLUG}) AS source) shown`;
}

/** The same for forms, which no tracker's number brings. */
export const SHOWN_SOURCE_OF_FORM = sql`
    ${BY_SLUG}
    CROSS JOIN LATERAL (SELECT coalesce(f.source_name, ${FROM_SLUG}) AS source) shown`;
