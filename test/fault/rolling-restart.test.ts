/**
 * F10. Servers are stopped and started one after the other, as an update does, behind a proxy that never tries a
 * request twice: not one request fails.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitOf, until } from '../support/processes.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import type { RunningServer } from '../support/server.js';
import { ROUNDS, sleep } from './harness/chance.js';
import { bookOf, startCrowd } from './harness/crowd.js';
import { type OnPostgres, onPostgres } from './harness/installation.js';
import { reckon } from './harness/reckoning.js';
import { type RoundRobin, startRoundRobin } from './harness/round-robin.js';

const RESTARTS = ROUNDS > 10 ? 10 : 2;

let redis: TestRedis;
let proxy: RoundRobin;
let place: OnPostgres;
beforeAll(async () => {
  [redis, proxy] = await Promise.all([startRedis(), startRoundRobin()]);
  place = await onPostgres({
    servers: 2,
    // Where it listens is in the log at `info`: the ready line names PUBLIC_URL.
    env: { REDIS_URL: redis.url, PUBLIC_URL: proxy.url, TRUST_PROXY: 'loopback', LOG_LEVEL: 'info' },
    onStart(server) {
      const port = /127\.0\.0\.1:(\d+)/.exec(server.logged())?.[1];
      server.url = `http://127.0.0.1:${port}`;
      proxy.add(server);
    },
  });
});
afterAll(async () => {
  await place?.remove();
  await proxy?.close();
  await redis?.close();
});

it(`F10 not one request fails while servers are restarted ${RESTARTS} times by SIGTERM`, {
  timeout: 60_000 + RESTARTS * 30_000,
}, async () => {
  const scenario = 'F10 SIGTERM behind a proxy';
  const crowd = startCrowd(place, scenario, {
    visitors: 12,
    address: () => proxy.url,
    publicUrl: proxy.url,
  });
  for (let time = 0; time < RESTARTS; time++) {
    await until(() => proxy.ready() === 2 || undefined, { timeoutMs: 20_000, what: 'two ready servers' });
    await sleep(300);
    const leaver = place.servers[time % 2] as RunningServer;
    const began = performance.now();
    leaver.child.kill('SIGTERM');
    expect(await exitOf(leaver.child)).toBe(0);
    expect(performance.now() - began).toBeLessThan(13_000);
    await place.start(time % 2);
  }
  await until(() => proxy.ready() === 2 || undefined, { timeoutMs: 20_000, what: 'two ready servers' });
  await sleep(300);
  await crowd.leave();
  await reckon(place, [scenario]);
  expect(bookOf(scenario).refused).toBe(0);
});
