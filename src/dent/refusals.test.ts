import { describe, expect, it } from 'vitest';
import { largestDifference, startCompiler } from '../../test/fixtures/dent/compiler.ts';
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
import { InputError } from '../errors.ts';
import { DATA_TYPE, decodeModel, encodeModel, type Model, type Value } from '../onnx/index.ts';

const { engine, compileWith, run } = startCompiler();

const last = (opType: string, attributes = {}): Uint8Array =>
  modelOf(chain(body, head, (b, x) => b.op(opType, [x], { name: 'last', attributes })));
const changed = (change: (model: Model) => Partial<Model>): Uint8Array => {
  const model = decodeModel(plainModel);
  return encodeModel({ ...model, ...change(model) });
};
const mask: Value = { name: 'mask', type: { dataType: DATA_TYPE.float32, shape: ['n'] } };
const dense: Write = (b, x) => b.op('MatMul', [b.op('Flatten', [x]), weights(b, [144, 5], 4)]);
const tooWide: Write = (b, x) =>
  b.op('MatMul', [b.op('Flatten', [x]), weights(b, [9, 5], 4)], { name: 'wide' });

/** The refused model, the name in the sentence, and the advice in it. */
const REFUSALS: readonly (readonly [string, Uint8Array, thing: string, advice: string, preset?: string])[] = [
  ['no model', Buffer.from('{}'), 'its bytes do not parse', 'Give a file that an exporter has written'],
  [
    'half a model',
    plainModel.subarray(0, 700),
    'not an ONNX model',
    'Give a file that an exporter has written',
  ],
  ['an old opset', changed(() => ({ opset: 5 })), 'opset 5', 'onnx.version_converter.convert_version'],
  [
    'two inputs',
    modelOf(chain(body, head), { inputs: [mask] }),
    'image, mask',
    'Export it again so that the others are constants',
  ],
  [
    'no image',
    modelOf(head, { type: { ...imageType, shape: ['n', 12] } }),
    '"image" has 2 axes',
    'Export it again so that it takes one',
  ],
  [
    'huge images',
    modelOf(chain(body, head), { type: { ...imageType, shape: ['n', 3, 1e5, 1e5] } }),
    '[n, 3, 100000, 100000]',
    'export the model for fewer or smaller images',
  ],
  ['no classes', modelOf(body), '"result" (from Relu "relu")', 'Export it again so that it returns them'],
  [
    'a single class',
    modelOf((b, x) => b.op('MatMul', [b.op('Flatten', [x]), weights(b, [144, 1], 4)])),
    '"result" is of a single class',
    'Export it again with a logit for each of the two',
  ],
  ['labels that are independent', last('Sigmoid'), 'Sigmoid "last"', 'export the model without Sigmoid'],
  [
    'a Softmax over rows',
    last('Softmax', { axis: 0 }),
    'Softmax "last"',
    'export the model with it over axis 1',
  ],
  ['several outputs', twoHeads(), '"embedding" and "logits"', '--output NAME'],
  [
    'outputs without classes',
    modelOfOutputs((b, x) => ({ a: [body(b, x), 1], b: [b.op('Relu', [x]), 1] })),
    '"a" [batch, 1], "b" [batch, 1]',
    '--output NAME',
  ],
  [
    'an op without a rule',
    modelOf(chain(body, (b, x) => b.op('Sinh', [x], { name: 'odd' }), head)),
    'Sinh "odd"',
    'recipes of 0 steps, such as static, need none',
  ],
  [
    'an op whose rule does not cover it',
    modelOf(
      chain(
        body,
        (b, x) =>
          b.op('MaxPool', [x], { name: 'pool', attributes: { kernel_shape: [2, 2], storage_order: 1 } }),
        head,
      ),
    ),
    'MaxPool "pool"',
    'recipes of 0 steps, such as static, need none',
  ],
  [
    'nothing to adapt',
    modelOf(dense),
    'no normalisation layer and no convolution',
    'recipes of 0 steps, such as static, serve it',
  ],
  [
    'no statistics',
    modelOf((b, x) => head(b, b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)]))),
    '"batch"',
    'export it with BatchNormalization kept',
    'tent',
  ],
  [
    'smoothing of an open size',
    modelOf(chain(body, head), { type: { ...imageType, shape: ['n', 3, 'h', 'w'] } }),
    'leaves its height and width open',
    '--size',
    'dent-smooth',
  ],
  ['what cannot be run', modelOf(tooWide), "Name:'wide'", 'Export it again so that ONNX Runtime runs it'],
  [
    'what cannot be run at the size assumed',
    modelOf(tooWide, { type: { ...imageType, shape: ['n', 3, 'h', 'w'] } }),
    '3 x 224 x 224',
    "--size, or the manifest's width and height, name another",
  ],
];

const ROWS = REFUSALS.map(([what, model, thing, advice, preset = 'dent']) => ({
  ...{ what, model, thing, advice, preset },
}));

it.each(ROWS)('$what is refused with its name and a way on', async ({ model, thing, advice, preset }) => {
  const failure = await compileWith(model, { preset }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(InputError);
  const { message } = failure as InputError;
  expect(message).toContain(thing);
  expect(message.toLowerCase()).toContain(advice.toLowerCase());
  // The advice comes after the fault.
  expect(message.toLowerCase().indexOf(advice.toLowerCase())).toBeGreaterThan(message.indexOf(thing));
});

describe('compile refuses', () => {
  const flat: Write = (b, x) => b.op('Flatten', [x]);
  const other: Value = { name: 'mask', type: { dataType: DATA_TYPE.float32, shape: ['n'] } };

  it.each<readonly [string, Uint8Array, string | RegExp]>([
    [
      'an op without a rule behind an adapted layer',
      modelOf(chain(body, (b, x) => b.op('Sinh', [x], { name: 'layer4/odd' }), head)),
      'Sinh "layer4/odd" (opset 18) has no gradient rule, so nothing before it can be adapted. docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.',
    ],
    [
      'a use of an op that its rule does not cover',
      modelOf(
        chain(
          body,
          (b, x) =>
            b.op('MaxPool', [x], { name: 'pool', attributes: { kernel_shape: [2, 2], storage_order: 1 } }),
          head,
        ),
      ),
      'MaxPool "pool": column-major indices has no gradient rule. docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.',
    ],
    [
      'a model with nothing to adapt',
      modelOf((b, x) => b.op('MatMul', [flat(b, x), weights(b, [144, 5], 4)])),
      'The model has no normalisation layer and no convolution whose scale and shift could be adapted; recipes of 0 steps, such as static, serve it as it is.',
    ],
    [
      'an output that is no list of classes',
      modelOf(body),
      /^The output "result" \(from Relu "relu"\) has the shape \[N, 4, 6, 8\]; a classifier's logits are \[N, classes\]\. Export it again so that it returns them\.$/,
    ],
    [
      'an output without the batch',
      modelOf((b, x) => b.op('ReduceMean', [chain(body, head)(b, x), b.ints([0])], { name: 'mean' })),
      /^The output "result" \(from ReduceMean "mean"\) has the shape \[1, 5\]; a classifier's logits are \[N, classes\]\. Export it again so that it returns them\.$/,
    ],
    [
      'two inputs',
      modelOf(chain(body, head), { inputs: [other] }),
      'The model has 2 inputs (image, mask); an image classifier has one. Export it again so that the others are constants.',
    ],
    [
      'images of other whole numbers than bytes',
      modelOf((b, x) => chain(body, head)(b, b.op('Cast', [x], { attributes: { to: 1 } })), {
        type: { ...imageType, dataType: DATA_TYPE.int32 },
      }),
      'The input "image" is of type int32; dent-serve feeds floats, or uint8 for pixels. Export it again with an input of one of them and a Cast behind it.',
    ],
    [
      'images larger than any',
      modelOf(chain(body, head), { type: { ...imageType, shape: ['n', 3, 100_000, 100_000] } }),
      'The input "image" is of shape [n, 3, 100000, 100000], more than can be fed; export the model for fewer or smaller images.',
    ],
    [
      'a single class',
      modelOf((b, x) => b.op('MatMul', [flat(b, body(b, x)), weights(b, [192, 1], 4)])),
      'The output "result" is of a single class, whose entropy is always zero; dent adapts two classes or more. Export it again with a logit for each of the two, or with a Sigmoid behind it.',
    ],
    [
      'something else than images',
      modelOf((b, x) => b.op('Relu', [x]), { type: { ...imageType, shape: ['n', 12] } }),
      'The input "image" has 2 axes; an image batch has four: [N, C, H, W]. Export it again so that it takes one.',
    ],
    [
      'a model for one image at a time',
      modelOf(
        chain(
          body,
          (b, x) => b.op('Reshape', [x, b.ints([1, 192])], { name: 'one' }),
          (b, x) => b.op('MatMul', [x, weights(b, [192, 5], 4)]),
        ),
      ),
      /one/,
    ],
    ['what is no model', new TextEncoder().encode('hello, world'), /^This is not an ONNX model/],
  ])('%s', async (_what, model, message) => {
    const failure = await compileWith(model).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InputError);
    if (typeof message === 'string') expect((failure as Error).message).toBe(message);
    else expect((failure as Error).message).toMatch(message);
  });

  it('what it has compiled itself', async () => {
    const { bytes } = await compileWith(plainModel);
    await expect(compileWith(bytes)).rejects.toThrow(
      new InputError(
        'This graph is compiled already: it adapts itself. Give the model that it was compiled from.',
      ),
    );
  });

  it.each([
    ['height', ['n', 3, 'h', 8]],
    ['width', ['n', 3, 6, 'w']],
  ] as const)('smoothing of images whose %s is open', async (_axis, shape) => {
    const model = modelOf(chain(body, head), { type: { ...imageType, shape } });
    const smoothing = compileWith(model, { preset: 'dent-smooth' });
    await expect(smoothing).rejects.toThrow(
      new InputError(
        "Input smoothing needs a fixed image size. The model leaves its height and width open; for one size, by --size or the manifest's width and height, it may compile.",
      ),
    );
  });

  it('steps that have nothing to adapt', async () => {
    const recipe = { preset: 'dent', affine: 'off' };
    await expect(compileWith(plainModel, recipe)).rejects.toThrow(
      /^The recipe has steps but nothing to adapt/,
    );
  });

  it('statistics of the batch where no layer has any', async () => {
    const model = modelOf((b, x) => {
      const convolved = b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)], { name: 'conv' });
      return head(b, convolved);
    });
    await expect(compileWith(model, { preset: 'norm' })).rejects.toThrow(
      /export it with BatchNormalization kept/,
    );
  });

  it('no model whose predictions are all that is asked for', async () => {
    const model = modelOf((b, x) => b.op('MatMul', [flat(b, x), weights(b, [144, 5], 4)]));
    const compiled = await compileWith(model, { preset: 'static' });
    const original = await engine.evaluate(model, { image: images(2) });
    expect(largestDifference((await run(compiled, images(2), 0)).result, original.result)).toBeLessThan(1e-5);
  });
});
