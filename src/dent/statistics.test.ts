import { expect, it } from 'vitest';
import { largestDifference, startCompiler } from '../../test/fixtures/dent/compiler.ts';
import { chain, head, images, modelOf, type Write, weights } from '../../test/fixtures/dent/models.ts';
import { float32Constant, type GraphBuilder, type Value } from '../onnx/index.ts';

const { compileWith, run } = startCompiler();

const four = (b: GraphBuilder, value: number): Value =>
  b.constant(float32Constant([4], new Array<number>(4).fill(value)));

/** A normalisation whose training run saw numbers far larger than those of the images. */
const farFromSource: Write = (b, x) => {
  const convolved = b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)]);
  const [scale, shift, mean, variance] = [1, 0, 1e5, 1e7].map((value) => four(b, value));
  return b.op('Relu', [
    b.op('BatchNormalization', [convolved, scale!, shift!, mean!, variance!], { name: 'norm' }),
  ]);
};

it('a blend without a prior is the statistics of the batch, however large those of the source are', async () => {
  const model = modelOf(chain(farFromSource, head));
  const [blend, norm] = await Promise.all(
    [{ preset: 'blend', prior: 0 }, { preset: 'norm' }].map(async (recipe) =>
      run(await compileWith(model, recipe), images(16), 0),
    ),
  );
  expect(largestDifference(blend!.result, norm!.result)).toBeLessThan(1e-6);
});
