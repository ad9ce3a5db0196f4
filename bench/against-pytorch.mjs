/**
 * Compares dent-serve with PyTorch in adapting a batch, and with plain ONNX Runtime in predicting one. The
 * runs alternate, so that both see the same machine.
 *
 *   npm run build && node bench/against-pytorch.mjs [--model M.onnx] [--steps 10] [--rows 128] [--threads 2]
 *   [--runs 7] [--data DIR]
 *
 * With --data the rows are images of a folder and of the folders in it, another batch in each run, prepared
 * as the manifest beside the model says. What is measured then is "brief", whose rows stop by themselves,
 * beside "isolated", and both beside PyTorch with all steps for every row.
 *
 * PYTHON names an interpreter with torch and onnx (python3 by default). PyTorch's time is that of the better
 * of its two memory formats in each run. Prints the medians of the ratios and of the seconds, and the ratio
 * of the sums.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { listImages, readImages } from '../dist/cli/image-folder.js';
import { compile, createRecipe, cutting } from '../dist/dent/index.js';
import { createAdaptation, createEngine } from '../dist/engine/index.js';
import { farCacheHere, parseManifest } from '../dist/models/index.js';
import { startPeer } from './pytorch-peer.mjs';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'models/cifar10-resnet14/1/model.onnx' },
    steps: { type: 'string', default: '10' },
    rows: { type: 'string', default: '128' },
    threads: { type: 'string', default: '2' },
    runs: { type: 'string', default: '7' },
    data: { type: 'string' },
  },
});
const [steps, rows, threads, runs] = ['steps', 'rows', 'threads', 'runs'].map((name) => Number(values[name]));
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const pytorchFor = (scope, optimizer) =>
  startPeer(values.model, {
    scope,
    optimizer,
    steps,
    rows,
    threads,
    ...(values.data && { data: join(folder, 'rows.f32') }),
  });

/** Runs of ONNX Runtime on the model as it is, with all threads and its own defaults. */
async function openSource({ input, output }) {
  const session = await InferenceSession.create(values.model, { intraOpNumThreads: threads });
  return {
    async run({ type, data, dims }) {
      const start = performance.now();
      await session.run({ [input]: new Tensor(type, data, dims) }, [output]);
      return (performance.now() - start) / 1000;
    },
    close: () => session.release(),
  };
}

/**
 * Images of the folder in the model's units, as many whole batches as there are, at most one for each run.
 */
async function readBatches() {
  const manifest = join(dirname(values.model), '..', 'model.json');
  const { input } = parseManifest(await readFile(manifest, 'utf8'), manifest);
  const files = await listImages(values.data);
  const count = Math.min(runs, Math.floor(files.length / rows));
  if (count < 1) throw new Error(`${values.data} has ${files.length} images, fewer than a batch of ${rows}.`);
  const { type, dims, data } = await readImages(files.slice(0, count * rows), input, 1e8);
  await writeFile(join(folder, 'rows.f32'), data);
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => ({
    type,
    dims: [rows, ...dims.slice(1)],
    data: data.subarray(i * size, (i + 1) * size),
  }));
}

function randomBatch(imageShape) {
  const dims = [rows, ...imageShape];
  const size = dims.reduce((a, b) => a * b, 1);
  return { type: 'float32', dims, data: Float32Array.from({ length: size }, () => Math.random()) };
}

/** The engine with a graph of the recipe. */
async function openArtifact(recipe) {
  const full = createRecipe(recipe);
  const compiled = await compile(await readFile(values.model), full, engine, {
    inPasses: true,
    farCache: farCacheHere(),
  });
  const { bytes, input, output, imageShape } = compiled;
  const path = join(folder, `${recipe.preset}.onnx`);
  await writeFile(path, bytes);
  const cut = cutting(full, compiled);
  const artifact = await createAdaptation(engine).load({ name: recipe.preset, path, input, output, ...cut });
  return {
    input,
    output,
    imageShape,
    async run(batch) {
      const start = performance.now();
      await artifact.run(batch, full.steps);
      return (performance.now() - start) / 1000;
    },
    close: () => artifact.release(),
  };
}

/**
 * `openPeer` gets the names of the compiled graph's input and output; its `run` takes a batch and resolves
 * with the seconds that the peer took.
 */
async function measure(recipe, openPeer, peerName, batches) {
  const artifact = await openArtifact(recipe);
  const peer = await openPeer(artifact);
  const inTurn = batches ?? [randomBatch(artifact.imageShape)];
  const ours = [];
  const theirs = [];
  // A prediction alone is short, so chance weighs more.
  const repeats = recipe.preset === 'static' ? 6 * runs : runs;
  for (let run = 0; run <= repeats; run++) {
    // Threads of the peer spin for a while after its run.
    await pause(100);
    const batch = inTurn[run % inTurn.length];
    const seconds = await artifact.run(batch);
    const peerSeconds = await peer.run(batch);
    // The first run of each warms up.
    if (run > 0) {
      ours.push(seconds);
      theirs.push(peerSeconds);
    }
  }
  await peer.close();
  await artifact.close();
  const ratios = ours.map((seconds, run) => seconds / theirs[run]);
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  console.log(
    `${recipe.preset.padEnd(9)} dent-serve ${median(ours).toFixed(3)} s, ${peerName} ${median(theirs).toFixed(3)} s, ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}), of all runs together ${(sum(ours) / sum(theirs)).toFixed(3)}`,
  );
}

const engine = createEngine({ device: 'cpu', threads, runTimeoutMs: 600_000 });
const folder = await mkdtemp(join(tmpdir(), 'dent-bench-'));
try {
  console.log(`${values.model}, ${rows} rows, ${steps} steps, ${threads} threads, ${runs} alternating runs`);
  const isolated = { preset: 'isolated', steps };
  const pytorch = () => pytorchFor('sample', 'adamod');
  if (values.data) {
    const batches = await readBatches();
    const brief = { preset: 'brief', steps };
    await measure(brief, () => openArtifact(isolated), 'isolated', batches);
    await measure(brief, pytorch, 'PyTorch', batches);
    await measure(isolated, pytorch, 'PyTorch', batches);
  } else {
    await measure({ preset: 'static' }, openSource, 'ONNX Runtime');
    await measure(isolated, pytorch, 'PyTorch');
    await measure({ preset: 'dent', steps }, () => pytorchFor('batch', 'adam'), 'PyTorch');
  }
} finally {
  await engine.close();
  await rm(folder, { recursive: true });
}
