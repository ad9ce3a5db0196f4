import { afterAll, describe, expect, it } from 'vitest';
import {
  batchNormalization,
  body,
  chain,
  head,
  images,
  imageType,
  modelOf,
  plainModel,
  type Write,
  weights,
} from '../../test/fixtures/dent/models.ts';
import { createEngine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import {
  type Constant,
  DATA_TYPE,
  decodeModel,
  encodeModel,
  float32Constant,
  GraphBuilder,
  type Model,
  type Value,
} from '../onnx/index.ts';
import { int64, type Tensor } from '../tensor.ts';
import { type CompiledModel, compile, createRecipe, inspect } from './index.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 20_000 });
afterAll(() => engine.close());

const compileWith = (model: Uint8Array, options: Record<string, unknown> = { preset: 'dent' }) =>
  compile(model, createRecipe(options), engine);

const run = ({ bytes }: CompiledModel, image: Tensor, steps: number) =>
  engine.evaluate(bytes, { image, steps: int64([], [steps]) });

const numbers = (tensor: Tensor | undefined): number[] =>
  Array.from<number | bigint, number>(tensor!.data, Number);

/** Both models adapted on the same images give the same logits, or nearly. */
async function expectSame(a: Uint8Array, b: Uint8Array, tolerance: number): Promise<void> {
  const [first, second] = await Promise.all(
    [a, b].map(async (model) => numbers((await run(await compileWith(model), images(4), 2)).result)),
  );
  expect(first).toHaveLength(20);
  expect(Math.max(...first!.map((y, i) => Math.abs(y - second![i]!)))).toBeLessThan(tolerance);
}

/** The model with other outputs. */
function withOutputs(bytes: Uint8Array, choose: (model: Model) => Model): Uint8Array {
  return encodeModel(choose(decodeModel(bytes)));
}

const INT8_ZERO: Constant = { dataType: DATA_TYPE.int8, dims: [], bytes: new Uint8Array(1) };

const fixed = { ...imageType, shape: [1, 3, 6, 8] } as const;

describe('outputs', () => {
  /** The model with the number of the best class as an output, beside the logits or alone. */
  const withLabels = (bytes: Uint8Array, onlyLabels = false): Uint8Array =>
    withOutputs(bytes, (model) => {
      const [logits] = model.graph.outputs as [Value];
      const labels: Value = { name: 'label', type: { dataType: DATA_TYPE.int64 } };
      const node = { opType: 'ArgMax', domain: '', name: 'label', inputs: [logits], outputs: [labels] };
      const nodes = [
        ...model.graph.nodes,
        { ...node, attributes: { axis: { kind: 'int', value: 1 } as const } },
      ];
      const outputs = onlyLabels ? [labels] : [labels, logits];
      return { ...model, graph: { ...model.graph, nodes, outputs } };
    });

  it('takes the logits where class numbers come first', () =>
    expectSame(withLabels(plainModel), plainModel, 1e-6));

  it('refuses a model of class numbers alone', async () => {
    await expect(compileWith(withLabels(plainModel, true))).rejects.toThrow(
      new InputError(
        'The model only gives class numbers ("label"); export it again so that it returns logits or probabilities.',
      ),
    );
  });

  it('leaves auxiliary heads out, whatever is in them', async () => {
    const both = withOutputs(plainModel, (model) => {
      const features = model.graph.nodes.find((node) => node.name === 'relu')!.outputs[0]!;
      const auxiliary: Value = { name: 'auxiliary' };
      const node = { opType: 'Sinh', domain: '', name: 'aux', inputs: [features], outputs: [auxiliary] };
      const nodes = [...model.graph.nodes, { ...node, attributes: {} }];
      return { ...model, graph: { ...model.graph, nodes, outputs: [...model.graph.outputs, auxiliary] } };
    });
    await expectSame(both, plainModel, 1e-6);
  });

  it('finds the logits behind probabilities that were reshaped', async () => {
    const convolutional: Write = (b, x) =>
      b.op('Conv', [b.op('GlobalAveragePool', [x]), weights(b, [5, 4, 1, 1], 2)], { name: 'classes' });
    const flat: Write = (b, x) => b.op('Flatten', [x]);
    const softmax: Write = (b, x) => b.op('Softmax', [x], { attributes: { axis: 1 } });
    await expectSame(
      modelOf(chain(body, convolutional, softmax, flat)),
      modelOf(chain(body, convolutional, flat)),
      1e-6,
    );
  });

  it('refuses independent labels', async () => {
    const model = modelOf(chain(body, head, (b, x) => b.op('Sigmoid', [x], { name: 'labels' })));
    await expect(compileWith(model)).rejects.toThrow(
      'The output "result" comes from Sigmoid "labels": these are independent labels, and dent adapts classes of which one is right.',
    );
  });
});

describe('a model for one row', () => {
  const reshaped = (target: readonly number[]): Write =>
    chain(
      body,
      (b, x) => b.op('Reshape', [x, b.ints(target)], { name: 'view' }),
      (b, x) => b.op('MatMul', [x, weights(b, [192, 5], 4)]),
    );
  const shuffled = (rows: number): Write =>
    chain(
      body,
      (b, x) => b.op('Reshape', [x, b.ints([rows, 2, 2, 6, 8])]),
      (b, x) => b.op('Transpose', [x], { attributes: { perm: [0, 2, 1, 3, 4] } }),
      (b, x) => b.op('Reshape', [x, b.ints([rows, 4, 6, 8])]),
      head,
    );

  it.each([
    ['a flattening', reshaped([1, -1]), reshaped([-1, 192])],
    ['a flattening of known size', reshaped([1, 192]), reshaped([-1, 192])],
    ['channels in groups', shuffled(1), shuffled(-1)],
  ])('takes any number of rows: %s', (_title, one, any) =>
    expectSame(modelOf(one, { type: fixed }), modelOf(any), 1e-6),
  );

  it('is refused by the node that keeps the number', async () => {
    const token: Write = (b, x) =>
      b.op('Concat', [weights(b, [1, 5], 7), x], { name: 'token', attributes: { axis: 1 } });
    const model = modelOf(chain(body, head, token), { type: fixed });
    await expect(compileWith(model)).rejects.toThrow(
      'The model was exported for batches of 1, and Concat "token" keeps it from taking others; export it with a dynamic batch axis.',
    );
  });

  it('is refused where its rows would mix', async () => {
    const mixing = chain(
      body,
      (b, x) => b.op('Reshape', [x, b.ints([1, 4, 48])]),
      (b, x) => b.op('Transpose', [x], { attributes: { perm: [1, 0, 2] } }),
      (b, x) => b.op('Reshape', [x, b.ints([4, 48])], { name: 'merge' }),
      (b, x) => b.op('Reshape', [x, b.ints([1, 192])], { name: 'mix' }),
      (b, x) => b.op('MatMul', [x, weights(b, [192, 5], 4)]),
    );
    await expect(compileWith(modelOf(mixing, { type: fixed }))).rejects.toThrow(
      /^The model was exported for batches of 1, and Reshape "\w+" keeps it/,
    );
  });
});

describe('float16', () => {
  /** A number as float16 bits. Its fraction must fit. */
  function half(x: number): number {
    if (x === 0) return 0;
    const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(x))));
    const fraction = Math.round((Math.abs(x) / 2 ** exponent - 1) * 1024);
    return (x < 0 ? 0x8000 : 0) + (((exponent + 15) << 10) + fraction);
  }

  const inHalf = (constant: Constant): Constant => {
    if (constant.dataType !== DATA_TYPE.float32) return constant;
    const { buffer, byteOffset, byteLength } = constant.bytes;
    const data = Uint16Array.from(new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength)), half);
    return { ...constant, dataType: DATA_TYPE.float16, bytes: new Uint8Array(data.buffer) };
  };

  it('becomes float32: weights, images and conversions', async () => {
    const narrow = withOutputs(
      modelOf(chain(body, (b, x) => b.op('Cast', [x], { attributes: { to: DATA_TYPE.float16 } }), head)),
      ({ graph, ...model }) => {
        const initializers = new Map([...graph.initializers].map(([value, c]) => [value, inHalf(c)]));
        graph.inputs[0]!.type = { ...imageType, dataType: DATA_TYPE.float16 };
        return { ...model, graph: { ...graph, initializers } };
      },
    );
    // The difference that remains comes from rounding the weights to eleven bits.
    await expectSame(narrow, plainModel, 0.02);
  });
});

describe('images with their channels last', () => {
  const type = { ...imageType, shape: ['batch', 6, 8, 3] } as const;
  const toFirst: Write = (b, x) => b.op('Transpose', [x], { attributes: { perm: [0, 3, 1, 2] } });
  const scaled =
    (dims: readonly number[]): Write =>
    (b, x) =>
      b.op('Mul', [x, weights(b, dims, 9)]);

  it.each([
    ['turned at once', modelOf(chain(toFirst, body, head), { type }), plainModel],
    [
      'scaled before',
      modelOf(chain(scaled([1, 1, 3]), toFirst, body, head), { type }),
      modelOf(chain(scaled([3, 1, 1]), body, head)),
    ],
  ])('are fed with the channels first: %s', (_title, last, first) => expectSame(last, first, 1e-6));

  it('are smoothed along height and width', async () => {
    const last = modelOf(chain(toFirst, body, head), { type });
    const [a, b] = await Promise.all(
      [last, plainModel].map(async (model) =>
        numbers((await run(await compileWith(model, { preset: 'dent-smooth' }), images(4), 2)).result),
      ),
    );
    expect(a).toEqual(b!.map((y) => expect.closeTo(y, 5)));
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
    await expectSame(modelOf(chain(kept, body, head)), modelOf(chain(rounded, body, head)), 1e-5);
  });
});

describe('sequences', () => {
  /** Cuts the channels into parts and joins them in another order. */
  const shuffled =
    (write: (b: GraphBuilder, x: Value) => readonly Value[]): Write =>
    (b, x) =>
      b.op('Concat', write(b, x), { attributes: { axis: 1 } });
  const sequence =
    (split: (b: GraphBuilder) => Value, indices: readonly number[]) => (b: GraphBuilder, x: Value) => {
      const parts = b.op('SplitToSequence', [x, split(b)], { attributes: { axis: 1 } });
      return indices.map((i) => b.op('SequenceAt', [parts, b.int(i)]));
    };
  const split = (sizes: readonly number[], indices: readonly number[]) => (b: GraphBuilder, x: Value) => {
    const parts = b.multi('Split', [x, b.ints(sizes)], sizes.length, { attributes: { axis: 1 } });
    return indices.map((i) => parts[i]!);
  };

  it.each([
    ['parts of one size', sequence((b) => b.int(3), [1, 0]), split([3, 1], [1, 0])],
    ['parts of given sizes', sequence((b) => b.ints([1, 2, 1]), [-1, 0, 1]), split([1, 2, 1], [2, 0, 1])],
  ])('of %s are read as slices', (_title, parts, same) =>
    expectSame(modelOf(chain(body, shuffled(parts), head)), modelOf(chain(body, shuffled(same), head)), 1e-6),
  );
});

describe('branches', () => {
  const branch = (x: Value, write: Write) => {
    const inside = new GraphBuilder();
    return { graph: inside.build('branch', [], [write(inside, x)]) };
  };
  /** One branch if x has the given number of channels, otherwise the other. */
  const choice =
    (channels: number, one: Write, other: Write): Write =>
    (b, x) => {
      const found = b.op('Gather', [b.op('Shape', [x]), b.int(1)]);
      const attributes = { then_branch: branch(x, one), else_branch: branch(x, other) };
      return b.op('If', [b.op('Equal', [found, b.int(channels)])], { name: 'choice', attributes });
    };
  const halved: Write = (b, x) => b.op('Mul', [x, weights(b, [4, 1, 1], 8)]);
  const odd: Write = (b, x) => b.op('Sinh', [x]);

  it.each([
    ['the first', choice(4, halved, odd), 18],
    ['the second', choice(5, odd, halved), 18],
    ['one inside of another, in an older operator set', choice(4, choice(3, odd, halved), odd), 13],
  ])('that follow from shapes are taken: %s', (_title, write, opset) =>
    expectSame(
      modelOf(chain(body, write, head), { opset }),
      modelOf(chain(body, halved, head), { opset }),
      1e-6,
    ),
  );

  it('that follow from pixels are refused by name', async () => {
    const byPixels: Write = (b, x) => {
      const mean = b.op('ReduceMean', [x], { attributes: { keepdims: 0 } });
      const attributes = { then_branch: branch(x, halved), else_branch: branch(x, odd) };
      return b.op('If', [b.op('Greater', [mean, 0])], { name: 'choice', attributes });
    };
    await expect(compileWith(modelOf(chain(body, byPixels, head)))).rejects.toThrow(
      'If "choice" (opset 18) has no gradient rule, so nothing before it can be adapted. docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.',
    );
  });
});

it('may compute positions from the number of its rows, by operators without a rule', async () => {
  const positions: Write = (b, x) => {
    const ones = b.op('ConstantOfShape', [b.op('Shape', [x])], {
      attributes: { value: { kind: 'tensor', value: float32Constant([1], [1]) } },
    });
    const columns = b.op('CumSum', [ones, b.int(3)]);
    return b.op('Add', [x, b.op('Mul', [columns, weights(b, [4, 1, 1], 8)])]);
  };
  const literal: Write = (b, x) => {
    const grid = Float32Array.from({ length: 48 }, (_, i) => (i % 8) + 1);
    const columns = b.constant(float32Constant([1, 1, 6, 8], grid));
    return b.op('Add', [x, b.op('Mul', [columns, weights(b, [4, 1, 1], 8)])]);
  };
  await expectSame(modelOf(chain(body, positions, head)), modelOf(chain(body, literal, head)), 1e-5);
});

describe('layers', () => {
  const gap: Write = head;
  const convolution: Write = (b, x) =>
    b.op('Relu', [b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)], { name: 'conv' })]);

  it('are the convolutions where no normalisation is left, and adapting them lowers the entropy', async () => {
    const compiled = await compileWith(modelOf(chain(convolution, gap)), { preset: 'dent', lr: 1e-2 });
    expect(compiled).toMatchObject({ layers: 1, parameters: 8 });
    const entropy = numbers((await run(compiled, images(4), 10)).entropy);
    const mean = (from: number) => entropy.slice(from, from + 4).reduce((a, b) => a + b) / 4;
    expect(mean(40)).toBeLessThan(0.9 * mean(0));
  });

  it('are the normalisations alone where there are some', async () => {
    const mixed = chain(convolution, (b, x) => batchNormalization(b, x, 4, 'norm'), gap);
    expect(await compileWith(modelOf(mixed))).toMatchObject({ layers: 1, parameters: 8 });
  });

  it('have no statistics to replace without a BatchNormalization', async () => {
    await expect(compileWith(modelOf(chain(convolution, gap)), { preset: 'norm' })).rejects.toThrow(
      'The recipe has statistics "batch", but the model has no BatchNormalization node whose statistics could be replaced; export it with BatchNormalization kept.',
    );
  });

  it('are not adapted in training mode', async () => {
    const training: Write = (b, x) => {
      const vectors = [1, 2, 3, 4].map((seed) => weights(b, [3], seed));
      return b.multi('BatchNormalization', [x, ...vectors], 3, {
        name: 'norm',
        attributes: { training_mode: 1 },
      })[0]!;
    };
    await expect(compileWith(modelOf(chain(training, convolution, gap)))).rejects.toThrow(
      'BatchNormalization "norm" cannot be adapted: it is in training mode.',
    );
  });
});
