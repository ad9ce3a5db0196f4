import { expect, it } from 'vitest';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { InputError } from '../errors.ts';
import { DATA_TYPE, encodeModel, float32Constant, GraphBuilder, type Value } from '../onnx/index.ts';
import { type Inspection, inspect } from './index.ts';

const engine = startEngine();

type Part = (b: GraphBuilder, x: Value) => Value;

const weights = (b: GraphBuilder, dims: readonly number[]): Value => {
  const length = dims.reduce((product, size) => product * size, 1);
  return b.constant(
    float32Constant(
      dims,
      Float32Array.from({ length }, (_, i) => ((i * 7) % 11) / 11 - 0.4),
    ),
  );
};
const vector = (b: GraphBuilder, value: number): Value =>
  b.constant(float32Constant([4], Array(4).fill(value)));

const conv: Part = (b, x) => b.op('Conv', [x, weights(b, [4, 3, 3, 3])], { name: 'conv' });
const norm: Part = (b, x) =>
  b.op('BatchNormalization', [x, vector(b, 1), vector(b, 0), vector(b, 0), vector(b, 1)], { name: 'norm' });
/** [N, 4, H, W] to five logits. */
const head: Part = (b, x) => {
  const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [x])], { name: 'flat' });
  return b.op('MatMul', [pooled, weights(b, [4, 5])], { name: 'head' });
};
const one =
  (opType: string, attributes = {}): Part =>
  (b, x) =>
    b.op(opType, [x], { name: opType.toLowerCase(), attributes });

/** A model of these parts, one after the other. */
function model(...parts: readonly Part[]): Uint8Array {
  const b = new GraphBuilder();
  const image: Value = { name: 'image', type: { dataType: DATA_TYPE.float32, shape: ['n', 3, 'h', 'w'] } };
  const result = parts.reduce((x, part) => part(b, x), image);
  result.name = 'result';
  result.type = { dataType: DATA_TYPE.float32, shape: ['n', 5] };
  const graph = b.build('test', [image], [result]);
  return encodeModel({
    irVersion: 8,
    opset: 18,
    otherDomains: {},
    producer: 'test',
    metadata: { a: 'b' },
    graph,
  });
}

const look = (...parts: readonly Part[]): Promise<Inspection> =>
  inspect(model(...parts), engine, { imageShape: [3, 8, 8] });

it('describes a model that can be adapted', async () => {
  expect(await look(conv, norm, one('Relu'), head, one('Softmax', { axis: -1 }))).toEqual({
    ...{ opset: 18, producer: 'test', metadata: { a: 'b' }, classes: 5 },
    inputs: [{ name: 'image', type: 'float32', shape: ['n', 3, 'h', 'w'] }],
    outputs: [{ name: 'result', type: 'float32', shape: ['n', 5] }],
    removed: 'Softmax "softmax"',
    layers: [{ name: 'norm', kind: 'batch', channels: 4, adapted: true }],
    parameters: 8,
    reading: {
      input: { name: 'image', layout: 'NCHW', type: 'float32', channels: 3, height: 8, width: 8 },
      output: { name: 'result', classes: 5, takenAs: 'logits', removed: 'Softmax "softmax"', leftOut: [] },
      layers: [{ kind: 'batch', adapted: 1 }],
      leftAlone: [],
      warnings: [],
    },
    unsupported: [],
  });
});

it('names every op without a gradient rule between an adapted layer and the logits, and no other', async () => {
  const bystander: Part = (b, x) => {
    // The way to the logits goes through a comparison, which passes no gradient on.
    const count = b.op('CumSum', [x, b.int(1)], { name: 'bystander' });
    const mask = b.op('Cast', [b.op('Greater', [count, 1])], { attributes: { to: DATA_TYPE.float32 } });
    return b.op('Mul', [x, mask]);
  };
  const before = one('Sinh');
  const { unsupported, layers } = await look(
    before,
    conv,
    norm,
    one('Sinh'),
    bystander,
    one('Hardmax'),
    head,
  );
  expect(unsupported).toEqual([
    'Sinh "sinh_1" follows an adapted layer, and there is no gradient rule for it. docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.',
    'Hardmax "hardmax" follows an adapted layer, and there is no gradient rule for it. docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.',
  ]);
  expect(layers).toMatchObject([{ name: 'norm', adapted: true }]);
  expect((await look(before, conv, norm, bystander, head)).unsupported).toEqual([]);
});

it('tells that the channels of an image come last', async () => {
  const turned: Part = (b, x) => {
    x.type = { dataType: DATA_TYPE.float32, shape: ['n', 8, 8, 3] };
    return b.op('Transpose', [x], { attributes: { perm: [0, 3, 1, 2] } });
  };
  const found = await look(turned, conv, norm, head);
  expect(found).toMatchObject({ channelsLast: true, unsupported: [] });
  expect(found.inputs).toEqual([{ name: 'image', type: 'float32', shape: ['n', 8, 8, 3] }]);
});

it('says what of an op has no gradient rule', async () => {
  const transposed: Part = (b, x) =>
    b.op('MaxPool', [x], { name: 'pool', attributes: { kernel_shape: [2, 2], storage_order: 1 } });
  const { unsupported } = await look(conv, norm, transposed, head);
  expect(unsupported).toHaveLength(1);
  expect(unsupported[0]).toContain('MaxPool "pool"');
});

it('shows a layer that is left as it is, and why', async () => {
  const fromPixels: Part = (b, x) => {
    const scale = b.op('ReduceMean', [x, b.ints([0, 2, 3])], { attributes: { keepdims: 0 } });
    return b.op('BatchNormalization', [x, scale, vector(b, 0), vector(b, 0), vector(b, 1)], { name: 'odd' });
  };
  const { layers, parameters, unsupported } = await look(conv, fromPixels, norm, head);
  expect(layers).toEqual([
    { name: 'odd', kind: 'batch', adapted: false, reason: 'its parameters are not constants' },
    { name: 'norm', kind: 'batch', channels: 4, adapted: true },
  ]);
  expect(parameters).toBe(8);
  expect(unsupported).toEqual([]);
});

it('describes a model all the same that cannot be run or is no classifier', async () => {
  const fixed: Part = (b, x) => b.op('MatMul', [b.op('Reshape', [x, b.ints([1, 4])]), weights(b, [4, 5])]);
  const pooled = one('GlobalAveragePool');
  const fixedBatch = await look(conv, norm, pooled, fixed);
  expect(fixedBatch).toMatchObject({
    layers: [{ name: 'norm', kind: 'batch', channels: 4, adapted: false }],
    parameters: 0,
    unsupported: [expect.stringContaining('The model cannot be run: ')],
  });
  expect(fixedBatch.unsupported[0]).toContain('Reshape');
  const noClassifier = await look(conv, norm);
  expect(noClassifier.unsupported).toEqual([
    'The output "result" (from BatchNormalization "norm") has the shape [N, 4, 6, 6]; a classifier\'s logits are [N, classes]. Export it again so that it returns them.',
  ]);
  expect(noClassifier).not.toHaveProperty('classes');
});

it('says when there is nothing to adapt', async () => {
  const { layers, unsupported } = await look(one('GlobalAveragePool'), one('Flatten'), (b, x) =>
    b.op('MatMul', [x, weights(b, [3, 5])]),
  );
  expect(layers).toEqual([]);
  expect(unsupported).toHaveLength(1);
  expect(unsupported[0]).toMatch(/^The model has no normalisation layer/);
});

it('refuses what is no model', async () => {
  await expect(inspect(Buffer.from('{"not": "a model"}'), engine)).rejects.toThrow(InputError);
});
