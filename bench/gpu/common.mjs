/** What the steps of bench/gpu share: options, images, graphs, and results as JSON lines. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = new URL('../../', import.meta.url);
const dist = new URL('dist/', root);
const { compile, createRecipe, cutting } = await import(new URL('dent/index.js', dist));
const { createAdaptation, createEngine } = await import(new URL('engine/index.js', dist));
const { listImages, readImages } = await import(new URL('cli/image-folder.js', dist));

export { compile, createRecipe };

export const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    // Few rows and steps, to try the scripts themselves.
    small: { type: 'boolean', default: false },
    // A folder of photographs for the bundled model.
    data: { type: 'string' },
    resnet50: { type: 'string' },
    // One of the models alone: resnet14 or resnet50.
    model: { type: 'string' },
  },
});
export const { device, small } = options;

/** Writes one result. */
export const emit = (result) => process.stdout.write(`${JSON.stringify({ device, small, ...result })}\n`);

export const path = (name) => new URL(name, root);
export const bundled = path('models/cifar10-resnet14/1/model.onnx');

/** A float32 array in NumPy's format, version 1. */
export function readNpy(file) {
  const bytes = readFileSync(file);
  const end = 10 + bytes.readUInt16LE(8);
  const shape = /'shape': \(([\d, ]+)\)/.exec(bytes.toString('latin1', 10, end))[1];
  const dims = shape.split(',').filter(Boolean).map(Number);
  return { type: 'float32', dims, data: new Float32Array(new Uint8Array(bytes.subarray(end)).buffer) };
}

/** The files of --data, mixed; undefined where there is no such folder. */
export const photoFiles = options.data && (await listImages(options.data));

const { input: bundledInput } = JSON.parse(readFileSync(path('models/cifar10-resnet14/model.json'), 'utf8'));
const known = photoFiles
  ? await readImages(photoFiles.slice(0, 1024), bundledInput, 1e8)
  : readNpy(path('test/golden/bundled/input.npy'));

/**
 * `count` photographs of 32 x 32: those of --data, or the eight of the golden vectors. Where there are not
 * enough they come again and again, each time a bit darker.
 */
export function photographs(count) {
  const { data } = known;
  const filled = Float32Array.from({ length: count * 3072 }, (_, i) => {
    return data[i % data.length] * 0.97 ** Math.floor(i / data.length);
  });
  return { type: 'float32', dims: [count, 3, 32, 32], data: filled };
}

/** Images of `size` x `size` without content. */
export function noise(count, size) {
  const length = count * 3 * size * size;
  return {
    type: 'float32',
    dims: [count, 3, size, size],
    data: Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898)),
  };
}

export const firstRows = ({ type, dims, data }, count) => ({
  type,
  dims: [count, ...dims.slice(1)],
  data: data.subarray(0, (data.length / dims[0]) * count),
});

export const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Milliseconds that `work` takes. */
export async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

/**
 * Does `work` with an engine and a function that opens a model under a recipe as the server does. On a CPU
 * batches are filled up only where `fillsBatches` says so.
 */
export async function withEngine(engineOptions, work) {
  const engine = createEngine({ device, threads: 2, runTimeoutMs: 600_000, ...engineOptions });
  const scratch = mkdtempSync(join(tmpdir(), 'dent-gpu-'));
  let graphs = 0;
  async function open(model, settings, precision = 'fp32') {
    const recipe = createRecipe(settings);
    const compiled = await compile(readFileSync(model), recipe, engine, {
      target: device,
      inPasses: true,
      isPadded: engine.fillsBatches,
      ...(precision === 'fp16' && { activations: precision }),
    });
    graphs += 1;
    const file = join(scratch, `${graphs}.onnx`);
    writeFileSync(file, compiled.bytes);
    const { input, output } = compiled;
    const artifact = { name: file, path: file, input, output, precision, ...cutting(recipe, compiled) };
    return { ...(await createAdaptation(engine).load(artifact)), recipe };
  }
  try {
    return await work(open, engine);
  } finally {
    await engine.close();
    rmSync(scratch, { recursive: true });
  }
}
