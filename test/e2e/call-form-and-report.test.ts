import { afterAll, beforeAll, expect, test } from 'vitest';
import { incoming, twilioWebhook } from '../support/demo.js';
import { cookiesOf, numberShown, openStage, type Stage } from '../support/e2e.js';
import { until } from '../support/processes.js';
import { report } from '../support/server.js';
import { recorded } from '../support/telephony.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

test('a visit, a tap, a call: the report names the visit and why', async () => {
  const { page, troubles } = await stage.visit('/?gclid=paid&utm_campaign=pipes&utm_term=burst', {
    referer: 'https://www.google.com/',
  });
  const number = await numberShown(page);
  const { calltrk_session_id: session } = await cookiesOf(page);
  const told = page.waitForRequest('**/v1/events');
  await page.click('#link');
  expect(JSON.parse((await told).postData() ?? '').events[0]).toMatchObject({
    type: 'tap',
    number,
    target: '+13055550100',
  });

  const call = incoming(number, { From: '+14155550190' });
  const { text } = await until(async () => {
    const answer = await twilioWebhook(stage.server, '/v1/telephony/twilio/voice', call);
    return answer.status === 200 ? answer : undefined;
  });
  expect(text).toContain('+13055550100</Number>');
  const dial = { ...call, DialCallStatus: 'completed', DialCallDuration: '65' };
  await twilioWebhook(stage.server, `/v1/telephony/twilio/dial?number=${encodeURIComponent(number)}`, dial);
  await twilioWebhook(stage.server, '/v1/telephony/twilio/status', {
    ...call,
    CallStatus: 'completed',
    CallDuration: '70',
  });
  await recorded(stage.server);

  const fields =
    'attribution,source,medium,campaign,landing_page_url,referring_url,gclid,session_uuid,keywords,utm_term';
  const { calls } = await report(stage.server, `calls.json?fields=${fields}`);
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({
    duration: 65,
    answered: true,
    source: 'Google Ads',
    campaign: 'pipes',
    gclid: 'paid',
    utm_term: 'burst',
    landing_page_url: `${stage.site.url}/?gclid=paid&utm_campaign=pipes&utm_term=burst`,
    referring_url: 'https://www.google.com/',
    session_uuid: session,
    attribution: { method: 'tap', session, source: 'google_paid', confidence: expect.closeTo(0.99, 1) },
  });
  expect(troubles).toEqual([]);
});

test('a form is kept with its visit and without passwords, cards and tokens; sending it is not delayed', async () => {
  const { page, troubles } = await stage.visit('/?utm_source=newsletter&utm_medium=email');
  await numberShown(page);
  await page.fill('#name', 'Eve Example');
  await page.fill('[name=email]', 'eve@example.com');
  await page.fill('[name=phone]', '415-555-0133');
  const told = page.waitForRequest('**/v1/events');
  await page.click('#contact button');
  const body = (await told).postData() ?? '';
  await page.waitForURL('**/thanks?**');
  // Ids and times are random digits: what could be one of those is looked for in the fields.
  const [{ fields }] = JSON.parse(body).events;
  for (const secret of ['hunter2', 'csrf-secret']) expect(body).not.toContain(secret);
  for (const secret of ['4111', '737']) expect(JSON.stringify(fields)).not.toContain(secret);

  const form = await until(async () => {
    const { form_submissions } = await report(stage.server, 'form_submissions.json?fields=attribution');
    return form_submissions[0];
  });
  const cookies = await cookiesOf(page);
  expect(form).toMatchObject({
    form_data: { 'Your name': 'Eve Example', 'E-mail': 'eve@example.com', Phone: '415-555-0133' },
    customer_name: 'Eve Example',
    customer_email: 'eve@example.com',
    customer_phone_number: '+14155550133',
    form_url: `${stage.site.url}/?utm_source=newsletter&utm_medium=email`,
    attribution: { method: 'session', session: cookies.calltrk_session_id },
  });
  expect(cookies.calltrk_fcid).toMatch(/^[0-9a-f-]{36}$/);
  expect(troubles).toEqual([]);
});

test('the page’s own code can ask for numbers, swap a part of the page, and capture a form', async () => {
  const { page, troubles } = await stage.visit();
  const number = await numberShown(page);
  const given = await page.evaluate(
    () =>
      new Promise((done) => {
        (window as any).CallTrk.getSwapNumbers(['305-555-0100', '+12125550100'], (...answers: unknown[]) =>
          done(answers),
        );
      }),
  );
  expect(given).toEqual([
    { '305-555-0100': expect.objectContaining({ e164: number }), '+12125550100': null },
  ]);
  expect(await page.evaluate(() => (window as any).CallTrk.getSwapNumbers(['+13055550100']))).toEqual({
    '+13055550100': expect.objectContaining({ e164: number, national_string: number.slice(2) }),
  });
  const told = page.waitForRequest('**/v1/events');
  await page.evaluate(() => (window as any).CallTrk.captureForm('#contact'));
  expect(JSON.parse((await told).postData() ?? '').events[0].type).toBe('form');
  expect(troubles).toEqual([]);
});
