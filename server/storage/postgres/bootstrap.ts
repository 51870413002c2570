import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { transaction } from './connect.js';
import { newId, newNumericId, newScriptKey } from './ids.js';

/** One starter at a time; the others find everything made. */
const BOOTSTRAP_LOCK = 0x63746264;

/** The pretend business: all its numbers are fictitious (NANP 555-01xx). */
const DEMO = {
  destination: '+13055550100',
  pool: Array.from({ length: 8 }, (_, at) => `+130555501${10 + at}`),
  sources: [
    { name: 'Yelp listing', number: '+13055550120', source: { type: 'web_referrer', referrer: 'yelp.com' } },
    {
      name: 'Summer mailer',
      number: '+13055550121',
      source: { type: 'landing_params', landing: 'promo=summer-mailer' },
    },
  ],
} as const;

export interface BootstrapOptions {
  /** Set as the first user's key, in place of the one of the last start. */
  apiKey: string;
  /** Make the pretend business, too. */
  demo: boolean;
}

export interface Bootstrapped {
  /** The first account. */
  accountId: string;
  /** Signs links (domain/swap.ts), the same on every server. */
  linkSecret: Uint8Array;
  /** The key of an earlier start was another one, and has ended. */
  isKeyReplaced: boolean;
}

/** Makes an empty database usable, once, and sets the first user's API key. */
export function bootstrap(pool: pg.Pool, options: BootstrapOptions): Promise<Bootstrapped> {
  return transaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [BOOTSTRAP_LOCK]);
    const { rows } = await client.query<{ account_id: string; user_id: string }>(
      `SELECT account_id, user_id FROM users ORDER BY created_at, user_id LIMIT 1`,
    );
    const { account_id: accountId, user_id: userId } = rows[0] ?? (await createAccount(client, options));
    const hash = createHash('sha256').update(options.apiKey).digest();
    const ended = await client.query('DELETE FROM api_keys WHERE from_environment AND key_hash <> $1', [
      hash,
    ]);
    await client.query(
      'INSERT INTO api_keys (key_hash, user_id, from_environment) VALUES ($1, $2, true) ON CONFLICT DO NOTHING',
      [hash, userId],
    );
    const linkSecret = await readOrMakeSecret(client, 'link');
    return { accountId, linkSecret, isKeyReplaced: !!ended.rowCount };
  });
}

/** Behind the lock: one server makes it, all know it. */
async function readOrMakeSecret(client: pg.ClientBase, name: string): Promise<Uint8Array> {
  const { rows } = await client.query<{ secret: Buffer }>(
    'SELECT secret FROM server_secrets WHERE name = $1',
    [name],
  );
  if (rows[0]) return rows[0].secret;
  const secret = randomBytes(32);
  await client.query('INSERT INTO server_secrets (name, secret) VALUES ($1, $2)', [name, secret]);
  return secret;
}

async function createAccount(
  client: pg.ClientBase,
  options: BootstrapOptions,
): Promise<{ account_id: string; user_id: string }> {
  const accountId = newId('ACC');
  const userId = newId('USR');
  await client.query('INSERT INTO accounts (account_id, numeric_id, name) VALUES ($1, $2, $3)', [
    accountId,
    newNumericId(),
    'My account',
  ]);
  await client.query('INSERT INTO users (account_id, user_id, name) VALUES ($1, $2, $3)', [
    accountId,
    userId,
    'Owner',
  ]);
  if (options.demo) await createDemoCompany(client, accountId);
  return { account_id: accountId, user_id: userId };
}

async function createDemoCompany(client: pg.ClientBase, accountId: string): Promise<void> {
  const companyId = newId('COM');
  await client.query(
    `INSERT INTO companies (account_id, company_id, numeric_id, script_key, name, demo, external_form_capture)
     VALUES ($1, $2, $3, $4, 'Bluebird Plumbing (demo)', true, true)`,
    [accountId, companyId, newNumericId(), newScriptKey()],
  );
  const addTracker = async (name: string, type: string, source: object, numbers: readonly string[]) => {
    const trackerId = newId('TRK');
    const flow = { type: 'basic', recording_enabled: false, destination_number: DEMO.destination };
    await client.query(
      `INSERT INTO trackers (company_id, tracker_id, name, type, destination_number, swap_targets, source, call_flow)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        companyId,
        trackerId,
        name,
        type,
        DEMO.destination,
        [DEMO.destination],
        JSON.stringify(source),
        JSON.stringify({ ...flow, greeting_text: null, greeting_recording_url: null }),
      ],
    );
    await client.query(
      `INSERT INTO tracking_numbers (company_id, tracker_id, number, position)
       SELECT $1, $2, number, position FROM unnest($3::text[]) WITH ORDINALITY AS n(number, position)`,
      [companyId, trackerId, numbers],
    );
  };
  await addTracker('Website pool', 'session', { type: 'all' }, DEMO.pool);
  for (const { name, number, source } of DEMO.sources) await addTracker(name, 'source', source, [number]);
}
