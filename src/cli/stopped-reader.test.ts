import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { ask } from '../../test/fixtures/serving/ask.ts';
import { photo, ROOT } from '../../test/fixtures/serving/photos.ts';
import { linesOf, type Running, startDent } from '../../test/fixtures/serving/processes.ts';

const LINES = 20_000;
/** Writes more lines than a pipe and what may wait for it take, and one more when it is told to. */
const WRITER = `
  import { createLog } from './dist/cli/log.js';
  const log = createLog({ logLevel: 'info' });
  for (let i = 0; i < ${LINES}; i++) log.info({ i, text: 'x'.repeat(200) }, 'one of many');
  process.stderr.write('written');
  process.stdin.once('data', () => process.exit(7));
`;

/** A log that nobody reads, with all lines written. */
async function startWriter(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER], { cwd: ROOT });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stderr, 'data');
  return child;
}

it('a log whose reader stops loses whole lines, and says how many', async () => {
  const child = await startWriter();
  const log: string[] = [];
  child.stdout!.setEncoding('utf8').on('data', (piece: string) => log.push(piece));
  const lines = () => linesOf({ log });
  await expect.poll(() => lines().at(-1)?.msg).toMatch(/lines of the log are lost/);
  child.stdin!.write('end');
  expect(await once(child, 'exit')).toEqual([7, null]);
  const many = lines().filter(({ msg }) => msg === 'one of many');
  const told = lines().filter(({ level }) => level === 'warn');
  expect(told).toHaveLength(1);
  expect(many.length + Number(told[0]!.lines)).toBe(LINES);
  expect(many.map(({ i }) => i)).toEqual(many.map((_, i) => i));
});

it('a process ends though nobody reads its log, and one that reads late has the last lines', async () => {
  const [unread, late] = [await startWriter(), await startWriter()];
  for (const child of [unread, late]) child.stdin!.write('end');
  const log = await text(late.stdout!);
  expect(log.trim().split('\n').length).toBeGreaterThan(1024 ** 2 / 300);
  if (unread.exitCode === null) await once(unread, 'exit');
  expect(unread.exitCode).toBe(7);
});

it.each([['one process'], ['several processes', '--processes', '2']])(
  'a server serves and closes while nobody reads its log: %s',
  async (_name, ...options) => {
    const folder = await mkdtemp(join(tmpdir(), 'dent-unread-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const server: Running = await startDent(['serve', '--threads', '1', ...options], {
      DENT_CACHE_DIR: folder,
    });
    const { stdout } = server.process;
    stdout!.pause();
    // Each is refused with a line of the log. A pipe takes some hundreds of them.
    for (let i = 0; i < 40; i++) {
      const refused = Array.from({ length: 16 }, () =>
        ask(server, '/v1/predict?recipe=none', { body: photo }),
      );
      for (const { status } of await Promise.all(refused)) expect(status).toBe(400);
    }
    expect((await ask(server, '/v2/health/ready')).status).toBe(200);
    expect((await ask(server, '/v1/predict', { body: photo })).status).toBe(200);
    server.process.kill('SIGINT');
    expect(await server.exit).toBe(0);
  },
);
