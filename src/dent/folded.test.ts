import { describe, expect, it } from 'vitest';
import {
  batchNormalization,
  chain,
  head,
  modelOf,
  type Write,
  weights,
} from '../../test/fixtures/dent/models.ts';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { inspect } from './index.ts';

const engine = startEngine();

const warningsOf = async (...parts: readonly Write[]): Promise<readonly string[]> =>
  (await inspect(modelOf(chain(...parts)), engine)).reading!.warnings;

const convolution =
  (bias: boolean, channels = 4): Write =>
  (b, x) => {
    const inputs = [x, weights(b, [4, channels, 3, 3], 1), ...(bias ? [weights(b, [4], 2)] : [])];
    return b.op('Relu', [b.op('Conv', inputs, { attributes: { pads: [1, 1, 1, 1] } })]);
  };
const norm: Write = (b, x) => batchNormalization(b, x, 4, 'norm');
const folded = convolution(true);
const plain = convolution(false);
/** LayerNormalization over the channels, which a Transpose puts last. */
const layerNorm: Write = (b, x) => {
  const last = b.op('Transpose', [x], { attributes: { perm: [0, 2, 3, 1] } });
  const normalised = b.op('LayerNormalization', [last, weights(b, [4], 5), weights(b, [4], 6)]);
  return b.op('Transpose', [normalised], { attributes: { perm: [0, 3, 1, 2] } });
};
/** Weighs channels by a convolution of their averages, as squeeze-and-excitation does. */
const excite: Write = (b, x) => {
  const average = b.op('GlobalAveragePool', [x]);
  const weighed = b.op('Conv', [average, weights(b, [4, 4, 1, 1], 3), weights(b, [4], 4)]);
  return b.op('Mul', [x, b.op('Sigmoid', [weighed])]);
};
const first = convolution(false, 3);
const firstFolded = convolution(true, 3);

const exportAgain =
  'Export it again with torch.onnx.export(..., dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False), or by the newer exporter with optimize=False (docs/exporting.md).';

describe('an export that folded its normalisation', () => {
  it('is warned of where a stray layer is left', async () => {
    expect(await warningsOf(firstFolded, folded, norm, folded, folded, head)).toEqual([
      `3 convolutions have no normalisation behind them, so it looks as if the exporter had folded BatchNormalization into them; of the normalisation layers 1 is left, and only that is adapted. ${exportAgain}`,
    ]);
  });

  it('is warned of where few layers of another kind are left', async () => {
    const [warning] = await warningsOf(firstFolded, folded, folded, folded, layerNorm, head);
    expect(warning).toMatch(/^3 convolutions have no normalisation behind them/);
  });

  it('is warned of where nothing is left', async () => {
    expect(await warningsOf(firstFolded, folded, head)).toEqual([
      `No normalisation layer is left in the model: unless it never had one, as vgg and alexnet, its exporter has folded BatchNormalization into the convolutions, and what they give is scaled and shifted instead. ${exportAgain}`,
    ]);
  });

  it.each<readonly [string, readonly Write[]]>([
    ['each convolution has its normalisation', [first, norm, plain, norm, head]],
    ['a bias stands before a normalisation', [firstFolded, norm, folded, norm, head]],
    ['channels are weighed', [first, norm, excite, plain, norm, excite, head]],
    [
      'layer normalisations stand between convolutions',
      [firstFolded, layerNorm, folded, folded, layerNorm, folded, head],
    ],
    ['no convolution has a bias', [first, plain, head]],
  ])('is not seen where %s', async (_title, parts) => {
    expect(await warningsOf(...parts)).toEqual([]);
  });
});
