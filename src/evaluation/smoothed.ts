import { float32, type Tensor } from '../tensor.ts';
import { type Row, rowViews } from './ball.ts';
import type { Network } from './network.ts';
import type { Ascent, OpenTarget } from './target.ts';

export interface SmoothedSource {
  readonly classes: number;
  /** The network with the adapted parameters as an input. */
  network(): Network;
  /** Where each row's adaptation ends, [N, P]. */
  adapted(pixels: Tensor<'float32'>, signal?: AbortSignal): Promise<Tensor<'float32'>>;
}

function length(values: Row): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

/** How far the parameters are moved to measure a slope, as a share of what the adaptation moves them. */
const REACH = 0.01;

/** What of `of` is at right angles to `to`. */
function across(of: Row, to: Row): Row {
  let [product, square] = [0, 0];
  for (let i = 0; i < of.length; i++) {
    product += of[i]! * to[i]!;
    square += to[i]! * to[i]!;
  }
  return square === 0
    ? new Float32Array(of.length)
    : of.map((value, i) => value - (product / square) * to[i]!);
}

/** What a row's adaptation is measured by. */
interface Passage {
  /** The parameters are moved along this, [P], to either side. */
  readonly along: Row;
  /** By what the difference of both sides counts in the gradient; 0 where nothing goes through. */
  readonly factor: number;
}

function passageOf(offset: Row, slope: Row, wanted: Row): Passage {
  const turning = across(wanted, slope);
  const [moved, steep, size] = [length(offset), length(slope), length(turning)];
  // A row that a gate lets pass has not moved, and has nothing to go through.
  if (moved === 0 || steep === 0 || size === 0) return { along: new Float32Array(offset.length), factor: 0 };
  const reach = (REACH * moved) / size;
  return { along: turning.map((value) => reach * value), factor: moved / steep / (2 * reach) };
}

const stack = (rows: readonly Row[], by: number): Tensor<'float32'> =>
  float32(
    [rows.length, rows[0]!.length],
    rows.flatMap((row) => Array.from(row, (value) => by * value)),
  );

/**
 * A network that adapts each row, as a target whose gradient goes on through the adaptation. An optimizer
 * that divides a gradient by its size moves the parameters in jumps: its true derivative is zero almost
 * everywhere. So the way forward is the recipe's own, and on the way back the offsets that it ended at count
 * as one step of descent of the same length: offset(x) = -r g(x) / |g(x)|, g being the gradient of the
 * entropy by the parameters as they were trained. What a loss then gains by the pixels through the parameters
 * is -r / |g| times the gradient by x of v · g(x), v being what of the loss's own slope by the parameters is
 * at right angles to g, as the length of g plays no part: the difference of two gradients of the entropy,
 * with parameters moved along v one way and the other.
 */
export function smoothedTarget({ classes, network, adapted }: SmoothedSource): OpenTarget {
  const target: OpenTarget = {
    classes,
    independentRows: true,
    async logits(pixels, signal) {
      const offsets = await adapted(pixels, signal);
      return network().at(offsets).logits(pixels, signal);
    },
    async lossAndGradient(pixels, loss, signal): Promise<Ascent> {
      const offsets = await adapted(pixels, signal);
      const trained = float32(offsets.dims, new Float32Array(offsets.data.length));
      const entropy = { name: 'entropy', labels: loss.labels } as const;
      const { byParameters, ...here } = await network().slopes(offsets, pixels, loss, signal);
      const start = await network().slopes(trained, pixels, entropy, signal);
      const [slopes, wanted] = [rowViews(start.byParameters), rowViews(byParameters)];
      const passages = rowViews(offsets).map((offset, row) => passageOf(offset, slopes[row]!, wanted[row]!));
      const side = async (by: number): Promise<Row[]> => {
        const moved = stack(
          passages.map(({ along }) => along),
          by,
        );
        return rowViews((await network().at(moved).lossAndGradient(pixels, entropy, signal)).gradient);
      };
      const [above, below] = [await side(1), await side(-1)];
      const gradient = float32(here.gradient.dims, here.gradient.data.slice());
      for (const [row, own] of rowViews(gradient).entries()) {
        const { factor } = passages[row]!;
        for (let i = 0; i < own.length; i++) own[i]! -= factor * (above[row]![i]! - below[row]![i]!);
      }
      return { ...here, gradient };
    },
    only: () => target,
  };
  return target;
}
