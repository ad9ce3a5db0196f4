import { expect, it } from 'vitest';
import { body, chain, head, modelOf, plainModel, type Write } from '../../test/fixtures/dent/models.ts';
import { DATA_TYPE, float32Constant, type GraphBuilder, type Value } from '../onnx/index.ts';
import { inputScaling } from './input-scaling.ts';

const channels = (b: GraphBuilder, values: readonly number[]): Value =>
  b.constant(float32Constant([1, 3, 1, 1], values));

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** A wrapper around a network normalises like this. */
const wrapper: Write = (b, x) => b.op('Div', [b.op('Sub', [x, channels(b, MEAN)]), channels(b, STD)]);
/** Keras' Rescaling, from pixels up to 255 to -1 … 1. */
const rescaling: Write = (b, x) => b.op('Add', [b.op('Mul', [1 / 127.5, x]), -1]);
const none: Write = (b, x) => b.op('Identity', [x]);

it.each<[string, Write, { factor: number[]; offset: number[] }]>([
  [
    'a mean and a deviation',
    wrapper,
    { factor: STD.map((std) => 1 / std), offset: MEAN.map((mean, i) => -mean / STD[i]!) },
  ],
  ['a rescaling', rescaling, { factor: [1 / 127.5], offset: [-1] }],
  [
    'one behind the other',
    chain(rescaling, none, wrapper),
    {
      factor: STD.map((std) => 1 / 127.5 / std),
      offset: MEAN.map((mean, i) => (-1 - mean) / STD[i]!),
    },
  ],
])('finds %s at the beginning of a graph', (_, scale, expected) => {
  const found = inputScaling(modelOf(chain(scale, body, head)))!;
  for (const part of ['factor', 'offset'] as const) {
    expect(found[part]).toHaveLength(expected[part].length);
    for (const [i, value] of found[part].entries()) expect(value).toBeCloseTo(expected[part][i]!, 5);
  }
});

it('finds a constant that is a node', () => {
  const scale: Write = (b, x) => {
    const value = { kind: 'tensor', value: float32Constant([], [0.5]) } as const;
    return b.op('Mul', [x, b.op('Constant', [], { attributes: { value } })]);
  };
  expect(inputScaling(modelOf(chain(scale, body, head)))).toEqual({ factor: [0.5], offset: [0] });
});

it.each<[string, Uint8Array]>([
  ['begins with a convolution', plainModel],
  ['only passes its pixels on', modelOf(chain(none, body, head))],
  ['takes its pixels from a constant', modelOf(chain((b, x) => b.op('Sub', [1, x]), body, head))],
  [
    'weighs every pixel',
    modelOf(
      chain(
        (b, x) => b.op('Mul', [x, b.constant(float32Constant([6, 8], new Float32Array(48)))]),
        body,
        head,
      ),
    ),
  ],
  ['uses its pixels twice', modelOf(chain((b, x) => b.op('Add', [b.op('Mul', [x, 2]), x]), body, head))],
  [
    'takes whole numbers',
    modelOf(
      chain((b, x) => b.op('Cast', [x], { attributes: { to: DATA_TYPE.float32 } }), body, head),
      { type: { dataType: DATA_TYPE.uint8, shape: ['batch', 3, 6, 8] } },
    ),
  ],
])('finds none where a graph %s', (_, bytes) => {
  expect(inputScaling(bytes)).toBeUndefined();
});
