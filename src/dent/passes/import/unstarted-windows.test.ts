import { describe, expect, it } from 'vitest';
import { withCompiled } from '../../../../test/fixtures/dent/compiled.ts';
import { largestDifference, startCompiler } from '../../../../test/fixtures/dent/compiler.ts';
import {
  batchNormalization,
  chain,
  images,
  modelOf,
  type Write,
  weights,
} from '../../../../test/fixtures/dent/models.ts';

const { engine, compileWith } = startCompiler();

/** Windows over [N, 3, 6, 8], and how many there are. */
const POOLS = [
  { strides: [3, 1], kernel: [1, 2], height: 2, width: 7 },
  { strides: [3, 3], kernel: [1, 1], height: 2, width: 3 },
  // Down a window begins behind the image, across the last one hangs over.
  { strides: [3, 2], kernel: [1, 3], height: 2, width: 4 },
  { strides: [2, 3], kernel: [2, 2], pads: [1, 0, 1, 1], height: 4, width: 3 },
] as const;

describe.each(['MaxPool', 'AveragePool'])('%s with ceil_mode', (opType) => {
  it.each(POOLS)('has as many windows in the graph as when it runs: %j', async (pool) => {
    const { strides, kernel, height, width } = pool;
    const pads = 'pads' in pool ? pool.pads : [0, 0, 0, 0];
    // What a window hangs over, written as pads.
    const over = [
      (height - 1) * strides[0] + kernel[0] - 6 - pads[0],
      (width - 1) * strides[1] + kernel[1] - 8 - pads[1],
    ].map((needed, i) => Math.max(needed, pads[2 + i]!));
    const shared = { kernel_shape: [...kernel], strides: [...strides] };
    const rounded: Write = (b, x) =>
      b.op(opType, [x], { attributes: { ...shared, pads: [...pads], ceil_mode: 1 } });
    const explicit: Write = (b, x) =>
      b.op(opType, [x], { attributes: { ...shared, pads: [pads[0], pads[1], ...over] } });
    const end: Write = (b, x) => {
      const dense = b.op('Gemm', [b.op('Flatten', [x]), weights(b, [3 * height * width, 4], 2)]);
      return b.op('Gemm', [b.op('Relu', [batchNormalization(b, dense, 4, 'norm')]), weights(b, [4, 5], 3)]);
    };
    const [actual, expected] = await Promise.all(
      [rounded, explicit].map(async (write) => {
        const compiled = await compileWith(modelOf(chain(write, end)), { preset: 'isolated', lr: 0.1 });
        return withCompiled(engine, compiled, (artifact) => artifact.run(images(4), 2));
      }),
    );
    expect(largestDifference(actual!.logits, expected!.logits)).toBeLessThan(1e-6);
    expect(largestDifference(actual!.logits, actual!.staticLogits)).toBeGreaterThan(1e-4);
  });
});
