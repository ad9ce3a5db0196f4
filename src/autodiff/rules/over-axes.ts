import type { Value } from '../../onnx/index.ts';
import { castLike } from '../shapes.ts';
import type { VjpContext } from '../vjp.ts';

/** The smallest norm to divide by. Where a norm is zero, so is what is divided, and the gradient. */
export const SMALLEST_NORM = 1e-30;

/** How many elements of the node's input lie along `axes` together, in the gradient's type. */
export function elementsAlong(c: VjpContext, axes: readonly number[]): Value | number {
  const shape = c.shapeOf(c.input(0));
  let count = 1;
  for (const axis of axes) {
    const size = shape[axis]!;
    if (typeof size !== 'number') return openElementsAlong(c, axes);
    count *= size;
  }
  return count;
}

function openElementsAlong(c: VjpContext, axes: readonly number[]): Value {
  const { emit } = c;
  const sizes = emit.op('Gather', [emit.op('Shape', [c.input(0)]), emit.ints(axes)]);
  return castLike(emit, emit.op('ReduceProd', [sizes], { attributes: { keepdims: 0 } }), c.gradient);
}

/**
 * The gradient of the largest or smallest element along `axes`, in equal parts to the elements that hold it.
 * `extreme` and `gradient` have these axes, of size one.
 */
export function toHolders(c: VjpContext, axes: readonly number[], extreme: Value, gradient: Value): Value {
  const { emit } = c;
  const mask = castLike(emit, emit.op('Equal', [c.input(0), extreme]), c.gradient);
  const holders = emit.op('ReduceSum', [mask, emit.ints(axes)], { attributes: { keepdims: 1 } });
  return emit.op('Mul', [mask, emit.op('Div', [gradient, holders])]);
}
