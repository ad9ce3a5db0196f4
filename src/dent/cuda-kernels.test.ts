import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { CUDA_KERNELS } from '../../test/fixtures/dent/cuda-kernels.ts';
import { body, chain, head, modelOf, type Write, weights } from '../../test/fixtures/dent/models.ts';
import { typedNodes } from '../../test/fixtures/dent/typed-nodes.ts';
import { createEngine } from '../engine/index.ts';
import { dataTypeName, intsAttribute } from '../onnx/index.ts';
import { compile, createRecipe, PRESETS } from './index.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 60_000 });
afterAll(() => engine.close());

/** What the nodes need kernels for, such as `Softmax float64`. */
const kernelsOf = (bytes: Uint8Array): string[] => [
  ...new Set(typedNodes(bytes).map(({ node, type }) => `${node.opType} ${dataTypeName(type)}`)),
];

const bundled = readFileSync(new URL('../../models/cifar10-resnet14/1/model.onnx', import.meta.url));
const architecture = (name: string) =>
  readFileSync(new URL(`../../test/golden/architectures/${name}/model.onnx`, import.meta.url));

const RECIPES = [
  ...Object.keys(PRESETS).map((preset) => ({ preset })),
  { preset: 'brief', sigma: 0.5 },
  { preset: 'brief', optimizer: 'sgd' },
  { preset: 'auto', divergence: 0.1 },
];

const ARCHITECTURES = [
  'vit',
  'swin',
  'group_norm',
  'instance_norm',
  'efficientnet',
  'rare',
  'googlenet',
  'mobilenet_v2',
  'shufflenet',
];

describe('a graph for CUDA needs no kernel that ONNX Runtime has for a CPU alone', () => {
  const forCuda = { target: 'cuda', isPadded: true } as const;

  it.each(RECIPES)('under %j', async (options) => {
    for (const activations of ['fp32', 'fp16'] as const) {
      const { bytes } = await compile(bundled, createRecipe(options), engine, { ...forCuda, activations });
      expect(kernelsOf(bytes).filter((kernel) => !CUDA_KERNELS.has(kernel))).toEqual([]);
    }
  });

  it.each(ARCHITECTURES)('of %s', async (name) => {
    for (const activations of ['fp32', 'fp16'] as const) {
      const { bytes } = await compile(architecture(name), PRESETS.brief, engine, {
        ...forCuda,
        activations,
      });
      expect(kernelsOf(bytes).filter((kernel) => !CUDA_KERNELS.has(kernel))).toEqual([]);
    }
  });

  it('for the gradient of a convolution with uneven pads', async () => {
    const strided: Write = (b, x) =>
      b.op('Conv', [x, weights(b, [4, 4, 3, 3], 7)], { attributes: { pads: [0, 0, 1, 1], strides: [2, 2] } });
    const { bytes } = await compile(modelOf(chain(body, strided, head)), PRESETS.brief, engine, forCuda);
    const transposed = typedNodes(bytes).filter(({ node }) => node.opType === 'ConvTranspose');
    const pads = transposed.map(({ node }) => intsAttribute(node, 'pads')!);
    expect(pads).toEqual([[0, 0, 0, 0]]);
  });
});
