/**
 * F18, F19. Two thousand people who were never here come within one second, by three lanes, and there are fifty numbers:
 * each is shown one, and told when others see it, too; none is shown "the first of the pool" with everybody.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { sleep } from './harness/chance.js';
import { bookOf, openBookAnew, show } from './harness/crowd.js';
import { type OnPostgres, onPostgres, WAYS } from './harness/installation.js';
import { reckon } from './harness/reckoning.js';

const VISITORS = 2000;
/** Every tenth has two tabs, which ask at once. */
const TABS_EVERY = 10;
const NUMBERS = 50;
const MORE = Array.from({ length: NUMBERS - 8 }, (_, at) => `+130556000${String(at).padStart(2, '0')}`);

describe.each(['memory', 'Redis'])('with leases in %s', (store) => {
  let redis: TestRedis | undefined;
  let place: OnPostgres | undefined;
  afterEach(async () => {
    await place?.remove();
    await redis?.close();
  });

  it(`F18 F19 ${VISITORS} first visits within a second share ${NUMBERS} numbers`, async () => {
    redis = store === 'Redis' ? await startRedis() : undefined;
    place = await onPostgres({
      servers: redis ? 2 : 1,
      env: redis ? { REDIS_URL: redis.url } : {},
      moreNumbers: MORE,
      holdSeconds: 300,
    });
    const { query } = place;
    const scenario = `F18 F19 rush, leases in ${store}`;
    openBookAnew(scenario);
    const visits = Array.from({ length: VISITORS }, async (_, at) => {
      await sleep((at * 1000) / VISITORS);
      const session = randomUUID();
      const landing = WAYS[at % WAYS.length] as string;
      const tabs = at % TABS_EVERY === 0 ? 2 : 1;
      return Promise.all(
        Array.from({ length: tabs }, () =>
          show(place as OnPostgres, scenario, { session, landing, mayLackNumbers: true }),
        ),
      );
    });
    const shown = await Promise.all(visits);
    expect(bookOf(scenario)).toMatchObject({
      refused: 0,
      rejected: 0,
      accepted: VISITORS + VISITORS / TABS_EVERY,
    });
    for (const tabs of shown) expect(new Set(tabs.map(({ number }) => number)).size).toBe(1);
    expect(shown.flat().filter(({ number }) => number === null)).toEqual([]);

    const holders = new Map<string, number>();
    for (const [{ number } = { number: null }] of shown) {
      holders.set(number ?? '', (holders.get(number ?? '') ?? 0) + 1);
    }
    expect(holders.size).toBe(NUMBERS);
    // On a busy machine they are not asked for in the order in which they came, so it is not quite even.
    expect(Math.max(...holders.values())).toBeLessThanOrEqual(VISITORS / 10);

    // In such a crowd some may have been written to the journal first.
    const count = async () => (await query('SELECT count(*)::int AS leases FROM leases'))[0].leases;
    await until(async () => (await count()) >= VISITORS || undefined, {
      timeoutMs: 60_000,
      what: 'every lease in the record',
    });
    const doubled = await query('SELECT session_id FROM leases GROUP BY 1 HAVING count(*) > 1');
    expect(doubled).toEqual([]);
    const [{ alone, all }] = await query(
      'SELECT count(*) FILTER (WHERE NOT shared)::int AS alone, count(*)::int AS "all" FROM leases',
    );
    expect([alone, all]).toEqual([0, VISITORS]);
    await reckon(place, [scenario]);
  });
});
