import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { CUDA_KERNELS } from '../../test/fixtures/dent/cuda-kernels.ts';
import { body, chain, head, modelOf, type Write, weights } from '../../test/fixtures/dent/models.ts';
import { createEngine } from '../engine/index.ts';
import {
  DATA_TYPE,
  dataTypeName,
  decodeModel,
  type Graph,
  intsAttribute,
  type Node,
  type Value,
} from '../onnx/index.ts';
import { compile, createRecipe, PRESETS } from './index.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 60_000 });
afterAll(() => engine.close());

const { float32, int64, bool } = DATA_TYPE;

/** Ops whose result has another type than their first input. */
const RESULTS: Readonly<Record<string, number>> = {
  Shape: int64,
  ArgMax: int64,
  NonZero: int64,
  Equal: bool,
  Less: bool,
  LessOrEqual: bool,
  Greater: bool,
  GreaterOrEqual: bool,
  ConstantOfShape: float32,
};

const bodiesOf = ({ attributes }: Node): Graph[] =>
  Object.values(attributes).flatMap((attribute) => (attribute.kind === 'graph' ? [attribute.value] : []));

/** All nodes of a graph and the bodies in it, each with the type that it computes in. */
function typedNodes(graph: Graph, types = new Map<Value, number>()): { node: Node; type: number }[] {
  for (const value of graph.inputs) types.set(value, value.type!.dataType);
  for (const [value, { dataType }] of graph.initializers) types.set(value, dataType);
  return graph.nodes.flatMap((node) => {
    const [first, second] = node.inputs;
    const read = node.opType === 'Where' ? second : first;
    const inner = bodiesOf(node).map((each) => typedNodes(each, types));
    const [ends] = bodiesOf(node).map(({ outputs }) => (node.opType === 'Loop' ? outputs.slice(1) : outputs));
    const type = (read && types.get(read)) ?? float32;
    const to = node.attributes.to;
    const result = to?.kind === 'int' ? to.value : (RESULTS[node.opType] ?? type);
    for (const [i, value] of node.outputs.entries())
      if (value) types.set(value, (ends && types.get(ends[i]!)) ?? result);
    return [...inner.flat(), { node, type }];
  });
}

const allNodes = (bytes: Uint8Array) => typedNodes(decodeModel(bytes).graph);

/** What the nodes need kernels for, such as `Softmax float64`. */
const kernelsOf = (bytes: Uint8Array): string[] => [
  ...new Set(allNodes(bytes).map(({ node, type }) => `${node.opType} ${dataTypeName(type)}`)),
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

describe('a graph for CUDA needs no kernel that ONNX Runtime has for a CPU alone', () => {
  const forCuda = { target: 'cuda', isPadded: true } as const;

  it.each(RECIPES)('under %j', async (options) => {
    for (const convolutions of ['fp32', 'fp16'] as const) {
      const { bytes } = await compile(bundled, createRecipe(options), engine, { ...forCuda, convolutions });
      expect(kernelsOf(bytes).filter((kernel) => !CUDA_KERNELS.has(kernel))).toEqual([]);
    }
  });

  it.each(['vit', 'swin', 'group_norm', 'instance_norm', 'efficientnet', 'rare'])('of %s', async (name) => {
    const { bytes } = await compile(architecture(name), PRESETS.brief, engine, forCuda);
    expect(kernelsOf(bytes).filter((kernel) => !CUDA_KERNELS.has(kernel))).toEqual([]);
  });

  it('for the gradient of a convolution with uneven pads', async () => {
    const strided: Write = (b, x) =>
      b.op('Conv', [x, weights(b, [4, 4, 3, 3], 7)], { attributes: { pads: [0, 0, 1, 1], strides: [2, 2] } });
    const { bytes } = await compile(modelOf(chain(body, strided, head)), PRESETS.brief, engine, forCuda);
    const transposed = allNodes(bytes).filter(({ node }) => node.opType === 'ConvTranspose');
    const pads = transposed.map(({ node }) => intsAttribute(node, 'pads')!);
    expect(pads).toEqual([[0, 0, 0, 0]]);
  });
});
