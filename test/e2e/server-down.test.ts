/** Lead events while the server cannot be reached: kept by the browser, sent by the next page, counted once. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type AnyPage,
  type Fault,
  type Ground,
  NUMBER_PAGE,
  numberShown,
  type Opened,
  openGround,
  started,
} from '../support/ground.js';
import { until } from '../support/processes.js';
import { report } from '../support/server.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

const form = (email: string) =>
  `${NUMBER_PAGE}<form id="form" action="about:blank" target="out"><input name="email" value="${email}"><button>Send</button></form><iframe name="out"></iframe>`;
const down: Fault = (response, { path }) =>
  path.endsWith('/v1/events') ? response.writeHead(503).end() : false;
const cut: Fault = (response, { path }) => (path.endsWith('/v1/events') ? response.destroy() : false);

const forms = (opened: Pick<Opened, 'events'>, count = 1): Promise<any[]> =>
  until(() => (opened.events('form').length >= count ? opened.events('form') : undefined), {
    what: 'a form at the server',
  });
const queued = (page: Page) =>
  page.evaluate(() =>
    Object.entries(localStorage)
      .filter(([, value]) => value.includes('"form"'))
      .map(([, value]) => value)
      .join(''),
  );
const inReport = async (email: string) => {
  const { form_submissions } = await report(ground.server, 'form_submissions.json');
  return form_submissions.filter((one: any) => one.customer_email === email);
};
/** Sends the form of a page whose server is down, and waits until the browser keeps it. */
const sendInVain = async (email: string, more: AnyPage = {}) => {
  const opened = await ground.open({ html: form(email), fault: down, ...more });
  await numberShown(opened.page);
  await opened.page.click('#form button');
  const [event] = await forms(opened);
  await until(async () => ((await queued(opened.page)).includes(event.id) ? true : undefined), {
    what: 'the form kept in storage',
  });
  return { opened, event };
};

test.each([
  ['answers 503', down],
  ['is cut off', cut],
])(
  'the server %s: the next page sends the form under the same id, and it counts once',
  async (name, fault) => {
    const email = `${name.replaceAll(' ', '.')}@example.com`;
    const { opened, event } = await sendInVain(email, { fault });
    expect(await inReport(email)).toEqual([]);
    const next = await ground.open({ context: opened.context });
    const [again] = await forms(next);
    expect(again).toEqual(event);
    await until(async () => ((await inReport(email)).length ? true : undefined));
    await until(async () => ((await queued(next.page)) === '' ? true : undefined));
    const last = await ground.open({ context: opened.context });
    await numberShown(last.page);
    await last.page.waitForLoadState('networkidle');
    expect(last.events('form')).toEqual([]);
    expect(await inReport(email)).toHaveLength(1);
    expect([...opened.troubles, ...next.troubles, ...last.troubles]).toEqual([]);
  },
);

test('an event that the server has, though its answer was lost, counts once', async () => {
  const email = 'lost.answer@example.com';
  const lost: Fault = async (response, { path, body }) => {
    if (!path.endsWith('/v1/events')) return false;
    await fetch(`${ground.server.url}/v1/events`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'text/plain' },
    });
    return response.destroy();
  };
  const { opened } = await sendInVain(email, { fault: lost });
  const next = await ground.open({ context: opened.context });
  await forms(next);
  await until(async () => ((await queued(next.page)) === '' ? true : undefined));
  expect(await inReport(email)).toHaveLength(1);
});

test('two tabs that open at once do not send the same event', async () => {
  const { opened } = await sendInVain('two.tabs@example.com');
  const tabs = await Promise.all([1, 2, 3].map(() => ground.open({ context: opened.context })));
  for (const { page } of tabs) await numberShown(page);
  const all = () => tabs.flatMap((tab) => tab.events('form'));
  await until(() => (all().length ? true : undefined));
  await Promise.all(tabs.map(({ page }) => page.waitForLoadState('networkidle')));
  expect(all()).toHaveLength(1);
});

test('what cannot be sent is bounded: 100 events, 64 KB', async () => {
  const opened = await ground.open({ html: form('many@example.com'), fault: down });
  await numberShown(opened.page);
  await opened.page.evaluate(async () => {
    const field = document.querySelector('input') as HTMLInputElement;
    for (let round = 0; round < 150; round++) {
      field.value = `${round} ${'x'.repeat(round < 20 ? 4000 : 20)}`;
      (window as any).CallTrk.captureForm('#form');
      if (round % 10 === 9) await new Promise((done) => setTimeout(done, 20));
    }
  });
  // Not all of them reach even a server that is down: a browser lets 64 KB be on their way at once.
  await until(async () => ((await queued(opened.page)).includes('"149 xxx') ? true : undefined));
  const kept = await queued(opened.page);
  expect(kept.length).toBeLessThanOrEqual(64 * 1024);
  expect(kept.split('"type":"form"').length - 1).toBeLessThanOrEqual(100);
  // The newest lead is worth more than the oldest.
  expect(kept).toContain('149 xxx');
  expect(opened.troubles).toEqual([]);
});

test('what waited for more than a day is not sent any more', async () => {
  const { opened } = await sendInVain('old@example.com');
  const next = await ground.open({
    context: opened.context,
    before: (page) => page.clock.install({ time: Date.now() + 25 * 3_600_000 }),
  });
  await started(next.page);
  await next.page.clock.runFor(5000);
  await until(async () => ((await queued(next.page)) === '' ? true : undefined), { what: 'an empty queue' });
  expect(next.events('form')).toEqual([]);
});

test('what waits belongs to its session: a page with the word of another does not send it under its own', async () => {
  const { opened, event } = await sendInVain('session@example.com');
  await opened.context.clearCookies();
  const next = await ground.open({ context: opened.context });
  await forms(next);
  const batch = next.received.find(({ body }) => body?.events?.some(({ id }: any) => id === event.id));
  expect(batch?.body.session).toBe(opened.swaps()[0].session);
});

test('a browser that takes no beacon sends all the same', async () => {
  const opened = await ground.open({
    head: '<script>navigator.sendBeacon = () => false;</script>',
  });
  const number = await numberShown(opened.page);
  await opened.page.evaluate(() => {
    addEventListener('click', (event) => event.preventDefault());
    document.getElementById('link')?.click();
  });
  const [tap] = await until(() => (opened.events('tap').length > 0 ? opened.events('tap') : undefined));
  expect(tap).toMatchObject({ number });
});

test('a form larger than what a browser lets a page leave behind arrives, cut', async () => {
  const opened = await ground.open({
    html: form('large@example.com').replace('<button>', '<textarea name="words"></textarea><button>'),
  });
  await numberShown(opened.page);
  await opened.page.evaluate(() => {
    (document.querySelector('textarea') as HTMLTextAreaElement).value = 'é€😀 '.repeat(40_000);
  });
  await opened.page.click('#form button');
  const [event] = await forms(opened);
  expect(event.fields.email).toBe('large@example.com');
  expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(64 * 1024);
  await until(async () => ((await inReport('large@example.com')).length === 1 ? true : undefined));
});

test.each([
  ['nonsense', '{{{'],
  ['a list of nonsense', '[null, 1, {"id": 1}, {"events": null}]'],
  ['something else', '{"a": {"b": []}}'],
])('%s in the queue is thrown away and not sent', async (_name, value) => {
  const { opened } = await sendInVain(`${_name.replaceAll(' ', '.')}@example.com`);
  await opened.page.evaluate((nonsense) => {
    for (const name of Object.keys(localStorage))
      if (localStorage.getItem(name)?.includes('"form"')) localStorage.setItem(name, nonsense);
  }, value);
  const next = await ground.open({ html: form('good@example.com'), context: opened.context });
  await numberShown(next.page);
  await next.page.click('#form button');
  const [event] = await forms(next);
  expect(event.fields.email).toBe('good@example.com');
  expect(next.troubles).toEqual([]);
});
