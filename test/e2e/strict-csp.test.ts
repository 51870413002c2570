/** The strictest policies that a site can have and still name us: they have nothing to report. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Ground,
  NUMBER_PAGE,
  numberNow,
  numberShown,
  OWN,
  openGround,
  started,
} from '../support/ground.js';
import { until } from '../support/processes.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

/** Something of everything that the script has to do with. */
const HTML = `${NUMBER_PAGE}
  <p class="phoneswap">305-555-0100</p>
  <p id="split"><b>(305)</b> <span>555</span>-0100</p>
  <img class="cr_image" alt="305-555-0100" src="/img/305-555-0100.png">
  <host-element id="host"><template shadowrootmode="open"><p>305-555-0100</p></template></host-element>
  <iframe src="inner"></iframe>
  <form id="form" action="done" target="done"><input type="hidden" name="calltrk_session_id"><input name="email" value="eve@example.com"><button>Send</button></form>
  <iframe name="done"></iframe>`;
const PAGES = {
  inner: '<!doctype html><title>Inner</title><p>305-555-0100</p>',
  done: '<!doctype html><title>Done</title>',
};

const TRUSTED = "require-trusted-types-for 'script'; trusted-types 'none'";
const POLICIES: [name: string, policy: string, tag?: string][] = [
  ['the site and our host', `script-src 'self' {{api}}; ${TRUSTED}`],
  [
    'nothing but our host',
    `default-src 'none'; script-src {{api}}; connect-src {{api}}; frame-src 'self'; img-src 'self'; form-action 'self'; ${TRUSTED}`,
  ],
  ['no styles', `style-src 'none'; script-src {{api}}; connect-src {{api}}; ${TRUSTED}`],
  [
    'a nonce',
    `script-src 'nonce-abc' 'strict-dynamic'; object-src 'none'; base-uri 'none'; ${TRUSTED}`,
    'nonce="abc"',
  ],
  ['no workers, no frames of others', `script-src {{api}}; worker-src 'none'; child-src 'self'; ${TRUSTED}`],
];

const watchViolations = async (page: Page) => {
  await page.addInitScript(() => {
    (window as any).violations = [];
    document.addEventListener('securitypolicyviolation', (event) =>
      (window as any).violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`),
    );
  });
};
const violations = (page: Page): Promise<string[]> => page.evaluate(() => (window as any).violations);

test.each(
  POLICIES.flatMap(
    (row) =>
      [
        ['content-security-policy', ...row],
        ['content-security-policy-report-only', ...row],
      ] as const,
  ),
)('%s, %s', async (header, _name, policy, tag = 'async') => {
  const { page, swaps, events, troubles } = await ground.open({
    html: HTML,
    pages: PAGES,
    headers: { [header]: policy },
    tag,
    config: { texts: [['CALL US', OWN, 'Call ###phone###']], data_layer: true },
    before: watchViolations,
  });
  const number = await numberShown(page);
  expect(ground.pool).toContain(number);
  await page.evaluate(() => {
    const { CallTrk } = window as any;
    document.body.append(Object.assign(document.createElement('p'), { textContent: '305-555-0100' }));
    history.pushState({}, '', '?next');
    CallTrk.swap('#split');
    CallTrk.restore();
    CallTrk.swap();
    CallTrk.captureForm('#form');
    document.querySelector('#link')?.addEventListener('click', (event) => event.preventDefault());
  });
  await page.click('#link');
  await page.click('#form button');
  await until(() => (swaps().length && events('tap').length && events('form').length ? true : undefined), {
    what: 'the question, a tap and a form at the server',
  });
  expect(await violations(page)).toEqual([]);
  expect(troubles).toEqual([]);
});

test('a site that allows the script and forgot to allow the question keeps its own number, and nothing is thrown', async () => {
  const { page, received, troubles } = await ground.open({
    headers: { 'content-security-policy': "default-src 'none'; script-src {{api}}" },
    before: watchViolations,
  });
  await started(page);
  await until(async () => ((await violations(page)).length > 0 ? true : undefined));
  expect(await numberNow(page)).toBe(OWN);
  expect(received).toEqual([]);
  // What the browser says of it is the site's own doing; of ours there is nothing else.
  expect((await violations(page)).filter((text) => !text.startsWith('connect-src'))).toEqual([]);
  expect(
    troubles.filter((trouble) => !/Content Security Policy|violates the following/.test(trouble)),
  ).toEqual([]);
});

test('a page without permissions asks for none', async () => {
  const names = [
    'storage-access',
    'geolocation',
    'sync-xhr',
    'unload',
    'browsing-topics',
    'attribution-reporting',
    'shared-storage',
  ];
  const { page, troubles } = await ground.open({
    headers: { 'permissions-policy': names.map((name) => `${name}=()`).join(', ') },
  });
  await numberShown(page);
  expect(troubles.filter((trouble) => !trouble.includes('Unrecognized feature'))).toEqual([]);
});
