/** What a company says about its script, and the texts of its trackers: taken, kept, answered, and told to the script. */
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { indexDirectory } from '../../../server/domain/directory.js';
import { loadDirectory } from '../../../server/storage/postgres/directory.js';
import { CompanySchema, TrackerSchema } from '../../../shared/contract/reporting.js';
import { type Json, startTrackersApi, type TrackersApi } from './trackers-api.js';

let api: TrackersApi;
beforeAll(async () => {
  api = await startTrackersApi();
});
afterAll(() => api.close());

const directory = async () => indexDirectory(await loadDirectory(api.pool));
async function scriptOf(companyId: string) {
  const lookup = await directory();
  const company = lookup.companyById(companyId);
  if (!company) throw new Error(`there is no company ${companyId}`);
  return lookup.scriptConfig(company);
}

describe('the script settings of a company', () => {
  const STANDARD = {
    consent: 'granted',
    gpc: 'mark',
    dnt: 'ignore',
    keep_selectors: [],
    keep_urls: [],
    swap_code: false,
    data_layer: false,
  };
  const path = () => `companies/${api.company}.json?fields=script_settings`;
  const settings = async () => (await api.get(path())).body.script_settings;
  const put = (script_settings: unknown) => api.call('PUT', path(), { body: { script_settings } });

  it('are answered when asked for only, and are the standard ones where nobody set them', async () => {
    const { body } = await api.get(`companies/${api.company}.json`);
    expect(body).not.toHaveProperty('script_settings');
    expect(await settings()).toEqual(STANDARD);
    const list = await api.get('companies.json?fields=script_settings');
    expect(list.body.companies[0].script_settings).toEqual(STANDARD);
    expect(Value.Check(CompanySchema, list.body.companies[0])).toBe(true);
  });

  it('are set by a creation, changed one by one, and reach the script', async () => {
    const given = {
      consent: 'wait',
      gpc: 'deny',
      dnt: 'deny',
      keep_selectors: [' .legal ', '#imprint a[href^="tel:"]', '.legal', 'x:target'],
      keep_urls: ['/imprint', 'www.example.com/legal/*'],
      swap_code: 'true',
      data_layer: true,
      colour: 'blue',
    };
    const { status, body } = await api.call('POST', 'companies.json', {
      body: { name: 'Careful', script_settings: given },
    });
    expect(status).toBe(201);
    const { colour: _, ...kept } = {
      ...given,
      keep_selectors: ['.legal', '#imprint a[href^="tel:"]', 'x:target'],
      swap_code: true,
    };
    expect(body.script_settings).toEqual(kept);
    expect(await scriptOf(body.id)).toMatchObject({
      consent: 'wait',
      refusals: ['globalPrivacyControl', 'doNotTrack'],
      keep: '.legal,#imprint a[href^="tel:"],:is(x:target)',
      code: true,
      data_layer: true,
    });

    const before = (await directory()).version;
    const changes = { dnt: 'ignore', keep_urls: [], swap_code: false, gpc: null };
    const changed = await api.call('PUT', `companies/${body.id}.json?fields=script_settings`, {
      body: { script_settings: changes },
    });
    expect(changed.body.script_settings).toEqual({ ...kept, ...changes, gpc: 'deny' });
    expect((await directory()).version).not.toBe(before);
    const script = await scriptOf(body.id);
    expect(script).toMatchObject({ consent: 'wait', refusals: ['globalPrivacyControl'] });
    expect(script).not.toHaveProperty('keep_urls');
    expect(script).not.toHaveProperty('code');
    // Nothing named, nothing changed.
    for (const nothing of [null, {}]) {
      const same = await api.call('PUT', `companies/${body.id}.json?fields=script_settings`, {
        body: { script_settings: nothing },
      });
      expect(same.body.script_settings).toEqual(changed.body.script_settings);
    }
  });

  it('of two requests at once both hold', async () => {
    await Promise.all([put({ consent: 'wait' }), put({ swap_code: true }), put({ keep_urls: ['/a'] })]);
    expect(await settings()).toEqual({ ...STANDARD, consent: 'wait', swap_code: true, keep_urls: ['/a'] });
    await put(STANDARD);
    expect(await settings()).toEqual(STANDARD);
  });

  it.each([
    [{ consent: 'maybe' }, 'script_settings.consent'],
    [{ gpc: true }, 'script_settings.gpc'],
    [{ dnt: 'mark' }, 'script_settings.dnt'],
    [{ keep_selectors: '.a' }, 'script_settings.keep_selectors'],
    [{ keep_selectors: ['.a', 5] }, 'script_settings.keep_selectors.1'],
    [{ keep_selectors: ['.a', '.b{'] }, 'script_settings.keep_selectors.1'],
    [{ keep_selectors: Array.from({ length: 51 }, (_, n) => `.a${n}`) }, 'script_settings.keep_selectors'],
    [{ keep_urls: ['legal'] }, 'script_settings.keep_urls.0'],
    [{ keep_urls: ['/\0'] }, 'script_settings.keep_urls.0'],
    [{ swap_code: 'yes' }, 'script_settings.swap_code'],
    [{ data_layer: 1 }, 'script_settings.data_layer'],
    ['wait', 'script_settings'],
  ])('cannot be %j, and then nothing is kept', async (given, field) => {
    const { status, body } = await api.call('PUT', path(), {
      body: {
        name: 'Other',
        script_settings: typeof given === 'string' ? given : { data_layer: true, ...given },
      },
    });
    expect([status, body.error]).toEqual([400, expect.stringContaining(field)]);
    const { body: after } = await api.get(path());
    expect([after.name, after.script_settings]).toEqual(['Widget Shop', STANDARD]);
  });
});

describe('the texts of a tracker', () => {
  const FLOWERS = {
    '1-800-FLOWERS': '###phone###',
    'Call us': 'Call ###phone-dashes### or ###phone-dots###',
  };
  const textsOf = async (tracker: Json) =>
    (await api.get(`trackers/${tracker.id}.json?fields=advanced_swap_targets`)).body.advanced_swap_targets;
  const put = (tracker: Json, advanced_swap_targets: unknown) =>
    api.call('PUT', `trackers/${tracker.id}.json?fields=advanced_swap_targets`, {
      body: { advanced_swap_targets },
    });

  it('are answered when asked for only, and none if never set', async () => {
    const tracker = await api.createPool();
    expect(tracker).not.toHaveProperty('advanced_swap_targets');
    expect(await textsOf(tracker)).toEqual({});
  });

  it('are set for both kinds, replaced whole, and reach the script with the first target', async () => {
    const swap_targets = ['(415) 555-0123', '415-555-0124'];
    const pool = await api.createPool({ swap_targets, advanced_swap_targets: FLOWERS });
    const source = { type: 'web_referrer', referrer: 'yelp.com' };
    const yelp = await api.createFlyer({ source, advanced_swap_targets: { ' TAXI 24 ': '###phone###' } });
    expect(await textsOf(pool)).toEqual(FLOWERS);
    expect(await textsOf(yelp)).toEqual({ 'TAXI 24': '###phone###' });
    const { texts, targets, pooled } = await scriptOf(api.company);
    expect(texts).toHaveLength(3);
    expect(texts).toEqual(
      expect.arrayContaining([
        ['TAXI 24', '+13055550100', '###phone###'],
        ['1-800-FLOWERS', '+14155550123', '###phone###'],
        ['Call us', '+14155550123', 'Call ###phone-dashes### or ###phone-dots###'],
      ]),
    );
    for (const [, target] of texts ?? []) expect(targets).toContain(target);
    expect(pooled).toContain('+14155550123');

    expect((await put(pool, null)).body.advanced_swap_targets).toEqual(FLOWERS);
    const { body } = await put(pool, { 'CALL-NOW': '###phone-dots###' });
    expect(body.advanced_swap_targets).toEqual({ 'CALL-NOW': '###phone-dots###' });
    expect(Value.Check(TrackerSchema, body)).toBe(true);
    expect((await put(pool, {})).body.advanced_swap_targets).toEqual({});
    expect((await scriptOf(api.company)).texts).toHaveLength(1);
  });

  it.each<[string, unknown]>([
    ['a list', ['FLOWERS']],
    ['a template that is no text', { FLOWERS: 5 }],
    ['a text that is too short', { 'AB ': '###phone###' }],
    ['a text that is too long', { ['A'.repeat(65)]: '###phone###' }],
    ['a text without a letter', { '305 555-0100': '###phone###' }],
    ['a text of two lines', { 'CALL\nNOW': '###phone###' }],
    ['a NUL', { 'CALL\0NOW': '###phone###' }],
    ['a template without a placeholder', { FLOWERS: 'phone' }],
    ['a template with an unknown one', { FLOWERS: '###phone### ###fax###' }],
    ['a template that is too long', { FLOWERS: `###phone###${'x'.repeat(250)}` }],
    ['a text in its own template', { FLOWERS: 'Flowers ###phone###' }],
    ['a text in the template of another', { FLOWERS: 'TAXI ###phone###', TAXI: '###phone###' }],
    ['one text twice', { FLOWERS: '###phone###', ' FLOWERS': '###phone-dots###' }],
    [
      'more than twenty',
      Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`TEXT ${n}`, '###phone###'])),
    ],
  ])('cannot have %s, and then nothing is kept', async (_, given) => {
    const tracker = await api.createPool({ advanced_swap_targets: FLOWERS });
    const { status, body } = await put(tracker, given);
    expect([status, body.error]).toEqual([400, expect.stringContaining('advanced_swap_targets')]);
    expect(await textsOf(tracker)).toEqual(FLOWERS);
  });
});
