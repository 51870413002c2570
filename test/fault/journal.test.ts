/**
 * F08. The server is killed while it writes its journal, while Postgres is away, and while it drains it: nothing that
 * was acknowledged is lost, nothing is there twice. What a crash tore is cut, kept aside and told, and never fatal.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/processes.js';
import { between, ROUNDS, sleep } from './harness/chance.js';
import { connectCaller, startCrowd } from './harness/crowd.js';
import { type OnPostgres, onPostgres, untilReady } from './harness/installation.js';
import { reckon } from './harness/reckoning.js';

const TIMES = ROUNDS > 10 ? 15 : 1;

let place: OnPostgres;
beforeAll(async () => {
  place = await onPostgres();
});
afterAll(() => place.remove());

const journalFolder = () => join(place.servers[0]?.dataDir ?? '', 'journal');
const journals = () =>
  existsSync(journalFolder()) ? readdirSync(journalFolder()).filter((name) => name.endsWith('.journal')) : [];

it('F08 kill -9 while the journal is written, while it waits and while it is drained', {
  timeout: 60_000 + TIMES * 40_000,
}, async () => {
  const scenario = 'F08 server killed over its journal';
  for (let time = 0; time < TIMES; time++) {
    const crowd = startCrowd(place, scenario, { visitors: 12, mayBreak: true });
    await sleep(between(300, 600));
    await place.postgres.kill('SIGQUIT');
    await sleep(between(200, 1000));
    expect(journals()).toHaveLength(1);
    await place.kill();

    // Postgres is away, and callers are connected by what the last process knew.
    await place.start();
    for (const number of place.pool.slice(0, 3)) {
      const { isConnected, ms } = await connectCaller(place, scenario, number);
      expect([isConnected, ms < 1000]).toEqual([true, true]);
    }
    await sleep(between(0, 300));
    expect(journals().length).toBeGreaterThanOrEqual(2);
    await place.kill();

    await place.postgres.start();
    // Some of it is drained, some is not; or all is.
    const starting = place.start();
    await sleep(between(200, 1500));
    await starting;
    await place.kill();

    await place.start();
    await untilReady(place, scenario);
    await sleep(300);
    await crowd.leave();
  }
  await reckon(place, [scenario]);
  await until(() => journals().length === 0 || undefined, { what: 'an empty journal' });
});

it('F08 a torn line and rubbish at the end of the journal are cut, kept aside and told', async () => {
  const scenario = 'F08 journal torn by the crash';
  const crowd = startCrowd(place, scenario, { visitors: 12, mayBreak: true });
  await sleep(400);
  await place.postgres.kill('SIGQUIT');
  await sleep(800);
  await place.kill();
  const [name] = journals();
  const path = join(journalFolder(), name ?? '');
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  const last = lines.at(-1) ?? '';
  // What a disk may leave of a write that nobody acknowledged: blocks of it, zeros, somebody else's bytes.
  appendFileSync(path, `${last.replace('{', '[')}\n`);
  appendFileSync(
    path,
    Buffer.concat([Buffer.alloc(4096), Buffer.from([0xff, 0xfe, 0x0a, 0x0a]), Buffer.alloc(7)]),
  );
  appendFileSync(path, last.slice(0, last.length / 2));
  await place.postgres.start();
  const server = await place.start();
  await untilReady(place, scenario);
  await crowd.leave();
  expect(server.logged()).toContain('damaged lines of a journal were left out');
  const aside = readFileSync(join(journalFolder(), 'damaged.txt'), 'utf8');
  expect(aside).toContain(last.slice(0, last.length / 2));
  await reckon(place, [scenario]);
  expect(journals()).toEqual([]);
});
