import { defineConfig } from 'vitest/config';

/**
 * The tests that need the programs `promtool` and `prometheus`, which not every machine has: `npm run
 * test:prometheus`.
 */
export default defineConfig({
  test: {
    include: ['observability/prometheus/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The tests of .ci/run that run beside these keep theirs in the same file.
    cache: false,
  },
});
