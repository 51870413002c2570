/** What programs written for CallRail's API do, as they do it; each is a habit that broke a server somewhere. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedCall, seedCompany, seedForm } from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

let api: TestApi;
let base: string;
let company: string;
beforeAll(async () => {
  api = await startApi();
  company = await seedCompany(api.pool, api.member.accountId);
  for (let i = 0; i < 7; i += 1)
    await seedCall(api.pool, company, new Date(Date.UTC(2026, 1, 10 + (i % 5), i)));
  await seedForm(api.pool, company, '2026-02-14T12:00:00Z');
  base = await api.app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => api.close());

type Json = Record<string, unknown>;
const ask = async (url: string, init: RequestInit = {}, quoted = true) => {
  const key = quoted ? `"${api.member.key}"` : api.member.key;
  const answer = await fetch(url, {
    redirect: 'manual',
    ...init,
    headers: { authorization: `Token token=${key}`, ...init.headers },
  });
  expect(answer.status).toBeLessThan(300);
  return { headers: answer.headers, body: (await answer.json()) as Json };
};
const rows = (body: Json, name: string) => body[name] as Json[];

describe('Airbyte', () => {
  it('follows Link by its own query added to every page, and parses times only with a fraction', async () => {
    const query =
      'fields=call_type,company_id,utma,utmz,milestones,keypad_entries,speaker_percent,waveforms' +
      '&per_page=3&start_date=2026-01-01T00%3A00%3A00.000000%2B0000';
    let url: string | undefined = `${base}/v3/a/${api.member.accountId}/calls.json?${query}`;
    const seen: Json[] = [];
    while (url !== undefined) {
      const { headers, body } = await ask(url, {}, false);
      seen.push(...rows(body, 'calls'));
      const link = /<([^>]+)>;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1];
      url = link && `${link}&${query}`;
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(7);
    for (const { start_time } of seen) expect(start_time).toMatch(/T\d\d:\d\d:\d\d\.\d+[+-]\d\d:?\d\d$/);
  });

  it('checks a connection by the list of users', async () => {
    const { body } = await ask(`${base}/v3/a/${api.member.accountId}/users.json?&per_page=100`, {}, false);
    expect(rows(body, 'users')).toHaveLength(1);
  });
});

describe('tap-callrail', () => {
  it('counts pages up to total_pages, and names a sort that is none', async () => {
    const seen = new Set<unknown>();
    for (let page: number | undefined = undefined, more = true; more; ) {
      const query: string = `per_page=3&start_date=2026-01-01T00%3A00%3A01&sorting=start_time&order=asc&fields=tags,note${page === undefined ? '' : `&page=${page}`}`;
      const { body } = await ask(`${base}/v3/a/${api.member.accountId}/calls.json?${query}`);
      for (const { id } of rows(body, 'calls')) seen.add(id);
      more = (body.page as number) < (body.total_pages as number);
      page = (body.page as number) + 1;
    }
    expect(seen.size).toBe(7);
  });
});

describe('pycallrail', () => {
  /** Members that its objects have; any other one makes it throw. */
  const COMPANY = new Set(
    (
      'id name status time_zone created_at disabled_at dni_active script_url callscore_enabled lead_scoring_enabled ' +
      'swap_exclude_jquery swap_ppc_override swap_landing_override swap_cookie_duration callscribe_enabled ' +
      'keyword_spotting_enabled form_capture'
    ).split(' '),
  );
  const FORM = new Set(
    (
      'id company_id person_id form_data form_url landing_page_url referrer referring_url submitted_at first_form ' +
      'customer_phone_number customer_name formatted_customer_phone_number formatted_customer_name source keywords ' +
      'campaign medium'
    ).split(' '),
  );
  const strangeTo = (known: Set<string>, row: Json | undefined) =>
    Object.keys(row ?? { nothing: 1 }).filter((name) => !known.has(name));

  it('pages by repeating page, until it has seen the last one', async () => {
    let url = `${base}/v3/a/${api.member.accountId}/calls.json?date_range=all_time&per_page=3`;
    let { body } = await ask(url);
    const seen = rows(body, 'calls').map(({ id }) => id);
    for (let pages = 1; body.page !== body.total_pages; pages += 1) {
      expect(pages).toBeLessThan(10);
      url += `&page=${(body.page as number) + 1}`;
      ({ body } = await ask(url));
      seen.push(...rows(body, 'calls').map(({ id }) => id));
    }
    expect(new Set(seen).size).toBe(7);
  });

  it('pages relatively by repeating the parameter', async () => {
    let { body } = await ask(
      `${base}/v3/a/${api.member.accountId}/calls.json?relative_pagination=true&per_page=3&date_range=all_time`,
    );
    const seen = rows(body, 'calls').map(({ id }) => id);
    while (body.has_next_page !== false) {
      ({ body } = await ask(`${body.next_page}&relative_pagination=true`));
      seen.push(...rows(body, 'calls').map(({ id }) => id));
    }
    expect(new Set(seen).size).toBe(7);
  });

  it('asks every list for relative pages and refuses members younger than itself', async () => {
    const of = async (name: string) =>
      rows(
        (await ask(`${base}/v3/a/${api.member.accountId}/${name}.json?relative_pagination=true`)).body,
        name,
      )[0];
    expect(strangeTo(COMPANY, await of('companies'))).toEqual([]);
    expect(strangeTo(FORM, await of('form_submissions'))).toEqual([]);
    const { body } = await ask(`${base}/v3/a/${api.member.accountId}/companies.json`, {
      method: 'POST',
      body: JSON.stringify({ name: 'From Python' }),
      headers: { 'content-type': 'application/json' },
    });
    expect(strangeTo(COMPANY, body)).toEqual([]);
  });

  it('gives the younger members to everybody else, and to who asks', async () => {
    const [plain] = rows(
      (await ask(`${base}/v3/a/${api.member.accountId}/companies.json`)).body,
      'companies',
    );
    expect(plain).toHaveProperty('swap_cookie_duration_unit', 'months');
    const [asked] = rows(
      (
        await ask(
          `${base}/v3/a/${api.member.accountId}/form_submissions.json?relative_pagination=true&fields=customer_email`,
        )
      ).body,
      'form_submissions',
    );
    expect(asked).toHaveProperty('customer_email');
  });
});
