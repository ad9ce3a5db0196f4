import type { Dim, GraphBuilder, Value } from '../onnx/index.ts';

/**
 * Undoes broadcasting: sums `value` of shape `from` over the axes along which a tensor of shape `to` was
 * repeated. The result has shape `to`. (ONNX broadcasting, the transpose of Expand.)
 */
export function sumToShape(
  builder: GraphBuilder,
  value: Value,
  from: readonly Dim[],
  to: readonly Dim[],
): Value {
  const added = from.length - to.length;
  const leading = from.map((_, axis) => axis).filter((axis) => axis < added);
  const repeated = from
    .map((_, axis) => axis)
    .filter((axis) => axis >= added && to[axis - added] === 1 && from[axis] !== 1);
  let sum = value;
  // The innermost axes first: ONNX Runtime sums contiguous memory fast, and then little is left for the
  // others.
  for (const run of contiguousRuns(repeated).reverse()) {
    sum = builder.op('ReduceSum', [sum, builder.ints(run)], { attributes: { keepdims: 1 } });
  }
  if (added > 0) sum = builder.op('ReduceSum', [sum, builder.ints(leading)], { attributes: { keepdims: 0 } });
  return sum;
}

function contiguousRuns(axes: readonly number[]): number[][] {
  const runs: number[][] = [];
  for (const axis of axes) {
    const last = runs.at(-1);
    if (last && last.at(-1) === axis - 1) last.push(axis);
    else runs.push([axis]);
  }
  return runs;
}
