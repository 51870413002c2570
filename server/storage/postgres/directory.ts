import type pg from 'pg';
import type { Company, Directory, Tracker } from '../../domain/ports.js';
import { transaction } from './connect.js';

const DAYS = { days: 1, weeks: 7, months: 30 } as const;

interface CompanyRow {
  account_id: string;
  company_id: string;
  numeric_id: string;
  script_key: string;
  name: string;
  time_zone: string;
  status: string;
  demo: boolean;
  swap_cookie_duration: number;
  swap_cookie_duration_unit: keyof typeof DAYS;
  external_form_capture: boolean;
  swap_ppc_override: boolean | null;
  swap_landing_override: string | null;
  script_settings: Company['script'];
}

interface TrackerRow {
  company_id: string;
  tracker_id: string;
  name: string;
  type: 'session' | 'source';
  status: string;
  destination_number: string;
  swap_targets: string[];
  advanced_swap_targets: Tracker['textTargets'];
  source: Record<string, unknown>;
  call_flow: { greeting_text?: string | null; greeting_recording_url?: string | null };
  whisper_message: string | null;
  hold_seconds: number;
  lanes: Tracker['lanes'];
  lane_key: Tracker['laneKey'];
  when_full: Tracker['whenFull'];
  static_number: string | null;
  visit_threshold: number;
  source_threshold: number;
  numbers: string[] | null;
  retired: string[] | null;
}

/** Everything that the servers hold in memory, read in one snapshot. */
export async function loadDirectory(pool: pg.Pool): Promise<Directory> {
  return transaction(pool, async (client) => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const version = await client.query<{ version: string }>('SELECT version FROM directory_version');
    const companies = await client.query<CompanyRow>(
      'SELECT * FROM companies ORDER BY created_at, company_id',
    );
    const trackers = await client.query<TrackerRow>(`
      SELECT t.*, n.numbers, n.retired FROM trackers t
      LEFT JOIN LATERAL (
        SELECT array_agg(number ORDER BY position, number) FILTER (WHERE removed_at IS NULL) AS numbers,
               array_agg(number ORDER BY position, number) FILTER (WHERE removed_at IS NOT NULL) AS retired
        FROM (
          -- Of each number the row that counts: the one in use, else the newest, whichever tracker's it is.
          SELECT n.* FROM tracking_numbers n
          WHERE n.company_id = t.company_id AND n.tracker_id = t.tracker_id
            AND NOT EXISTS (SELECT FROM tracking_numbers o WHERE o.number = n.number
                              AND (o.removed_at IS NULL, o.added_at) > (n.removed_at IS NULL, n.added_at))
          ) own) n ON true
      ORDER BY t.created_at, t.tracker_id`);
    return {
      version: version.rows[0]?.version ?? '0',
      companies: companies.rows.map(companyOf),
      trackers: trackers.rows.map(trackerOf),
    };
  });
}

function companyOf(row: CompanyRow): Company {
  return {
    accountId: row.account_id,
    companyId: row.company_id,
    numericId: row.numeric_id,
    scriptKey: row.script_key,
    name: row.name,
    timeZone: row.time_zone,
    active: row.status === 'active',
    demo: row.demo,
    cookieDays: row.swap_cookie_duration * DAYS[row.swap_cookie_duration_unit],
    captureForms: row.external_form_capture,
    paidClicksBegin: row.swap_ppc_override === true,
    landingBegins: row.swap_landing_override,
    script: row.script_settings,
  };
}

function trackerOf(row: TrackerRow): Tracker {
  return {
    companyId: row.company_id,
    trackerId: row.tracker_id,
    name: row.name,
    type: row.type,
    active: row.status === 'active',
    destinationNumber: row.destination_number,
    swapTargets: row.swap_targets,
    textTargets: row.advanced_swap_targets,
    source: row.source,
    whisperMessage: row.whisper_message,
    greeting: row.call_flow.greeting_text ?? null,
    greetingRecordingUrl: row.call_flow.greeting_recording_url ?? null,
    holdSeconds: row.hold_seconds,
    numbers: row.numbers ?? [],
    retiredNumbers: row.retired ?? [],
    lanes: row.lanes,
    laneKey: row.lane_key,
    whenFull: row.when_full,
    staticNumber: row.static_number,
    thresholds: { visit: row.visit_threshold, source: row.source_threshold },
  };
}
