import { describe, expect, it } from 'vitest';
import { numbersOf, startCompiler } from '../../test/fixtures/dent/compiler.ts';
import {
  batchNormalization,
  body,
  chain,
  head,
  images,
  modelOf,
  type Write,
  weights,
} from '../../test/fixtures/dent/models.ts';
import { DATA_TYPE, float32Constant, type GraphBuilder, type OpOptions, type Value } from '../onnx/index.ts';
import { inspect } from './index.ts';

const { engine, compileWith, run, expectSame } = startCompiler();

/** Numbers without a pattern from 0.5 to 1.5. */
const positive = (b: GraphBuilder, dims: readonly number[], seed: number): Value =>
  b.constant(
    float32Constant(
      dims,
      Array.from({ length: dims[0]! }, (_, i) => 1 + Math.sin(i + seed) / 2),
    ),
  );

describe('layers', () => {
  const gap: Write = head;
  const convolution: Write = (b, x) =>
    b.op('Relu', [b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)], { name: 'conv' })]);

  it('are the convolutions where no normalisation is left, and adapting them lowers the entropy', async () => {
    const compiled = await compileWith(modelOf(chain(convolution, gap)), { preset: 'dent', lr: 1e-2 });
    expect(compiled).toMatchObject({ layers: 1, parameters: 8 });
    const entropy = numbersOf((await run(compiled, images(4), 10)).entropy);
    const mean = (from: number) => entropy.slice(from, from + 4).reduce((a, b) => a + b) / 4;
    expect(mean(40)).toBeLessThan(0.9 * mean(0));
  });

  it('are the normalisations alone where there are some', async () => {
    const mixed = chain(convolution, (b, x) => batchNormalization(b, x, 4, 'norm'), gap);
    expect(await compileWith(modelOf(mixed))).toMatchObject({ layers: 1, parameters: 8 });
  });

  it.each<readonly [string, Write, string]>([
    [
      'over several axes',
      (b, x) => {
        const [scale, shift] = [weights(b, [4, 6, 8], 5), weights(b, [4, 6, 8], 6)];
        return b.op('LayerNormalization', [x, scale, shift], { name: 'norm', attributes: { axis: 1 } });
      },
      'it normalises over several axes',
    ],
    [
      'with a scale for each group',
      (b, x) => {
        const [scale, shift] = [weights(b, [2], 5), weights(b, [2], 6)];
        const attributes = { num_groups: 2 };
        return b.op('GroupNormalization', [x, scale, shift], { name: 'norm', attributes });
      },
      'its parameters do not go by channel',
    ],
  ])('are the convolutions where no normalisation can be adapted: one %s', async (_what, norm, reason) => {
    const padded: Write = (b, x) =>
      b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)], { name: 'conv', attributes: { pads: [1, 1, 1, 1] } });
    const model = modelOf(chain(padded, norm, gap));
    const { layers, reading, unsupported } = await inspect(model, engine);
    expect(layers).toMatchObject([
      { name: 'conv', kind: 'convolution', adapted: true },
      { name: 'norm', adapted: false, reason },
    ]);
    expect({ warnings: reading!.warnings, unsupported }).toEqual({ warnings: [], unsupported: [] });
    const entropy = numbersOf(
      (await run(await compileWith(model, { preset: 'dent', lr: 1e-2 }), images(4), 10)).entropy,
    );
    const mean = (from: number) => entropy.slice(from, from + 4).reduce((a, b) => a + b) / 4;
    expect(mean(40)).toBeLessThan(mean(0) - 1e-4);
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

describe('a layer that is used twice', () => {
  const convolve = (b: GraphBuilder, x: Value, seed: number): Value =>
    b.op('Conv', [x, weights(b, [4, 3, 3, 3], seed)], { attributes: { pads: [1, 1, 1, 1] } });
  const numbers = (b: GraphBuilder) => [5, 6, 7, 8].map((seed) => positive(b, [4], seed));
  /** Two convolutions, each normalised, and the mean over both. */
  const twice =
    (normalise: (b: GraphBuilder) => (x: Value) => Value): Write =>
    (b, x) => {
      const layer = normalise(b);
      const both = [1, 9].map((seed) => b.op('Relu', [layer(convolve(b, x, seed))]));
      return b.op('Concat', both, { attributes: { axis: 2 } });
    };
  const shared = twice((b) => {
    const trained = numbers(b);
    return (x) => b.op('BatchNormalization', [x, ...trained]);
  });
  const apart = twice((b) => (x) => b.op('BatchNormalization', [x, ...numbers(b)]));
  const untrained = twice((b) => {
    const [zeros, ones] = [0, 1].map((value) => b.constant(float32Constant([4], new Array(4).fill(value))));
    return (x) => b.op('BatchNormalization', [x, ones!, zeros!, zeros!, ones!]);
  });
  /** The same as `shared`: one normalisation of both convolutions. */
  const once: Write = (b, x) => {
    const both = b.op('Concat', [convolve(b, x, 1), convolve(b, x, 9)], { attributes: { axis: 2 } });
    return b.op('Relu', [b.op('BatchNormalization', [both, ...numbers(b)])]);
  };

  it('has one scale and one shift', async () => {
    expect(await compileWith(modelOf(chain(shared, head)))).toMatchObject({ parameters: 8 });
    expect(await compileWith(modelOf(chain(apart, head)))).toMatchObject({ parameters: 16 });
    await expectSame(modelOf(chain(shared, head)), modelOf(chain(once, head)));
    expect(await inspect(modelOf(chain(shared, head)), engine)).toMatchObject({ parameters: 8 });
  });

  it('is not seen in untrained layers, whose tensors are all the same', async () => {
    expect(await compileWith(modelOf(chain(untrained, head)))).toMatchObject({ parameters: 16 });
  });
});

describe('root mean square normalisation', () => {
  /** [N, 4, 6, 8] as 48 places of four channels. */
  const places: Write = chain(
    (b, x) => b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)], { attributes: { pads: [1, 1, 1, 1] } }),
    (b, x) => b.op('Reshape', [x, b.ints([0, 4, 48])]),
    (b, x) => b.op('Transpose', [x], { attributes: { perm: [0, 2, 1] } }),
  );
  const end: Write = chain(
    (b, x) => b.op('ReduceMean', [b.op('Relu', [x]), b.ints([1])], { attributes: { keepdims: 0 } }),
    (b, x) => b.op('MatMul', [x, weights(b, [4, 5], 2)]),
  );
  const scale = (b: GraphBuilder, dims: readonly number[] = [4]) => weights(b, dims, 5);
  const whole: Write = (b, x) =>
    b.op('RMSNormalization', [x, scale(b)], { name: 'rms', attributes: { epsilon: { float: 0.01 } } });
  const meanSquare = (b: GraphBuilder, x: Value, axis = -1) => {
    const mean = b.op('ReduceMean', [b.op('Mul', [x, x]), b.ints([axis])]);
    return b.op('Add', [mean, 0.01]);
  };
  const root = (b: GraphBuilder, x: Value) => b.op('Sqrt', [meanSquare(b, x)]);
  const scaled = (b: GraphBuilder, x: Value) => b.op('Mul', [x, scale(b)], { name: 'rms' });
  const expected = modelOf(chain(places, whole, end), { opset: 23 });

  it('is a layer with a scale, and gets a shift of zero', async () => {
    expect(await compileWith(expected)).toMatchObject({ layers: 1, parameters: 8 });
    const { layers, unsupported } = await inspect(expected, engine);
    expect(layers).toEqual([{ name: 'rms', kind: 'rms', channels: 4, adapted: true }]);
    expect(unsupported).toEqual([]);
  });

  it.each<readonly [string, Write]>([
    ['x times 1 / root', (b, x) => scaled(b, b.op('Mul', [x, b.op('Reciprocal', [root(b, x)])]))],
    ['x times one over the root', (b, x) => scaled(b, b.op('Mul', [b.op('Div', [1, root(b, x)]), x]))],
    ['x over the root', (b, x) => scaled(b, b.op('Div', [x, root(b, x)]))],
    ['x times a power', (b, x) => scaled(b, b.op('Mul', [x, b.op('Pow', [meanSquare(b, x), -0.5])]))],
    [
      'the scale in front, Pow',
      (b, x) => {
        const mean = b.op('ReduceMean', [b.op('Pow', [x, 2]), b.ints([2])]);
        return b.op(
          'Mul',
          [scale(b, [1, 1, 4]), b.op('Div', [x, b.op('Sqrt', [b.op('Add', [0.01, mean])])])],
          { name: 'rms' },
        );
      },
    ],
  ])('is found where an exporter took it apart: %s', async (_title, parts) => {
    const apart = modelOf(chain(places, parts, end));
    const { layers } = await inspect(apart, engine);
    expect(layers).toEqual([{ name: 'rms', kind: 'rms', channels: 4, adapted: true }]);
    await expectSame(apart, expected);
  });

  it('may be over the channels of an image', async () => {
    const byChannel: Write = (b, x) => {
      const normalised = b.op('Div', [x, b.op('Sqrt', [meanSquare(b, x, 1)])]);
      return b.op('Mul', [normalised, scale(b, [4, 1, 1])], { name: 'rms' });
    };
    const { layers } = await inspect(modelOf(chain(body, byChannel, head)), engine);
    expect(layers).toMatchObject([{ kind: 'batch' }, { name: 'rms', kind: 'rms', channels: 4 }]);
  });

  it('is not seen where the root is that of something else', async () => {
    const other: Write = (b, x) => scaled(b, b.op('Div', [x, root(b, b.op('Relu', [x]))]));
    expect((await inspect(modelOf(chain(places, other, end)), engine)).layers).toMatchObject([
      { kind: 'convolution' },
    ]);
  });
});

describe('attention as one node', () => {
  const turned = (b: GraphBuilder, x: Value, perm: readonly number[]) =>
    b.op('Transpose', [x], { attributes: { perm } });
  /** [N, 4, 6, 8] as 48 places of four channels, in queries, keys and values of four. */
  const parts = (b: GraphBuilder, x: Value): Value[] => {
    const places = turned(b, b.op('Reshape', [body(b, x), b.ints([0, 4, 48])]), [0, 2, 1]);
    return [3, 4, 5].map((seed) => b.op('MatMul', [places, weights(b, [4, 4], seed)]));
  };
  const heads = (b: GraphBuilder, x: Value) =>
    turned(b, b.op('Reshape', [x, b.ints([0, 0, 2, 2])]), [0, 2, 1, 3]);
  const joined = (b: GraphBuilder, x: Value) =>
    b.op('Reshape', [turned(b, x, [0, 2, 1, 3]), b.ints([0, 0, 4])]);
  const end: Write = (b, x) =>
    b.op('MatMul', [
      b.op('ReduceMean', [x, b.ints([1])], { attributes: { keepdims: 0 } }),
      weights(b, [4, 5], 2),
    ]);
  const named = { name: 'attention' };
  type Mask = (b: GraphBuilder) => Value;
  const written =
    (scale: number, mask?: Mask): Write =>
    (b, x) => {
      const [query, key, value] = parts(b, x).map((part) => heads(b, part)) as [Value, Value, Value];
      const products = b.op('MatMul', [b.op('Mul', [query, scale]), turned(b, key, [0, 1, 3, 2])]);
      const scores = mask ? b.op('Add', [products, mask(b)]) : products;
      const probabilities = b.op('Softmax', [scores], { attributes: { axis: -1 } });
      return end(b, joined(b, b.op('MatMul', [probabilities, value])));
    };
  const apart =
    (attributes: NonNullable<OpOptions['attributes']>): Write =>
    (b, x) => {
      const headed = parts(b, x).map((part) => heads(b, part));
      return end(b, joined(b, b.op('Attention', headed, { ...named, attributes })));
    };
  const together =
    (mask?: Mask): Write =>
    (b, x) => {
      const inputs = [...parts(b, x), ...(mask ? [mask(b)] : [])];
      return end(b, b.op('Attention', inputs, { ...named, attributes: { q_num_heads: 2, kv_num_heads: 2 } }));
    };
  /** A bias for each pair of places, one for both heads or one for each. */
  const bias: Mask = (b) => weights(b, [48, 48], 8);
  const biases: Mask = (b) => weights(b, [1, 2, 48, 48], 8);
  const computed: Mask = (b) => b.op('Mul', [biases(b), 1]);
  /** Every place sees the one before it and those behind. */
  const seen = Array.from({ length: 48 * 48 }, (_, i) => (i % 48 >= Math.floor(i / 48) - 1 ? 1 : 0));
  const truths: Mask = (b) =>
    b.constant({ dataType: DATA_TYPE.bool, dims: [48, 48], bytes: Uint8Array.from(seen) });
  const numbers: Mask = (b) =>
    b.constant(
      float32Constant(
        [48, 48],
        seen.map((x) => (x ? 0 : -1e30)),
      ),
    );

  it.each<readonly [string, Write, number, Mask | undefined]>([
    ['heads apart', apart({}), Math.SQRT1_2, undefined],
    ['heads apart, a scale', apart({ scale: { float: 0.25 } }), 0.25, undefined],
    ['heads together', together(), Math.SQRT1_2, undefined],
    ['a bias for each pair of places', together(bias), Math.SQRT1_2, bias],
    ['a bias for each head', together(biases), Math.SQRT1_2, biases],
    ['a bias that is computed', together(computed), Math.SQRT1_2, biases],
    ['a mask of truths', together(truths), Math.SQRT1_2, numbers],
  ])('adapts as its parts do: %s', async (_title, write, scale, mask) => {
    const model = modelOf(write, { opset: 23 });
    expect((await inspect(model, engine)).unsupported).toEqual([]);
    await expectSame(model, modelOf(written(scale, mask)));
  });

  it('is refused by name where it is more than its parts', async () => {
    const { unsupported } = await inspect(modelOf(apart({ is_causal: 1 }), { opset: 23 }), engine);
    expect(unsupported).toEqual([expect.stringMatching(/^Attention "attention" follows an adapted layer/)]);
  });
});
