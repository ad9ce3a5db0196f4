import type { Tensor } from '../../tensor.ts';
import { rowViews } from '../ball.ts';
import { takeRows } from '../row-parts.ts';
import type { Target } from '../target.ts';
import type { Norm } from './attack.ts';
import { inLanes } from './lanes.ts';
import { likeImages, marginsOf, type Run, Strongest } from './run.ts';
import { euclideanSquares } from './square-l2.ts';
import { maxNormSquares } from './square-linf.ts';
import type { Squares } from './squares.ts';

export interface SquareOptions {
  /** Predictions asked for, for each row. */
  readonly queries: number;
  /** Where to begin; stripes or tiles of the full strength where absent. */
  readonly start?: Tensor<'float32'>;
  /** The share of the image that the first squares cover. */
  readonly share?: number;
}

const SQUARES: Readonly<Record<Norm, (run: Run<Target>) => Squares>> = {
  linf: maxNormSquares,
  l2: euclideanSquares,
};

/**
 * Of a schedule of 10,000 queries: up to which query the share of the image that a square covers is divided
 * by what.
 */
const SCHEDULE = [
  [10, 1],
  [50, 2],
  [200, 4],
  [500, 8],
  [1000, 16],
  [2000, 32],
  [4000, 64],
  [6000, 128],
  [8000, 256],
] as const;

/** AutoAttack's own number of queries, for which it does not stretch the schedule. */
const AUTOATTACK_QUERIES = 5000;

/**
 * The share of the image that a square covers in a query. Fewer queries than AutoAttack's go through the
 * whole schedule.
 */
export function squareShare(query: number, queries: number, first = 0.8): number {
  const at = queries < AUTOATTACK_QUERIES ? Math.floor((query * 10_000) / queries) : query;
  const [, by] = SCHEDULE.find(([until]) => at <= until) ?? [0, 512];
  return first / by;
}

/**
 * Square attack (Andriushchenko et al. 2020): asks for predictions alone, and keeps a random square wherever
 * it brings a row nearer to being wrong. Rows that are independent are left once they are wrong; others go on
 * in their batch.
 */
export function square(run: Run<Target>, { start, ...how }: SquareOptions): Promise<Strongest> {
  const begun = start ?? likeImages(run.batch);
  if (start === undefined) SQUARES[run.ball.norm](run).begin(rowViews(begun));
  // Each half draws the same squares.
  return inLanes(run, (lane, rows) =>
    vary({ ...lane, random: run.random.fork() }, { ...how, start: takeRows(begun, rows) }),
  );
}

/** Changes `start` in place. */
async function vary(
  run: Run<Target>,
  { queries, start: best, share }: SquareOptions & { readonly start: Tensor<'float32'> },
): Promise<Strongest> {
  const { batch, target, ball, signal, onProgress } = run;
  const { labels, images } = batch;
  const squares = SQUARES[ball.norm](run);
  const bests = rowViews(best);
  const origins = rowViews(images);
  const variants = likeImages(batch);
  const variantRows = rowViews(variants);
  const found = new Strongest(images);
  found.offer(best, marginsOf(await target.logits(best, signal), labels));
  const rest = () => bests.map((_, row) => row).filter((row) => !found.fools(row));
  for (let query = 0; query + 1 < queries; query++) {
    const rows = rest();
    if (rows.length === 0) break;
    const asked = target.independentRows ? rows : bests.map((_, row) => row);
    squares.vary(squareShare(query, queries, share), bests, variantRows, origins);
    const tried = takeRows(variants, asked);
    const part = target.independentRows ? target.only(asked) : target;
    const logits = await part.logits(tried, signal);
    const margins = marginsOf(
      logits,
      Int32Array.from(asked, (row) => labels[row]!),
    );
    for (const [i, row] of asked.entries()) {
      if (!(margins[i]! > found.margins[row]!)) continue;
      bests[row]!.set(variantRows[row]!);
      found.put(row, variantRows[row]!, margins[i]!);
    }
    onProgress?.((query + 2) / queries);
  }
  onProgress?.(1);
  return found;
}
