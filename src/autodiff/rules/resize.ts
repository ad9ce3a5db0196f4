import { float32Constant, intsAttribute, stringAttribute, toFloat32, type Value } from '../../onnx/index.ts';
import { fromFront, multiplyAlong } from '../shapes.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';

/** One axis that a Resize changes, with the numbers that tell how. */
interface ResizedAxis {
  readonly axis: number;
  readonly size: number;
  readonly newSize: number;
  /** Absent where the node has sizes instead. */
  readonly scale?: number;
}

function resizedAxes(c: VjpContext): ResizedAxis[] {
  const before = c.shapeOf(c.input(0));
  const after = c.shapeOf(c.output(0));
  const scalesInput = c.node.inputs[2];
  const scales = scalesInput && c.constantOf(scalesInput);
  if (scalesInput && !scales) throw c.unsupported('a scale that is computed');
  const given = intsAttribute(c.node, 'axes') ?? before.map((_, axis) => axis);
  const scaleOf = new Map(
    scales &&
      Array.from(toFloat32(scales), (scale, i) => [fromFront(given[i]!, before.length), scale] as const),
  );
  return before.flatMap((size, axis): ResizedAxis[] => {
    const [newSize, scale] = [after[axis], scaleOf.get(axis)];
    if (size === newSize && (scale ?? 1) === 1) return [];
    if (typeof size !== 'number' || typeof newSize !== 'number')
      throw c.unsupported('resizing an axis of open size');
    return [{ axis, size, newSize, ...(scale !== undefined && { scale }) }];
  });
}

/**
 * Resize is linear and resizes each axis on its own. So the gradient is, axis by axis, the product with a
 * transposed matrix: the node's output for the unit vectors. The node itself computes that matrix, so its
 * dozen ways to place pixels need no code here. ONNX Runtime computes it once, because it depends on nothing.
 */
function resize(c: VjpContext): Value {
  if (stringAttribute(c.node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize')
    throw c.unsupported('cropping');
  const policy = stringAttribute(c.node, 'keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') throw c.unsupported(`the aspect ratio policy ${policy}`);
  const rank = c.shapeOf(c.input(0)).length;
  return resizedAxes(c).reduce(
    (gradient, axis) => multiplyAlong(c.emit, gradient, unresize(c, axis), axis.axis, rank),
    c.gradient,
  );
}

/** The transposed matrix of one axis, [new size, size]. */
function unresize(c: VjpContext, { size, newSize, scale }: ResizedAxis): Value {
  const { emit } = c;
  const { axes: _axes, keep_aspect_ratio_policy: _policy, ...attributes } = c.node.attributes;
  const zeros = emit.op('ConstantOfShape', [emit.ints([size, size])]);
  const units = emit.op('Reshape', [emit.op('EyeLike', [zeros]), emit.ints([1, size, size, 1])]);
  const inputs =
    scale === undefined
      ? [units, null, null, emit.ints([1, size, newSize, 1])]
      : [units, null, emit.constant(float32Constant([4], [1, 1, scale, 1]), 'scales')];
  const columns = emit.op('Resize', inputs, { attributes });
  const matrix = emit.op('Reshape', [columns, emit.ints([size, newSize])]);
  return emit.op('Transpose', [matrix], { attributes: { perm: [1, 0] } });
}

export const RESIZE_RULES: Readonly<Record<string, VjpEntry>> = {
  Resize: { vjp: (c) => [resize(c)], note: 'by constant scales or between fixed sizes; not with cropping' },
};
