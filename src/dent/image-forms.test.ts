import { describe, expect, it } from 'vitest';
import { numbersOf, startCompiler } from '../../test/fixtures/dent/compiler.ts';
import {
  body,
  chain,
  head,
  images,
  imageType,
  modelOf,
  plainModel,
  type Write,
  weights,
  withModel,
} from '../../test/fixtures/dent/models.ts';
import {
  type Constant,
  DATA_TYPE,
  type Dim,
  decodeModel,
  float32Constant,
  float64Constant,
} from '../onnx/index.ts';
import { float32, int64 } from '../tensor.ts';
import { inspect, tensorNames } from './index.ts';
import { noise } from './noise.ts';

const { engine, compileWith, run, expectSame } = startCompiler();

const recipe = { preset: 'dent' };

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
  ])('are fed with the channels first: %s', (_title, last, first) => expectSame(last, first));

  it('are not assumed where a convolution reads them, of two channels and three pixels wide', async () => {
    const small = { ...imageType, shape: ['batch', 2, 7, 3] };
    const first: Write = (b, x) => b.op('Conv', [x, weights(b, [4, 2, 3, 3], 1)]);
    const compiled = await compileWith(modelOf(chain(first, head), { type: small }));
    expect(compiled.imageShape).toEqual([2, 7, 3]);
    expect(compiled.reading.input.layout).toBe('NCHW');
  });

  it('are smoothed along height and width', async () => {
    const last = modelOf(chain(toFirst, body, head), { type });
    const [a, b] = await Promise.all(
      [last, plainModel].map(async (model) =>
        numbersOf((await run(await compileWith(model, { preset: 'dent-smooth' }), images(4), 2)).result),
      ),
    );
    expect(a).toEqual(b!.map((y) => expect.closeTo(y, 5)));
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
    await expectSame(bytes, floats, { image: pixels });
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
    const narrow = withModel(
      modelOf(chain(body, (b, x) => b.op('Cast', [x], { attributes: { to: DATA_TYPE.float16 } }), head)),
      ({ graph, ...model }) => {
        const initializers = new Map([...graph.initializers].map(([value, c]) => [value, inHalf(c)]));
        graph.inputs[0]!.type = { ...imageType, dataType: DATA_TYPE.float16 };
        return { ...model, graph: { ...graph, initializers } };
      },
    );
    // The difference that remains comes from rounding the weights to eleven bits.
    await expectSame(narrow, plainModel, { tolerance: 0.02 });
  });
});

describe('float64', () => {
  const to =
    (type: number): Write =>
    (b, x) =>
      b.op('Cast', [x], { attributes: { to: type } });
  const toDouble = to(DATA_TYPE.float64);
  const double: Write = (b, x) => b.op('Mul', [x, b.constant(float64Constant([], [0.75]))]);
  const single: Write = (b, x) => b.op('Mul', [x, 0.75]);
  const normalised =
    (constant: typeof float64Constant): Write =>
    (b, x) => {
      const vectors = [
        [1, 0.5, -1, 2],
        [0.25, -0.5, 1, 0],
        [0, 0.5, 0.25, 0.125],
        [1, 2, 0.5, 4],
      ].map((values) => b.constant(constant([4], values)));
      return b.op('BatchNormalization', [x, ...vectors], { name: 'second' });
    };
  const doubleType = { ...imageType, dataType: DATA_TYPE.float64 };
  const doubles = (bytes: Uint8Array) =>
    withModel(bytes, ({ graph, ...model }) => {
      graph.outputs[0]!.type = { dataType: DATA_TYPE.float64, shape: ['batch', 5] };
      return { ...model, graph };
    });

  it.each([
    ['of the image', modelOf(chain(to(DATA_TYPE.float32), body, head), { type: doubleType }), plainModel],
    [
      'of the image, computed with',
      modelOf(chain(double, to(DATA_TYPE.float32), body, head), { type: doubleType }),
      modelOf(chain(single, body, head)),
    ],
    [
      'between layers',
      modelOf(chain(body, toDouble, double, to(DATA_TYPE.float32), head)),
      modelOf(chain(body, single, head)),
    ],
    ['of the logits', doubles(modelOf(chain(body, head, toDouble))), plainModel],
    [
      'of a layer that is adapted',
      modelOf(chain(body, toDouble, normalised(float64Constant), to(DATA_TYPE.float32), head)),
      modelOf(chain(body, normalised(float32Constant), head)),
    ],
  ])('becomes float32 where it depends on pixels: %s', (_title, bytes, expected) =>
    expectSame(bytes, expected, { tolerance: 1e-5 }),
  );
});

describe('an image whose size the model leaves open', () => {
  const strided: Write = (b, x) =>
    b.op('Conv', [x, weights(b, [4, 4, 3, 3], 7)], { name: 'strided', attributes: { strides: [2, 2] } });
  const write = chain(body, strided, head);
  const open = (shape: readonly Dim[]) => modelOf(write, { type: { ...imageType, shape } });

  it.each([
    ['height and width', ['n', 3, 'h', 'w']],
    ['every axis', ['n', 'c', 'h', 'w']],
  ])('compiles for the size that is given: %s', async (_title, shape) => {
    const compiled = await compileWith(open(shape), recipe, { imageShape: [3, 6, 8] });
    const fixed = await compileWith(modelOf(write));
    expect(compiled.imageShape).toEqual([3, 6, 8]);
    const feeds = { image: images(4), steps: int64([], [2]) };
    const [a, b] = [await engine.evaluate(compiled.bytes, feeds), await engine.evaluate(fixed.bytes, feeds)];
    expect(a).toEqual(b);
  });

  it('counts the channels by its first convolution where nobody names them', async () => {
    const gray = modelOf((b, x) => head(b, b.op('Conv', [x, weights(b, [4, 1, 3, 3], 1)])), {
      type: { ...imageType, shape: ['n', 'c', 'h', 'w'] },
    });
    const compiled = await compileWith(gray, recipe, { imageShape: [undefined, 6, 8] });
    expect(compiled.imageShape).toEqual([1, 6, 8]);
  });

  it.each([
    [6, 8],
    [9, 13],
  ])('compiles for any size where none is given, and gives what one for %i x %i gives', async (h, w) => {
    const compiled = await compileWith(open(['n', 3, 'h', 'w']));
    expect(compiled.imageShape).toEqual([3, -1, -1]);
    const fixed = await compileWith(modelOf(write, { type: { ...imageType, shape: ['n', 3, h, w] } }));
    const image = noise([4, 3, h, w], 5);
    const [a, b] = await Promise.all(
      [compiled, fixed].map(({ bytes }) => engine.evaluate(bytes, { image, steps: int64([], [2]) })),
    );
    const entropies = [a, b].map((results) => Array.from(results!.entropy!.data, Number));
    expect(entropies[0]).toEqual(entropies[1]!.map((nats) => expect.closeTo(nats, 6)));
  });

  it('is refused with the way out where no size is given and one is needed', async () => {
    const same: Write = (b, x) =>
      b.op('Conv', [x, weights(b, [4, 4, 3, 3], 7)], {
        name: 'same',
        attributes: { auto_pad: 'SAME_UPPER' },
      });
    const model = modelOf(chain(body, same, head), { type: { ...imageType, shape: ['n', 3, 'h', 'w'] } });
    await expect(compileWith(model)).rejects.toThrow(
      'Conv "same": a spatial axis of open size has no gradient rule. The model leaves its height and width open; for one size, by --size or the manifest\'s width and height, it may compile.',
    );
  });
});
