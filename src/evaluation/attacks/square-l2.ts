import { NORMS, rowViews } from '../ball.ts';
import type { Target } from '../target.ts';
import type { Run } from './run.ts';
import { drawCorner, type Squares } from './squares.ts';

const TINY = 1e-12;
const { length } = NORMS.l2;

function normalise(values: Float64Array): Float64Array {
  const by = length(values) + TINY;
  return values.map((value) => value / by);
}

/** A hill of `rows` x `columns`: squares around its middle, each narrower one higher; of length 1. */
function bump(rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  const [middleY, middleX] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  for (let k = 0; k <= Math.max(middleY, middleX); k++) {
    for (let y = Math.max(0, middleY - k); y < Math.min(rows, middleY + k + 1); y++)
      for (let x = Math.max(0, middleX - k); x < Math.min(columns, middleX + k + 1); x++)
        out[y * columns + x]! += 1 / (k + 1) ** 2;
  }
  return normalise(out);
}

/** Two hills side by side, one up and one down: the shape that is added to a square. */
export function tile(side: number, isTurned: boolean): Float64Array {
  const upper = Math.floor(side / 2);
  const flat = Float64Array.from([...bump(upper, side), ...bump(side - upper, side).map((value) => -value)]);
  const whole = normalise(flat);
  if (!isTurned) return whole;
  return whole.map((_, i) => whole[(i % side) * side + Math.floor(i / side)]!);
}

interface Window {
  readonly top: number;
  readonly left: number;
}

/** In the Euclidean norm: a square's share of the allowed length moves elsewhere, in the shape of a tile. */
export function euclideanSquares(run: Run<Target>): Squares {
  const { batch, ball, random } = run;
  const [channels, height, width] = batch.images.dims.slice(1) as [number, number, number];
  const images = rowViews(batch.images);
  const change = new Float64Array(channels * height * width);

  /** x + the change, stretched to the ball's edge, pixels in [0, 1]. */
  function write(image: Float32Array, out: Float32Array): void {
    const by = ball.eps / (length(change) + TINY);
    for (let i = 0; i < out.length; i++) out[i] = Math.min(Math.max(image[i]! + by * change[i]!, 0), 1);
  }

  function each(side: number, { top, left }: Window, visit: (inPlane: number, inTile: number) => void): void {
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) visit((top + y) * width + left + x, y * side + x);
  }

  function begin(points: readonly Float32Array[]): void {
    const side = Math.max(1, Math.floor(Math.min(height, width) / 5));
    const offset = (size: number) => Math.floor((size - Math.floor(size / side) * side) / 2);
    for (const [row, start] of points.entries()) {
      change.fill(0);
      for (let top = offset(height); top + side <= height; top += side) {
        for (let left = offset(width); left + side <= width; left += side) {
          const shape = tile(side, random.uniform() > 0.5);
          for (let channel = 0; channel < channels; channel++) {
            const sign = random.sign();
            each(side, { top, left }, (inPlane, inTile) => {
              change[channel * height * width + inPlane]! += sign * shape[inTile]!;
            });
          }
        }
      }
      write(images[row]!, start);
    }
  }

  /** Moves the length that both windows of `change` have, and what is left of the ball, into the first. */
  function move(
    side: number,
    first: Window,
    second: Window,
    shape: Float64Array,
    signs: readonly number[],
  ): void {
    const unused = Math.max(ball.eps ** 2 - length(change) ** 2, 0);
    for (let channel = 0; channel < channels; channel++) {
      const plane = change.subarray(channel * height * width, (channel + 1) * height * width);
      const inside = new Float64Array(side * side);
      const both = new Map<number, number>();
      each(side, first, (inPlane, inTile) => {
        inside[inTile] = plane[inPlane]!;
        both.set(inPlane, plane[inPlane]!);
      });
      each(side, second, (inPlane) => both.set(inPlane, plane[inPlane]!));
      const own = length(inside) + TINY;
      const wanted = inside.map((value, i) => signs[channel]! * shape[i]! + value / own);
      const budget = Math.sqrt(unused / channels + length([...both.values()]) ** 2);
      const by = budget / (length(wanted) + TINY);
      each(side, second, (inPlane) => {
        plane[inPlane] = 0;
      });
      each(side, first, (inPlane, inTile) => {
        plane[inPlane] = by * wanted[inTile]!;
      });
    }
  }

  return {
    begin,
    vary(share, from, to, origins) {
      const wanted = Math.max(Math.round(Math.sqrt(share * height * width)), 3);
      const side = Math.min(wanted + ((wanted + 1) % 2), height, width);
      const corner = (): Window => {
        const [top, left] = drawCorner(random, side, height, width);
        return { top, left };
      };
      const [first, second] = [corner(), corner()];
      const shape = tile(side, random.uniform() > 0.5);
      const signs = Array.from({ length: channels }, () => random.sign());
      for (const [row, variant] of to.entries()) {
        const image = origins[row]!;
        for (let i = 0; i < change.length; i++) change[i] = from[row]![i]! - image[i]!;
        move(side, first, second, shape, signs);
        write(image, variant);
      }
    },
  };
}
