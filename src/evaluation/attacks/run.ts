import { elementCount, float32, type Tensor } from '../../tensor.ts';
import { rowViews } from '../ball.ts';
import type { Random } from '../random.ts';
import { takeRows } from '../row-parts.ts';
import type { Ascent, Batch, OpenTarget, Target } from '../target.ts';
import type { Ball, Work } from './attack.ts';

/** One search for adversarial images of some rows. */
export interface Run<T extends Target = OpenTarget> {
  readonly batch: Batch;
  readonly target: T;
  readonly ball: Ball;
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
  /** Hears which share of the run is done, from 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** The search for some rows of the batch alone, in ascending order. */
export function onRows<T extends Target>(run: Run<T>, rows: readonly number[]): Run<T> {
  const { images, labels } = run.batch;
  if (rows.length === labels.length) return run;
  const batch = { images: takeRows(images, rows), labels: Int32Array.from(rows, (row) => labels[row]!) };
  return { ...run, batch, target: run.target.only(rows) };
}

/** How far each row is wrong: the largest logit of a wrong class minus that of the right one. */
export function marginsOf({ dims, data }: Tensor<'float32'>, labels: Int32Array): Float64Array {
  const classes = dims[1]!;
  return Float64Array.from(labels, (label, row) => {
    let other = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) if (k !== label) other = Math.max(other, data[row * classes + k]!);
    return other - data[row * classes + label]!;
  });
}

/** The classes of a row from the most to the least probable. */
export function rankedClasses({ dims, data }: Tensor<'float32'>, row: number): number[] {
  const classes = dims[1]!;
  const of = (k: number) => data[row * classes + k]!;
  return Array.from({ length: classes }, (_, k) => k).sort((a, b) => of(b) - of(a) || a - b);
}

/**
 * For each row the point with the greatest margin that was seen: one that fools, or the one that came nearest
 * to it.
 */
export class Strongest {
  readonly pixels: Tensor<'float32'>;
  readonly margins: Float64Array;

  /** Starts with points of which nothing is known. */
  constructor(start: Tensor<'float32'>) {
    this.pixels = float32(start.dims, start.data.slice());
    this.margins = new Float64Array(start.dims[0]!).fill(Number.NEGATIVE_INFINITY);
  }

  fools(row: number): boolean {
    return this.margins[row]! > 0;
  }

  get fooled(): Uint8Array {
    return Uint8Array.from(this.margins, (margin) => (margin > 0 ? 1 : 0));
  }

  /** Takes a point of a row if its margin is greater. */
  put(row: number, point: Float32Array, margin: number): void {
    if (!(margin > this.margins[row]!)) return;
    this.margins[row] = margin;
    this.pixels.data.set(point, row * point.length);
  }

  /**
   * Takes what is stronger of points that stand for the rows `rows`, all rows in their order where absent.
   */
  offer(points: Tensor<'float32'>, margins: Float64Array, rows?: readonly number[]): void {
    for (const [i, point] of rowViews(points).entries()) this.put(rows?.[i] ?? i, point, margins[i]!);
  }
}

/** Counts what attacks cost, and the gradients that say nothing. */
export class Tally implements Work {
  gradients = 0;
  zeroGradients = 0;
  queries = 0;

  add({ gradients, zeroGradients, queries }: Work): void {
    this.gradients += gradients;
    this.zeroGradients += zeroGradients;
    this.queries += queries;
  }

  #countGradients({ gradient }: Ascent): void {
    for (const row of rowViews(gradient)) {
      this.gradients += 1;
      if (row.every((slope) => slope === 0)) this.zeroGradients += 1;
    }
  }

  /** The target, every use of which is counted. */
  watch(target: OpenTarget): OpenTarget {
    return {
      ...target,
      logits: (pixels, signal) => {
        this.queries += pixels.dims[0]!;
        return target.logits(pixels, signal);
      },
      lossAndGradient: async (...asked) => {
        const ascent = await target.lossAndGradient(...asked);
        this.#countGradients(ascent);
        return ascent;
      },
      only: (rows) => this.watch(target.only(rows)),
    };
  }
}

/** Room for points of a batch's shape. */
export const likeImages = ({ images }: Batch): Tensor<'float32'> =>
  float32(images.dims, new Float32Array(elementCount(images.dims)));
