import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ROOT } from './fixtures/serving/photos.ts';

const COMMAND = fileURLToPath(new URL('dist/cli/main.js', ROOT));

it('ends with the shell that npx puts before it', async () => {
  // As `npm exec` does it: a shell that waits for the command, and dies of npm's SIGTERM alone.
  const shell = spawn('sh', ['-c', `'${process.execPath}' '${COMMAND}' serve --port 0; true`], {
    cwd: fileURLToPath(ROOT),
    env: { ...process.env, npm_command: 'exec' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let log = '';
  shell.stdout.on('data', (chunk) => {
    log += chunk;
  });
  const ended = new Promise((resolve) => shell.stdout.once('close', resolve));
  await expect.poll(() => log, { timeout: 60_000 }).toContain('"ready at');
  const children = await readFile(`/proc/${shell.pid}/task/${shell.pid}/children`, 'utf8');
  expect(children.trim()).not.toBe('');
  shell.kill('SIGTERM');
  // The pipe of the log closes when the server has ended, and not before.
  await ended;
  expect(log).toContain('"closed"');
});
