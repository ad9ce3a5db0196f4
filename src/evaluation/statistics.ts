import { createRandom } from './random.ts';

/** The normal distribution's 97.5 % point: intervals are of 95 %. */
const Z = 1.959963984540054;

export type Interval = readonly [low: number, high: number];

/**
 * Wilson's 95 % interval of a share, of which `correct` of `of` were seen. Everything is possible where
 * nothing was seen.
 */
export function wilson(correct: number, of: number): Interval {
  if (of === 0) return [0, 1];
  const share = correct / of;
  const z2 = Z * Z;
  const middle = (share + z2 / (2 * of)) / (1 + z2 / of);
  const reach = (Z / (1 + z2 / of)) * Math.sqrt((share * (1 - share)) / of + z2 / (4 * of * of));
  // The ends of none and all are 0 and 1 exactly, which rounding would miss.
  return [correct === 0 ? 0 : middle - reach, correct === of ? 1 : middle + reach];
}

export interface Difference {
  /** Of the shares, in points of 100. */
  readonly points: number;
  /** Of 95 %. */
  readonly interval: Interval;
}

const RESAMPLES = 10_000;

/** The value below which a share of the sorted values lies. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

/**
 * The share of right answers that `rows` has more than `than`, row by row: 1, 0 or -1 for answers that are 1
 * or 0.
 */
export const differences = (rows: ArrayLike<number>, than: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: rows.length }, (_, i) => rows[i]! - than[i]!);

/**
 * The mean of differences between two recipes on the same rows, from -1 to 1 each, in points, with a 95 %
 * interval by a paired bootstrap: rows are drawn again, each with what both recipes made of it. Two rows are
 * added to those that are drawn from, half of one for each of the four pairs of answers (Agresti and Min
 * 2005), so that a handful of rows which agree are not taken for certainty.
 */
export function pairedDifference(rows: Float64Array, seed: number): Difference {
  const count = rows.length;
  if (count === 0) return { points: 0, interval: [-100, 100] };
  const points = (100 * rows.reduce((sum, each) => sum + each, 0)) / count;
  const random = createRandom(seed, 'bootstrap');
  const drawn = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const place = random.uniform() * (count + 2);
      sum += place < count ? rows[Math.floor(place)]! : added(place - count);
    }
    return (100 * sum) / count;
  }).sort();
  return { points, interval: [quantile(drawn, 0.025), quantile(drawn, 0.975)] };
}

/** The added rows, by a place from 0 to 2: the one recipe is right, the other, or neither and both. */
function added(place: number): number {
  if (place < 0.5) return 1;
  return place < 1 ? -1 : 0;
}

/** A difference is a gain only where its whole interval lies above 0, and a loss where it lies below. */
export const isGain = ({ interval: [low] }: Difference): boolean => low > 0;
export const isLoss = ({ interval: [, high] }: Difference): boolean => high < 0;

const signed = (points: number): string => `${points < 0 ? '' : '+'}${points.toFixed(1)}`;

export const differenceText = ({ points, interval: [low, high] }: Difference): string =>
  `${signed(points)} points (${signed(low)} to ${signed(high)})`;
