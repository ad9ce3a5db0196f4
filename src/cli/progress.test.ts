import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../test/fixtures/serving/photos.ts';

const run = promisify(execFile);

/** The output on stderr of a program that works for three and a half seconds. */
const program = (work: string): string => `
  import { setTimeout as pause } from 'node:timers/promises';
  import { createProgress, createWorkProgress, timed } from './dist/cli/progress.js';
  ${work}`;
const COUNTED = `
  const progress = createProgress(4, 'rows');
  for (let done = 1; done <= 3; done++) { await pause(1200); progress.update(done); }
  progress.stop();`;
const TIMED = `await timed('compiling model.onnx', () => pause(3600));`;

const KINDS = `
  const progress = createWorkProgress();
  progress.update('a recipe with a long name, accuracy against iterations', 0.5, 400);
  await pause(2600);
  progress.stop();`;

const NODE = [process.execPath, '--input-type=module', '--eval'] as const;

/** Its output on a terminal, which `script` emulates. */
async function onTerminal(work: string): Promise<string> {
  const command = [...NODE, program(work)].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const { stdout } = await run('script', ['-qec', `stty cols 80; ${command}`, '/dev/null'], { cwd: ROOT });
  return stdout;
}

describe('on a terminal', () => {
  it('work that can be counted has a bar that says how long it will take', async () => {
    expect(await onTerminal(COUNTED)).toMatch(/3 of 4 rows, about \d s left/);
  });

  it('work of several kinds says how long it will take, however long the name of what is being done', async () => {
    expect(await onTerminal(KINDS)).toContain('50 %, about 7 min left: a recipe');
  });

  it('other work has what it is, and how long it has been at it', async () => {
    expect(await onTerminal(TIMED)).toMatch(/compiling model\.onnx, [23] s/);
  });
});

it.each([COUNTED, KINDS, TIMED])('elsewhere nothing is written', async (work) => {
  const [node, ...args] = NODE;
  expect(await run(node, [...args, program(work)], { cwd: ROOT })).toEqual({ stdout: '', stderr: '' });
});
