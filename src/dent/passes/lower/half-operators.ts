import {
  type Constant,
  DATA_TYPE,
  type Node,
  toFloat32,
  toIntegers,
  type Value,
} from '../../../onnx/index.ts';

/** The largest number of float16. */
export const LARGEST_HALF = 65504;

/**
 * How an operator takes part where one of its inputs is an activation in float16.
 * - `compute`: it is computed in float16 too, and gives another activation.
 * - `layout`: it only moves numbers, so its result is in float16 where all that it reads is.
 * - `sum`: it gives few numbers of many. They are computed in float16, for which ONNX Runtime sums up in
 *   float32 and rounds once, but nothing else is computed from them in float16.
 */
export type Part = 'compute' | 'layout' | 'sum';

/**
 * Operators that are computed in float16 beside an activation. ONNX Runtime's CUDA provider has kernels for
 * all of them.
 */
const COMPUTED: ReadonlySet<string> = new Set(
  (
    'Add Mul Sum Max Min Neg Where Relu LeakyRelu PRelu Elu Sigmoid Tanh HardSigmoid Clip Greater Less ' +
    'GreaterOrEqual LessOrEqual MaxPool AveragePool Gather Identity Pad Slice Split'
  ).split(' '),
);

/** Those that statistics are taken with. Beside a constant they are harmless. */
const COMPUTED_WITH_CONSTANT: ReadonlySet<string> = new Set(['Sub', 'Div']);

const LAYOUT: ReadonlySet<string> = new Set('Concat Reshape Flatten Squeeze Transpose Unsqueeze'.split(' '));

/**
 * Those by which a cast to float16 of their result becomes one of their input, which is smaller or shared.
 */
const PULLED_THROUGH: ReadonlySet<string> = new Set(
  'Expand Gather Reshape Slice Split Squeeze Transpose Unsqueeze'.split(' '),
);

/** Bounds may be infinite, so they need not be numbers of float16. */
const BOUNDED: ReadonlySet<string> = new Set(['Clip', 'Max', 'Min']);

const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose']);
const COMPARISONS: ReadonlySet<string> = new Set(['Greater', 'Less', 'GreaterOrEqual', 'LessOrEqual']);

export const isConvolution = ({ domain, opType }: Node): boolean => domain === '' && CONVOLUTIONS.has(opType);
export const isComparison = ({ opType }: Node): boolean => COMPARISONS.has(opType);
export const isPulledThrough = ({ domain, opType }: Node): boolean =>
  domain === '' && PULLED_THROUGH.has(opType);

/** Which inputs of a node are of the type that it computes in. */
export function floatInputs({ opType, inputs }: Node): readonly number[] {
  if (opType === 'Where') return [1, 2];
  // The others are axes, shapes, indices and sizes; a Pad's third is the value that it fills with.
  if (opType === 'Pad') return inputs[2] ? [0, 2] : [0];
  if (PULLED_THROUGH.has(opType) || opType === 'ReduceSum') return [0];
  return inputs.flatMap((value, i) => (value ? [i] : []));
}

type ConstantOf = (value: Value) => Constant | undefined;

/** Whether float16 holds a constant, rounded: it is neither too large nor, but for zero itself, zero. */
function isHeld(constant: Constant): boolean {
  if (constant.dataType !== DATA_TYPE.float32) return false;
  return toFloat32(constant).every(
    (x) => x === 0 || (Math.abs(x) <= LARGEST_HALF && Math.abs(x) >= 2 ** -24),
  );
}

/** How a node takes part, or undefined where it does not: then it computes in float32. */
export function partOf(node: Node, constantOf: ConstantOf): Part | undefined {
  if (node.domain !== '') return undefined;
  const { opType, inputs } = node;
  if (opType === 'GlobalAveragePool') return 'sum';
  if (opType === 'ReduceSum') {
    const axes = inputs[1] && constantOf(inputs[1]);
    return axes && toIntegers(axes).every((axis) => axis >= 2) ? 'sum' : undefined;
  }
  if (LAYOUT.has(opType)) return 'layout';
  const constants = floatInputs(node).flatMap((i) => constantOf(inputs[i]!) ?? []);
  if (!BOUNDED.has(opType) && !constants.every(isHeld)) return undefined;
  // Nothing but a statistic squares an activation, and squares soon are too large.
  if (opType === 'Mul' && inputs[0] === inputs[1]) return undefined;
  if (COMPUTED_WITH_CONSTANT.has(opType)) return constants.length > 0 ? 'compute' : undefined;
  return COMPUTED.has(opType) ? 'compute' : undefined;
}
