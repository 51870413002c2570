/**
 * Pages that have replaced what the browser gives. Replaced after the script: it has what it needs already and shows
 * the right number, or leaves the page as it was. Replaced before: the right number or the site's own, and no third.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Ground,
  national,
  numberNow,
  numberShown,
  type OpenedFrame,
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

const THROW = '() => { throw new Error("replaced"); }';
const throwing = (owner: string, ...names: string[]) =>
  names.map((name) => `${owner}.${name} = ${THROW};`).join('');

type Case = [name: string, code: string];

/** What pages are known to replace, so that the right number is owed on them. */
const KNOWN: Case[] = [
  ['fetch throws', `window.fetch = ${THROW}`],
  ['fetch answers with something else', 'window.fetch = async () => "no"'],
  ['fetch never answers', 'window.fetch = () => new Promise(() => {})'],
  [
    'fetch answers with numbers of its own',
    `window.fetch = async () => ({ ok: true, status: 200, text: async () => '{"numbers":{"+13055550100":"+19005550199"}}',
      json: async () => ({ numbers: { '+13055550100': { e164: '+19005550199', national: 'x' } } }) })`,
  ],
  ['fetch is wrapped', 'const old = window.fetch; window.fetch = (...given) => old(...given)'],
  ['JSON throws', throwing('JSON', 'parse', 'stringify')],
  ['JSON is gone', 'window.JSON = undefined'],
  ['JSON.parse gives nothing', 'JSON.parse = () => ({})'],
  ['Promise is another', 'window.Promise = function () { this.then = this.catch = () => this; }'],
  ['Promise is gone', 'window.Promise = undefined'],
  ['MutationObserver is gone', 'window.MutationObserver = undefined'],
  ['MutationObserver throws', `window.MutationObserver = function () { throw new Error('replaced'); }`],
  ['MutationObserver sees nothing', 'MutationObserver.prototype.observe = () => {}'],
  ['URL is gone', 'window.URL = window.URLSearchParams = undefined'],
  ['crypto throws', `Object.defineProperty(window, 'crypto', { get: ${THROW} })`],
  ['console throws', throwing('console', 'log', 'info', 'warn', 'error', 'debug')],
  ['sendBeacon throws', `navigator.sendBeacon = ${THROW}`],
  ['history throws', throwing('history', 'pushState', 'replaceState')],
  ['prototype.js 1.6', 'Array.prototype.toJSON = function () { return "[" + this.join(", ") + "]"; }'],
  [
    'an old library adds to every object',
    'Object.prototype.each = function () {}; Array.prototype.contains = function () {}; String.prototype.toJSON = function () { return this + ""; }',
  ],
];

/** Nobody can work without these: what is owed is that the page is left as it was. */
const BARE: Case[] = [
  ...[
    ['map', 'filter', 'forEach', 'find', 'some', 'every', 'includes', 'join', 'push', 'concat'],
    ['flat', 'flatMap', 'slice', 'splice', 'sort', 'indexOf', 'reduce', 'keys', 'entries', 'values'],
  ].map(
    (names): Case => [`Array.prototype.${names[0]} and more throw`, throwing('Array.prototype', ...names)],
  ),
  ['Array.prototype.push does nothing', 'Array.prototype.push = () => 0'],
  ['Array.prototype.filter lets nothing through', 'Array.prototype.filter = () => []'],
  ['arrays cannot be walked', `Array.prototype[Symbol.iterator] = ${THROW}`],
  ['Array.from throws', throwing('Array', 'from', 'isArray', 'of')],
  [
    'Object.prototype has setters',
    `for (const name of ['value', 'original', 'shown', 'numbers', 'targets', 'session', 'key', 'visit', 'landing', 'body', 'id', 'type', 'at', 'path', 'domain', 'expires', 'get'])
      Object.defineProperty(Object.prototype, name, { __proto__: null, configurable: true, get() {}, set() { throw new Error('replaced'); } });`,
  ],
  ['Object.prototype.then is somebody’s', `Object.prototype.then = ${THROW}`],
  ['Object.prototype.toJSON is somebody’s', `Object.prototype.toJSON = ${THROW}`],
  [
    'Object throws',
    throwing('Object', 'keys', 'entries', 'assign', 'fromEntries', 'defineProperty', 'freeze'),
  ],
  ['String.prototype throws', throwing('String.prototype', 'replace', 'split', 'slice', 'match', 'trim')],
  ['replace writes something else', 'String.prototype.replace = () => "(900) 555-0199"'],
  ['RegExp.prototype.exec finds nothing', 'RegExp.prototype.exec = () => null'],
  ['RegExp.prototype.test always says no', 'RegExp.prototype.test = () => false'],
  ['Map and Set are gone', 'window.Map = window.Set = window.WeakMap = window.WeakSet = undefined'],
  ['Map.prototype throws', throwing('Map.prototype', 'get', 'set', 'has', 'forEach')],
  ['Date.now is no number', 'Date.now = () => NaN'],
  ['Math.random is 1', 'Math.random = () => 1'],
  ['the walker throws', `Document.prototype.createTreeWalker = ${THROW}`],
  ['listening throws', `EventTarget.prototype.addEventListener = ${THROW}`],
  ['elements throw', throwing('Element.prototype', 'closest', 'matches', 'getAttribute', 'querySelectorAll')],
  [
    'writing throws',
    `Object.defineProperty(Node.prototype, 'nodeValue', { get() { return '(900) 555-0199'; }, set: ${THROW} });
    Object.defineProperty(CharacterData.prototype, 'data', { get() { return '(900) 555-0199'; }, set: ${THROW} });`,
  ],
  ['events cannot be made', 'window.CustomEvent = window.Event = undefined'],
  [
    'microtasks and idle time are gone',
    'window.queueMicrotask = window.requestIdleCallback = window.requestAnimationFrame = undefined',
  ],
  ['CallTrk cannot be written', `Object.defineProperty(window, 'CallTrk', { value: null })`],
  ['CallTrk throws', `Object.defineProperty(window, 'CallTrk', { get: ${THROW}, set: ${THROW} })`],
];

/** So many pages had done these before any script came that the right number is owed there, too. */
const COMMON = /prototype\.js|every object|wrapped|console|history/;

const BODY =
  '<p id="n">(305) 555-0100</p><p id="order">Order 983055550100</p><p class="phoneswap" id="hidden">305-555-0100</p>';
const STYLE = '<style>.phoneswap { visibility: hidden }</style>';

const pageOf = (code: string, place: 'head' | 'foot') => ({
  html: BODY,
  tag: '',
  head: STYLE + (place === 'head' ? `<script>${code}</script>` : ''),
  foot: place === 'foot' ? `<script>${code}</script>` : '',
});

const CASES = [
  ...KNOWN.map(([name, code]) => ({ name, code, place: 'foot' as const, swaps: true })),
  ...BARE.map(([name, code]) => ({ name, code, place: 'foot' as const, swaps: false })),
  ...KNOWN.map(([name, code]) => ({ name, code, place: 'head' as const, swaps: COMMON.test(name) })),
  ...BARE.map(([name, code]) => ({ name, code, place: 'head' as const, swaps: false })),
];

describe('natives that the page has replaced', () => {
  let frames: OpenedFrame[];
  beforeAll(async () => {
    frames = await ground.openFrames(CASES.map(({ code, place }) => pageOf(code, place)));
  });

  test.each(CASES.map((row, at) => ({ ...row, at, when: row.place === 'head' ? 'before' : 'after' })))(
    '$when the script came: $name',
    async ({ at, swaps }) => {
      const { frame, troubles } = frames[at] as OpenedFrame;
      await frame.locator('#hidden').waitFor({ state: 'visible', timeout: 2500 });
      const number = swaps ? await numberShown(frame) : await numberNow(frame);
      expect(swaps ? ground.pool : [OWN, ...ground.pool]).toContain(number);
      expect(await frame.textContent('#n')).toBe(national(number));
      expect(await frame.textContent('#order')).toBe('Order 983055550100');
      expect(troubles).toEqual([]);
    },
  );
});

test('what comes late to a page on which nothing works is shown all the same', async () => {
  const late = `<b id="late" class="phoneswap">305-555-0100</b>`;
  const { page } = await ground.open(
    pageOf(
      `Array.prototype[Symbol.iterator] = ${THROW};
      setTimeout(() => document.body.insertAdjacentHTML('beforeend', '${late}'), 1500);`,
      'foot',
    ),
  );
  await page.locator('#late').waitFor({ state: 'attached' });
  await page.locator('#late').waitFor({ state: 'visible', timeout: 2500 });
});

test('what the page replaces is left replaced: the script patches form.submit and nothing else', async () => {
  const { page } = await ground.open({
    tag: '',
    head: `<script>
      window.natives = () => {
        const found = {};
        const classes = ['Node', 'Element', 'HTMLElement', 'HTMLFormElement', 'Document', 'ShadowRoot', 'EventTarget', 'History', 'Storage', 'XMLHttpRequest', 'Array', 'Object', 'String', 'Promise', 'MutationObserver', 'Map', 'CustomElementRegistry'];
        const owners = { window, document, navigator, history };
        for (const name of classes) Object.assign(owners, { [name]: window[name], [name + '.prototype']: window[name].prototype });
        for (const [label, owner] of Object.entries(owners))
          for (const name of Reflect.ownKeys(owner)) {
            const { value, get, set } = Reflect.getOwnPropertyDescriptor(owner, name);
            found[label + '.' + String(name)] = [value, get, set].find((one) => typeof one === 'function');
          }
        return found;
      };
      window.names = ['natives', 'names', 'before'];
      window.before = natives();
      names.push(...Object.getOwnPropertyNames(window));
    </script>`,
  });
  await numberShown(page);
  await until(async () =>
    (await page.evaluate(() => document.readyState)) === 'complete' ? true : undefined,
  );
  const changed = await page.evaluate(() => {
    const { before, natives } = window as any;
    const after = natives();
    return Object.keys(after).filter((name) => after[name] !== before[name]);
  });
  expect(changed).toEqual(['HTMLFormElement.prototype.submit']);
  const globals = await page.evaluate(() =>
    Object.getOwnPropertyNames(window).filter((name) => !(window as any).names.includes(name)),
  );
  expect(globals.sort()).toEqual(['CallTrk', 'CallTrkSwap']);
});

test('a page that wraps history and form.submit after the script, and one that had done so before, both still work', async () => {
  const wrap = (name: string) => `
    for (const [owner, method] of [[history, 'pushState'], [HTMLFormElement.prototype, 'submit']]) {
      const old = owner[method];
      owner[method] = function (...given) { window.passed = (window.passed ?? '') + '${name}'; return old.apply(this, given); };
    }`;
  const { page, troubles } = await ground.open({
    tag: '',
    head: `<script>${wrap('a')}</script>`,
    foot: `<script>${wrap('b')}</script>`,
    html: '<p id="n">(305) 555-0100</p><form id="f" action="about:blank" target="frame"><input name="q" value="1"></form><iframe name="frame"></iframe>',
  });
  await started(page);
  await page.evaluate(() => {
    history.pushState({}, '', '?next');
    (document.querySelector('#f') as HTMLFormElement).submit();
  });
  expect(await page.evaluate(() => (window as any).passed)).toBe('baba');
  expect(page.url()).toMatch(/\?next$/);
  expect(troubles).toEqual([]);
});
