import { afterAll, describe, expect, it } from 'vitest';
import {
  batchNormalization,
  body,
  chain,
  head,
  images,
  modelOf,
  plainModel,
  type Write,
  weights,
} from '../../test/fixtures/dent/models.ts';
import { createEngine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import {
  DATA_TYPE,
  decodeModel,
  encodeModel,
  float32Constant,
  type GraphBuilder,
  type Model,
  type Node,
  type OpOptions,
  type Value,
} from '../onnx/index.ts';
import { float32, int64 } from '../tensor.ts';
import { compile, createRecipe, inspect, tensorNames } from './index.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 20_000 });
afterAll(() => engine.close());

const compileWith = (model: Uint8Array, options: Record<string, unknown> = { preset: 'dent' }) =>
  compile(model, createRecipe(options), engine);

/** The logits of four images after two updates. */
async function adapted(model: Uint8Array, image = images(4)): Promise<number[]> {
  const { bytes, output } = await compileWith(model);
  const results = await engine.evaluate(bytes, { image, steps: int64([], [2]) });
  return Array.from<number | bigint, number>(results[output]!.data, Number);
}

/** Both models adapted on the same images give the same logits, but for rounding. */
async function expectSame(a: Uint8Array, b: Uint8Array, image = images(4)): Promise<void> {
  const [first, second] = await Promise.all([adapted(a, image), adapted(b, image)]);
  expect(first).toHaveLength(20);
  expect(Math.max(...first.map((y, i) => Math.abs(y - second[i]!)))).toBeLessThan(1e-6);
}

function rewritten(bytes: Uint8Array, rewrite: (model: Model) => Model): Uint8Array {
  return encodeModel(rewrite(decodeModel(bytes)));
}

it('works from the probabilities that are paired with the names of classes', async () => {
  const named = rewritten(
    modelOf(chain(body, head, (b, x) => b.op('Softmax', [x], { name: 'probabilities' }))),
    (model) => {
      const [probabilities] = model.graph.outputs as [Value];
      const stringData = ['a', 'b', 'c', 'd', 'e'].map((word) => new TextEncoder().encode(word));
      const names: Value = { name: 'names' };
      const [number, label, loss]: Value[] = [{ name: 'number' }, { name: 'label' }, { name: 'loss' }];
      label!.type = { dataType: DATA_TYPE.string, shape: ['n', 1] };
      const ml = { domain: 'ai.onnx.ml', attributes: {} };
      const nodes: Node[] = [
        {
          opType: 'ArgMax',
          domain: '',
          name: 'arg',
          inputs: [probabilities],
          outputs: [number!],
          attributes: { axis: { kind: 'int', value: 1 } },
        },
        {
          ...ml,
          opType: 'ArrayFeatureExtractor',
          name: 'label',
          inputs: [names, number!],
          outputs: [label!],
        },
        {
          ...ml,
          opType: 'ZipMap',
          name: 'zip',
          inputs: [probabilities],
          outputs: [loss!],
          attributes: { classlabels_int64s: { kind: 'ints', value: [1, 2, 3, 4, 5] } },
        },
      ];
      const initializers = new Map(model.graph.initializers);
      initializers.set(names, {
        dataType: DATA_TYPE.string,
        dims: [5],
        bytes: new Uint8Array(0),
        strings: stringData,
      });
      const graph = {
        ...model.graph,
        initializers,
        nodes: [...model.graph.nodes, ...nodes],
        outputs: [label!, loss!],
      };
      return { ...model, otherDomains: { 'ai.onnx.ml': 2 }, graph };
    },
  );
  expect(tensorNames(named)).toEqual({ input: 'image', output: 'loss' });
  expect(await inspect(named, engine)).toMatchObject({
    classes: 5,
    removed: 'Softmax "probabilities"',
    unsupported: [],
  });
  await expectSame(named, plainModel);
});

describe('a file that ONNX Runtime has optimised', () => {
  const fused = rewritten(modelOf(chain(body, head)), (model) => {
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

describe('bytes of pixels', () => {
  const { dims, data } = images(4);
  const pixels = float32(
    dims,
    data.map((x) => Math.round(Math.abs(x) * 127)),
  );
  const scaled: Write = (b, x) => b.op('Div', [b.op('Sub', [x, 120]), 60]);
  const expected = modelOf(chain(scaled, body, head));
  const toFloat: Write = (b, x) => b.op('Cast', [x], { attributes: { to: DATA_TYPE.float32 } });
  const toFirst: Write = (b, x) => b.op('Transpose', [x], { attributes: { perm: [0, 3, 1, 2] } });
  const nchw = { dataType: DATA_TYPE.uint8, shape: ['batch', 3, 6, 8] };
  const nhwc = { dataType: DATA_TYPE.uint8, shape: ['batch', 6, 8, 3] };
  /** The greater of a pixel and a constant byte. */
  const atLeast: Write = (b, x) =>
    b.op('Max', [x, b.constant({ dataType: DATA_TYPE.uint8, dims: [], bytes: Uint8Array.of(9) })]);
  const half: Write = (b, x) => b.op('Cast', [x], { attributes: { to: DATA_TYPE.float16 } });

  it.each([
    ['turned into floats at once', modelOf(chain(toFloat, scaled, body, head), { type: nchw }), expected],
    [
      'with the channels last',
      modelOf(chain(toFloat, scaled, toFirst, body, head), { type: nhwc }),
      expected,
    ],
    ['turned as bytes', modelOf(chain(toFirst, toFloat, scaled, body, head), { type: nhwc }), expected],
    ['turned into float16', modelOf(chain(half, scaled, body, head), { type: nchw }), expected],
    [
      'computed with',
      modelOf(chain(atLeast, toFloat, scaled, body, head), { type: nchw }),
      modelOf(chain((b, x) => b.op('Max', [x, 9]), scaled, body, head)),
    ],
  ])('are taken as numbers from 0 to 255: %s', async (_title, bytes, floats) => {
    expect(tensorNames(bytes)).toEqual({ input: 'image', output: 'result', pixels: true });
    await expectSame(bytes, floats, pixels);
  });

  it('leave nothing of their type in the compiled graph where they are turned at once', async () => {
    const { bytes } = await compileWith(modelOf(chain(toFloat, scaled, body, head), { type: nchw }));
    const { graph } = decodeModel(bytes);
    expect(graph.inputs[0]).toMatchObject({ name: 'image', type: { dataType: DATA_TYPE.float32 } });
    expect(graph.nodes.map(({ opType }) => opType)).not.toContain('Round');
  });

  it('are said to be such', async () => {
    const { reading, unsupported } = await inspect(
      modelOf(chain(toFloat, body, head), { type: nchw }),
      engine,
    );
    expect(reading!.input).toMatchObject({ type: 'uint8', layout: 'NCHW' });
    expect(unsupported).toEqual([]);
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
  const written =
    (scale: number): Write =>
    (b, x) => {
      const [query, key, value] = parts(b, x).map((part) => heads(b, part)) as [Value, Value, Value];
      const scores = b.op('MatMul', [b.op('Mul', [query, scale]), turned(b, key, [0, 1, 3, 2])]);
      const probabilities = b.op('Softmax', [scores], { attributes: { axis: -1 } });
      return end(b, joined(b, b.op('MatMul', [probabilities, value])));
    };
  const apart =
    (attributes: NonNullable<OpOptions['attributes']>): Write =>
    (b, x) => {
      const headed = parts(b, x).map((part) => heads(b, part));
      return end(b, joined(b, b.op('Attention', headed, { ...named, attributes })));
    };
  const together: Write = (b, x) =>
    end(b, b.op('Attention', parts(b, x), { ...named, attributes: { q_num_heads: 2, kv_num_heads: 2 } }));

  it.each([
    ['heads apart', apart({}), Math.SQRT1_2],
    ['heads apart, a scale', apart({ scale: { float: 0.25 } }), 0.25],
    ['heads together', together, Math.SQRT1_2],
  ])('adapts as its parts do: %s', async (_title, write, scale) => {
    const model = modelOf(write, { opset: 23 });
    expect((await inspect(model, engine)).unsupported).toEqual([]);
    await expectSame(model, modelOf(written(scale)));
  });

  it('is refused by name where it is more than its parts', async () => {
    const { unsupported } = await inspect(modelOf(apart({ is_causal: 1 }), { opset: 23 }), engine);
    expect(unsupported).toEqual([expect.stringMatching(/^Attention "attention" follows an adapted layer/)]);
  });
});
