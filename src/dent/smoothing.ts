import { InputError } from '../errors.ts';
import {
  DATA_TYPE,
  type Dim,
  float32Constant,
  type GraphBuilder,
  type Operand,
  type Value,
} from '../onnx/index.ts';

/** The kernel has 2 * RADIUS + 1 taps, enough for two deviations of the largest smoothing. */
const RADIUS = 4;
const TAPS = 2 * RADIUS + 1;
/** Smoothing stays between these standard deviations, in pixels. At the smallest it is the identity. */
const SIGMA_MIN = 0.05;
const SIGMA_MAX = 2;

/** The standard deviation that a recipe's `sigma` stands for, where it is not adapted. */
export const boundedSigma = (sigma: number): number => Math.min(Math.max(sigma, SIGMA_MIN), SIGMA_MAX);

export interface Smoothed {
  readonly image: Value;
  /** Standard deviation in pixels, [R]. */
  readonly sigma: Value;
}

/**
 * Isotropic Gaussian smoothing of an image batch [N, C, H, W] with replicated borders (paper section 3.2,
 * whose filter "adjusts its size": taps beyond max(1, ceil(2 sigma)) are zero). The parameter is log sigma:
 * it starts at `sigma` and `offset` [R, 1] moves it. Blurring along an axis is a product with a banded
 * matrix, linear in the taps, so the gradient is two more products. Smoothing commutes with a normalisation
 * by channel, because its taps add up to one: the order of the two does not matter.
 */
export function smooth(
  builder: GraphBuilder,
  image: Value,
  sigma: number,
  offset: Value,
  rows: Dim,
): Smoothed {
  const shape = image.type?.shape;
  const [, , height, width] = shape ?? [];
  if (!shape || typeof height !== 'number' || typeof width !== 'number') {
    throw new InputError('Input smoothing needs a fixed image size.');
  }
  const column = { shape: [rows, 1] };
  const logSigma = builder.op('Add', [offset, Math.log(sigma)], column);
  const bounds = [builder.float(SIGMA_MIN), builder.float(SIGMA_MAX)];
  const deviation = builder.op('Clip', [builder.op('Exp', [logSigma], column), ...bounds], {
    name: 'sigma',
    ...column,
  });
  const taps = kernel(builder, deviation, rows);
  const alongWidth = builder.op('MatMul', [image, band(builder, taps, width, rows, false)], { shape });
  const blurred = builder.op('MatMul', [band(builder, taps, height, rows, true), alongWidth], {
    name: 'smoothed',
    shape,
  });
  return { image: blurred, sigma: builder.op('Reshape', [deviation, builder.ints([-1])], { shape: [rows] }) };
}

/**
 * The taps of a Gaussian of the given deviation [R, 1], normalised, [R, TAPS]. Which taps are inside is not
 * differentiated.
 */
function kernel(builder: GraphBuilder, deviation: Value, rows: Dim): Value {
  const offsets = Array.from({ length: TAPS }, (_, k) => k - RADIUS);
  const row = (values: readonly number[], name: string) =>
    builder.constant(float32Constant([1, TAPS], values), name);
  const shape = [rows, TAPS];
  const calculate = (opType: string, inputs: readonly Operand[], of: readonly Dim[] = shape) =>
    builder.op(opType, inputs, { shape: of });
  const reach = builder.op('Max', [builder.op('Ceil', [builder.op('Mul', [deviation, 2])]), 1]);
  const isInside = builder.op('LessOrEqual', [row(offsets.map(Math.abs), 'distance'), reach]);
  const inside = builder.op('Cast', [isInside], { attributes: { to: DATA_TYPE.float32 }, shape });
  const variance = calculate('Mul', [calculate('Mul', [deviation, deviation], [rows, 1]), -2], [rows, 1]);
  const exponent = calculate('Div', [
    row(
      offsets.map((i) => i * i),
      'squared_distance',
    ),
    variance,
  ]);
  const weights = calculate('Mul', [calculate('Exp', [exponent]), inside]);
  const sum = builder.op('ReduceSum', [weights, builder.ints([1])], {
    attributes: { keepdims: 1 },
    shape: [rows, 1],
  });
  return calculate('Div', [weights, sum]);
}

/**
 * The matrix that blurs an axis of `size` pixels, [R, 1, size, size]: B[from, to] for the last axis,
 * transposed for the one before. It is the taps times a constant, which says which pixel each tap reads. Taps
 * beyond the border read the border.
 */
function band(builder: GraphBuilder, taps: Value, size: number, rows: Dim, transposed: boolean): Value {
  const reads = new Float32Array(TAPS * size * size);
  for (let k = 0; k < TAPS; k++) {
    for (let to = 0; to < size; to++) {
      const from = Math.min(Math.max(to + k - RADIUS, 0), size - 1);
      reads[k * size * size + (transposed ? to * size + from : from * size + to)] = 1;
    }
  }
  const constant = builder.constant(float32Constant([TAPS, size * size], reads), 'taps_read');
  const flat = builder.op('MatMul', [taps, constant], { shape: [rows, size * size] });
  return builder.op('Reshape', [flat, builder.ints([-1, 1, size, size])], { shape: [rows, 1, size, size] });
}
