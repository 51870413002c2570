import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './processes.js';
import type { RunningServer } from './server.js';

/** The number behind a line of /metrics (`calltrk_x{a="b"}`); 0 while there is none. */
export async function metric(server: Pick<RunningServer, 'url'>, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

/** Resolves when the record has all that was answered: on a busy machine some of it waits in the journal for a while. */
export async function recorded(server: Pick<RunningServer, 'url'>): Promise<void> {
  await until(async () => (await metric(server, 'calltrk_journal_entries')) === 0 || undefined, {
    what: 'an empty journal',
  });
  await sleep(0);
}
