/** Rows for tests, put straight into the record: each helper fills in what a test does not care about. */
import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Attribution } from '../../server/domain/ports.js';

const id = (prefix: string) => prefix + randomBytes(16).toString('hex');

export interface Member {
  accountId: string;
  numericId: string;
  userId: string;
  key: string;
}

/** An account with one user and his API key. */
export async function seedAccount(
  pool: pg.Pool,
  { name = 'Acme', timeZone = 'America/New_York' } = {},
): Promise<Member> {
  const member = {
    accountId: id('ACC'),
    numericId: String(randomInt(100_000_000, 1_000_000_000)),
    userId: id('USR'),
    key: randomBytes(32).toString('hex'),
  };
  await insert(pool, 'accounts', { account_id: member.accountId, numeric_id: member.numericId, name });
  await insert(pool, 'users', {
    user_id: member.userId,
    account_id: member.accountId,
    name: 'Ada Lovelace',
    time_zone: timeZone,
  });
  await insert(pool, 'api_keys', {
    key_hash: createHash('sha256').update(member.key).digest(),
    user_id: member.userId,
  });
  return member;
}

export async function seedCompany(pool: pg.Pool, accountId: string, more: Row = {}): Promise<string> {
  const companyId = id('COM');
  await insert(pool, 'companies', {
    account_id: accountId,
    company_id: companyId,
    numeric_id: randomInt(100_000_000, 1_000_000_000),
    script_key: randomBytes(10).toString('hex'),
    name: 'Widget Shop',
    ...more,
  });
  return companyId;
}

export async function seedTracker(pool: pg.Pool, companyId: string, more: Row = {}): Promise<string> {
  const trackerId = id('TRK');
  await insert(pool, 'trackers', {
    company_id: companyId,
    tracker_id: trackerId,
    name: 'Website pool',
    type: 'session',
    destination_number: '+13055550100',
    swap_targets: ['+13055550100'],
    source: { type: 'all' },
    call_flow: { type: 'basic', destination_number: '+13055550100' },
    ...more,
  });
  return trackerId;
}

export async function seedSession(pool: pg.Pool, companyId: string, more: Row = {}): Promise<string> {
  const sessionId = randomUUID();
  await insert(pool, 'sessions', {
    company_id: companyId,
    session_id: sessionId,
    device: 'desktop',
    first_seen: new Date(),
    ...more,
  });
  return sessionId;
}

export async function seedVisit(
  pool: pg.Pool,
  companyId: string,
  sessionId: string,
  at: string | Date,
  more: Row = {},
): Promise<string> {
  const visitId = randomUUID();
  await insert(pool, 'visits', {
    company_id: companyId,
    visit_id: visitId,
    session_id: sessionId,
    landing: 'https://shop.example/',
    referrer: 'direct',
    source: 'direct',
    source_name: 'Direct',
    medium: 'direct',
    started_at: at,
    last_seen: at,
    ...more,
  });
  return visitId;
}

export const NOBODY: Attribution = {
  session: null,
  visit: null,
  source: null,
  confidence: 0,
  sourceConfidence: 0,
  method: 'none',
  candidates: [],
};

export async function seedCall(
  pool: pg.Pool,
  companyId: string,
  at: string | Date,
  more: Row = {},
): Promise<string> {
  const callId = id('CAL');
  await insert(pool, 'calls', {
    company_id: companyId,
    call_id: callId,
    provider: 'twilio',
    provider_call_id: `CA${randomBytes(16).toString('hex')}`,
    tracking_number: '+13055550110',
    destination_number: '+13055550100',
    caller_number: '+14045550199',
    state: 'answered',
    answered: true,
    voicemail: false,
    started_at: at,
    duration: 13,
    first_call: true,
    attribution: NOBODY,
    ...more,
  });
  return callId;
}

export async function seedForm(
  pool: pg.Pool,
  companyId: string,
  at: string | Date,
  more: Row = {},
): Promise<string> {
  const formId = id('FOR');
  await insert(pool, 'form_submissions', {
    company_id: companyId,
    form_submission_id: formId,
    event_id: randomUUID(),
    form_url: 'https://shop.example/contact',
    fields: { Name: 'Grace Hopper' },
    first_form: true,
    attribution: NOBODY,
    submitted_at: at,
    ...more,
  });
  return formId;
}

type Row = Record<string, unknown>;

/** Objects go into jsonb columns; arrays and everything else as `pg` writes them. */
export async function insert(pool: pg.Pool, table: string, row: Row): Promise<void> {
  const values = Object.values(row).map((value) =>
    value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
      ? JSON.stringify(value)
      : value,
  );
  const columns = Object.keys(row).join(', ');
  const places = values.map((_, i) => `$${i + 1}`).join(', ');
  await pool.query(`INSERT INTO ${table} (${columns}) VALUES (${places})`, values);
}
