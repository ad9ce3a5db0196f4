import { intsAttribute, stringAttribute } from '../../onnx/index.ts';
import type { VjpContext } from '../vjp.ts';

/** How a convolution or pooling window moves over the spatial axes. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begin and end for each spatial axis. */
  readonly padBegin: readonly number[];
  readonly padEnd: readonly number[];
}

/**
 * Reads a node's window for a kernel of the given size. `auto_pad` becomes numbers; for that, sizes must be
 * fixed.
 */
export function windowOf(c: VjpContext, kernel: readonly number[]): Window {
  const n = kernel.length;
  const ones = new Array<number>(n).fill(1);
  const strides = intsAttribute(c.node, 'strides') ?? ones;
  const dilations = intsAttribute(c.node, 'dilations') ?? ones;
  const auto = stringAttribute(c.node, 'auto_pad', 'NOTSET');
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    return {
      kernel,
      strides,
      dilations,
      ...samePadding(spatialSizes(c, 0), { kernel, strides, dilations }, auto),
    };
  }
  const pads = auto === 'NOTSET' ? intsAttribute(c.node, 'pads') : undefined;
  const zeros = new Array<number>(n).fill(0);
  return {
    kernel,
    strides,
    dilations,
    padBegin: pads?.slice(0, n) ?? zeros,
    padEnd: pads?.slice(n) ?? zeros,
  };
}

/** The pads that `auto_pad` stands for, on an input of these spatial sizes. */
export function samePadding(
  sizes: readonly number[],
  { kernel, strides, dilations }: Pick<Window, 'kernel' | 'strides' | 'dilations'>,
  auto: 'SAME_UPPER' | 'SAME_LOWER',
): Pick<Window, 'padBegin' | 'padEnd'> {
  const total = sizes.map((size, i) => {
    const out = Math.ceil(size / strides[i]!);
    return Math.max(0, (out - 1) * strides[i]! + reach(kernel[i]!, dilations[i]!) - size);
  });
  const less = total.map((t) => Math.floor(t / 2));
  const more = total.map((t, i) => t - less[i]!);
  return auto === 'SAME_UPPER' ? { padBegin: less, padEnd: more } : { padBegin: more, padEnd: less };
}

/** How many elements a dilated kernel spans. */
export const reach = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/** Fixed sizes of the spatial axes of an input. */
export function spatialSizes(c: VjpContext, input: number): number[] {
  return c
    .shapeOf(c.input(input))
    .slice(2)
    .map((size) => {
      if (typeof size !== 'number') throw c.unsupported('a spatial axis of open size');
      return size;
    });
}
