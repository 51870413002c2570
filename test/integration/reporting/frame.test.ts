import swagger from '@fastify/swagger';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callJudge } from '../../../server/domain/calls.js';
import { createAuth } from '../../../server/http/auth.js';
import { reportingRoutes } from '../../../server/http/reporting/index.js';
import { createReportStore } from '../../../server/storage/postgres/report-store.js';
import { seedAccount, seedCall, seedCompany } from '../../support/seed.js';
import { startApi, type TestApi } from './api.js';

let api: TestApi;
let company: string;

beforeAll(async () => {
  api = await startApi();
  company = await seedCompany(api.pool, api.member.accountId);
  for (let i = 0; i < 5; i += 1) await seedCall(api.pool, company, `2026-02-1${i}T12:00:00Z`);
});
afterAll(() => api.close());

describe('who may ask', () => {
  const withHeader = (authorization?: string) =>
    api.app.inject({ url: '/v3/a.json', headers: authorization === undefined ? {} : { authorization } });

  it.each([
    ['quoted', (key: string) => `Token token="${key}"`],
    ['bare', (key: string) => `Token token=${key}`],
    ['spaced and with another case', (key: string) => `token  token = "${key}"`],
    ['after another parameter', (key: string) => `Token nonce="1", token="${key}"`],
  ])('lets in who sends his key %s', async (_name, header) => {
    expect((await withHeader(header(api.member.key))).statusCode).toBe(200);
  });

  it.each([
    ['nothing', undefined],
    ['an empty key', 'Token token=""'],
    ['a wrong key', 'Token token="wrong"'],
    ['another scheme', 'Bearer wrong'],
    ['no parameter', 'Token'],
  ])('answers 401 with a reason to %s', async (_name, header) => {
    const answer = await withHeader(header);
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toEqual({ error: expect.stringContaining('API key') });
    expect(answer.headers['www-authenticate']).toBe('Token realm="Application"');
  });

  it('asks before it reads a body', async () => {
    const answer = await api.call('POST', `/v3/a/${api.member.accountId}/companies.json`, {
      key: 'wrong',
      body: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(401);
  });

  it('hides accounts of others as if they were not there', async () => {
    const stranger = await seedAccount(api.pool, { name: 'Somebody else' });
    for (const path of ['.json', '/companies.json', '/calls.json', '']) {
      expect((await api.get(`/v3/a/${stranger.accountId}${path}`)).status).toBe(404);
      expect((await api.get(`/v3/a/${stranger.numericId}${path}`)).status).toBe(404);
    }
    const { body } = await api.get('/v3/a.json', { key: stranger.key });
    expect(body.accounts.map(({ name }: { name: string }) => name)).toEqual(['Somebody else']);
  });

  it('remembers a key for half a minute, and no wrong one', async () => {
    let now = 0;
    let asked = 0;
    let user: { userId: string } | null = null;
    const auth = createAuth(
      {
        byKeyHash: async () => {
          asked += 1;
          return user as never;
        },
      },
      () => now,
    );
    const request = { headers: { authorization: 'Token token=abc' }, ip: '203.0.113.9' } as never;
    await expect(auth.authenticate(request)).rejects.toThrow(/API key/);
    user = { userId: 'USR1' };
    await Promise.all([auth.authenticate(request), auth.authenticate(request)]);
    expect(asked).toBe(2);
    now = 29_999;
    await auth.authenticate(request);
    expect(asked).toBe(2);
    now = 30_001;
    user = null;
    await expect(auth.authenticate(request)).rejects.toThrow(/API key/);
  });

  it('lets loopback peers pass where that is enough', async () => {
    const auth = createAuth({ byKeyHash: async () => null });
    const from = (ip: string) => auth.loopbackOrKey({ headers: {}, ip } as never);
    await from('127.0.0.1');
    await from('::1');
    await from('::ffff:127.0.0.1');
    await expect(from('203.0.113.9')).rejects.toThrow(/API key/);
  });
});

describe('paths and methods', () => {
  it('answers with and without .json, by either id of the account, and with a bare question mark', async () => {
    const { accountId, numericId } = api.member;
    for (const path of [
      '/v3/a',
      '/v3/a.json',
      '/v3/a.json?',
      `/v3/a/${accountId}`,
      `/v3/a/${accountId}.json`,
      `/v3/a/${numericId}.json`,
      `/v3/a/${numericId}/calls?format=json`,
      `/v3/a/${accountId}/calls.json?`,
      `/v3/a/${accountId}/companies/${company}`,
      `/v3/a/${accountId}/companies/${company}.json`,
    ]) {
      expect([path, (await api.get(path)).status]).toEqual([path, 200]);
    }
  });

  it('answers 404 with a reason to paths and ids that are none', async () => {
    for (const path of ['nothing.json', 'calls/CALnone.json', 'companies/%00.json', 'trackers/a%20b.json']) {
      const answer = await api.get(path);
      expect([path, answer.status, typeof answer.body.error]).toEqual([path, 404, 'string']);
    }
  });

  it.each(['PATCH', 'PUT', 'DELETE', 'POST'])('answers 405 to %s where it means nothing', async (method) => {
    const answer = await api.call(method, 'calls.json', { body: { a: 1 } });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET');
    expect(answer.body.error).toMatch(/GET/);
  });

  it('has no PATCH for a company, only PUT', async () => {
    const answer = await api.call('PATCH', `companies/${company}.json`, { body: { name: 'X' } });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, PUT, DELETE');
  });

  it('answers 406 to parameters in the wrong place', async () => {
    const inBody = await api.call('GET', 'calls.json', { body: { page: 1 } });
    expect(inBody.status).toBe(406);
    const asForm = await api.call('POST', 'companies.json', {
      body: 'name=Widgets',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(asForm.status).toBe(406);
    expect(asForm.body.error).toMatch(/JSON/);
  });

  it('reads JSON that a client calls a form, as curl does', async () => {
    const answer = await api.call('PUT', `companies/${company}.json`, {
      body: '{"name":"Curled"}',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect([answer.status, answer.body.name]).toEqual([200, 'Curled']);
  });

  it('answers 400 to JSON that is broken, and no body to a body that is empty', async () => {
    const headers = { 'content-type': 'application/json' };
    expect((await api.call('POST', 'companies.json', { body: '{', headers })).status).toBe(400);
    expect((await api.call('POST', 'companies.json', { headers })).status).toBe(400);
    const other = await seedCompany(api.pool, api.member.accountId);
    expect((await api.call('DELETE', `companies/${other}.json`, { headers })).status).toBe(204);
  });

  it('answers 400, not 500, to characters that the record cannot hold', async () => {
    const named = await api.call('POST', 'companies.json', { body: { name: 'a\u0000b' } });
    expect(named.status).toBe(400);
    expect((await api.get('companies.json?search=%00')).status).toBe(400);
  });
});

describe('query strings', () => {
  const list = (query: string) => api.get(`calls.json?date_range=all_time&${query}`);

  it('takes the last of repeated values', async () => {
    const { body } = await list('page=1&page=2&per_page=50&per_page=2');
    expect([body.page, body.per_page]).toEqual([2, 2]);
  });

  it('ignores names it does not know', async () => {
    const { status, body } = await list(
      'sorting=start_time&order=asc&filtering=x&foo[]=1&foo[]=2&answered=maybe',
    );
    expect([status, body.total_records]).toEqual([200, 5]);
  });

  it('reads arrays', async () => {
    await seedCall(api.pool, company, '2025-01-01T12:00:00Z', { tags: ['b', 'c'] });
    const dates = 'start_date=2025-01-01&end_date=2025-01-02';
    const count = async (query: string) => (await api.get(`calls.json?${dates}&${query}`)).body.total_records;
    expect(await count('tags[]=a&tags[]=b')).toBe(1);
    expect(await count('tags%5B%5D=a')).toBe(0);
    expect(await count('tags=c')).toBe(1);
  });

  it('gives fields by commas, as a list, and with blanks', async () => {
    for (const query of [
      'fields=note,tags',
      'fields[]=note&fields[]=tags',
      'fields=+note+,,tags',
      'fields=x&fields=note,tags',
    ]) {
      const { status, body } = await list(`${query}&per_page=1`);
      expect([query, status]).toEqual([query, 200]);
      expect(body.calls[0]).toMatchObject({ note: null, tags: [] });
    }
  });

  it('refuses a field it does not know, by name, with nothing but an error', async () => {
    const answer = await list('fields=note,shoe_size');
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: expect.stringContaining('shoe_size'), field: 'fields' });
  });

  it.each([
    'start_date=soon',
    'end_date=2026-02-30',
    'time_zone=Nowhere',
    'date_range=ever',
    'sort=shoe_size',
    'order=up',
    'page=two',
    'call_type=loud',
  ])('refuses %s and names it', async (query) => {
    const answer = await api.get(`calls.json?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body.field).toBe(query.split('=')[0]);
  });
});

describe('pages', () => {
  const next = (headers: Record<string, unknown>) =>
    /^<([^>]+)>; rel="next"$/.exec(String(headers.link))?.[1];

  it('links each page to the next, absolutely and with everything that was asked for', async () => {
    const seen: string[] = [];
    let url: string | undefined =
      `/v3/a/${api.member.accountId}/calls.json?start_date=2026-02-01T00:00:00.000000%2B0000&fields=note&per_page=2`;
    let pages = 0;
    while (url) {
      const { body, headers } = await api.get(url.replace('http://calls.example', ''));
      pages += 1;
      expect([body.page, body.total_pages, body.total_records]).toEqual([pages, 3, 5]);
      for (const call of body.calls) {
        expect(call).toHaveProperty('note');
        seen.push(call.id);
      }
      const link = next(headers);
      if (link) expect(link).toMatch(/^http:\/\/calls\.example\/v3\/a\/ACC\w+\/calls\.json\?/);
      url = link;
    }
    expect([pages, new Set(seen).size]).toEqual([3, 5]);
  });

  it('does not let the link grow when a client sends its own parameters again', async () => {
    let url = 'calls.json?date_range=all_time&fields=note&per_page=1';
    const lengths: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const link = next((await api.get(url)).headers) as string;
      lengths.push(link.length);
      url = `${link.replace('http://calls.example', '')}&fields=note&per_page=1&date_range=all_time`;
    }
    expect(new Set(lengths).size).toBe(1);
    expect(url).toContain('page=4');
  });

  it('has one page of nothing, and no link behind the last', async () => {
    const { body, headers } = await api.get('calls.json?start_date=2001-01-01&end_date=2001-01-02');
    expect(body).toEqual({ page: 1, per_page: 100, total_pages: 1, total_records: 0, calls: [] });
    expect(headers.link).toBeUndefined();
  });

  it('answers a page behind the last one empty', async () => {
    const { body } = await api.get('calls.json?date_range=all_time&page=99');
    expect([body.page, body.total_pages, body.calls]).toEqual([99, 1, []]);
  });

  it('cuts a page to 250 and never asks for less than one', async () => {
    expect((await api.get('calls.json?per_page=1000')).body.per_page).toBe(250);
    expect((await api.get('calls.json?per_page=0&page=0')).body).toMatchObject({ per_page: 1, page: 1 });
    expect((await api.get('calls.json?page=99999999999999999999')).status).toBe(200);
  });

  it('leads relative pages by next_page, with neither count nor link', async () => {
    const seen: string[] = [];
    let url: string | null = 'calls.json?relative_pagination=true&date_range=all_time&per_page=4&fields=note';
    while (url !== null) {
      const { body, headers } = await api.get(url);
      expect(Object.keys(body).sort()).toEqual(['calls', 'has_next_page', 'next_page']);
      expect(headers.link).toBeUndefined();
      expect(body.has_next_page).toBe(body.next_page !== null);
      seen.push(...body.calls.map(({ id }: { id: string }) => id));
      if (body.next_page) expect(body.next_page).toMatch(/^http:\/\/calls\.example\/.*fields=note/);
      // pycallrail says again what the URL says already.
      url =
        body.next_page && `${body.next_page.replace('http://calls.example', '')}&relative_pagination=true`;
    }
    expect([seen.length, new Set(seen).size]).toEqual([6, 6]);
  });

  it('pages lists that know no relative pages as ever', async () => {
    const { body } = await api.get('companies.json?relative_pagination=true');
    expect(body).toMatchObject({ page: 1, total_pages: 1 });
  });

  it('never shows one row twice where many are equal', async () => {
    const many = await seedCompany(api.pool, api.member.accountId);
    for (let i = 0; i < 9; i += 1)
      await seedCall(api.pool, many, '2026-02-14T12:00:00Z', { caller_name: 'Same' });
    for (const sort of ['start_time', 'customer_name', 'source', 'tags']) {
      const ids: string[] = [];
      for (const page of [1, 2, 3]) {
        const { body } = await api.get(`calls.json?company_id=${many}&per_page=3&sort=${sort}&page=${page}`);
        ids.push(...body.calls.map(({ id }: { id: string }) => id));
        // A changed row lies somewhere else afterwards, and would come in another place among its equals.
        await api.pool.query('UPDATE calls SET note = $1 WHERE call_id = ANY($2)', [sort, ids]);
      }
      expect([sort, new Set(ids).size]).toEqual([sort, 9]);
    }
  });
});

describe('where links lead', () => {
  it('is PUBLIC_URL with its path, when there is one', async () => {
    const behind = Fastify();
    await behind.register(reportingRoutes, {
      reports: createReportStore({ pool: api.pool, listPool: api.pool, sumPool: api.pool }, callJudge),
      auth: {
        authenticate: async () => ({ ...api.member, accountNumericId: '1', timeZone: 'UTC' }),
      } as never,
      publicUrl: 'https://reports.example/calltrk/',
      onDirectoryChange: async () => undefined,
    });
    const url = `/v3/a/${api.member.accountId}/calls.json?date_range=all_time&per_page=1`;
    const { headers } = await behind.inject({ url, headers: { host: 'inside:3000' } });
    expect(headers.link).toMatch(/^<https:\/\/reports\.example\/calltrk\/v3\/a\/ACC/);
    await behind.close();
  });

  it('is the origin of the request otherwise, over real HTTP with its port', async () => {
    const address = await api.app.listen({ port: 0, host: '127.0.0.1' });
    const answer = await fetch(
      `${address}/v3/a/${api.member.accountId}/calls.json?date_range=all_time&per_page=1`,
      {
        headers: { authorization: `Token token=${api.member.key}` },
      },
    );
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const link = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1] as string;
    expect(link.startsWith(`${address}/v3/a/`)).toBe(true);
    const second = await fetch(link, { headers: { authorization: `Token token=${api.member.key}` } });
    expect(await second.json()).toMatchObject({ page: 2 });
  });
});

describe('the description', () => {
  it('has every documented path, once, with a summary, a tag and the errors', async () => {
    const described = Fastify();
    const token = { type: 'apiKey', in: 'header', name: 'Authorization' } as const;
    await described.register(swagger, {
      openapi: { openapi: '3.1.0', components: { securitySchemes: { token } } },
    });
    const schemas: unknown[] = [];
    described.addHook('onRoute', (route) => {
      schemas.push(route.schema);
    });
    await described.register(reportingRoutes, {} as never);
    await described.ready();
    expect(schemas.length).toBeGreaterThan(20);
    expect(schemas.every(Boolean)).toBe(true);
    const { paths = {} } = described.swagger() as unknown as {
      paths?: Record<string, Record<string, { responses?: object }>>;
    };
    expect(Object.keys(paths).sort()).toEqual([
      '/v3/a.json',
      '/v3/a/{account}.json',
      '/v3/a/{account}/calls.json',
      '/v3/a/{account}/calls/summary.json',
      '/v3/a/{account}/calls/timeseries.json',
      '/v3/a/{account}/calls/{call}.json',
      '/v3/a/{account}/calls/{call}/attribution.json',
      '/v3/a/{account}/calls/{call}/page_views.json',
      '/v3/a/{account}/calls/{call}/recording.json',
      '/v3/a/{account}/companies.json',
      '/v3/a/{account}/companies/{company}.json',
      '/v3/a/{account}/form_submissions.json',
      '/v3/a/{account}/form_submissions/{form_submission}.json',
      '/v3/a/{account}/forms/summary.json',
      '/v3/a/{account}/persons/{person}.json',
      '/v3/a/{account}/persons/{person}/merge.json',
      '/v3/a/{account}/trackers.json',
      '/v3/a/{account}/trackers/{tracker}.json',
      '/v3/a/{account}/trackers/{tracker}/pool.json',
      '/v3/a/{account}/users.json',
      '/v3/a/{account}/users/{user}.json',
    ]);
    for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
      expect(operation).toMatchObject({ summary: expect.any(String), tags: [expect.any(String)] });
      expect(operation.responses).toHaveProperty('4XX');
    }
    await described.close();
  });
});
