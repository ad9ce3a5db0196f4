import { RECIPE_FIELDS, type Recipe } from '../dent/index.ts';

/** What one batch of clean images is like. */
export interface CleanBatch {
  /** By how many nats the blend is less sure of it than the model as it is. */
  readonly gap: number;
  /** How far its statistics are from the training run's, in nats. */
  readonly divergence: number;
}

/** Batches of one number of rows. */
export interface CleanBatches {
  readonly rows: number;
  readonly batches: readonly CleanBatch[];
}

/** The settings of a recipe that a calibration finds. */
export type Calibration = Pick<Recipe, 'margin' | 'divergence' | 'divergenceRows'> & {
  readonly divergence: number;
};

/**
 * How many standard deviations beyond the mean of clean batches a limit lies. Any number from 3 to 6 gave the
 * accuracies of docs/recipes.md: fewer takes clean batches for shifted, and more misses small shifts.
 */
const DEVIATIONS = 4;

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Beyond what clean batches reach. */
function limitOf(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return centre + DEVIATIONS * Math.sqrt(squares / (values.length - 1));
}

/** Divergences vary by factors, so it is their logarithms that are spread evenly about a mean. */
const divergenceLimit = ({ batches }: CleanBatches): number =>
  Math.exp(limitOf(batches.map(({ divergence }) => Math.log(divergence))));

const within = ({ min, max }: { readonly min: number; readonly max: number }, value: number): number =>
  Number(Math.min(max, Math.max(min, value)).toPrecision(4));

/**
 * The limits that clean batches stay within. Those of the divergence at two numbers of rows give the one at
 * any: limit · (1 + limitRows / rows). The margin is that of the batches that are `full`.
 */
export function calibrationOf(few: CleanBatches, full: CleanBatches): Calibration {
  const [atFew, atFull] = [divergenceLimit(few), divergenceLimit(full)];
  const perRow = Math.max(0, (atFew - atFull) / (1 / few.rows - 1 / full.rows));
  const limit = Math.max(atFull - perRow / full.rows, atFull / 2);
  const { margin, divergence, divergenceRows } = RECIPE_FIELDS;
  return {
    margin: within(margin, limitOf(full.batches.map(({ gap }) => gap))),
    divergence: within(divergence, limit),
    divergenceRows: within(divergenceRows, (atFull / limit - 1) * full.rows),
  };
}
