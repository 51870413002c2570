import { expect, test } from 'vitest';
import { startJobs } from '../../server/jobs/runner.js';
import { until } from '../support/processes.js';

test('a job runs again and again, also after a failure, and leaves nothing behind', async () => {
  const warnings: string[] = [];
  const warn = ({ name }: Error) => warnings.push(name);
  process.on('warning', warn);
  let runs = 0;
  const failed: string[] = [];
  const jobs = startJobs(
    [
      {
        name: 'often',
        everyMs: 1,
        async run() {
          runs++;
          if (runs % 2 === 0) throw new Error('for once');
        },
      },
    ],
    { firstMs: 0, apartMs: 0, onError: (job) => failed.push(job) },
  );
  await until(() => (runs > 40 ? true : undefined));
  await jobs.stop();
  const stopped = runs;
  await new Promise((done) => setTimeout(done, 20));
  process.off('warning', warn);
  expect(runs).toBe(stopped);
  expect(failed.length).toBeGreaterThanOrEqual(20);
  // Such as that an abort signal has more and more listeners.
  expect(warnings).toEqual([]);
});

test('jobs begin after the start, one after the other, and a failure is counted until a run succeeds', async () => {
  const begun = performance.now();
  const first: Record<string, number> = {};
  const failed: [string, number][] = [];
  let runs = 0;
  const jobs = startJobs(
    ['one', 'two'].map((name) => ({
      name,
      everyMs: 1,
      async run() {
        first[name] ??= performance.now() - begun;
        if (name === 'two' && ++runs !== 3 && runs < 6) throw new Error('not yet');
      },
    })),
    { firstMs: 60, apartMs: 60, onError: (job, _error, inARow) => failed.push([job, inARow]) },
  );
  await until(() => (runs > 6 ? true : undefined));
  await jobs.stop();
  // Timers may be a millisecond early.
  expect(first.one).toBeGreaterThanOrEqual(58);
  expect(first.two).toBeGreaterThanOrEqual(118);
  expect(failed).toEqual([1, 2, 1, 2].map((inARow) => ['two', inARow]));
});
