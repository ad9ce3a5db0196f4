import { defineConfig } from 'vitest/config';

/** The tests that need the program `helm`, which not every machine has: `npm run test:helm`. */
export default defineConfig({
  test: {
    include: ['helm/templates/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    // The tests of .ci/run that run beside these keep theirs in the same file.
    cache: false,
  },
});
