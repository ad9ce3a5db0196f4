import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const ofServers = ({ moduleId }: TestSpecification): boolean =>
  moduleId.startsWith(`${import.meta.dirname}/test/`);

/**
 * Tests of whole servers take the longest, however short their files are: they begin first, so that none is
 * left alone at the end.
 */
class ServersFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(ofServers), ...sorted.filter((file) => !ofServers(file))];
  }
}

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
    sequence: { sequencer: ServersFirst },
    // Most files start native sessions or servers, and wait for them at times: three keep two cores busy.
    maxWorkers: 3,
    // Far beyond the time of any test, because a slow, busy machine is no failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
