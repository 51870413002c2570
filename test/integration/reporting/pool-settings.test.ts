/** A session tracker's `pool`: how its numbers are leased and their calls joined. */
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDirectory } from '../../../server/storage/postgres/directory.js';
import { TrackerSchema } from '../../../shared/contract/reporting.js';
import { fresh, type Json, startTrackersApi, type TrackersApi } from './trackers-api.js';

let api: TrackersApi;
beforeAll(async () => {
  api = await startTrackersApi();
});
afterAll(() => api.close());

const STANDARD = {
  hold_seconds: 1200,
  lane_key: 'campaign',
  when_full: 'share',
  static_number: null,
  visit_threshold: 0.5,
  source_threshold: 0.5,
};
const poolOf = async (tracker: Json) => (await api.get(`trackers/${tracker.id}.json?fields=pool`)).body.pool;
const put = (tracker: Json, body: Json, query = '') =>
  api.call('PUT', `trackers/${tracker.id}.json${query}`, { body });

describe('the settings of a pool', () => {
  it('are answered when asked for only, and are the standard ones where nobody set them', async () => {
    const tracker = await api.createPool();
    expect(tracker).not.toHaveProperty('pool');
    expect(await poolOf(tracker)).toEqual(STANDARD);
    const flyer = await api.createFlyer();
    expect(await poolOf(flyer)).toBeNull();
    const { body } = await api.get('trackers.json?fields=pool&type=session');
    expect(body.trackers[0].pool).toEqual(STANDARD);
    expect(Value.Check(TrackerSchema, body.trackers[0])).toBe(true);
  });

  it('are set by a creation, changed one by one, and followed by the servers', async () => {
    const [one, two, three] = [fresh(), fresh(), fresh()];
    const given = { ...STANDARD, hold_seconds: 600, lane_key: 'source', when_full: 'static' };
    const tracker = await api.createPool({
      tracking_numbers: [one, two, three],
      pool: { ...given, static_number: `+1 (${two.slice(2, 5)}) ${two.slice(5, 8)}-${two.slice(8)}` },
    });
    expect(await poolOf(tracker)).toEqual({ ...given, static_number: two });

    const { body } = await put(tracker, {
      pool: { visit_threshold: 0.65, source_threshold: 0.3, lane_key: null },
    });
    const changed = { ...given, static_number: two, visit_threshold: 0.65, source_threshold: 0.3 };
    expect(body.pool).toEqual(changed);
    const shown = (await loadDirectory(api.pool)).trackers.find(({ trackerId }) => trackerId === tracker.id);
    expect(shown).toMatchObject({
      holdSeconds: 600,
      laneKey: 'source',
      whenFull: 'static',
      staticNumber: two,
      thresholds: { visit: 0.65, source: 0.3 },
      numbers: [one, two, three],
    });
    // What a change leaves out stays, and a whole pool as it was read may be sent back.
    expect((await put(tracker, { name: 'Other' })).body).not.toHaveProperty('pool');
    expect(await poolOf(tracker)).toEqual(changed);
    expect((await put(tracker, { pool: changed })).body.pool).toEqual(changed);
    expect((await put(tracker, { pool: null })).body.pool).toEqual(changed);
    expect((await put(tracker, { pool: { when_full: 'keep', static_number: null } })).body.pool).toEqual({
      ...changed,
      when_full: 'keep',
      static_number: null,
    });
  });

  it.each<[string, Json, string]>([
    ['a hold of no time', { hold_seconds: 0 }, 'pool.hold_seconds'],
    ['a hold of more than a day', { hold_seconds: 86_401 }, 'pool.hold_seconds'],
    ['an unknown lane key', { lane_key: 'weather' }, 'pool.lane_key'],
    ['an unknown policy', { when_full: 'panic' }, 'pool.when_full'],
    ['a threshold above 1', { visit_threshold: 1.01 }, 'pool.visit_threshold'],
    ['a threshold below 0', { source_threshold: -0.1 }, 'pool.source_threshold'],
    ['no phone number', { static_number: 'call me' }, 'pool.static_number'],
    ['a number of somebody else', { static_number: '+13055559999' }, 'pool.static_number'],
    ['a static number that is missing', { when_full: 'static' }, 'pool.static_number'],
  ])('are refused for %s, and nothing is changed', async (_what, pool, field) => {
    const tracker = await api.createPool();
    for (const answer of [
      await put(tracker, { name: 'Never', pool }),
      await api.call('POST', 'trackers.json', {
        body: {
          name: 'Never',
          type: 'session',
          company_id: api.company,
          call_flow: { type: 'basic', destination_number: '+13055550100' },
          source: 'all',
          tracking_numbers: [fresh()],
          pool,
        },
      }),
    ]) {
      expect([answer.status, answer.body.field]).toEqual([400, field]);
    }
    expect([(await api.read(tracker)).name, await poolOf(tracker)]).toEqual(['Some', STANDARD]);
  });

  it('are not for source trackers', async () => {
    const flyer = await api.createFlyer();
    const answer = await put(flyer, { pool: { hold_seconds: 60 } });
    expect([answer.status, answer.body.field]).toEqual([400, 'pool']);
    // As it was read, null.
    expect((await put(flyer, { pool: null })).status).toBe(200);
  });

  it('keep a static number that the pool loses from being forgotten unseen', async () => {
    const [one, two] = [fresh(), fresh()];
    const tracker = await api.createPool({
      tracking_numbers: [one, two],
      pool: { when_full: 'static', static_number: two },
    });
    const alone = await put(tracker, { tracking_numbers: [one] });
    expect([alone.status, alone.body.field]).toEqual([400, 'tracking_numbers']);
    const only = await put(tracker, { tracking_numbers: [two] });
    expect([only.status, only.body.field]).toEqual([400, 'pool.static_number']);
    const both = await put(tracker, {
      tracking_numbers: [one],
      pool: { when_full: 'share', static_number: null },
    });
    expect(both.body).toMatchObject({ tracking_numbers: [one], pool: { static_number: null } });
  });
});
