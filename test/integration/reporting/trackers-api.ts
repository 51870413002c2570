import type { Member } from '../../support/seed.js';
import { seedAccount, seedCompany } from '../../support/seed.js';
import { type Answer, startApi, type TestApi } from './api.js';

export type Json = Record<string, unknown>;

/** The reporting API with a company, and an account of somebody else with another. */
export interface TrackersApi extends TestApi {
  company: string;
  stranger: Member;
  strangersCompany: string;
  createPool(more?: Json): Promise<Json>;
  createFlyer(more?: Json): Promise<Json>;
  /** A tracker of the other account. */
  createTheirs(body: Json): Promise<Answer>;
  put(tracker: Json, body: Json): Promise<Answer>;
  read(tracker: Json): Promise<Json>;
  /** The history of a number: whose it was, and whether it is still. */
  ownersOf(number: unknown): Promise<any[]>;
}

let last = 1000;
/** A number that no test has used before. */
export const fresh = () => `+1786555${last++}`;
export const flow = (destination: string, more: object = {}) => ({
  type: 'basic',
  destination_number: destination,
  ...more,
});

export async function startTrackersApi(): Promise<TrackersApi> {
  const api = await startApi();
  const company = await seedCompany(api.pool, api.member.accountId);
  const stranger = await seedAccount(api.pool);
  const strangersCompany = await seedCompany(api.pool, stranger.accountId);
  const create = async (body: Json): Promise<Json> => {
    const defaults = { name: 'Some', company_id: company, call_flow: flow('+13055550100') };
    const answer = await api.call('POST', 'trackers.json', { body: { ...defaults, ...body } });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.body;
  };
  return {
    ...api,
    company,
    stranger,
    strangersCompany,
    createPool: (more = {}) =>
      create({ type: 'session', source: 'all', tracking_numbers: [fresh(), fresh()], ...more }),
    createFlyer: (more = {}) =>
      create({ type: 'source', source: { type: 'offline' }, tracking_number: fresh(), ...more }),
    createTheirs: (body) =>
      api.call('POST', `/v3/a/${stranger.accountId}/trackers.json`, {
        key: stranger.key,
        body: {
          name: 'Theirs',
          company_id: strangersCompany,
          call_flow: flow(fresh()),
          type: 'source',
          source: { type: 'offline' },
          ...body,
        },
      }),
    put: (tracker, body) => api.call('PUT', `trackers/${tracker.id}.json`, { body }),
    read: async (tracker) =>
      (await api.get(`trackers/${tracker.id}.json?fields=swap_targets,campaign_name`)).body,
    async ownersOf(number) {
      const { rows } = await api.pool.query(
        `SELECT tracker_id, removed_at IS NULL AS active, added_at, removed_at FROM tracking_numbers
         WHERE number = $1 ORDER BY added_at`,
        [number],
      );
      return rows;
    },
  };
}
