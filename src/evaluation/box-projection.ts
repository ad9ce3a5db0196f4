import type { Norm } from './attacks/attack.ts';

/** By how much a pixel may move towards the hyperplane before it leaves [0, 1], and where it stops. */
interface Slopes {
  /** |w|: what moving by 1 brings. */
  readonly gain: Float64Array;
  readonly room: Float64Array;
}

/** As AutoAttack has it: an entry of the normal that is as good as zero is taken for zero. */
const NO_SLOPE = 1e-8;

/**
 * The least change, in `norm`, that brings x to the hyperplane <w, v> = b within the box [0, 1]: as far as
 * the box lets it where the hyperplane cannot be reached (Croce and Hein 2020, Fast Adaptive Boundary).
 *
 * Each pixel moves against its slope by min(lambda * speed, room), with speed 1 for the largest change and
 * |w| for the Euclidean length. The smallest lambda that brings enough is the least change.
 */
export function boxProjection(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  b: number,
  norm: Norm,
  out: Float64Array,
): void {
  const n = x.length;
  let wanted = -b;
  for (let i = 0; i < n; i++) wanted += w[i]! * x[i]!;
  // From here on <w, .> is to decrease by `wanted`.
  const flip = wanted < 0 ? -1 : 1;
  wanted *= flip;
  const { gain, room } = slopes(x, w, flip, norm);
  const speed = norm === 'l2' ? gain : gain.map((g) => (g > 0 ? 1 : 0));
  const lambda = smallestLambda(wanted, { gain, room }, speed);
  for (let i = 0; i < n; i++) {
    const move = Math.min(lambda * speed[i]!, room[i]!);
    out[i] = gain[i]! > 0 ? -Math.sign(flip * w[i]!) * (Number.isNaN(move) ? 0 : move) : 0;
  }
}

function slopes(x: ArrayLike<number>, w: ArrayLike<number>, flip: number, norm: Norm): Slopes {
  const n = x.length;
  const gain = new Float64Array(n);
  const room = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const slope = flip * w[i]!;
    const size = Math.abs(slope);
    if (size === 0 || (norm === 'l2' && size < NO_SLOPE)) continue;
    gain[i] = size;
    room[i] = slope > 0 ? x[i]! : 1 - x[i]!;
  }
  return { gain, room };
}

/**
 * What lambda brings grows ever slower: Newton's steps from 0 never overshoot, and each passes a pixel that
 * runs out of room.
 */
function smallestLambda(wanted: number, { gain, room }: Slopes, speed: Float64Array): number {
  let lambda = 0;
  for (let step = 0; step <= gain.length; step++) {
    let brought = 0;
    let rate = 0;
    for (let i = 0; i < gain.length; i++) {
      const move = lambda * speed[i]!;
      if (move < room[i]!) {
        brought += gain[i]! * move;
        rate += gain[i]! * speed[i]!;
      } else brought += gain[i]! * room[i]!;
    }
    const more = wanted - brought;
    if (more <= 1e-12 * wanted) return lambda;
    if (rate === 0) return Number.POSITIVE_INFINITY;
    lambda += more / rate;
  }
  return lambda;
}
