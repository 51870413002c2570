import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_NUMBER, type DemoCompany, demoCompany } from '../support/demo.js';
import { type RunningServer, removeDataDir, report, startServer, visitor } from '../support/server.js';

const BROWSER = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148';

describe('the visitor surface', () => {
  let server: RunningServer;
  let demo: DemoCompany;
  beforeAll(async () => {
    server = await startServer({ env: { TRUST_PROXY: 'loopback' } });
    demo = await demoCompany(server);
  });
  afterAll(async () => {
    await server.end();
    removeDataDir(server.dataDir);
  });

  const newVisitor = (session?: string) => visitor(server, demo.scriptKey, session);
  const post = (path: string, body: string | object, headers: Record<string, string> = {}) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', 'user-agent': BROWSER, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const swapBody = (more: object = {}) => ({
    key: demo.scriptKey,
    session: crypto.randomUUID(),
    visit: { landing: 'https://x.example/', referrer: 'direct' },
    page: null,
    targets: [DEMO_NUMBER],
    ...more,
  });

  describe('a swap', () => {
    test('answers the number in the spellings that a page needs', async () => {
      const { status, body } = await newVisitor().swap();
      expect(status).toBe(200);
      const number = body.numbers[DEMO_NUMBER];
      expect(demo.pool).toContain(number.e164);
      const last = number.e164.slice(-2);
      expect(number).toEqual({
        e164: `+130555501${last}`,
        national: `(305) 555-01${last}`,
        national_string: `30555501${last}`,
        international: `+1 305 555 01${last}`,
        shared: false,
      });
      expect(body).toMatchObject({
        held_seconds: 1200,
        ping_seconds: 60,
        visit: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(body.config).toMatch(/^[0-9a-f]{8}$/);
    });

    test('gives a session the same number and visit again, also as application/json and in another case', async () => {
      const someone = newVisitor();
      const first = (await someone.swap()).body;
      const response = await post('/v1/swap', swapBody({ session: someone.session.toUpperCase() }), {
        'content-type': 'application/json; charset=utf-8',
      });
      expect(await response.json()).toEqual(first);
    });

    test('answers null for a number that no tracker replaces, and an empty list with no numbers', async () => {
      expect((await newVisitor().swap({ targets: ['+13055559999'] })).body.numbers).toEqual({
        '+13055559999': null,
      });
      expect((await newVisitor().swap({ targets: [] })).body.numbers).toEqual({});
    });

    test("shows a source tracker's number to who came from there, for the life of the session", async () => {
      const fromYelp = newVisitor();
      const visit = { landing: 'https://x.example/', referrer: 'https://www.yelp.com/biz/bluebird' };
      expect((await fromYelp.swap({ visit })).body.numbers[DEMO_NUMBER].e164).toBe('+13055550120');
      expect((await fromYelp.swap()).body.numbers[DEMO_NUMBER].e164).toBe('+13055550120');
    });

    test('opens a new visit for a new campaign click, and goes on with it otherwise', async () => {
      const someone = newVisitor();
      const land = async (landing: string) =>
        (await someone.swap({ visit: { landing, referrer: 'direct' } })).body;
      const first = await land('https://x.example/?gclid=A');
      const sources = async (path: string) => (await land(`https://x.example/${path}`)).source;
      const inside = await land('https://x.example/contact');
      const again = await land('https://x.example/?gclid=A');
      const second = await land('https://x.example/?gclid=B');
      expect(inside.visit).toBe(first.visit);
      expect(again.visit).toBe(first.visit);
      expect(second.visit).not.toBe(first.visit);
      expect(second.numbers).toEqual(first.numbers);
      // Each answer names the source of the visit under way.
      expect([first.source, inside.source]).toEqual(['google_paid', 'google_paid']);
      expect([await sources('?fbclid=C'), await sources('contact')]).toEqual([
        'facebook_organic',
        'facebook_organic',
      ]);
    });

    test('gives two tabs that open at once one visit and one number', async () => {
      const someone = newVisitor();
      const answers = await Promise.all(Array.from({ length: 10 }, () => someone.swap()));
      expect(new Set(answers.map(({ body }) => body.visit)).size).toBe(1);
      expect(new Set(answers.map(({ body }) => body.numbers[DEMO_NUMBER].e164)).size).toBe(1);
    });

    test('gives crawlers and prerendered pages null, and keeps nothing of them', async () => {
      for (const headers of [
        { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' },
        { 'user-agent': BROWSER, 'sec-purpose': 'prefetch;prerender' },
      ]) {
        const response = await post('/v1/swap', swapBody(), headers);
        expect(response.status).toBe(200);
        expect(await response.json()).toMatchObject({
          numbers: { [DEMO_NUMBER]: null },
          visit: '',
          source: 'direct',
        });
      }
    });

    test('gives curl and a headless browser a number on this machine, and null from elsewhere', async () => {
      const chrome =
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/156.0.0.0 Safari/537.36';
      for (const agent of ['curl/8.5.0', 'node', chrome]) {
        const ask = async (more: object) => {
          const response = await post('/v1/swap', swapBody(), { 'user-agent': agent, ...more });
          return ((await response.json()) as any).numbers[DEMO_NUMBER];
        };
        expect(await ask({})).not.toBeNull();
        expect(await ask({ 'x-forwarded-for': '203.0.113.20' })).toBeNull();
      }
    });

    test('sets cookies only for a page of the same origin, and keeps the first landing page', async () => {
      const cookies = async (headers: Record<string, string>) =>
        (
          await post(
            '/v1/swap',
            swapBody({ visit: { landing: 'https://x.example/a?b=c', referrer: 'direct' } }),
            headers,
          )
        ).headers.getSetCookie();
      expect(await cookies({ origin: 'https://x.example' })).toEqual([]);
      const own = await cookies({ origin: server.url });
      expect(own.map((line) => line.split('=')[0])).toEqual([
        'calltrk_session_id',
        'calltrk_landing',
        'calltrk_referrer',
      ]);
      expect(own[1]).toBe(
        `calltrk_landing=https://x.example/a?b=c; Path=/; Max-Age=${180 * 86_400}; SameSite=Lax`,
      );
      const proxied = await cookies({
        origin: 'https://www.example.co.uk',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'www.example.co.uk',
        cookie: 'calltrk_landing=https%3A%2F%2Ffirst.example%2F; other=1',
      });
      expect(proxied[1]).toBe(
        `calltrk_landing=https%3A%2F%2Ffirst.example%2F; Path=/; Max-Age=${180 * 86_400}; SameSite=Lax; Domain=example.co.uk; Secure`,
      );
    });

    test('stops opening leases for one address after thirty in a minute, with 200 and null', async () => {
      const from = { 'x-forwarded-for': '203.0.113.7' };
      const sessions = Array.from({ length: 32 }, () => crypto.randomUUID());
      const answers = [];
      for (const session of sessions) {
        const response = await post('/v1/swap', swapBody({ session }), from);
        expect(response.status).toBe(200);
        answers.push(((await response.json()) as any).numbers[DEMO_NUMBER]);
      }
      expect(answers.filter((number) => number !== null)).toHaveLength(30);
      const known = await post('/v1/swap', swapBody({ session: sessions[0] }), from);
      expect(((await known.json()) as any).numbers[DEMO_NUMBER]).not.toBeNull();
      const elsewhere = await post('/v1/swap', swapBody(), { 'x-forwarded-for': '203.0.113.8' });
      expect(((await elsewhere.json()) as any).numbers[DEMO_NUMBER]).not.toBeNull();
    });
  });

  describe('events', () => {
    test('are accepted once, repeated after, and rejected one by one with the field named', async () => {
      const someone = newVisitor();
      await someone.swap();
      const id = crypto.randomUUID();
      const batch = [
        { id, type: 'page_view', url: 'https://x.example/2', title: 'Two' },
        { id, type: 'page_view', url: 'https://x.example/2', title: 'Two' },
        { type: 'ping' },
        { type: 'leave', at: Date.now() },
        { type: 'tap', number: '+13055550110', target: DEMO_NUMBER },
        { id: 'not-a-uuid', type: 'ping' },
        { type: 'dance' },
        { type: 'tap', number: '555-0110' },
        { type: 'page_view' },
        { type: 'page_view', url: 'x'.repeat(9000) },
      ];
      const { status, body } = await someone.send(...batch);
      expect(status).toBe(200);
      expect(body).toMatchObject({ accepted: 4, repeated: 1 });
      expect(body.rejected.map(({ error }: any) => error.split(' ')[0])).toEqual([
        'id',
        'type',
        'number',
        'must',
        'url',
      ]);
      expect(body.rejected[0].id).toBe('not-a-uuid');
      expect((await someone.send({ id, type: 'page_view', url: 'https://x.example/2' })).body).toMatchObject({
        accepted: 0,
        repeated: 1,
      });
    });

    test('of a session that nobody has seen open a visit where they happened', async () => {
      const someone = newVisitor();
      const { body } = await someone.send({
        type: 'form',
        url: 'https://x.example/contact?utm_source=news',
        fields: { Name: 'Ann Example' },
      });
      expect(body).toMatchObject({ accepted: 1, rejected: [] });
      const { form_submissions } = await report(
        server,
        'form_submissions.json?fields=attribution,milestones',
      );
      const form = form_submissions.find(
        (one: any) => one.form_url === 'https://x.example/contact?utm_source=news',
      );
      expect(form).toMatchObject({
        form_data: { Name: 'Ann Example' },
        customer_name: 'Ann Example',
        landing_page_url: 'https://x.example/contact?utm_source=news',
        attribution: { method: 'session', session: someone.session, confidence: 1 },
      });
    });

    test('of a session that nobody has seen open the visit that the page speaks of', async () => {
      const url = 'https://x.example/ask';
      const visit = { landing: 'https://x.example/?gclid=early', referrer: 'https://www.google.com/' };
      const events = [{ id: crypto.randomUUID(), type: 'form', url, fields: { Name: 'Bo Early' } }];
      const session = crypto.randomUUID();
      const response = await post('/v1/events', { key: demo.scriptKey, session, visit, events });
      expect(await response.json()).toMatchObject({ accepted: 1 });
      const { form_submissions } = await report(server, 'form_submissions.json?fields=attribution');
      expect(form_submissions.find((one: any) => one.form_url === url)).toMatchObject({
        landing_page_url: visit.landing,
        source: 'Google Ads',
        attribution: { session, source: 'google_paid' },
      });
      // Once it is known, its visit is: what the page says of another one changes nothing.
      const other = { landing: 'https://x.example/?fbclid=late', referrer: 'direct' };
      const later = [{ id: crypto.randomUUID(), type: 'form', url: `${url}2`, fields: { Name: 'Bo Late' } }];
      await post('/v1/events', { key: demo.scriptKey, session, visit: other, events: later });
      const { form_submissions: all } = await report(server, 'form_submissions.json?fields=attribution');
      expect(all.find((one: any) => one.form_url === `${url}2`)).toMatchObject({
        attribution: { source: 'google_paid' },
      });
      const bad = await post('/v1/events', { key: demo.scriptKey, session, visit: { landing: 7 }, events });
      expect(bad.status).toBe(400);
      expect(await bad.text()).toContain('visit');
    });

    test('keep a form with its visit, and know who sent it', async () => {
      const someone = newVisitor();
      await someone.swap({
        visit: { landing: 'https://x.example/?gclid=G', referrer: 'https://www.google.com/' },
      });
      await someone.send({
        type: 'form',
        url: 'https://x.example/contact',
        form_name: 'contact',
        fields: {
          'Your name': 'Bo Sample',
          'E-mail': 'Bo@Example.com',
          Phone: '(415) 555-0177',
          Message: 'NUL \0 and \ud800',
        },
        fcid: crypto.randomUUID(),
      });
      const { form_submissions } = await report(server, 'form_submissions.json?fields=attribution,form_name');
      expect(form_submissions.find((one: any) => one.form_name === 'contact')).toMatchObject({
        customer_name: 'Bo Sample',
        customer_email: 'bo@example.com',
        customer_phone_number: '+14155550177',
        first_form: true,
        source: 'Google Ads',
        form_data: { Message: 'NUL  and \ufffd' },
        attribution: { source: 'google_paid', method: 'session', source_confidence: 1 },
      });
    });

    test('an empty batch is nothing, and a form may have numbers, ticks and lists', async () => {
      const someone = newVisitor();
      expect((await someone.send()).body).toEqual({ accepted: 0, repeated: 0, rejected: [] });
      const fields = { Rooms: 3, Urgent: true, Note: null, Services: ['drains', 'boilers'] };
      await someone.send({ type: 'form', url: 'https://x.example/list', form_name: 'lists', fields });
      const { form_submissions } = await report(server, 'form_submissions.json?fields=form_name');
      expect(form_submissions.find((one: any) => one.form_name === 'lists').form_data).toEqual({
        Rooms: '3',
        Urgent: 'true',
        Note: '',
        Services: 'drains, boilers',
      });
    });

    test('of a crawler are rejected', async () => {
      const event = { id: crypto.randomUUID(), type: 'ping' };
      const body = { key: demo.scriptKey, session: crypto.randomUUID(), events: [event] };
      const response = await post('/v1/events', body, { 'user-agent': 'Googlebot/2.1' });
      expect(await response.json()).toMatchObject({ accepted: 0, rejected: [{ id: event.id }] });
    });
  });

  describe('a request that is wrong', () => {
    const wrong: [string, object | string, number, string | undefined][] = [
      ['no JSON', '{"key": ', 400, undefined],
      ['an empty body', '', 400, undefined],
      ['a prototype', '{"__proto__": {"key": 1}}', 400, undefined],
      ['a tower of brackets', `{"x": ${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 400, 'body'],
      ['an unknown key', { key: 'a'.repeat(20) }, 400, 'key'],
      ['a key that is none', { key: 'short' }, 400, 'key'],
      ['a session that is no UUID', { session: '42' }, 400, 'session'],
      ['a number as session', { session: 42 }, 400, 'session'],
      ['no visit', { visit: undefined }, 400, 'visit'],
      ['no landing page', { visit: { referrer: 'direct' } }, 400, 'visit.landing'],
      [
        'a landing page that is too long',
        { visit: { landing: 'x'.repeat(9000), referrer: 'direct' } },
        400,
        'visit.landing',
      ],
      ['a target in another spelling', { targets: ['+13055550100', '(305) 555-0100'] }, 400, 'targets.1'],
      ['too many targets', { targets: Array(101).fill('+13055550100') }, 400, 'targets'],
      ['a page without id', { page: { url: 'https://x.example/' } }, 400, 'page.id'],
    ];
    test.each(wrong)('%s: a 4xx that names the field', async (_name, body, status, field) => {
      const response = await post('/v1/swap', typeof body === 'string' ? body : swapBody(body));
      expect(response.status).toBe(status);
      const answer = (await response.json()) as any;
      expect(answer.error).toEqual(expect.any(String));
      expect(answer.field).toBe(field);
    });

    test('too large: 413', async () => {
      expect((await post('/v1/swap', swapBody({ more: 'x'.repeat(70_000) }))).status).toBe(413);
    });

    test('of another type: 415', async () => {
      expect((await post('/v1/swap', '<a/>', { 'content-type': 'text/xml' })).status).toBe(415);
      expect(
        (await post('/v1/swap', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })).status,
      ).toBe(415);
    });

    test('of another method: 404, and a preflight is allowed', async () => {
      expect((await fetch(`${server.url}/v1/swap`)).status).toBe(404);
      const preflight = await fetch(`${server.url}/v1/events`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://x.example',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
      expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    });

    test('every answer may be read by any page, without credentials', async () => {
      const response = await post('/v1/swap', swapBody({ session: '42' }), { origin: 'https://x.example' });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
    });
  });
});
