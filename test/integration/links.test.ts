/** A visitor who follows a decorated link to another site of the same company goes on with his session and visit. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { DEMO_NUMBER, type DemoCompany, demoCompany } from '../support/demo.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { until } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type RunningServer, removeDataDir, startServer, visitor } from '../support/server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const KEY = 'k'.repeat(40);
const AGENT = 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36';
const VISIT = {
  landing: 'https://one.example/?gclid=one&utm_campaign=spring',
  referrer: 'https://www.google.com/',
};
const OTHER_SITE = {
  landing: 'https://two.example/offer?utm_source=one.example',
  referrer: 'https://one.example/',
};

let postgres: TestPostgres;
let redis: TestRedis;
let proxy: TcpProxy;
let servers: [RunningServer, RunningServer];
let demo: DemoCompany;
let record: pg.Pool;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  proxy = await startTcpProxy({ port: postgres.port });
  const url = await postgres.createDatabase();
  const env = {
    DATABASE_URL: url.replace(`:${postgres.port}/`, `:${proxy.port}/`),
    REDIS_URL: redis.url,
    CALLTRK_API_KEY: KEY,
  };
  servers = await Promise.all([startServer({ env }), startServer({ env })]);
  demo = await demoCompany(servers[0]);
  record = new pg.Pool({ connectionString: url, max: 2 });
});
afterEach(() => proxy.heal());
afterAll(async () => {
  await Promise.all((servers ?? []).map((server) => server.end()));
  await record?.end();
  await proxy?.close();
  await Promise.all([postgres?.close(), redis?.close()]);
  for (const { dataDir } of servers ?? []) removeDataDir(dataDir);
});

/** Somebody on the first site, with the link that he takes along. */
async function depart(server = servers[0]) {
  const { session, swap } = visitor(server, demo.scriptKey);
  const { body } = await swap({ visit: VISIT, link: true });
  return { session, ...body };
}
const arrive = async (
  arrived: string,
  { server = servers[1], key = demo.scriptKey, ...more } = {} as any,
) => {
  const someone = visitor(server, key, more.session);
  const { status, body } = await someone.swap({
    visit: OTHER_SITE,
    page: { id: crypto.randomUUID(), url: OTHER_SITE.landing, title: 'Offer' },
    arrived,
    ...more,
  });
  expect(status).toBe(200);
  return { own: someone.session, ...body };
};
const rowsOf = async (session: string) => {
  const { rows } = await record.query(
    `SELECT (SELECT count(*)::int FROM sessions WHERE session_id = $1) AS sessions,
            (SELECT count(*)::int FROM visits WHERE session_id = $1) AS visits,
            ARRAY(SELECT url FROM page_views WHERE session_id = $1 ORDER BY viewed_at) AS pages`,
    [session],
  );
  return rows[0];
};

test('his session, visit, number and source are the same on the other site, also when he loads the page again', async () => {
  const there = await depart();
  expect(there.link).toMatch(/^[\w-]{1,4096}$/);
  expect(there.source).toBe('google_paid');
  expect(there).not.toHaveProperty('began');
  for (let load = 0; load < 2; load++) {
    const here = await arrive(there.link);
    expect(here).toMatchObject({
      session: there.session,
      visit: there.visit,
      began: VISIT,
      source: 'google_paid',
      numbers: there.numbers,
    });
    expect(await rowsOf(here.own)).toEqual({ sessions: 0, visits: 0, pages: [] });
  }
  expect(await rowsOf(there.session)).toEqual({
    sessions: 1,
    visits: 1,
    pages: ['https://bluebird.example/', OTHER_SITE.landing, OTHER_SITE.landing],
  });
  // From then on his browser says so by itself, and may take it to a third site.
  const next = await arrive('', { session: there.session, visit: VISIT, link: true });
  expect(next).toMatchObject({ session: there.session, visit: there.visit });
  expect(next).not.toHaveProperty('began');
  expect(await arrive(next.link)).toMatchObject({ session: there.session, visit: there.visit });
});

test('a link that he kept while another click began a new visit leads to that one', async () => {
  const there = await depart();
  const click = { landing: 'https://one.example/?gclid=two', referrer: 'https://www.google.com/' };
  const second = await visitor(servers[0], demo.scriptKey, there.session).swap({ visit: click });
  expect(second.body.visit).not.toBe(there.visit);
  expect(await arrive(there.link)).toMatchObject({
    session: there.session,
    visit: second.body.visit,
    began: click,
  });
  expect((await rowsOf(there.session)).visits).toBe(2);
});

test('no token is answered unless it is asked for, and none for a landing page that is too long for one', async () => {
  const { swap } = visitor(servers[0], demo.scriptKey);
  expect((await swap()).body).not.toHaveProperty('link');
  expect((await swap({ link: false })).body).not.toHaveProperty('link');
  const long = { landing: `https://one.example/?gclid=${'x'.repeat(4000)}`, referrer: 'direct' };
  const { status, body } = await swap({ visit: long, link: true });
  expect([status, body.link]).toEqual([200, undefined]);
});

test('a token that is bad, too long or of another company is as none', async () => {
  const { link } = await depart();
  const created = await fetch(`${servers[0].url}/v3/a/${servers[0].account}/companies.json`, {
    method: 'POST',
    headers: { authorization: `Token token="${KEY}"`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Somebody else' }),
  });
  const { script_url } = (await created.json()) as any;
  const stranger = script_url.split('/')[5];
  const tampered = `${link.slice(0, 50)}${link[50] === 'A' ? 'B' : 'A'}${link.slice(51)}`;
  const attempts = [
    [tampered, demo.scriptKey],
    [`${link}A`, demo.scriptKey],
    ['x'.repeat(20_000), demo.scriptKey],
    ['not a token', demo.scriptKey],
    [link, stranger],
  ] as const;
  for (const [token, key] of attempts) {
    // The other company has come to this server once it knows its key.
    const here = await until(() => arrive(token, { key, server: servers[0] }).catch(() => undefined), {
      what: 'the company on this server',
    });
    expect(here.session).toBe(here.own);
    expect(here).not.toHaveProperty('began');
    expect(await rowsOf(here.own)).toMatchObject({ sessions: 1, visits: 1, pages: [OTHER_SITE.landing] });
  }
});

test('the cookies of a site on the same host are those of the session that he brings', async () => {
  const there = await depart();
  const cookies = async (cookie: string) => {
    const response = await fetch(`${servers[1].url}/v1/swap`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', 'user-agent': AGENT, origin: servers[1].url, cookie },
      body: JSON.stringify({
        key: demo.scriptKey,
        session: crypto.randomUUID(),
        visit: OTHER_SITE,
        page: null,
        targets: [DEMO_NUMBER],
        arrived: there.link,
      }),
    });
    return response.headers.getSetCookie().map((line) => line.split(';')[0]);
  };
  const his = [
    `calltrk_session_id=${there.session}`,
    'calltrk_landing=https://one.example/?gclid=one&utm_campaign=spring',
    'calltrk_referrer=https://www.google.com/',
  ];
  expect(await cookies('')).toEqual(his);
  const other = `calltrk_session_id=${crypto.randomUUID()}; calltrk_landing=https://old.example/; calltrk_referrer=direct`;
  expect(await cookies(other)).toEqual(his);
  // What he has of this very session stays as it is.
  const same = `calltrk_session_id=${there.session}; calltrk_landing=https://first.example/; calltrk_referrer=direct`;
  expect(await cookies(same)).toEqual(same.split('; '));
});

test('while Postgres is away links are made and followed all the same', async () => {
  const before = await depart();
  proxy.refuse();
  proxy.cut();
  const there = await depart();
  for (const { link, session } of [before, there]) {
    const here = await arrive(link);
    expect(here).toMatchObject({ session, began: VISIT, source: 'google_paid' });
  }
  proxy.heal();
  const pages = await until(
    async () => {
      const rows = await rowsOf(there.session);
      return rows.pages.length === 2 && (await rowsOf(before.session)).pages.length === 2 ? rows : undefined;
    },
    { what: 'the journal in the record' },
  );
  expect(pages).toMatchObject({ sessions: 1, visits: 1 });
  expect((await rowsOf(before.session)).visits).toBe(1);
});

test('all servers sign with one secret, which is in no answer and no log', async () => {
  const { rows } = await record.query('SELECT name, secret FROM server_secrets');
  expect(rows.map(({ name }) => name)).toEqual(['link']);
  const [{ secret }] = rows;
  expect(secret).toHaveLength(32);
  const told = servers.map((server) => server.logged() + server.said()).join('\n');
  for (const spelling of ['hex', 'base64', 'base64url'] as const) {
    expect(told.toLowerCase()).not.toContain(secret.toString(spelling).toLowerCase());
  }
});
