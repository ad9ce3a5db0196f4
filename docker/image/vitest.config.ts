import { defineConfig } from 'vitest/config';

/** The tests that need root and `buildah`, which not every machine has: `npm run test:image`. */
export default defineConfig({
  test: {
    include: ['docker/image/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    // Installs the project's packages twice.
    hookTimeout: 900_000,
    // The tests of .ci/run that run beside these keep theirs in the same file.
    cache: false,
  },
});
