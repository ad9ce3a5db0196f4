import { defineConfig } from 'vitest/config';

/**
 * The tests that need a browser, Debian's `chromium`, which a machine for Node.js need not have: `npm run
 * test:page`.
 */
export default defineConfig({
  test: {
    include: ['test/page/*.browser.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // Far beyond the time of anything that tests wait for, because a slow, busy machine is no failure.
    expect: { poll: { timeout: 60_000 } },
    // The tests of .ci/run that run beside these keep theirs in the same file.
    cache: false,
  },
});
