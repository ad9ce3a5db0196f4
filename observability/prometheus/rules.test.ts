import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { requirePrometheus, run } from './prometheus.ts';

const RULES = fileURLToPath(new URL('../../helm/dent-serve/rules/', import.meta.url));
const UNIT_TESTS = fileURLToPath(new URL('rules.promtool.yaml', import.meta.url));

beforeAll(requirePrometheus);

it.each(['recording.yaml', 'alerts.yaml'])('promtool accepts %s', async (file) => {
  const { stdout } = await run('promtool', ['check', 'rules', `${RULES}${file}`]);
  expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
});

it('the rules do what their unit tests say', async () => {
  const { stdout } = await run('promtool', ['test', 'rules', UNIT_TESTS]).catch((error) => {
    throw new Error(error.stdout + error.stderr);
  });
  expect(stdout).toContain('SUCCESS');
});
