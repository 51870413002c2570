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
    (job) => failed.push(job),
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
