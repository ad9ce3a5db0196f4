/**
 * Compares dent-serve with PyTorch in adapting a batch, and with plain ONNX Runtime in predicting one. The
 * runs alternate, so that both see the same machine.
 *
 *   npm run build && node bench/against-pytorch.mjs [--model M.onnx] [--steps 10] [--rows 128] [--threads 2]
 *   [--runs 7]
 *
 * PYTHON names an interpreter with torch and onnx (python3 by default). PyTorch's time is that of the better
 * of its two memory formats in each run. Prints the median of the ratios and of the seconds.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { compile, createRecipe, cutting } from '../dist/dent/index.js';
import { createAdaptation, createEngine } from '../dist/engine/index.js';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'models/cifar10-resnet14/1/model.onnx' },
    steps: { type: 'string', default: '10' },
    rows: { type: 'string', default: '128' },
    threads: { type: 'string', default: '2' },
    runs: { type: 'string', default: '7' },
  },
});
const [steps, rows, threads, runs] = ['steps', 'rows', 'threads', 'runs'].map((name) => Number(values[name]));
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Starts the Python peer; `run` asks it for one measurement. */
async function startPeer(scope, optimizer) {
  const args = ['bench/pytorch_peer.py', values.model, '--scope', scope, '--optimizer', optimizer];
  for (const name of ['steps', 'rows', 'threads']) args.push(`--${name}`, values[name]);
  const child = spawn(process.env.PYTHON ?? 'python3', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== 'ready') throw new Error('The PyTorch peer did not start.');
  return {
    async run() {
      child.stdin.write('\n');
      const { done, value } = await lines.next();
      if (done) throw new Error('The PyTorch peer ended: it says above why.');
      return Number(value);
    },
    close: () => child.stdin.end(),
  };
}

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
 * `openPeer` gets the compiled model; its `run` takes a batch and resolves with the seconds that the peer
 * took.
 */
async function measure(recipe, openPeer, peerName) {
  const { preset } = recipe;
  const full = createRecipe(recipe);
  const compiled = await compile(await readFile(values.model), full, engine, { inPasses: true });
  const { bytes, input, output, imageShape } = compiled;
  const path = join(folder, `${preset}.onnx`);
  await writeFile(path, bytes);
  const artifact = await createAdaptation(engine).load({
    name: preset,
    path,
    input,
    output,
    ...cutting(full, compiled),
  });
  const dims = [rows, ...imageShape];
  const size = dims.reduce((a, b) => a * b, 1);
  const batch = { type: 'float32', dims, data: Float32Array.from({ length: size }, () => Math.random()) };
  const peer = await openPeer(compiled);
  const ours = [];
  const theirs = [];
  // A prediction alone is short, so chance weighs more.
  const repeats = full.steps === 0 ? 6 * runs : runs;
  for (let run = 0; run <= repeats; run++) {
    // Threads of the peer spin for a while after its run.
    await pause(100);
    const start = performance.now();
    await artifact.run(batch, full.steps);
    const seconds = (performance.now() - start) / 1000;
    const peerSeconds = await peer.run(batch);
    // The first run of each warms up.
    if (run > 0) {
      ours.push(seconds);
      theirs.push(peerSeconds);
    }
  }
  await peer.close();
  await artifact.release();
  const ratios = ours.map((seconds, run) => seconds / theirs[run]);
  console.log(
    `${preset.padEnd(9)} dent-serve ${median(ours).toFixed(3)} s, ${peerName} ${median(theirs).toFixed(3)} s, ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  );
}

const engine = createEngine({ device: 'cpu', threads, runTimeoutMs: 600_000 });
const folder = await mkdtemp(join(tmpdir(), 'dent-bench-'));
try {
  console.log(`${values.model}, ${rows} rows, ${steps} steps, ${threads} threads, ${runs} alternating runs`);
  await measure({ preset: 'static' }, openSource, 'ONNX Runtime');
  await measure({ preset: 'isolated', steps }, () => startPeer('sample', 'adamod'), 'PyTorch');
  await measure({ preset: 'dent', steps }, () => startPeer('batch', 'adam'), 'PyTorch');
} finally {
  await engine.close();
  await rm(folder, { recursive: true });
}
