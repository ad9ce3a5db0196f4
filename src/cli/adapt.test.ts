import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runDent } from '../../test/fixtures/cli/run-dent.ts';
import { compile, createRecipe, isSplittable, PRESETS, type Recipe } from '../dent/index.ts';
import { type AdaptedRows, createAdaptation, createEngine, type Engine } from '../engine/index.ts';
import { elementCount, float32, rows, type Tensor } from '../tensor.ts';
import { encodeNpy, openNpy } from './npy.ts';

const MODEL = 'models/cifar10-resnet14/1/model.onnx';

let folder: string;
let temporary: string;
let engine: Engine;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adapt-'));
  temporary = join(folder, 'tmp');
  await mkdir(temporary);
  engine = createEngine({ device: 'cpu', threads: 2, runTimeoutMs: 60_000 });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** The files left in the folder for temporary files. ONNX Runtime leaves notes of its own there. */
const ownTraces = async (): Promise<string[]> =>
  (await readdir(temporary)).filter((name) => name.startsWith('dent-'));

/** Images of soft waves, all different. With noise the model would have nothing to be unsure about. */
function images(count: number): Tensor<'float32'> {
  const dims = [count, 3, 32, 32];
  const pixel = (_: unknown, i: number): number => {
    const [row, channel, y, x] = [
      Math.floor(i / 3072),
      Math.floor(i / 1024) % 3,
      Math.floor(i / 32) % 32,
      i % 32,
    ];
    return 0.5 + 0.5 * Math.sin((x * (row + 2)) / 20 + (y * (channel + 1)) / (row + 3));
  };
  return float32(dims, Float32Array.from({ length: elementCount(dims) }, pixel));
}

async function save(name: string, tensor: Tensor<'float32'>): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, encodeNpy(tensor));
  return path;
}

async function load(path: string): Promise<Tensor<'float32'>> {
  const file = await openNpy(path);
  const tensor = await file.readRows(0, file.shape[0]!);
  await file.close();
  return tensor;
}

/** The engine's answer for one batch under `recipe`. */
async function expected(recipe: Recipe, batch: Tensor<'float32'>): Promise<AdaptedRows> {
  const { bytes, input, output, rowsPerPart } = await compile(await readFile(MODEL), recipe, engine);
  const path = join(folder, 'expected.onnx');
  await writeFile(path, bytes);
  const artifact = { name: 'expected', path, input, output, ...(isSplittable(recipe) && { rowsPerPart }) };
  const loaded = await createAdaptation(engine).load(artifact);
  const answer = await loaded.run(batch, recipe.steps);
  await loaded.release();
  return answer;
}

async function adapt(input: string, ...options: string[]) {
  const [output, entropy] = [join(folder, 'y.npy'), join(folder, 'e.npy')];
  const args = ['adapt', MODEL, '--input', input, '--output', output, '--entropy', entropy, ...options];
  const { stdout, stderr, code } = await runDent([...args, '--json'], { TMPDIR: temporary });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return { summary: JSON.parse(stdout), logits: await load(output), entropy: await load(entropy) };
}

function expectClose(actual: Float32Array, wanted: Float32Array): void {
  expect(actual.length).toBe(wanted.length);
  expect(Math.max(...actual.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-3);
}

/** Columns `from` to `to` of [lines, N], line by line. */
function columns({ dims, data }: Tensor<'float32'>, from: number, to: number): Float32Array {
  const [lines, width] = dims as [number, number];
  const parts = Array.from({ length: lines }, (_, i) => data.subarray(i * width + from, i * width + to));
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

it('adapts batch by batch, each as the compiled graph does', async () => {
  const x = images(20);
  const { summary, logits, entropy } = await adapt(
    await save('x.npy', x),
    ...['--recipe', 'dent', '--steps', '2', '--batch-size', '12', '--threads', '1'],
  );
  const recipe = createRecipe({ preset: 'dent', steps: 2 });
  const [first, last] = [await expected(recipe, rows(x, 0, 12)), await expected(recipe, rows(x, 12, 20))];
  expect(logits.dims).toEqual([20, 10]);
  expectClose(rows(logits, 0, 12).data, first.logits.data);
  expectClose(rows(logits, 12, 20).data, last.logits.data);
  expect(entropy.dims).toEqual([3, 20]);
  expectClose(columns(entropy, 0, 12), first.entropy.data);
  expectClose(columns(entropy, 12, 20), last.entropy.data);
  const wholeBatch = await expected(recipe, x);
  expect(() => expectClose(logits.data, wholeBatch.logits.data)).toThrow();
  expect(summary).toEqual({
    ...{ model: MODEL, rows: 20, classes: 10, batches: 2, recipe, fallbacks: [] },
    seconds: expect.any(Number),
    entropyBefore: expect.closeTo(mean(columns(entropy, 0, 20).slice(0, 20)), 4),
    entropyAfter: expect.closeTo(mean(entropy.data.slice(40)), 4),
    labelChanges: expect.any(Number),
    ...{ meanSteps: 2, rowsSkipped: 0, rowsStopped: 0 },
  });
  expect(await ownTraces()).toEqual([]);
});

it('adapts each row alone where no recipe is named', async () => {
  const x = images(5);
  const { summary, logits } = await adapt(await save('x.npy', x), '--batch-size', '3');
  expect(summary).toMatchObject({ recipe: PRESETS.isolated, batches: 2, fallbacks: [] });
  const { logits: wanted, staticLogits } = await expected(PRESETS.isolated, x);
  expectClose(logits.data, wanted.data);
  const top = ({ data }: Tensor<'float32'>, row: number): number => {
    const own = data.subarray(row * 10, row * 10 + 10);
    return own.indexOf(Math.max(...own));
  };
  const changed = [0, 1, 2, 3, 4].filter((row) => top(logits, row) !== top(staticLogits, row));
  expect(summary.labelChanges).toBe(changed.length);
});

it('counts what rows that stop by themselves have made', async () => {
  const x = images(12);
  const { summary, entropy } = await adapt(await save('x.npy', x), '--recipe', 'brief', '--batch-size', '5');
  const nats = Math.log(10);
  const traces = Array.from({ length: 12 }, (_, row) => columns(entropy, row, row + 1));
  const made = traces.map((trace) => {
    if (trace[0]! < 0.4 * nats) return 0;
    const sure = trace.findIndex((value) => value < 0.2 * nats);
    return sure === -1 ? 6 : sure;
  });
  expect(summary.meanSteps).toBeCloseTo(made.reduce((sum, steps) => sum + steps, 0) / 12, 9);
  expect(summary.rowsSkipped).toBe(made.filter((steps) => steps === 0).length);
  expect(summary.rowsStopped).toBe(made.filter((steps) => steps > 0 && steps < 6).length);
  expect(summary.rowsSkipped + summary.rowsStopped).toBeGreaterThan(0);
});

it('treats a last batch that is too small as the recipe says', async () => {
  const x = images(13);
  const path = await save('x.npy', x);
  const options = ['--recipe', 'dent+', '--steps', '2', '--batch-size', '8'];
  const { summary, logits, entropy } = await adapt(path, ...options);
  expect(summary.fallbacks).toEqual([{ batch: 1, rows: 5, applied: 'isolated', reason: 'small_batch' }]);
  const full = await expected(createRecipe({ preset: 'dent+', steps: 2 }), rows(x, 0, 8));
  const small = await expected(PRESETS.isolated, rows(x, 8, 13));
  expectClose(rows(logits, 0, 8).data, full.logits.data);
  expectClose(rows(logits, 8, 13).data, small.logits.data);
  // The last rows took six steps. The lines show the first two and the end.
  expect(entropy.dims).toEqual([3, 13]);
  expectClose(columns(entropy, 0, 8), full.entropy.data);
  const [start, end] = [small.entropy.data.slice(0, 10), small.entropy.data.slice(30)];
  expectClose(columns(entropy, 8, 13), Float32Array.of(...start, ...end));

  const asIs = await adapt(path, ...options, '--small', 'static');
  expect(asIs.summary.fallbacks).toMatchObject([{ rows: 5, applied: 'static' }]);
  expectClose(rows(asIs.logits, 8, 13).data, small.staticLogits.data);
  const forced = await adapt(path, ...options, '--small', 'adapt');
  expect(forced.summary.fallbacks).toEqual([]);
});

it('answers by the model as it is where adaptation diverged, and not at all where there is no image', async () => {
  const x = images(4);
  const { staticLogits } = await expected(PRESETS.static, x);
  x.data[3072 + 7] = Number.NaN;
  const { summary, logits, entropy } = await adapt(
    await save('nan.npy', x),
    '--recipe',
    'dent',
    '--steps',
    '1',
  );
  expect(summary.fallbacks).toEqual([{ batch: 0, rows: 4, applied: 'static', reason: 'nonfinite' }]);
  for (const row of [0, 2, 3]) {
    expectClose(rows(logits, row, row + 1).data, rows(staticLogits, row, row + 1).data);
  }
  expect([...rows(logits, 1, 2).data, entropy.data[1], entropy.data[5]].every(Number.isNaN)).toBe(true);
  expect(summary.entropyAfter).toBeNull();
});

it('says in a few lines what it did', async () => {
  const input = await save('x.npy', images(4));
  const output = join(folder, 'y.npy');
  const { stdout } = await runDent([
    'adapt',
    MODEL,
    '--input',
    input,
    '--output',
    output,
    '--recipe',
    'norm',
  ]);
  const [first, second, third, ...rest] = stdout.trimEnd().split('\n');
  expect(first).toMatch(/y\.npy: logits \[4, 10\] in [\d.]+ s$/);
  expect(second).toMatch(/^mean entropy [\d.]+ → [\d.]+ nats, labels changed: \d$/);
  expect(third).toBe('4 of 4 rows got isolated: in a batch too small for the recipe');
  expect(rest).toEqual([]);
});

it.each([
  ['none.onnx', 'x.npy', 'y.npy', 1, 'none.onnx: it cannot be read, it does not exist.'],
  [
    'package.json',
    'x.npy',
    'y.npy',
    1,
    'package.json: This is not an ONNX model: its bytes do not parse. Give a file that an exporter has written (docs/exporting.md), all of it.',
  ],
  [MODEL, 'none.npy', 'y.npy', 1, 'DIR/none.npy: it cannot be read, it does not exist.'],
  [
    MODEL,
    'flat.npy',
    'y.npy',
    1,
    'DIR/flat.npy: the array has the shape [2, 3072]; images are [N, C, H, W], none of them 0.',
  ],
  [
    MODEL,
    'grey.npy',
    'y.npy',
    1,
    `DIR/grey.npy: the array has the shape [2, 1, 32, 32]; the model ${MODEL} takes [N, 3, 32, 32].`,
  ],
  [MODEL, 'x.npy', 'none/y.npy', 1, 'DIR/none/y.npy: it cannot be written, its folder does not exist.'],
  [MODEL, 'x.npy', 'e.npy', 2, '--output and --entropy name the same file'],
])('fails in one line: %s, %s, %s', async (model, input, output, exit, message) => {
  await save('x.npy', images(2));
  await save('flat.npy', float32([2, 3072], new Float32Array(6144)));
  await save('grey.npy', float32([2, 1, 32, 32], new Float32Array(2048)));
  const [from, to, entropy] = [input, output, 'e.npy'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await rm(entropy, { force: true });
  const { stdout, stderr, code } = await runDent(
    ['adapt', model, '--input', from, '--output', to, '--entropy', entropy],
    { TMPDIR: temporary },
  );
  expect(stderr).toBe(`dent: ${message.replaceAll('DIR', folder)}\n`);
  expect(stdout).toBe('');
  expect(code).toBe(exit);
  expect(await readdir(folder)).not.toContain('e.npy');
  expect(await ownTraces()).toEqual([]);
});

it.each([
  [[], "required option '--input <x.npy>' not specified"],
  [['--input', 'x', '--output', 'y', '--steps', '-1'], "option '--steps <n>' argument '-1' is invalid"],
])('takes %j for wrong usage', async (options, message) => {
  const { stderr, code } = await runDent(['adapt', MODEL, ...options]);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd()).not.toContain('\n');
  expect(code).toBe(2);
});

it('refuses bytes for a model that takes normalised floats', async () => {
  const header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3, 32, 32), }";
  const preamble = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]);
  const path = join(folder, 'bytes.npy');
  await writeFile(path, Buffer.concat([preamble, Buffer.from(header), Buffer.alloc(3072)]));
  const { code, stderr } = await runDent([
    'adapt',
    MODEL,
    '--input',
    path,
    '--output',
    join(folder, 'y.npy'),
  ]);
  expect({ code, stderr: stderr.trim() }).toEqual({
    code: 1,
    stderr: `dent: ${path}: the array holds bytes (uint8); the model ${MODEL} takes float32. Normalise the pixels as it wants them, and save them as float32.`,
  });
});

it('says nothing on stderr, however many updates there are', async () => {
  const path = await save('many.npy', images(8));
  const args = ['--input', path, '--output', join(folder, 'many-y.npy'), '--recipe', 'dent', '--steps', '12'];
  expect(await runDent(['adapt', MODEL, ...args])).toMatchObject({ stderr: '', code: 0 });
});
