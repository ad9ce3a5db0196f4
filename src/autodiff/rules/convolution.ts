import {
  type Constant,
  float32Constant,
  intAttribute,
  stringAttribute,
  toFloat32,
  type Value,
} from '../../onnx/index.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';
import { reach, spatialSizes, type Window, windowOf } from './window.ts';

/**
 * The gradient of a convolution with respect to its input. With a stride of one it is again a convolution: of
 * the gradient with the kernel flipped in space and its channels exchanged. ONNX Runtime runs that faster on
 * a CPU than ConvTranspose.
 */
function conv(c: VjpContext): Value {
  const weight = c.constantOf(c.input(1));
  const shape = weight?.dims ?? c.shapeOf(c.input(1)).map(Number);
  const window = windowOf(c, shape.slice(2));
  return inputGradient(c, c.gradient, weight ?? c.input(1), window, intAttribute(c.node, 'group', 1));
}

/**
 * Gradient with respect to the input of any convolution-like op whose kernel is `weight` [M, C / group,
 * ...kernel].
 */
export function inputGradient(
  c: VjpContext,
  gradient: Value,
  weight: Constant | Value,
  window: Window,
  group: number,
): Value {
  const fullPads = window.kernel.map((k, i) => reach(k, window.dilations[i]!) - 1);
  const unitStride = window.strides.every((s) => s === 1);
  const padsFit = fullPads.every((full, i) => full >= window.padBegin[i]! && full >= window.padEnd[i]!);
  if ('bytes' in weight && unitStride && padsFit) {
    return c.emit.op('Conv', [gradient, c.emit.constant(flipped(weight, group), 'kernel_grad')], {
      name: 'Conv_grad',
      attributes: {
        group,
        dilations: window.dilations,
        kernel_shape: window.kernel,
        pads: [
          ...fullPads.map((full, i) => full - window.padBegin[i]!),
          ...fullPads.map((full, i) => full - window.padEnd[i]!),
        ],
      },
    });
  }
  const kernel = 'bytes' in weight ? c.emit.constant(weight, 'kernel') : weight;
  return transposed(c, gradient, kernel, window, group);
}

/**
 * ConvTranspose. A strided window maps several input sizes onto the same output size; output_padding says
 * which of them it was.
 */
function transposed(c: VjpContext, gradient: Value, kernel: Value, window: Window, group: number): Value {
  const sizes = [c.input(0), c.output(0)].flatMap((value) => c.shapeOf(value).slice(2));
  if (sizes.some((size) => typeof size !== 'number')) return cutToSize(c, gradient, kernel, window, group);
  const input = spatialSizes(c, 0);
  const output = c.shapeOf(c.output(0)).slice(2).map(Number);
  const outputPadding = input.map((size, i) => {
    const spanned = (output[i]! - 1) * window.strides[i]! + reach(window.kernel[i]!, window.dilations[i]!);
    return size - (spanned - window.padBegin[i]! - window.padEnd[i]!);
  });
  // With ceil_mode the last window hangs over the end. More padding cuts off what falls there.
  const overhang = outputPadding.map((p) => Math.max(0, -p));
  const padEnd = window.padEnd.map((p, i) => p + overhang[i]!);
  const padding = outputPadding.map((p) => Math.max(0, p));
  const fits = forTarget(c, { ...window, padEnd });
  const whole = c.emit.op('ConvTranspose', [gradient, kernel], {
    name: 'Conv_grad',
    ...(fits.isWhole && { shape: c.shapeOf(c.input(0)) }),
    attributes: transposedAttributes(fits.window, group, padding),
  });
  return fits.isWhole ? whole : cut(c, whole, fits.starts, c.emit.ints(input));
}

/**
 * Where sizes are open: makes the gradient as large as any input with this output, and cuts off the rest when
 * the input is there.
 */
function cutToSize(c: VjpContext, gradient: Value, kernel: Value, window: Window, group: number): Value {
  const { emit } = c;
  const largest = window.strides.map((stride) => stride - 1);
  const fits = forTarget(c, window);
  const whole = emit.op('ConvTranspose', [gradient, kernel], {
    name: 'Conv_grad',
    attributes: transposedAttributes(fits.window, group, largest),
  });
  const axes = window.strides.map((_, i) => i + 2);
  const sizes = emit.op('Gather', [emit.op('Shape', [c.input(0)]), emit.ints(axes)]);
  return cut(c, whole, fits.starts, sizes);
}

/**
 * The window of a ConvTranspose that the target can compute. ONNX Runtime's CUDA provider leaves one with
 * uneven pads to the CPU. There it gets the smaller ones on both sides, and what is too much is cut off:
 * `starts` says where to begin, `isWhole` that nothing is.
 */
function forTarget(c: VjpContext, window: Window) {
  const { padBegin, padEnd } = window;
  const none = padBegin.map(() => 0);
  const isWhole = c.target === 'cpu' || padBegin.every((p, i) => p === padEnd[i]);
  if (isWhole) return { window, starts: none, isWhole };
  const least = padBegin.map((p, i) => Math.min(p, padEnd[i]!));
  const even = { ...window, padBegin: least, padEnd: least };
  return { window: even, starts: padBegin.map((p, i) => p - least[i]!), isWhole };
}

/** The first `sizes` pixels from `starts`, of each spatial axis: what has the shape of the input. */
function cut(c: VjpContext, whole: Value, starts: readonly number[], sizes: Value): Value {
  const { emit } = c;
  const from = emit.ints(starts);
  const to = starts.some((start) => start > 0) ? emit.op('Add', [sizes, from]) : sizes;
  const axes = emit.ints(starts.map((_, i) => i + 2));
  return emit.op('Slice', [whole, from, to, axes], { shape: c.shapeOf(c.input(0)) });
}

const transposedAttributes = (
  { strides, dilations, kernel, padBegin, padEnd }: Window,
  group: number,
  outputPadding: readonly number[],
) => ({
  group,
  strides,
  dilations,
  kernel_shape: kernel,
  pads: [...padBegin, ...padEnd],
  output_padding: outputPadding,
});

/** [M, C / group, ...k] to [C, M / group, ...k], each kernel reversed in space. */
function flipped(weight: Constant, group: number): Constant {
  const [m, perGroup, ...kernel] = weight.dims as [number, number, ...number[]];
  const taps = kernel.reduce((a, b) => a * b, 1);
  const outPerGroup = m / group;
  const from = toFloat32(weight);
  const to = new Float32Array(from.length);
  for (let g = 0; g < group; g++) {
    for (let o = 0; o < outPerGroup; o++) {
      for (let i = 0; i < perGroup; i++) {
        const source = ((g * outPerGroup + o) * perGroup + i) * taps;
        const target = ((g * perGroup + i) * outPerGroup + o) * taps;
        for (let t = 0; t < taps; t++) to[target + taps - 1 - t] = from[source + t]!;
      }
    }
  }
  return float32Constant([perGroup * group, outPerGroup, ...kernel], to);
}

/** ConvTranspose is the gradient of a convolution; its own gradient is that convolution. */
function convTranspose(c: VjpContext): Value {
  const weight = c.constantOf(c.input(1));
  const shape = weight?.dims ?? c.shapeOf(c.input(1)).map(Number);
  if (c.node.attributes.output_shape) throw c.unsupported('a given output_shape');
  // The padding that fits an input to its output differs from that of a convolution, which windowOf computes.
  const auto = stringAttribute(c.node, 'auto_pad', 'NOTSET');
  if (auto.startsWith('SAME')) throw c.unsupported(`auto_pad ${auto}`);
  const window = windowOf(c, shape.slice(2));
  const kernel = weight ? c.emit.constant(weight, 'kernel') : c.input(1);
  const size = spatialSizes(c, 0);
  // Outputs beyond the last full window (output_padding) have no input of their own: Conv must not see
  // another window.
  const output = c.shapeOf(c.output(0)).slice(2).map(Number);
  const padEnd = window.padEnd.map((p, i) => {
    const spanned = (size[i]! - 1) * window.strides[i]! + reach(window.kernel[i]!, window.dilations[i]!);
    return Math.min(p, spanned - window.padBegin[i]! - output[i]!);
  });
  return c.emit.op('Conv', [c.gradient, kernel], {
    name: 'ConvTranspose_grad',
    attributes: {
      group: intAttribute(c.node, 'group', 1),
      strides: window.strides,
      dilations: window.dilations,
      kernel_shape: window.kernel,
      pads: [...window.padBegin, ...padEnd.map((p) => Math.max(0, p))],
    },
  });
}

function refuseAdaptedWeights(c: VjpContext): void {
  if (c.needs(1) || c.needs(2)) throw c.unsupported('a kernel or bias that varies');
}

export const CONVOLUTION_RULES: Readonly<Record<string, VjpEntry>> = {
  Conv: {
    note: 'with respect to the input; groups, strides, dilations and any padding; spatial sizes fixed where auto_pad is SAME',
    vjp: (c) => {
      refuseAdaptedWeights(c);
      return [conv(c)];
    },
  },
  ConvTranspose: {
    note: 'with respect to the input; spatial sizes fixed, padding given in numbers',
    vjp: (c) => {
      refuseAdaptedWeights(c);
      return [convTranspose(c)];
    },
  },
};
