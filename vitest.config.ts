import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'src/**/*.test.ts',
      'test/**/*.test.ts',
      'helm/*.test.ts',
      'docker/*.test.ts',
      'observability/*.test.ts',
      'clients/typescript/*.test.ts',
    ],
    setupFiles: ['test/fixtures/patience.ts'],
    pool: 'forks',
    // Most files start native sessions or servers; two cores serve two of them at a time.
    maxWorkers: 2,
    // Far beyond the time of any test, because a slow, busy machine is no failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
