import { defineConfig } from 'vitest/config';

/** Each project answers one question; `scripts/test.ts` runs them all. */
const project = (name: string, more: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], environment: 'node', ...more },
});

const slow = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    // Tests of servers mostly wait; Vitest's own choice on two cores would be one at a time.
    maxWorkers: 2,
    projects: [
      project('unit'),
      project('contract'),
      project('integration', slow),
      // One after another: each has a browser or a crowd of its own, and there are two cores.
      project('e2e', { ...slow, fileParallelism: false }),
      project('fault', { testTimeout: 600_000, hookTimeout: 60_000, fileParallelism: false }),
    ],
  },
});
