import { defineConfig } from 'vitest/config';

/** Each project answers one question; `scripts/test.ts` runs them all. */
const project = (name: string, more: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], environment: 'node', ...more },
});

/** Of servers and browsers: `test/support/second-tries.ts` names those that needed theirs. */
const slow = { testTimeout: 60_000, hookTimeout: 60_000, retry: 1 };

export default defineConfig({
  test: {
    // Tests of servers and pages wait half of the time; Vitest's own choice on two cores would be one at a time.
    maxWorkers: 3,
    globalSetup: 'test/support/run.ts',
    projects: [
      // Some write files, and wait for the disk with the databases of other tests.
      project('unit', { testTimeout: 20_000 }),
      project('contract'),
      project('integration', slow),
      project('e2e', { ...slow, globalSetup: 'test/e2e/setup.ts' }),
      // One after another, when all others are done: each has a crowd that needs both cores.
      project('fault', { ...slow, testTimeout: 600_000, fileParallelism: false }),
    ],
  },
});
