import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../test/fixtures/redis/redis-server.ts';
import { photo, ROOT } from '../../test/fixtures/serving/photos.ts';
import { postImage } from '../../test/fixtures/serving/processes.ts';

/** Starts `dent` with a standard output that has no room for a single byte. */
function startDent(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
  });
  const ended = Promise.all([once(child, 'exit'), text(child.stderr!)]);
  return { child, ended: ended.then(([[code], stderr]) => ({ code, stderr })) };
}

it('a result that has no room is an error in one line', async () => {
  const { ended } = startDent(['inspect', 'models/cifar10-resnet14/1/model.onnx']);
  expect(await ended).toEqual({
    code: 1,
    stderr: 'dent: the output: it cannot be written, the disk is full.\n',
  });
});

it('a log that has no room says so once, and the server serves', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dent-full-'));
  const port = await freePort();
  const { child, ended } = startDent(['serve', '--port', `${port}`, '--threads', '1'], {
    DENT_CACHE_DIR: folder,
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true });
  });
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/v2/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady()) && child.exitCode === null) await pause(50);
  for (let i = 0; i < 3; i++) expect((await postImage({ url }, photo)).status).toBe(200);
  child.kill('SIGINT');
  expect(await ended).toEqual({
    code: 0,
    stderr: 'dent: the log: it cannot be written, the disk is full.\n',
  });
});
