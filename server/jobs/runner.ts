import { setTimeout as sleep } from 'node:timers/promises';

/** Work that is done from time to time, whatever requests come. */
export interface Job {
  name: string;
  everyMs: number;
  run: () => Promise<unknown>;
}

/**
 * Runs each job now and then again after its time, one run of a job at a time. A run that fails is told to `onError`
 * and tried again at the next turn.
 */
export function startJobs(
  jobs: readonly Job[],
  onError: (job: string, error: unknown) => void,
): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const loops = jobs.map(async ({ name, everyMs, run }) => {
    while (!stopping.signal.aborted) {
      await run().catch((error) => onError(name, error));
      await pause(everyMs, stopping.signal);
    }
  });
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

/** Ends early when it is told to. An idle job must not keep the process alive. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
