import { DATA_TYPE, type Dim, float64Constant, type GraphBuilder, type Value } from '../onnx/index.ts';

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
  const shape = builder.op('Shape', [like]);
  // A float32 zero is what ConstantOfShape fills in where no value is given.
  if (like.type?.dataType !== DATA_TYPE.float64) return builder.op('ConstantOfShape', [shape]);
  const value = { kind: 'tensor', value: float64Constant([1], [0]) } as const;
  const zeros = builder.op('ConstantOfShape', [shape], { attributes: { value } });
  zeros.type = { dataType: DATA_TYPE.float64 };
  return zeros;
}

/** `value` in the element type of `like`; an undeclared type is float32. */
export const castLike = (builder: GraphBuilder, value: Value, like: Value): Value =>
  builder.op('Cast', [value], { attributes: { to: like.type?.dataType ?? DATA_TYPE.float32 } });

/** The axis counted from the front. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** `value`, of `rank` axes, with each line along `axis` multiplied by `matrix` [size before, size after]. */
export function multiplyAlong(
  builder: GraphBuilder,
  value: Value,
  matrix: Value,
  axis: number,
  rank: number,
): Value {
  if (axis === rank - 1) return builder.op('MatMul', [value, matrix]);
  const perm = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  const swapped = builder.op('Transpose', [value], { attributes: { perm } });
  const product = builder.op('MatMul', [swapped, matrix]);
  return builder.op('Transpose', [product], { attributes: { perm } });
}
