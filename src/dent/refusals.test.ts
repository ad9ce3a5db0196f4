import { afterAll, expect, it } from 'vitest';
import {
  body,
  chain,
  head,
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
import { DATA_TYPE, decodeModel, encodeModel, type Model, type Value } from '../onnx/index.ts';
import { compile, createRecipe } from './index.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 20_000 });
afterAll(() => engine.close());

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
  const failure = await compile(model, createRecipe({ preset }), engine).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(InputError);
  const { message } = failure as InputError;
  expect(message).toContain(thing);
  expect(message.toLowerCase()).toContain(advice.toLowerCase());
  // The advice comes after the fault.
  expect(message.toLowerCase().indexOf(advice.toLowerCase())).toBeGreaterThan(message.indexOf(thing));
});
