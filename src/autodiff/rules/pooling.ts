import { float32Constant, intAttribute, intsAttribute, type Value } from '../../onnx/index.ts';
import { expandLike, reshapeLike, zerosLike } from '../shapes.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';
import { inputGradient } from './convolution.ts';
import { elementsAlong, toHolders } from './over-axes.ts';
import { spatialSizes, type Window, windowOf } from './window.ts';

function kernelOf(c: VjpContext): readonly number[] {
  const kernel = intsAttribute(c.node, 'kernel_shape');
  if (!kernel) throw c.unsupported('a missing kernel_shape');
  return kernel;
}

/**
 * Each output's gradient is added at the place that its maximum came from. The op itself returns that place
 * (flat over the whole tensor).
 */
function maxPool(c: VjpContext): Value {
  const { emit, node } = c;
  if (intAttribute(node, 'storage_order', 0)) throw c.unsupported('column-major indices');
  const x = c.input(0);
  const places = emit.multi('MaxPool', [x], 2, { name: 'MaxPool_indices', attributes: node.attributes })[1]!;
  const flat = (value: Value) => emit.op('Reshape', [value, emit.ints([-1])]);
  const zeros = flat(zerosLike(emit, x));
  const sum = emit.op('ScatterElements', [zeros, flat(places), flat(c.gradient)], {
    attributes: { axis: 0, reduction: 'add' },
  });
  return reshapeLike(emit, sum, x, c.shapeOf(x));
}

/**
 * The average is a depthwise convolution with equal weights, 1 / (elements under the window). Its gradient is
 * one too.
 */
function averagePool(c: VjpContext): Value {
  const { emit } = c;
  const kernel = kernelOf(c);
  const window = windowOf(c, kernel);
  const channels = c.shapeOf(c.input(0))[1];
  if (typeof channels !== 'number') throw c.unsupported('an open number of channels');
  const share = emit.op('Div', [c.gradient, windowCounts(c, window)]);
  const taps = kernel.reduce((a, b) => a * b, 1);
  const ones = float32Constant([channels, 1, ...kernel], new Float32Array(channels * taps).fill(1));
  return inputGradient(c, share, ones, window, channels);
}

/**
 * How many elements each window averages: those inside the image, and those of the padding where
 * count_include_pad is set. Elements beyond the padding, which ceil_mode can reach, never count. The result
 * is one number, or [1, 1, ...output] where windows differ.
 */
function windowCounts(c: VjpContext, window: Window): Value | number {
  const includePad = intAttribute(c.node, 'count_include_pad', 0) === 1;
  const isPadded = [...window.padBegin, ...window.padEnd].some((pad) => pad !== 0);
  // Then no window reaches beyond the elements that count, whatever the size of the image.
  if ((includePad || !isPadded) && !intAttribute(c.node, 'ceil_mode', 0))
    return window.kernel.reduce((a, b) => a * b, 1);
  const input = spatialSizes(c, 0);
  const output = c.shapeOf(c.output(0)).slice(2).map(Number);
  const perAxis = output.map((size, axis) =>
    Array.from({ length: size }, (_, i) => countAt(window, axis, i, input[axis]!, includePad)),
  );
  let counts = [1];
  for (const axis of perAxis) counts = counts.flatMap((count) => axis.map((n) => count * n));
  if (counts.every((count) => count === counts[0])) return counts[0]!;
  return c.emit.constant(float32Constant([1, 1, ...output], counts), 'window_counts');
}

function countAt(window: Window, axis: number, index: number, size: number, includePad: boolean): number {
  const first = index * window.strides[axis]! - window.padBegin[axis]!;
  const [low, high] = includePad ? [-window.padBegin[axis]!, size + window.padEnd[axis]!] : [0, size];
  let count = 0;
  for (let k = 0; k < window.kernel[axis]!; k++) {
    const at = first + k * window.dilations[axis]!;
    if (at >= low && at < high) count++;
  }
  return count;
}

const spatialAxes = (c: VjpContext): number[] =>
  c
    .shapeOf(c.input(0))
    .slice(2)
    .map((_, i) => i + 2);

function globalAveragePool(c: VjpContext): Value {
  const share = c.emit.op('Div', [c.gradient, elementsAlong(c, spatialAxes(c))]);
  return expandLike(c.emit, share, c.input(0));
}

export const POOLING_RULES: Readonly<Record<string, VjpEntry>> = {
  MaxPool: { vjp: (c) => [maxPool(c)], note: 'row-major' },
  AveragePool: {
    vjp: (c) => [averagePool(c)],
    note: 'spatial sizes fixed where padding does not count, or with ceil_mode',
  },
  GlobalAveragePool: { vjp: (c) => [globalAveragePool(c)] },
  GlobalMaxPool: { vjp: (c) => [toHolders(c, spatialAxes(c), c.output(0), c.gradient)] },
};
