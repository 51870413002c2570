/** The main pages, as claims that each browser is asked to hold: a real server, a real pool, a site on another origin. */
import assert from 'node:assert/strict';
import { type DemoCompany, demoCompany, incoming, twilioWebhook } from '../support/demo.js';
import { until } from '../support/processes.js';
import { type RunningServer, removeDataDir, report, startServer } from '../support/server.js';
import { type Site, startSite } from '../support/site.js';
import { recorded } from '../support/telephony.js';
import type { Tab } from './browser.js';

/** Keeps what is thrown; and clicks on links that dial must not leave the page. */
const WATCH = `<script>
window.thrown = [];
addEventListener('error', (event) => thrown.push(event.message));
addEventListener('unhandledrejection', (event) => thrown.push(String(event.reason)));
addEventListener('click', (event) => { if (event.target.closest('[href^="tel:"]')) event.preventDefault(); });
</script>`;
const page = (body: string, tag = '{{script}}') =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bluebird</title>${WATCH}${tag}</head><body>${body}</body></html>`;

const HOME = `<h1 id="split"><b>(305)</b> <span>555</span>-0100</h1>
<p id="text">Dial 305.555.0100 or +1 305 555 0100.</p><p id="order">Order 983055550100.</p>
<p><a id="link" href="tel:+13055550100">Call us</a></p>
<form action="/thanks"><label>Name <input name="name" value="Eve Example"></label>
<input name="password" type="password" value="hunter2-secret"><button id="send">Send</button></form>
<main id="route"></main>`;

/** What the link said when the page was about to be painted, and how many answers of the server were there. */
const AT_PAINT = `<script>requestAnimationFrame(() => {
  const answers = performance.getEntriesByType('resource').filter(({ name }) => name.includes('/v1/'));
  window.atPaint = [document.querySelector('#link').getAttribute('href'), answers.length];
})</script>`;

export interface BrowserStage {
  server: RunningServer;
  demo: DemoCompany;
  site: Site;
  close(): Promise<void>;
}

/** A server, and the site with the demo company's script on it. */
export async function openBrowserStage(): Promise<BrowserStage> {
  const server = await startServer();
  const demo = await demoCompany(server);
  const src = server.url + demo.scriptPath;
  const site = await startSite(src, {
    '/': { body: page(HOME) },
    '/head': { body: page(HOME + AT_PAINT, `<script src="${src}"></script>`) },
    '/consent': { body: page(HOME, `<script async src="${src}" data-consent="wait"></script>`) },
    '/thanks': { body: page('<p>Thank you.</p>') },
  });
  return {
    server,
    demo,
    site,
    async close() {
      await site.close();
      await server.end();
      removeDataDir(server.dataDir);
    },
  };
}

type Visit = (stage: BrowserStage, tab: Tab) => Promise<void>;

/** Each begins as a new visitor. */
export const VISITS: Record<string, Visit> = {
  'a first visitor sees a number of the pool in every spelling, and nothing else is touched': async (
    stage,
    tab,
  ) => {
    await tab.goto(`${stage.site.url}/`);
    const number = await numberShown(stage, tab);
    const [area, exchange, line] = [number.slice(2, 5), number.slice(5, 8), number.slice(8)];
    assert.equal(
      await textOf(tab, '#text'),
      `Dial ${area}.${exchange}.${line} or +1 ${area} ${exchange} ${line}.`,
    );
    assert.equal(await textOf(tab, '#order'), 'Order 983055550100.');
    assert.deepEqual(await thrownIn(tab), []);
  },

  'a number that is split by markup is swapped in its nodes': async (stage, tab) => {
    await tab.goto(`${stage.site.url}/`);
    const number = await numberShown(stage, tab);
    const html = `<b>(${number.slice(2, 5)})</b> <span>${number.slice(5, 8)}</span>-${number.slice(8)}`;
    await until(
      async () => (await tab.ask(`document.querySelector('#split').innerHTML`)) === html || undefined,
      {
        what: `the split number's ${html}`,
      },
    );
  },

  'a returning visitor sees the same number with the first paint, before the server has answered': async (
    stage,
    tab,
  ) => {
    await tab.goto(`${stage.site.url}/`);
    const number = await numberShown(stage, tab);
    await tab.goto(`${stage.site.url}/head`);
    await until(() => tab.ask<unknown>('window.atPaint'), { what: 'a painted page' });
    assert.deepEqual(await tab.ask('atPaint'), [`tel:${number}`, 0]);
  },

  'a tap on the link joins the call that follows': async (stage, tab) => {
    await tab.goto(`${stage.site.url}/?gclid=tap`);
    const number = await numberShown(stage, tab);
    await tab.click('#link');
    const call = incoming(number, { From: `+1415555${String(Math.random()).slice(2, 6)}` });
    const session = await tab.ask<string>(`/calltrk_session_id=([^;]*)/.exec(document.cookie)[1]`);
    await until(
      async () =>
        (await twilioWebhook(stage.server, '/v1/telephony/twilio/voice', call)).status === 200 || undefined,
    );
    await recorded(stage.server);
    // A call that overtook its tap is joined again, by a job that looks every quarter of a minute.
    const joined = await until(
      async () => {
        const { calls } = await report(stage.server, 'calls.json?fields=attribution');
        const { attribution } = calls.find((one: any) => one.customer_phone_number === call.From);
        return attribution.method === 'tap' ? attribution : undefined;
      },
      { what: 'a call joined by its tap', timeoutMs: 40_000 },
    );
    assert.equal(joined.session, session);
  },

  'a form is kept without its password': async (stage, tab) => {
    await tab.goto(`${stage.site.url}/`);
    await numberShown(stage, tab);
    const before = await formsOf(stage);
    await tab.click('#send');
    await until(async () => (await tab.ask<string>('location.pathname')) === '/thanks' || undefined, {
      what: 'the next page',
    });
    const kept = await until(
      async () => (await formsOf(stage)).find((form) => !before.some(({ id }) => id === form.id)),
      {
        what: 'the form in the report',
      },
    );
    assert.deepEqual(kept.form_data, { Name: 'Eve Example' });
  },

  'nothing is stored or sent before consent, and the number comes with it': async (stage, tab) => {
    await tab.goto(`${stage.site.url}/consent`);
    await until(() => tab.ask<true | undefined>(`!!window.CallTrk?.consent || undefined`), {
      what: 'the script',
    });
    // Long enough for a script that did not wait to have asked.
    await tab.ask(`new Promise((done) => setTimeout(done, 500))`);
    assert.deepEqual(
      await tab.ask(`[document.cookie, localStorage.length, sessionStorage.length, ${SENT}.length]`),
      ['', 0, 0, 0],
    );
    assert.equal(await hrefOf(tab), 'tel:+13055550100');
    await tab.ask(`CallTrk.consent('granted')`);
    await numberShown(stage, tab);
    await tab.ask(`CallTrk.consent('denied')`);
    assert.equal(await hrefOf(tab), 'tel:+13055550100');
    assert.deepEqual(await tab.ask(`[document.cookie, localStorage.length]`), ['', 0]);
  },

  'a route of a single-page app shows the number and counts as a page': async (stage, tab) => {
    await tab.goto(`${stage.site.url}/`);
    const number = await numberShown(stage, tab);
    const sent = await tab.ask<number>(`${SENT}.length`);
    await tab.ask(
      `(history.pushState({}, '', '/route'), document.querySelector('#route').innerHTML = '<p>Call 305-555-0100</p>', 1)`,
    );
    const shown = `Call ${number.slice(2, 5)}-${number.slice(5, 8)}-${number.slice(8)}`;
    await until(async () => (await textOf(tab, '#route')) === shown || undefined, {
      what: `the route's ${shown}`,
    });
    await until(async () => (await tab.ask<number>(`${SENT}.length`)) > sent || undefined, {
      what: 'the page view',
    });
    assert.deepEqual(await thrownIn(tab), []);
  },
};

/** Addresses of requests to the server, oldest first, but for the script. */
const SENT = `performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => name.includes('/v1/'))`;

/** Waits for a number of the pool in the link, and answers it as E.164. */
async function numberShown({ demo }: BrowserStage, tab: Tab): Promise<string> {
  const href = await until(
    async () => {
      const now = await hrefOf(tab);
      return now === 'tel:+13055550100' ? undefined : now;
    },
    { what: 'another number in the link' },
  );
  const number = href.replace('tel:', '');
  assert.ok(demo.pool.includes(number), `${number} is of the pool`);
  return number;
}

function hrefOf(tab: Tab): Promise<string> {
  return tab.ask(`document.querySelector('#link').getAttribute('href')`);
}

function textOf(tab: Tab, selector: string): Promise<string> {
  return tab.ask(`document.querySelector('${selector}').textContent`);
}

function thrownIn(tab: Tab): Promise<string[]> {
  return tab.ask('thrown');
}

async function formsOf({ server }: BrowserStage): Promise<any[]> {
  return (await report(server, 'form_submissions.json')).form_submissions;
}
