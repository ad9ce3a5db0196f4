import {
  DATA_TYPE,
  type Dim,
  float32Constant,
  intAttribute,
  stringAttribute,
  toIntegers,
  type Value,
} from '../../onnx/index.ts';
import { fromFront, multiplyAlong, zerosLike } from '../shapes.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';

// The gradient of an op that reads some elements of its input adds their shares back where they were read.

/**
 * Zeros in the shape of `like`, plus the slices of `gradient` along `axis`, added at `indices`, an int64
 * vector. An index may come several times.
 */
function scatterAdd(c: VjpContext, gradient: Value, like: Value, indices: Value, axis: number): Value {
  const { emit } = c;
  const rank = c.shapeOf(like).length;
  const along = emit.op('Reshape', [
    indices,
    emit.ints(Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1))),
  ]);
  const everywhere = emit.op('Expand', [along, emit.op('Shape', [gradient])]);
  return emit.op('ScatterElements', [zerosLike(emit, like), everywhere, gradient], {
    attributes: { axis, reduction: 'add' },
  });
}

function constantIntegers(c: VjpContext, input: number, what: string): number[] {
  const constant = c.constantOf(c.input(input));
  if (!constant) throw c.unsupported(`${what} that is computed`);
  return toIntegers(constant);
}

function gather(c: VjpContext): Value {
  const { emit } = c;
  const [x, indices] = [c.input(0), c.input(1)];
  const shape = c.shapeOf(x);
  const axis = fromFront(intAttribute(c.node, 'axis', 0), shape.length);
  let gradient = c.gradient;
  const indexRank = c.shapeOf(indices).length;
  if (indexRank === 0) gradient = emit.op('Unsqueeze', [gradient, emit.ints([axis])]);
  if (indexRank > 1) {
    // 0 copies the size of the same axis. That works for the axes before the indices; those behind them must
    // be fixed.
    const behind = shape.slice(axis + 1);
    if (!behind.every((dim) => typeof dim === 'number'))
      throw c.unsupported('an index of several axes before an open axis');
    const target = [...shape.slice(0, axis).map(() => 0), -1, ...(behind as number[])];
    gradient = emit.op('Reshape', [gradient, emit.ints(target)]);
  }
  const constant = c.constantOf(indices);
  const places = constant
    ? emit.ints(toIntegers(constant))
    : emit.op('Cast', [indices], { attributes: { to: DATA_TYPE.int64 } });
  return scatterAdd(c, gradient, x, places, axis);
}

interface AxisSlice {
  readonly axis: number;
  readonly size: number;
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/**
 * What one axis of a Slice reads, by the rules of the ONNX operator: negative numbers count from the end,
 * then everything is clamped.
 */
function axisSlice(axis: number, size: number, start: number, end: number, step: number): AxisSlice {
  const fromEnd = (i: number) => (i < 0 ? i + size : i);
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (i: number) => Math.min(Math.max(i, low), high);
  const first = clamp(fromEnd(start));
  const count = Math.max(0, Math.ceil((clamp(fromEnd(end)) - first) / step));
  return { axis, size, first, step, count };
}

function slices(c: VjpContext): AxisSlice[] {
  const shape = c.shapeOf(c.input(0));
  const starts = constantIntegers(c, 1, 'a start');
  const ends = constantIntegers(c, 2, 'an end');
  const axes = c.node.inputs[3] ? constantIntegers(c, 3, 'an axis') : starts.map((_, i) => i);
  const steps = c.node.inputs[4] ? constantIntegers(c, 4, 'a step') : starts.map(() => 1);
  return axes.flatMap((given, i) => {
    const axis = fromFront(given, shape.length);
    const size = shape[axis]!;
    const whole = starts[i] === 0 && steps[i] === 1 && ends[i]! >= 2 ** 31 - 1;
    if (whole) return [];
    if (typeof size !== 'number') throw c.unsupported('cutting along an open axis');
    return [axisSlice(axis, size, starts[i]!, ends[i]!, steps[i]!)];
  });
}

/** Zeros around the part that was cut out. Where rows were skipped, each goes back to its own place. */
function slice(c: VjpContext): Value {
  const { emit } = c;
  const rank = c.shapeOf(c.input(0)).length;
  const cuts = slices(c);
  const dense = cuts.filter((cut) => cut.step === 1);
  let gradient = c.gradient;
  if (dense.length > 0) {
    const pads = new Array<number>(2 * rank).fill(0);
    for (const { axis, size, first, count } of dense) {
      pads[axis] = first;
      pads[rank + axis] = size - first - count;
    }
    gradient = emit.op('Pad', [gradient, emit.ints(pads)]);
  }
  for (const cut of cuts.filter((s) => s.step !== 1)) gradient = spread(c, gradient, cut);
  return gradient;
}

/** Puts the gradient's slices back to every `step`-th place: a product with a 0/1 matrix along the axis. */
function spread(c: VjpContext, gradient: Value, { axis, size, first, step, count }: AxisSlice): Value {
  const { emit } = c;
  const rank = c.shapeOf(c.input(0)).length;
  const places = new Float32Array(count * size);
  for (let i = 0; i < count; i++) places[i * size + first + i * step] = 1;
  const matrix = emit.constant(float32Constant([count, size], places), 'places');
  return multiplyAlong(emit, gradient, matrix, axis, rank);
}

/** What a Pad adds before and behind each axis that it names; negative where it cuts. */
function paddings(c: VjpContext): { axis: number; begin: number; end: number }[] {
  const rank = c.shapeOf(c.input(0)).length;
  const given = constantIntegers(c, 1, 'a padding');
  const axes = c.node.inputs[3]
    ? constantIntegers(c, 3, 'an axis')
    : Array.from({ length: rank }, (_, i) => i);
  return axes.map((axis, i) => ({
    axis: fromFront(axis, rank),
    begin: given[i]!,
    end: given[axes.length + i]!,
  }));
}

/**
 * The part of the gradient that belongs to the input. Where padding copied some of the input (reflect, edge,
 * wrap), the gradients of the copies are added.
 */
function pad(c: VjpContext): Value {
  const { emit } = c;
  const shape = c.shapeOf(c.input(0));
  const rank = shape.length;
  const mode = stringAttribute(c.node, 'mode', 'constant');
  const used = paddings(c).filter(({ begin, end }) => begin !== 0 || end !== 0);
  if (mode !== 'constant')
    return used.reduce(
      (gradient, { axis, begin, end }) =>
        multiplyAlong(emit, gradient, copies(c, mode, shape[axis]!, begin, end), axis, rank),
      c.gradient,
    );
  const pads = new Array<number>(2 * rank).fill(0);
  for (const { axis, begin, end } of used) {
    pads[axis] = -begin;
    pads[rank + axis] = -end;
  }
  return emit.op('Pad', [c.gradient, emit.ints(pads)]);
}

/**
 * [size + begin + end, size]: the padding's output for the unit vectors of one axis, transposed. It depends
 * on nothing and is computed once.
 */
function copies(c: VjpContext, mode: string, size: Dim, begin: number, end: number): Value {
  const { emit } = c;
  if (typeof size !== 'number') throw c.unsupported(`padding an open axis by ${mode}`);
  const units = emit.op('EyeLike', [emit.op('ConstantOfShape', [emit.ints([size, size])])]);
  const padded = emit.op('Pad', [units, emit.ints([0, begin, 0, end])], { attributes: { mode } });
  return emit.op('Transpose', [padded], { attributes: { perm: [1, 0] } });
}

/** Each element's gradient is added where it was read. */
const gatherElements = (c: VjpContext): Value =>
  c.emit.op('ScatterElements', [zerosLike(c.emit, c.input(0)), c.input(1), c.gradient], {
    attributes: { axis: intAttribute(c.node, 'axis', 0), reduction: 'add' },
  });

function gatherNd(c: VjpContext): Value {
  if (intAttribute(c.node, 'batch_dims', 0) !== 0) throw c.unsupported('batch_dims');
  return c.emit.op('ScatterND', [zerosLike(c.emit, c.input(0)), c.input(1), c.gradient], {
    attributes: { reduction: 'add' },
  });
}

/**
 * Scatter: the updates take the gradient of the places that they are written to. The old values there get
 * none, unless the op adds to them. `read` is the op that reads such places.
 */
const scatter =
  (read: 'GatherElements' | 'GatherND') =>
  (c: VjpContext): (Value | null)[] => {
    const { emit, node } = c;
    const reduction = stringAttribute(node, 'reduction', 'none');
    if (reduction !== 'none' && reduction !== 'add') throw c.unsupported(`the reduction ${reduction}`);
    const { axis } = node.attributes;
    const attributes = axis ? { axis } : {};
    const overwritten = () =>
      emit.op(node.opType, [c.gradient, c.input(1), zerosLike(emit, c.input(2))], { attributes });
    return [
      c.needs(0) ? (reduction === 'add' ? c.gradient : overwritten()) : null,
      null,
      c.needs(2) ? emit.op(read, [c.gradient, c.input(1)], { attributes }) : null,
    ];
  };

const scatterNote = 'overwriting or adding, each place once';

export const SELECTION_RULES: Readonly<Record<string, VjpEntry>> = {
  Gather: { vjp: (c) => [gather(c)] },
  GatherElements: { vjp: (c) => [gatherElements(c)] },
  GatherND: { vjp: (c) => [gatherNd(c)], note: 'without batch_dims' },
  ScatterElements: { vjp: scatter('GatherElements'), note: scatterNote },
  ScatterND: { vjp: scatter('GatherND'), note: scatterNote },
  Slice: { vjp: (c) => [slice(c)], note: 'with constant bounds, along axes of fixed size' },
  Pad: {
    vjp: (c) => [pad(c)],
    note: 'with constant widths; along axes of fixed size where the mode is not constant',
  },
};
