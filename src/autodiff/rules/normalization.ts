import {
  float32Constant,
  floatAttribute,
  intAttribute,
  intsAttribute,
  type Value,
} from '../../onnx/index.ts';
import { fromFront, reshapeLike } from '../shapes.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';
import { SMALLEST_NORM } from './over-axes.ts';

/**
 * y = softmax(x): x_grad = y * (g - sum(g * y)) along the axis. Subtract first: the terms cancel there, and
 * rounded products would not.
 */
function softmax(c: VjpContext): Value {
  const { emit } = c;
  const y = c.output(0);
  const axis = emit.ints([intAttribute(c.node, 'axis', -1)]);
  const sum = emit.op('ReduceSum', [emit.op('Mul', [c.gradient, y]), axis], { attributes: { keepdims: 1 } });
  return emit.op('Mul', [y, emit.op('Sub', [c.gradient, sum])]);
}

/** y = log softmax(x): x_grad = g - exp(y) * sum(g) along the axis. */
function logSoftmax(c: VjpContext): Value {
  const { emit } = c;
  const axis = emit.ints([intAttribute(c.node, 'axis', -1)]);
  const sum = emit.op('ReduceSum', [c.gradient, axis], { attributes: { keepdims: 1 } });
  return emit.op('Sub', [c.gradient, emit.op('Mul', [emit.op('Exp', [c.output(0)]), sum])]);
}

/**
 * The gradient through n = (x - mean) / sqrt(var + eps), with mean and biased variance over `axes`:
 * x_grad = (g - mean(g) - n * mean(g * n)) / sqrt(var + eps).
 */
function throughStandardization(
  c: VjpContext,
  x: Value,
  g: Value,
  axes: readonly number[],
  epsilon: number,
): Value {
  const { emit } = c;
  const mean = (value: Value) =>
    emit.op('ReduceMean', [value, emit.ints(axes)], { attributes: { keepdims: 1 } });
  const centred = emit.op('Sub', [x, mean(x)]);
  const variance = mean(emit.op('Mul', [centred, centred]));
  const deviation = emit.op('Sqrt', [emit.op('Add', [variance, epsilon])]);
  const n = emit.op('Div', [centred, deviation]);
  const along = emit.op('Mul', [n, mean(emit.op('Mul', [g, n]))]);
  return emit.op('Div', [emit.op('Sub', [emit.op('Sub', [g, mean(g)]), along]), deviation]);
}

function refuseAdaptedWeights(c: VjpContext): void {
  if (c.needs(1) || c.needs(2)) throw c.unsupported('a scale or shift that varies');
}

function layerNormalization(c: VjpContext): readonly Value[] {
  refuseAdaptedWeights(c);
  const rank = c.shapeOf(c.input(0)).length;
  const first = fromFront(intAttribute(c.node, 'axis', -1), rank);
  const axes = Array.from({ length: rank - first }, (_, i) => first + i);
  const g = c.emit.op('Mul', [c.gradient, c.input(1)]);
  return [throughStandardization(c, c.input(0), g, axes, floatAttribute(c.node, 'epsilon', 1e-5))];
}

/**
 * RMSNormalization: y = n * scale with n = x / r, r = sqrt(mean(x^2) + eps); x_grad = (g * scale - n * mean(g
 * * scale * n)) / r.
 */
function rmsNormalization(c: VjpContext): readonly Value[] {
  if (c.needs(1)) throw c.unsupported('a scale that varies');
  const { emit } = c;
  const x = c.input(0);
  const rank = c.shapeOf(x).length;
  const first = fromFront(intAttribute(c.node, 'axis', -1), rank);
  const axes = emit.ints(Array.from({ length: rank - first }, (_, i) => first + i));
  const mean = (value: Value) => emit.op('ReduceMean', [value, axes], { attributes: { keepdims: 1 } });
  const square = emit.op('Add', [mean(emit.op('Mul', [x, x])), floatAttribute(c.node, 'epsilon', 1e-5)]);
  const root = emit.op('Sqrt', [square]);
  const n = emit.op('Div', [x, root]);
  const g = emit.op('Mul', [c.gradient, c.input(1)]);
  const along = emit.op('Mul', [n, mean(emit.op('Mul', [g, n]))]);
  return [emit.op('Div', [emit.op('Sub', [g, along]), root])];
}

/**
 * A vector over channels as [C, 1, 1, ...], to be broadcast over a tensor of `rank` axes whose second is the
 * channel.
 */
function overChannels(c: VjpContext, vector: Value, rank: number): Value {
  return c.emit.op('Reshape', [vector, c.emit.ints([-1, ...new Array<number>(rank - 2).fill(1)])]);
}

function instanceNormalization(c: VjpContext): readonly Value[] {
  refuseAdaptedWeights(c);
  const rank = c.shapeOf(c.input(0)).length;
  const axes = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const g = c.emit.op('Mul', [c.gradient, overChannels(c, c.input(1), rank)]);
  return [throughStandardization(c, c.input(0), g, axes, floatAttribute(c.node, 'epsilon', 1e-5))];
}

/** What MeanVarianceNormalization adds to the deviation is 1e-9; this under the root comes to the same. */
const SMALLEST_VARIANCE = 1e-18;

function meanVarianceNormalization(c: VjpContext): Value {
  const rank = c.shapeOf(c.input(0)).length;
  const axes = (intsAttribute(c.node, 'axes') ?? [0, 2, 3]).map((axis) => fromFront(axis, rank));
  if (axes.includes(0)) throw c.unsupported('statistics over the rows of a batch');
  return throughStandardization(c, c.input(0), c.gradient, axes, SMALLEST_VARIANCE);
}

/**
 * Channels in groups that are standardised together. Up to operator set 20 a group shares its scale, later
 * each channel has its own.
 */
function groupNormalization(c: VjpContext): readonly Value[] {
  refuseAdaptedWeights(c);
  const { emit } = c;
  const x = c.input(0);
  const shape = c.shapeOf(x);
  const groups = intAttribute(c.node, 'num_groups', 1);
  const grouped = (value: Value) => emit.op('Reshape', [value, emit.ints([0, groups, -1])]);
  const byChannel = c.shapeOf(c.input(1))[0] === shape[1];
  const g = byChannel
    ? grouped(emit.op('Mul', [c.gradient, overChannels(c, c.input(1), shape.length)]))
    : emit.op('Mul', [grouped(c.gradient), overChannels(c, c.input(1), 3)]);
  const epsilon = floatAttribute(c.node, 'epsilon', 1e-5);
  return [reshapeLike(emit, throughStandardization(c, grouped(x), g, [2], epsilon), x, shape)];
}

/** y = (x - mean) * scale / sqrt(var + eps) + shift with fixed statistics: linear in x. */
function batchNormalization(c: VjpContext): readonly Value[] {
  if (intAttribute(c.node, 'training_mode', 0)) throw c.unsupported('training mode');
  refuseAdaptedWeights(c);
  const { emit } = c;
  const rank = c.shapeOf(c.input(0)).length;
  const variance = emit.op('Add', [c.input(4), floatAttribute(c.node, 'epsilon', 1e-5)]);
  const slope = emit.op('Div', [c.input(1), emit.op('Sqrt', [variance])]);
  return [emit.op('Mul', [c.gradient, rank > 2 ? overChannels(c, slope, rank) : slope])];
}

/**
 * LpNormalization: y = x / n with n the p-norm along an axis. x_grad = (g - d * sum(g * y)) / n, where d is
 * the derivative of n: y for p = 2 and the sign of x for p = 1.
 */
function lpNormalization(c: VjpContext): Value {
  const { emit } = c;
  const [x, y] = [c.input(0), c.output(0)];
  const axis = emit.ints([intAttribute(c.node, 'axis', -1)]);
  const [reduction, slope] =
    intAttribute(c.node, 'p', 2) === 1 ? ['ReduceL1', emit.op('Sign', [x])] : ['ReduceL2', y];
  const norm = emit.op('Max', [
    emit.op(reduction, [x, axis], { attributes: { keepdims: 1 } }),
    SMALLEST_NORM,
  ]);
  const sum = emit.op('ReduceSum', [emit.op('Mul', [c.gradient, y]), axis], { attributes: { keepdims: 1 } });
  return emit.op('Div', [emit.op('Sub', [c.gradient, emit.op('Mul', [slope, sum])]), norm]);
}

/**
 * LRN: y = x d^-beta with d = bias + alpha / size * (sum of squares over a window of channels);
 * x_grad = g d^-beta - 2 alpha beta / size * x * (sum over the windows that hold x of g x d^(-beta-1)).
 */
function localResponse(c: VjpContext): Value {
  const { emit, node } = c;
  const [alpha, beta, bias] = [
    floatAttribute(node, 'alpha', 1e-4),
    floatAttribute(node, 'beta', 0.75),
    floatAttribute(node, 'bias', 1),
  ];
  const size = intAttribute(node, 'size', 1);
  const x = c.input(0);
  const channels = c.shapeOf(x)[1];
  if (typeof channels !== 'number') throw c.unsupported('an open number of channels');
  const squares = windowSum(c, emit.op('Mul', [x, x]), channels, size, false);
  const d = emit.op('Add', [emit.op('Mul', [squares, alpha / size]), bias]);
  const scaled = emit.op('Mul', [c.gradient, emit.op('Pow', [d, -beta])]);
  const through = windowSum(c, emit.op('Div', [emit.op('Mul', [scaled, x]), d]), channels, size, true);
  return emit.op('Sub', [scaled, emit.op('Mul', [emit.op('Mul', [x, through]), (2 * alpha * beta) / size])]);
}

/** The sum over LRN's window of channels, or its transpose, as a 1x1 convolution with a band of ones. */
function windowSum(c: VjpContext, value: Value, channels: number, size: number, transposed: boolean): Value {
  const band = new Float32Array(channels * channels);
  for (let out = 0; out < channels; out++) {
    const from = Math.max(0, out - Math.floor((size - 1) / 2));
    const to = Math.min(channels - 1, out + Math.ceil((size - 1) / 2));
    for (let channel = from; channel <= to; channel++)
      band[transposed ? channel * channels + out : out * channels + channel] = 1;
  }
  return c.emit.op('Conv', [
    value,
    c.emit.constant(float32Constant([channels, channels, 1, 1], band), 'window'),
  ]);
}

export const NORMALIZATION_RULES: Readonly<Record<string, VjpEntry>> = {
  Softmax: { vjp: (c) => [softmax(c)] },
  LogSoftmax: { vjp: (c) => [logSoftmax(c)] },
  BatchNormalization: { vjp: batchNormalization, note: 'in inference' },
  LayerNormalization: { vjp: layerNormalization },
  RMSNormalization: { vjp: rmsNormalization },
  InstanceNormalization: { vjp: instanceNormalization },
  GroupNormalization: { vjp: groupNormalization },
  MeanVarianceNormalization: {
    vjp: (c) => [meanVarianceNormalization(c)],
    note: 'of each row alone',
  },
  LpNormalization: { vjp: (c) => [lpNormalization(c)] },
  LRN: { vjp: (c) => [localResponse(c)] },
};
