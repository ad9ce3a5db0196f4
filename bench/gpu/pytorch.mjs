/**
 * The time of a batch beside PyTorch on the same GPU, in runs that alternate. Both copy the rows there and
 * the logits back. PyTorch's time is that of the better of its two memory formats, and always with all steps;
 * PYTHON names its interpreter (python3 by default). `ratio` is that of the medians.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPeer } from '../pytorch-peer.mjs';
import {
  bundled,
  device,
  emit,
  median,
  noise,
  options,
  photographs,
  small,
  timed,
  withEngine,
} from './common.mjs';

const rows = small ? 4 : 128;
const steps = small ? 2 : 10;
const runs = small ? 1 : 5;
const precisions = device === 'cpu' ? ['fp32'] : ['fp16', 'tf32', 'fp32'];
const models = [{ name: 'resnet14', file: fileURLToPath(bundled), batch: photographs(rows) }];
if (options.resnet50 !== undefined) {
  models.unshift({ name: 'resnet50', file: options.resnet50, batch: noise(rows, 224) });
}
/** Our recipes, and what PyTorch does for them. */
const peers = [
  { presets: ['isolated', 'brief'], scope: 'sample', optimizer: 'adamod' },
  { presets: ['dent'], scope: 'batch', optimizer: 'adam' },
];
async function compare({ name, file, batch }, data, precision, { presets, ...peer }) {
  const theirs = await startPeer(file, { ...peer, device, precision, data, steps, rows, threads: 2 });
  try {
    await withEngine({}, async (open) => {
      const ours = [];
      for (const preset of presets) {
        ours.push({ preset, times: [], ...(await open(file, { preset }, precision)) });
      }
      const peerTimes = [];
      for (let i = -1; i < runs; i++) {
        const peerMs = 1000 * (await theirs.run());
        if (i >= 0) peerTimes.push(peerMs);
        for (const { run, times } of ours) {
          const { ms } = await timed(() => run(batch, steps));
          if (i >= 0) times.push(ms);
        }
      }
      const pytorchMs = median(peerTimes);
      for (const { preset, times } of ours) {
        const ms = median(times);
        emit({
          step: 'pytorch',
          model: name,
          preset,
          precision,
          rows,
          steps,
          ms,
          pytorchMs,
          ratio: ms / pytorchMs,
        });
      }
    });
  } finally {
    theirs.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'dent-pytorch-'));
const data = join(folder, 'rows.f32');
try {
  for (const model of models) {
    writeFileSync(data, model.batch.data);
    for (const precision of precisions) for (const peer of peers) await compare(model, data, precision, peer);
  }
} finally {
  rmSync(folder, { recursive: true });
}
