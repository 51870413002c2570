/**
 * F08. The promise of a 2xx: while a crowd of visitors goes on, the server or its Postgres is killed at a random
 * moment, again and again. What was acknowledged must be in the record exactly once, whatever happened in between.
 *
 * FAULT_ROUNDS sets the number of rounds; FAULT_SEED repeats the choices of a run (not its timing).
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/processes.js';
import { between, ROUNDS, SEED, sleep } from './harness/chance.js';
import { isServerRunning, startCrowd } from './harness/crowd.js';
import {
  embedded,
  type Installation,
  killAndRestart,
  onPostgres,
  untilReady,
} from './harness/installation.js';
import { reckon } from './harness/reckoning.js';

const FAULTS = ['server', 'postmaster', 'server', 'backend', 'server'] as const;
type Fault = (typeof FAULTS)[number];
type Place = Installation & { killPostgres(): Promise<void> };

let places: Place[] = [];
beforeAll(async () => {
  const made = await Promise.allSettled([embedded(), debian()]);
  places = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  for (const one of made) if (one.status === 'rejected') throw one.reason;
});
afterAll(async () => {
  const ends = await Promise.allSettled(places.map((place) => place.remove()));
  expect(ends.filter(({ status }) => status === 'rejected')).toEqual([]);
});

async function debian(): Promise<Place> {
  const place = await onPostgres();
  return Object.assign(place, { killPostgres: () => killAndRestart(place.postgres) });
}

it(`F08 what was acknowledged is in the record exactly once after ${ROUNDS} kills (seed ${SEED})`, {
  timeout: 60_000 + ROUNDS * 45_000,
}, async () => {
  const scenarios = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const place = places[round % 2] as Place;
    const fault = FAULTS[Math.floor(round / 2) % FAULTS.length] as Fault;
    scenarios.add(await playRound(place, fault));
  }
  await reckon(places, [...scenarios]);
});

async function playRound(place: Place, fault: Fault): Promise<string> {
  const scenario = `F08 ${fault} killed, ${place.name}`;
  const crowd = startCrowd(place, scenario, { mayBreak: true });
  await sleep(between(100, 600));
  const [server] = place.servers;
  if (fault === 'server') {
    await place.kill();
    await place.start();
  } else if (fault === 'backend') {
    process.kill(await writerOf(place), 'SIGKILL');
  } else {
    await place.killPostgres();
  }
  await untilReady(place, scenario);
  await sleep(between(200, 400));
  await crowd.leave();
  if (fault !== 'server') expect(place.servers.map(isServerRunning)).toEqual([true]);
  if (fault !== 'server') expect(place.servers[0]).toBe(server);
  return scenario;
}

async function writerOf({ query }: Installation): Promise<number> {
  const find = async () =>
    (await query(`SELECT pid FROM pg_stat_activity WHERE application_name = 'calltrk writer'`))[0]?.pid;
  return until(find, { what: 'a connection of the writer' });
}
