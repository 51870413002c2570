import { setTimeout as sleep } from 'node:timers/promises';

/** Work that is done from time to time, whatever requests come. */
export interface Job {
  name: string;
  everyMs: number;
  run: () => Promise<unknown>;
}

export interface JobOptions {
  /** The first job runs after so long … */
  firstMs: number;
  /** … and each other one so much after the one before. */
  apartMs: number;
  /** A run failed, for the so manieth time in a row. */
  onError: (job: string, error: unknown, inARow: number) => void;
}

/** What failed is tried again after so long, or at its next turn where that is sooner. */
const AGAIN_MS = 60_000;

/** Runs each job again and again, one run of a job at a time. A run that fails is told, and tried again. */
export function startJobs(
  jobs: readonly Job[],
  { firstMs, apartMs, onError }: JobOptions,
): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const loops = jobs.map(async ({ name, everyMs, run }, at) => {
    let failures = 0;
    await pause(firstMs + at * apartMs, stopping.signal);
    while (!stopping.signal.aborted) {
      try {
        await run();
        failures = 0;
      } catch (error) {
        failures++;
        onError(name, error, failures);
      }
      await pause(failures > 0 ? Math.min(everyMs, AGAIN_MS) : everyMs, stopping.signal);
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
