import { describe, expect, it } from 'vitest';
import { startCompiler } from '../../test/fixtures/dent/compiler.ts';
import {
  batchNormalization,
  body,
  chain,
  head,
  modelOf,
  type Write,
  weights,
  withModel,
} from '../../test/fixtures/dent/models.ts';
import { InputError } from '../errors.ts';
import { type Constant, DATA_TYPE, float32Constant, type GraphBuilder } from '../onnx/index.ts';
import { inspect } from './index.ts';

const { engine, compileWith, expectSame } = startCompiler();

const INT8_ZERO: Constant = { dataType: DATA_TYPE.int8, dims: [], bytes: new Uint8Array(1) };

describe('an old operator set', () => {
  const old: Write = chain(
    (b, x) =>
      b.op('ImageScaler', [x], {
        attributes: { scale: { float: 0.5 }, bias: { kind: 'floats', value: [0.1, -0.2, 0.3] } },
      }),
    (b, x) => b.op('Pad', [x], { attributes: { pads: [0, 0, 1, 0, 0, 0, 0, 1], value: { float: 0 } } }),
    (b, x) => b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)], { attributes: { strides: [2, 2] } }),
    (b, x) => {
      const vectors = [5, 6].map((seed) => weights(b, [4], seed));
      const fixed = [0.1, 2].map((value) => b.constant(float32Constant([4], new Array(4).fill(value))));
      return b.op('BatchNormalization', [x, ...vectors, ...fixed], {
        name: 'norm',
        attributes: { spatial: 1, momentum: { float: 0.9 } },
      });
    },
    (b, x) => b.op('Clip', [x], { attributes: { min: { float: 0 }, max: { float: 6 } } }),
    (b, x) =>
      b.op('Upsample', [x], {
        attributes: { mode: 'nearest', scales: { kind: 'floats', value: [1, 1, 2, 2] } },
      }),
    (b, x) => b.op('Slice', [x], { attributes: { starts: [1], ends: [4], axes: [2] } }),
    (b, x) => b.multi('Dropout', [x], 2, { attributes: { ratio: { float: 0.3 } } })[0]!,
    head,
    (b, x) => b.op('Softmax', [x]),
  );
  const recent: Write = chain(
    (b, x) => b.op('Add', [b.op('Mul', [x, 0.5]), b.constant(float32Constant([3, 1, 1], [0.1, -0.2, 0.3]))]),
    (b, x) => b.op('Pad', [x, b.ints([0, 0, 1, 0, 0, 0, 0, 1])]),
    (b, x) => b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)], { attributes: { strides: [2, 2] } }),
    (b, x) => batchNormalization(b, x, 4, 'norm'),
    (b, x) => b.op('Clip', [x, b.float(0), b.float(6)]),
    (b, x) =>
      b.op('Resize', [x, null, b.constant(float32Constant([4], [1, 1, 2, 2]))], {
        attributes: { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      }),
    (b, x) => b.op('Slice', [x, b.ints([1]), b.ints([4]), b.ints([2])]),
    head,
  );

  it('is read, adapts as a recent one does, and names its logits', () =>
    expectSame(modelOf(old, { opset: 7 }), modelOf(recent)));

  it('may be the newest that ONNX Runtime knows', () =>
    expectSame(modelOf(recent, { opset: 26 }), modelOf(recent)));
});

it('weights may be standardised by a BatchNormalization in training mode, in an older operator set too', async () => {
  const standardised =
    (outputs: number, attributes: Record<string, number>): Write =>
    (b, x) => {
      const flat = b.op('Reshape', [weights(b, [4, 3, 3, 3], 1), b.ints([1, 4, 27])]);
      const vector = (value: number) => b.constant(float32Constant([4], new Array(4).fill(value)));
      const parts = [weights(b, [4], 5), ...[0, 0, 1].map(vector)];
      const options = { name: 'weights', attributes };
      const [standard] = b.multi('BatchNormalization', [flat, ...parts], outputs, options);
      return b.op('Conv', [x, b.op('Reshape', [standard!, b.ints([4, 3, 3, 3])])]);
    };
  const end: Write = chain((b, x) => batchNormalization(b, x, 4, 'norm'), head);
  await expectSame(
    modelOf(chain(standardised(5, {}), end), { opset: 11 }),
    modelOf(chain(standardised(3, { training_mode: 1 }), end), { opset: 15 }),
  );
});

describe('a file that ONNX Runtime has optimised', () => {
  const fused = withModel(modelOf(chain(body, head)), (model) => {
    const nodes = model.graph.nodes.map((node) =>
      node.opType === 'Conv'
        ? {
            ...node,
            opType: 'FusedConv',
            domain: 'com.microsoft',
            attributes: { ...node.attributes, activation: { kind: 'string', value: 'Relu' } as const },
          }
        : node,
    );
    return { ...model, otherDomains: { 'com.microsoft': 1 }, graph: { ...model.graph, nodes } };
  });
  const sentence =
    'ONNX Runtime has optimised this model for itself (com.microsoft.FusedConv "conv" is an operator of its own); give the file from before, as it was exported.';

  it('is named as such', async () => {
    await expect(compileWith(fused)).rejects.toThrow(new InputError(sentence));
    expect((await inspect(fused, engine)).unsupported).toEqual([sentence]);
  });

  it('may be served as it is', async () => {
    expect(await compileWith(fused, { preset: 'static' })).toMatchObject({ classes: 5, layers: 0 });
  });
});

describe('a quantised model', () => {
  const scale = (b: GraphBuilder) => [b.float(0.05), b.constant(INT8_ZERO)];
  const throughIntegers: Write = (b, x) => {
    const whole = b.op('QuantizeLinear', [x, ...scale(b)], { name: 'quant' });
    return b.op('DequantizeLinear', [whole, ...scale(b)], { name: 'dequant' });
  };

  it('is refused', async () => {
    const sentence =
      'The model is quantised (QuantizeLinear "quant"), and whole numbers have no gradient; give the floating-point model that it was made from.';
    const model = modelOf(chain(body, throughIntegers, head));
    await expect(compileWith(model)).rejects.toThrow(new InputError(sentence));
    expect((await inspect(model, engine)).unsupported).toEqual([sentence]);
  });

  it('may keep its weights in four bits, two in a byte', async () => {
    const packed: Constant = { dataType: DATA_TYPE.int4, dims: [3, 1, 1], bytes: Uint8Array.of(0x3e, 0x05) };
    const kept: Write = (b, x) =>
      b.op('Mul', [x, b.op('DequantizeLinear', [b.constant(packed), b.float(0.25)])]);
    const plain: Write = (b, x) =>
      b.op('Mul', [x, b.constant(float32Constant([3, 1, 1], [-0.5, 0.75, 1.25]))]);
    await expectSame(
      modelOf(chain(kept, body, head), { opset: 21 }),
      modelOf(chain(plain, body, head), { opset: 21 }),
    );
  });

  it('may keep its weights in integers', async () => {
    const kept: Write = (b, x) => {
      const whole = b.op('QuantizeLinear', [weights(b, [3, 1, 1], 3), ...scale(b)]);
      return b.op('Mul', [x, b.op('DequantizeLinear', [whole, ...scale(b)])]);
    };
    const rounded: Write = (b, x) => {
      const step = Math.fround(0.05);
      const near = [0, 1, 2].map((i) => Math.round(Math.sin((i + 1) * 4.7) / step) * step);
      return b.op('Mul', [x, b.constant(float32Constant([3, 1, 1], near))]);
    };
    await expectSame(modelOf(chain(kept, body, head)), modelOf(chain(rounded, body, head)), {
      tolerance: 1e-5,
    });
  });
});
