import { afterAll, describe, expect, it } from 'vitest';
import {
  body,
  chain,
  head,
  images,
  imageType,
  modelOf,
  modelOfOutputs,
  plainModel,
  twoHeads,
  type Write,
  weights,
} from '../../test/fixtures/dent/models.ts';
import { createEngine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import type { Dim, GraphBuilder, Value } from '../onnx/index.ts';
import { int64 } from '../tensor.ts';
import { compile, createRecipe, inspect, type OutputHint, tensorNames } from './index.ts';
import { noise } from './noise.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 20_000 });
afterAll(() => engine.close());

const recipe = createRecipe({ preset: 'dent' });

/** The entropies of four rows before, between and after two updates. */
async function entropies(model: Uint8Array): Promise<number[]> {
  const { bytes } = await compile(model, recipe, engine);
  const { entropy } = await engine.evaluate(bytes, { image: images(4), steps: int64([], [2]) });
  return Array.from<number | bigint, number>(entropy!.data, Number);
}

const softmax: Write = (b, x) => b.op('Softmax', [x], { attributes: { axis: 1 } });
const constant = (b: GraphBuilder, opType: string, x: Value, number: number): Value =>
  b.op(opType, [x, number]);

describe('probabilities that are not one Softmax at the end', () => {
  const apart: Write = (b, x) => {
    const most = b.op('ReduceMax', [x, b.ints([1])], { attributes: { keepdims: 1 } });
    const exponentials = b.op('Exp', [b.op('Sub', [x, most])]);
    return b.op('Div', [exponentials, b.op('ReduceSum', [exponentials, b.ints([1])])]);
  };
  const turned: Write = (b, x) => {
    const flat = b.op('Softmax', [b.op('Transpose', [x], { attributes: { perm: [1, 0] } })], {
      attributes: { axis: 0 },
    });
    return b.op('Transpose', [flat], { attributes: { perm: [1, 0] } });
  };

  it.each<readonly [string, Write]>([
    ['its parts one by one', apart],
    ['limited', chain(softmax, (b, x) => b.op('Clip', [x, 1e-7, 1 - 1e-7]))],
    ['turned there and back', turned],
    ['in percent', chain(softmax, (b, x) => constant(b, 'Mul', x, 100))],
    ['a mean of two', (b, x) => constant(b, 'Div', b.op('Add', [softmax(b, x), softmax(b, x)]), 2)],
  ])('are adapted by their logarithms: %s', async (_title, write) => {
    const model = modelOf(chain(body, head, write));
    const expected = await entropies(plainModel);
    expect(await entropies(model)).toEqual(expected.map((nats) => expect.closeTo(nats, 4)));
    expect((await inspect(model, engine)).reading!.output.takenAs).toBe('log-probabilities');
  });

  it('are told from logits that are positive, or the same for every image', async () => {
    const positive: Write = (b, x) => b.op('Relu', [constant(b, 'Add', x, 3)]);
    const same: Write = (b, x) => constant(b, 'Add', constant(b, 'Mul', x, 0), 2);
    for (const write of [positive, same]) {
      const { reading } = await inspect(modelOf(chain(body, head, write)), engine);
      expect(reading).toMatchObject({ output: { takenAs: 'logits' }, warnings: [] });
    }
  });

  it('are refused where the least is the most likely', async () => {
    const model = modelOf(
      chain(body, head, (b, x) => b.op('Neg', [b.op('LogSoftmax', [x], { attributes: { axis: 1 } })])),
    );
    await expect(entropies(model)).rejects.toThrow(
      /^The output "result" holds negative log-probabilities, .*; export the model again/,
    );
  });

  it('are refused where the Softmax is over the images of a batch', async () => {
    const model = modelOf(
      chain(body, head, (b, x) => b.op('Softmax', [x], { name: 'wrong', attributes: { axis: 0 } })),
    );
    await expect(entropies(model)).rejects.toThrow(
      'Softmax "wrong" goes over axis 0 of [N, 5], which is not that of the classes; export the model with it over axis 1, or without it.',
    );
  });
});

describe('independent labels', () => {
  const sigmoid: Write = (b, x) => b.op('Sigmoid', [x], { name: 'labels' });

  it.each<readonly [string, Write]>([
    ['flattened', (b, x) => b.op('Flatten', [x])],
    ['reshaped', (b, x) => b.op('Reshape', [x, b.ints([-1, 5])])],
    ['limited', (b, x) => b.op('Clip', [x, 0, 1])],
    ['scaled', (b, x) => constant(b, 'Mul', x, 100)],
  ])('are refused: %s', async (_title, write) => {
    await expect(entropies(modelOf(chain(body, head, sigmoid, write)))).rejects.toThrow(
      'The output "result" comes from Sigmoid "labels": these are independent labels, and dent adapts classes of which one is right. Where one is, export the model without Sigmoid.',
    );
  });

  it('are warned of where no Sigmoid is seen at the end', async () => {
    const opposite: Write = (b, x) => b.op('Sub', [b.float(1), sigmoid(b, x)]);
    const { warnings } = (await inspect(modelOf(chain(body, head, opposite)), engine)).reading!;
    expect(warnings).toEqual([
      'The output "result" is taken for logits, but on images of noise all of it lies between 0 and 1 without adding up to 1, as independent labels do. If it comes out of a sigmoid or the like, export the model without it.',
    ]);
  });

  it('are no gate before the logits', async () => {
    const gated: Write = (b, x) => b.op('Mul', [b.op('Sigmoid', [x]), x]);
    const { reading, unsupported } = await inspect(modelOf(chain(body, head, gated)), engine);
    expect({ reading, unsupported }).toMatchObject({ reading: { warnings: [] }, unsupported: [] });
  });
});

describe('of several outputs', () => {
  const features: Write = chain(body, (b, x) => b.op('Flatten', [b.op('GlobalAveragePool', [x])]));
  const dense =
    (classes: number): Write =>
    (b, x) =>
      b.op('Gemm', [x, weights(b, [4, classes], 2)]);
  const featuresFirst = modelOfOutputs((b, x) => {
    const found = features(b, x);
    return { features: [found, 4], logits: [dense(5)(b, found), 5] };
  });
  const heads = twoHeads();

  it.each<readonly [string, Uint8Array, string, OutputHint]>([
    ['the logits behind features', featuresFirst, 'logits', {}],
    [
      'the logits beside a map of features',
      modelOfOutputs((b, x) => {
        const map = body(b, x);
        const logits = head(b, map);
        map.name = 'map';
        return { map: [map], logits: [logits, 5] };
      }),
      'logits',
      {},
    ],
    [
      'all probabilities beside the best few',
      modelOfOutputs((b, x) => {
        const all = softmax(b, head(b, body(b, x)));
        const [best] = b.multi('TopK', [all, b.ints([3])], 2);
        return { best: [best!, 3], all: [all, 5] };
      }),
      'all',
      {},
    ],
    [
      'the logits beside their probabilities',
      modelOfOutputs((b, x) => {
        const logits = head(b, body(b, x));
        return { probabilities: [softmax(b, logits), 5], logits: [logits, 5] };
      }),
      'logits',
      {},
    ],
    [
      'the head at the end of the longest way',
      modelOfOutputs((b, x) => {
        const early = body(b, x);
        const late = b.op('Relu', [b.op('Conv', [early, weights(b, [4, 4, 1, 1], 7)])]);
        return { auxiliary: [head(b, early), 5], main: [head(b, late), 5] };
      }),
      'main',
      {},
    ],
    ['the one with as many classes as there are labels', heads, 'embedding', { classes: 6 }],
    ['the one that is named', featuresFirst, 'features', { output: 'features' }],
  ])('takes %s', async (_title, bytes, expected, hint) => {
    expect((await compile(bytes, recipe, engine, hint)).output).toBe(expected);
    expect(tensorNames(bytes, hint).output).toBe(expected);
  });

  it('names those that it leaves out', async () => {
    expect((await inspect(featuresFirst, engine)).reading!.output).toEqual({
      ...{ name: 'logits', classes: 5, takenAs: 'logits', leftOut: ['features'] },
    });
  });

  it.each<readonly [string, Uint8Array, OutputHint, string]>([
    [
      'may be the logits',
      heads,
      {},
      'The model has the outputs "embedding" [batch, 6], "logits" [batch, 5], and "embedding" and "logits" may be its logits; say which one holds the logits by "output": "NAME" in model.json or --output NAME (--model-output NAME for adapt and compile).',
    ],
    [
      'has the name',
      heads,
      { output: 'scores' },
      'The model has no output "scores"; name one of its outputs: "embedding" [batch, 6], "logits" [batch, 5].',
    ],
  ])('refuses with a list where none or several %s', async (_title, bytes, hint, sentence) => {
    await expect(compile(bytes, recipe, engine, hint)).rejects.toThrow(new InputError(sentence));
    expect(() => tensorNames(bytes, hint)).toThrow(new InputError(sentence));
  });
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
    const compiled = await compile(open(shape), recipe, engine, { imageShape: [3, 6, 8] });
    const fixed = await compile(modelOf(write), recipe, engine);
    expect(compiled.imageShape).toEqual([3, 6, 8]);
    const feeds = { image: images(4), steps: int64([], [2]) };
    const [a, b] = [await engine.evaluate(compiled.bytes, feeds), await engine.evaluate(fixed.bytes, feeds)];
    expect(a).toEqual(b);
  });

  it('counts the channels by its first convolution where nobody names them', async () => {
    const gray = modelOf((b, x) => head(b, b.op('Conv', [x, weights(b, [4, 1, 3, 3], 1)])), {
      type: { ...imageType, shape: ['n', 'c', 'h', 'w'] },
    });
    const compiled = await compile(gray, recipe, engine, { imageShape: [undefined, 6, 8] });
    expect(compiled.imageShape).toEqual([1, 6, 8]);
  });

  it.each([
    [6, 8],
    [9, 13],
  ])('compiles for any size where none is given, and gives what one for %i x %i gives', async (h, w) => {
    const compiled = await compile(open(['n', 3, 'h', 'w']), recipe, engine);
    expect(compiled.imageShape).toEqual([3, -1, -1]);
    const fixed = await compile(
      modelOf(write, { type: { ...imageType, shape: ['n', 3, h, w] } }),
      recipe,
      engine,
    );
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
    await expect(compile(model, recipe, engine)).rejects.toThrow(
      'Conv "same": a spatial axis of open size has no gradient rule. The model leaves its height and width open; for one size, by --size or the manifest\'s width and height, it may compile.',
    );
  });
});
