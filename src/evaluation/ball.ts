import type { Tensor } from '../tensor.ts';
import type { Ball, Norm } from './attacks/attack.ts';
import type { Random } from './random.ts';

/** The pixels of one row, or what is done to them. */
export type Row = Float32Array;

/** The rows of a batch as views. */
export function rowViews({ dims, data }: Tensor<'float32'>): Row[] {
  const size = data.length / dims[0]!;
  return Array.from({ length: dims[0]! }, (_, row) => data.subarray(row * size, (row + 1) * size));
}

export const clip01 = (value: number): number => Math.min(Math.max(value, 0), 1);

interface NormEntry {
  /** The size of a change. */
  readonly length: (change: ArrayLike<number>) => number;
  /** The change of length 1 that goes along `gradient` as fast as possible. */
  readonly ascent: (gradient: Row, out: Float64Array) => void;
  /** Brings `point` into the ball around `origin`, pixels in [0, 1]. */
  readonly project: (point: Float64Array, origin: Row, eps: number) => void;
  /** Where a search may start: a change on the sphere of radius 1. */
  readonly start: (random: Random, out: Float64Array) => void;
  /** The size of a hyperplane's normal by which distances to it are measured. */
  readonly dual: (normal: ArrayLike<number>) => number;
}

function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}

function euclid(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum);
}

function sumOfSizes(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]!);
  return sum;
}

/** Keeps a direction finite where there is none. */
const TINY = 1e-12;

function drawOnSphere(draw: () => number, length: (values: ArrayLike<number>) => number, out: Float64Array) {
  for (let i = 0; i < out.length; i++) out[i] = draw();
  const by = length(out) + TINY;
  for (let i = 0; i < out.length; i++) out[i]! /= by;
}

export const NORMS: Readonly<Record<Norm, NormEntry>> = {
  linf: {
    length: largest,
    dual: sumOfSizes,
    ascent(gradient, out) {
      for (let i = 0; i < out.length; i++) out[i] = Math.sign(gradient[i]!);
    },
    project(point, origin, eps) {
      for (let i = 0; i < point.length; i++) {
        const x = origin[i]!;
        point[i] = clip01(Math.min(Math.max(point[i]!, x - eps), x + eps));
      }
    },
    start: (random, out) => drawOnSphere(() => 2 * random.uniform() - 1, largest, out),
  },
  l2: {
    length: euclid,
    dual: euclid,
    ascent(gradient, out) {
      const by = euclid(gradient) + TINY;
      for (let i = 0; i < out.length; i++) out[i] = gradient[i]! / by;
    },
    project(point, origin, eps) {
      let sum = 0;
      for (let i = 0; i < point.length; i++) sum += (point[i]! - origin[i]!) ** 2;
      const length = Math.sqrt(sum);
      const by = length > eps ? eps / length : 1;
      for (let i = 0; i < point.length; i++) {
        const x = origin[i]!;
        point[i] = clip01(x + by * (point[i]! - x));
      }
    },
    start: (random, out) => drawOnSphere(() => random.normal(), euclid, out),
  },
};

/**
 * Writes `point` to `out` in float32 such that it stays in the ball: rounding may carry a pixel over the edge
 * by half a unit in its last place, which is taken back.
 */
export function store(point: Float64Array, origin: Row, { norm, eps }: Ball, out: Row): void {
  for (let i = 0; i < out.length; i++) out[i] = point[i]!;
  if (norm !== 'linf') return;
  for (let i = 0; i < out.length; i++) {
    const over = Math.abs(out[i]! - origin[i]!) - eps;
    if (over > 0) out[i] = out[i]! - Math.sign(out[i]! - origin[i]!) * Math.max(over, 2 ** -23);
  }
}

/** How far each row has moved, in units of eps. */
export function distances(from: Tensor<'float32'>, to: Tensor<'float32'>, { norm, eps }: Ball): Float64Array {
  const origins = rowViews(from);
  const change = new Float64Array(origins[0]?.length ?? 0);
  return Float64Array.from(rowViews(to), (row, i) => {
    const origin = origins[i]!;
    for (let k = 0; k < change.length; k++) change[k] = row[k]! - origin[k]!;
    return NORMS[norm].length(change) / eps;
  });
}

const short = (value: number): string => String(Number(value.toPrecision(3)));

/** A ball as reports state it; eyes are used to steps of 1/255 in the largest change of a pixel alone. */
export const ballText = ({ eps, norm }: Ball): string =>
  `up to ${short(eps)}${norm === 'linf' ? ` (${short(255 * eps)}/255)` : ''} in ${norm}`;
