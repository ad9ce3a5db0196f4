import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runDent, startDent } from '../../test/fixtures/cli/run-dent.ts';
import { createRecipe } from '../dent/index.ts';

const MODEL = 'models/cifar10-resnet14/1/model.onnx';

let temporary: string;
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'bench-'));
});
afterEach(() => rm(temporary, { recursive: true }));

/** The files left in the folder for temporary files. ONNX Runtime leaves notes of its own there. */
const ownTraces = async (): Promise<string[]> =>
  (await readdir(temporary)).filter((name) => name.startsWith('dent-'));

it('measures each step count against none', async () => {
  const { stdout, stderr, code } = await runDent(
    [
      ...['bench', MODEL, '--batch-size', '4', '--steps', '6,2', '--repeats', '2', '--threads', '1'],
      '--json',
    ],
    { TMPDIR: temporary },
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const { steps: _, ...recipe } = createRecipe({ preset: 'isolated' });
  const { rows, ...facts } = JSON.parse(stdout);
  expect(facts).toEqual({ model: MODEL, device: 'cpu', threads: 1, batchSize: 4, recipe });
  expect(rows.map(({ steps }: { steps: number }) => steps)).toEqual([0, 2, 6]);
  for (const { seconds, multiple, imagesPerSecond } of rows) {
    expect(multiple).toBeCloseTo(seconds / rows[0].seconds, 6);
    expect(imagesPerSecond).toBeCloseTo(4 / seconds, 6);
  }
  expect(rows[1].multiple).toBeGreaterThan(1);
  expect(rows[2].multiple).toBeGreaterThan(rows[1].multiple);
  expect(await ownTraces()).toEqual([]);
});

it('prints a table', async () => {
  const options = [
    '--batch-size',
    '2',
    '--steps',
    '0',
    '--repeats',
    '1',
    '--threads',
    '1',
    '--recipe',
    'static',
  ];
  const { stdout } = await runDent(['bench', MODEL, ...options]);
  const [title, empty, heading, row, ...rest] = stdout.trimEnd().split('\n');
  expect(title).toBe(`${MODEL} on cpu, threads 1, batch size 2, recipe static, median of 1`);
  expect(empty).toBe('');
  expect(heading).toMatch(/^steps +seconds +multiple +images\/s$/);
  expect(row).toMatch(/^0 +[\d.e-]+ +1\.0 +[\d.]+$/);
  expect(rest).toEqual([]);
});

it.each([
  [
    ['--steps', '1,x'],
    "option '--steps <list>' argument '1,x' is invalid. It must be whole numbers from 0 to 1000",
  ],
  [['--recipe', 'dent+', '--batch-size', '7'], '--batch-size 7 is too small for the recipe'],
])('takes %j for wrong usage', async (options, message) => {
  const { stderr, code } = await runDent(['bench', MODEL, ...options]);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd()).not.toContain('\n');
  expect(code).toBe(2);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await condition()) return;
    await pause(50);
  }
  throw new Error('It did not come about within ten seconds.');
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('ends at once on %s, with its children and without a trace', async (signal, exit) => {
  const options = ['--steps', '1000', '--repeats', '1', '--recipe', 'dent', '--batch-size', '32'];
  const { process: dent, ended } = startDent(['bench', MODEL, ...options], { TMPDIR: temporary });
  const graphs = async (): Promise<number> =>
    (await readdir(temporary, { recursive: true })).filter((name) => name.endsWith('.onnx')).length;
  await until(async () => (await graphs()) === 2);
  // By then it warms up, or is in the run of a thousand steps.
  await pause(500);
  const children = (await readFile(`/proc/${dent.pid}/task/${dent.pid}/children`, 'utf8')).trim().split(' ');
  expect(children.length).toBeGreaterThan(0);
  const began = performance.now();
  // As under npx, which passes on a signal that the terminal has already sent.
  dent.kill(signal);
  dent.kill(signal);
  const { stdout, stderr, code } = await ended;
  // A thousand steps take minutes.
  expect(performance.now() - began).toBeLessThan(60_000);
  expect({ stdout, stderr, code }).toEqual({ stdout: '', stderr: '', code: exit });
  expect(children.map(Number).filter(isAlive)).toEqual([]);
  expect(await ownTraces()).toEqual([]);
});
