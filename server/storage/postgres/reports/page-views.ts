import type pg from 'pg';
import type { Found, PageViewReport, Slice } from '../../../domain/reports.js';
import { millis, rowsOf, sql } from './sql.js';

/** What the visitor of a call looked at before it, over all his visits. */
export async function listPageViews(
  pool: pg.Pool,
  accountId: string,
  callId: string,
  { limit, offset }: Slice,
): Promise<Found<PageViewReport> | null> {
  const [call] = await rowsOf<{ company_id: string; session_id: string | null; started_at: Date }>(
    pool,
    sql`SELECT c.company_id, c.session_id, c.started_at FROM companies co JOIN calls c USING (company_id)
        WHERE co.account_id = ${accountId} AND c.call_id = ${callId} AND NOT c.spam`,
  );
  if (!call) return null;
  const seen = sql`
    FROM page_views p
    WHERE p.company_id = ${call.company_id} AND p.session_id = ${call.session_id} AND p.viewed_at <= ${call.started_at}`;
  const rows = await rowsOf<{ url: string; referrer: string | null; viewed_at: Date }>(
    pool,
    sql`SELECT p.url, coalesce(p.before, nullif(nullif(v.referrer, 'direct'), '')) AS referrer, p.viewed_at
        FROM (SELECT p.*, lag(p.url) OVER (PARTITION BY p.visit_id ORDER BY p.viewed_at, p.client_at NULLS FIRST, p.page_view_id DESC) AS before ${seen}) p
        LEFT JOIN visits v ON v.company_id = p.company_id AND v.visit_id = p.visit_id
        -- Of those that came in one request the browser alone knows the order.
        ORDER BY p.viewed_at DESC, p.client_at DESC NULLS LAST, p.page_view_id LIMIT ${limit} OFFSET ${offset}`,
  );
  const [count] = await rowsOf<{ total: number }>(pool, sql`SELECT count(*)::int AS total ${seen}`);
  return {
    rows: rows.map(({ url, referrer, viewed_at }) => ({ url, referrer, at: millis(viewed_at) })),
    total: count?.total ?? 0,
  };
}
