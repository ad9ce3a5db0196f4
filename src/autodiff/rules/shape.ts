import { intAttribute, intsAttribute, stringAttribute, toIntegers, type Value } from '../../onnx/index.ts';
import { fromFront, reshapeLike } from '../shapes.ts';
import { sumToShape } from '../sum-to-shape.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';

/** Reshape, Flatten, Squeeze, Unsqueeze: the same elements in another shape, and back. */
const reshape: VjpEntry = {
  vjp: (c) => [reshapeLike(c.emit, c.gradient, c.input(0), c.shapeOf(c.input(0)))],
};

function transpose(c: VjpContext): Value {
  const rank = c.shapeOf(c.input(0)).length;
  const order = intsAttribute(c.node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return c.emit.op('Transpose', [c.gradient], { attributes: { perm: inverse } });
}

/** Each input gets its part of the gradient back. */
function concat(c: VjpContext): (Value | null)[] {
  const { emit, node } = c;
  const axis = intAttribute(node, 'axis', 0);
  const sizes = node.inputs.map((_, i) => {
    const shape = c.shapeOf(c.input(i));
    return shape[fromFront(axis, shape.length)];
  });
  if (!sizes.every((size) => typeof size === 'number'))
    throw c.unsupported('joining parts whose sizes are open');
  const parts = emit.multi('Split', [c.gradient, emit.ints(sizes as number[])], sizes.length, {
    attributes: { axis },
  });
  return node.inputs.map((_, i) => (c.needs(i) ? parts[i]! : null));
}

/** The parts' gradients joined. A part that nothing uses counts as zero. */
function split(c: VjpContext): Value {
  const { emit, node } = c;
  const parts = node.outputs.map((output, i) => {
    if (!output) throw c.unsupported('a part that is left out');
    return c.gradientOf(i) ?? emit.op('Mul', [output, 0]);
  });
  return emit.op('Concat', parts, { attributes: { axis: intAttribute(node, 'axis', 0) } });
}

/** The sum over the copies: the repetitions become axes of their own. */
function tile(c: VjpContext): Value {
  const { emit } = c;
  const repeats = c.constantOf(c.input(1));
  if (!repeats) throw c.unsupported('a number of copies that is computed');
  const shape = c.shapeOf(c.input(0));
  if (shape.filter((size) => typeof size !== 'number').length > 1) throw c.unsupported('several open axes');
  const copies = toIntegers(repeats).flatMap((count, i) => [
    count,
    typeof shape[i] === 'number' ? shape[i] : -1,
  ]);
  const apart = emit.op('Reshape', [c.gradient, emit.ints(copies)]);
  return emit.op('ReduceSum', [apart, emit.ints(shape.map((_, axis) => 2 * axis))], {
    attributes: { keepdims: 0 },
  });
}

const expand = (c: VjpContext): Value =>
  sumToShape(c.emit, c.gradient, c.shapeOf(c.output(0)), c.shapeOf(c.input(0)));

export const SHAPE_RULES: Readonly<Record<string, VjpEntry>> = {
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: { vjp: (c) => [transpose(c)] },
  Concat: { vjp: concat, note: 'along an axis of fixed sizes' },
  Split: { vjp: (c) => [split(c)] },
  Expand: { vjp: (c) => [expand(c)] },
  Tile: { vjp: (c) => [tile(c)], note: 'a constant number of times' },
  Dropout: { vjp: (c) => [c.gradient], note: 'in inference, where it passes its input on' },
  DepthToSpace: { vjp: (c) => [depthToSpace(c)] },
  SpaceToDepth: {
    vjp: (c) => [
      c.emit.op('DepthToSpace', [c.gradient], {
        attributes: { blocksize: intAttribute(c.node, 'blocksize', 1) },
      }),
    ],
  },
};

/**
 * SpaceToDepth undoes DepthToSpace in channel order DCR. In order CRD the channel comes before the place in
 * the block, so these two are swapped afterwards.
 */
function depthToSpace(c: VjpContext): Value {
  const { emit } = c;
  const blocksize = intAttribute(c.node, 'blocksize', 1);
  const blocks = emit.op('SpaceToDepth', [c.gradient], { attributes: { blocksize } });
  if (stringAttribute(c.node, 'mode', 'DCR') === 'DCR') return blocks;
  const shape = c.shapeOf(c.input(0));
  const channels = c.shapeOf(c.output(0))[1];
  if (typeof channels !== 'number') throw c.unsupported('an open number of channels');
  const apart = emit.op('Reshape', [blocks, emit.ints([0, blocksize ** 2, channels, -1])]);
  const swapped = emit.op('Transpose', [apart], { attributes: { perm: [0, 2, 1, 3] } });
  return reshapeLike(emit, swapped, c.input(0), shape);
}
