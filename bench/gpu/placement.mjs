/**
 * Where ONNX Runtime runs the nodes of a graph: for each provider and operator how many times they ran and
 * for how long, by its own profile of one run. On a GPU, nodes of CPUExecutionProvider and copies (Memcpy)
 * cost more than they compute.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { bundled, compile, createRecipe, device, emit, photographs, small, withEngine } from './common.mjs';

const rows = small ? 8 : 128;

/** [provider, operator] of each run of a node, and its microseconds. */
async function profile(bytes, input, isPadded) {
  const folder = mkdtempSync(join(tmpdir(), 'dent-profile-'));
  const session = await InferenceSession.create(bytes, {
    executionProviders: [device],
    enableProfiling: true,
    profileFilePrefix: join(folder, 'run'),
  });
  const { dims, data } = photographs(rows);
  const scalar = (value) => new Tensor('int64', BigInt64Array.of(BigInt(value)), []);
  const feeds = { [input]: new Tensor('float32', data, dims), steps: scalar(small ? 1 : 6) };
  await session.run({ ...feeds, ...(isPadded && { valid_rows: scalar(rows) }) });
  session.endProfiling();
  await session.release();
  const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]), 'utf8'));
  rmSync(folder, { recursive: true });
  return events.filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'));
}

for (const preset of small ? ['brief'] : ['static', 'norm', 'dent', 'dent+', 'isolated', 'brief']) {
  const { bytes, input } = await withEngine({}, (_, engine) =>
    compile(readFileSync(bundled), createRecipe({ preset }), engine, { target: device, isPadded: true }),
  );
  const totals = new Map();
  for (const { args, dur } of await profile(bytes, input, true)) {
    const key = `${args.provider} ${args.op_name}`;
    const { runs, us } = totals.get(key) ?? { runs: 0, us: 0 };
    totals.set(key, { runs: runs + 1, us: us + dur });
  }
  for (const [key, { runs, us }] of [...totals].sort(([, a], [, b]) => b.us - a.us)) {
    const [provider, operator] = key.split(' ');
    emit({ step: 'placement', preset, provider, operator, runs, us });
  }
}
