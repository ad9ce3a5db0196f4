import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Config } from '../../config.ts';
import { pauseMs } from './api-processes.ts';
import { shareOf } from './share-of.ts';

it('replaces a process at once, and one that does not live long later and later', () => {
  expect([0, 1, 2, 3, 7, 8, 100].map(pauseMs)).toEqual([0, 100, 200, 400, 6_400, 10_000, 10_000]);
});

it('tries again where a process cannot be started because no file can be opened', async () => {
  const script = fileURLToPath(
    new URL('../../../test/fixtures/processes/without-files.mjs', import.meta.url),
  );
  const limited = ['-c', 'ulimit -n 400; exec "$0" "$1"', process.execPath, script];
  const { stdout } = await promisify(execFile)('sh', limited);
  const died = 'exited with code 1';
  expect(JSON.parse(stdout)).toEqual([
    died,
    expect.stringMatching(/^could not be started \(.*EMFILE\)$/),
    died,
  ]);
});

it('divides what all requests may take together, and lets the largest upload into each process', () => {
  const config = { processes: 4, maxConnections: 4098, maxUploadBytes: 1000, maxBodyBytes: 50 } as Config;
  expect(shareOf(config)).toMatchObject({ maxConnections: 1024, maxUploadBytes: 250, maxBodyBytes: 50 });
  expect(shareOf({ ...config, maxBodyBytes: 400, maxConnections: 2 })).toMatchObject({
    maxConnections: 1,
    maxUploadBytes: 800,
  });
  expect(shareOf({ ...config, maxBodyBytes: 4000 }).maxUploadBytes).toBe(1000);
});
