import { defineConfig } from 'vitest/config';

/** The tests that need the program `helm`, which a machine for Node.js need not have: `npm run test:helm`. */
export default defineConfig({
  test: { include: ['helm/templates/**/*.test.ts'], pool: 'forks', maxWorkers: 2, testTimeout: 30_000 },
});
