import type { Dim, GraphBuilder, Value } from '../onnx/index.ts';

/** Whether a reshape can write this shape as a constant: at most one size is open, and none is zero. */
function isReshapeTarget(shape: readonly Dim[]): boolean {
  return shape.filter((dim) => typeof dim !== 'number').length <= 1 && !shape.includes(0);
}

/** `value` in the shape of `like`, which holds as many elements. */
export function reshapeLike(builder: GraphBuilder, value: Value, like: Value, shape: readonly Dim[]): Value {
  const target = isReshapeTarget(shape)
    ? builder.ints(shape.map((dim) => (typeof dim === 'number' ? dim : -1)))
    : builder.op('Shape', [like]);
  return builder.op('Reshape', [value, target]);
}

/** `value` repeated to the shape of `like`. */
export function expandLike(builder: GraphBuilder, value: Value, like: Value): Value {
  return builder.op('Expand', [value, builder.op('Shape', [like])]);
}

/** Zeros in the shape of `like`. */
export function zerosLike(builder: GraphBuilder, like: Value): Value {
  // A float32 zero is what ConstantOfShape fills in where no value is given.
  return builder.op('ConstantOfShape', [builder.op('Shape', [like])]);
}

/** The axis counted from the front. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
