/**
 * F17. The server's clock jumps by an hour, ahead and back, and visitors' clocks say 1970 or 2100: nothing is refused
 * or lost, callers are connected, and no number stays held for ever.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createServerClock } from '../support/clock.js';
import { oneOf, sleep } from './harness/chance.js';
import { bookOf, connectCaller, show, startCrowd } from './harness/crowd.js';
import { type OnPostgres, onPostgres, WAYS } from './harness/installation.js';
import { reckon } from './harness/reckoning.js';

const HOUR = 3_600_000;
const PHASE_MS = 600;
const HOLD_SECONDS = 3;

const clock = createServerClock();

let place: OnPostgres;
beforeAll(async () => {
  await clock.turn(0);
  place = await onPostgres({
    holdSeconds: HOLD_SECONDS,
    env: clock.env,
  });
});
afterAll(async () => {
  await place?.remove();
  clock.remove();
});

it('F17 clocks that jump and clocks that are years off lose nothing', async () => {
  const scenario = 'F17 clocks that jump by an hour';
  const crowd = startCrowd(place, scenario, {
    visitors: 12,
    // Of a call just after a jump nobody can say what came first.
    callers: 0,
    clock: () => oneOf([Date.now(), 0, Date.UTC(2100, 0, 1), -1, Number.MAX_SAFE_INTEGER]),
  });
  for (const off of [0, HOUR, 0, -HOUR, 0]) {
    await clock.turn(off);
    await sleep(PHASE_MS);
    const { isConnected } = await connectCaller(place, scenario, oneOf(place.pool));
    expect(isConnected).toBe(true);
  }
  await crowd.leave();
  // What a page saw when is told by our clock, and the record has the server's.
  place.shown.length = 0;
  await reckon(place, [scenario]);
  expect(bookOf(scenario).refused).toBe(0);
  const claims = await place.query(
    `SELECT count(*)::int FROM page_views WHERE client_at NOT BETWEEN now() - interval '2 days' AND now() + interval '2 days'`,
  );
  expect(claims).toEqual([{ count: 0 }]);
});

let strangers: string[] = [];

it('F17 a number that was given while the clock was ahead is free when the clock is right again', async () => {
  const scenario = 'F17 numbers given by a clock that was ahead';
  // Nobody has been there for longer than a hold lasts: every number is free, also those that were given at a time
  // that has not come yet.
  await sleep(HOLD_SECONDS * 1000 + 500);
  const before = await countShared();
  const shown = await Promise.all(
    place.pool.map((_, at) => show(place, scenario, { landing: WAYS[at % WAYS.length] as string })),
  );
  expect(new Set(shown.map(({ number }) => number))).toEqual(new Set(place.pool));
  expect(await countShared()).toBe(before);
  strangers = shown.map(({ session }) => session);
});

it('F17 and the record says that each of them is alone, too', async () => {
  expect(strangers).toHaveLength(place.pool.length);
  const shared = await place.query('SELECT number FROM leases WHERE shared AND session_id = ANY ($1)', [
    strangers,
  ]);
  expect(shared).toEqual([]);
});

/** How many new leases were shared ones, as the lease store told it. */
async function countShared(): Promise<number> {
  const metrics = await (await fetch(`${place.servers[0]?.url}/metrics`)).text();
  return Number(/^calltrk_leases_total\{kind="shared"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
}
