import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

// The long form, of 20,000, is for people: see SECURITY.md.
it('hundreds of random connections leave nothing behind in a server', async () => {
  const args = ['bench/fuzz-connections.mjs', '--sequences', '300', '--seed', '7'];
  const { stdout } = await run(process.execPath, args, { cwd: new URL('..', import.meta.url) });
  expect(stdout).toContain('under way afterwards: 0;');
  expect(stdout).toContain('a prediction: 200');
  expect(stdout).not.toContain('FAILED');
  expect(stdout).toContain('the server ended with 0');
}, 300_000);
