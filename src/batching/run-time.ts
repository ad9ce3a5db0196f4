/** Weight of each run relative to the next: about the last ten count. */
export const RUN_DECAY = 0.9;

/**
 * A run counts as at most this many times the mean one, or, where it has more rows than the mean one, this
 * many times that in proportion. A run held up by a busy machine or a hung engine says little about the next,
 * and would refuse rows.
 */
export const MAX_TIMES_MEAN = 3;

/** With fewer (decayed) runs no bound is meaningful: two runs fix a line, good or bad. */
const FEWEST_DEGREES = 2;
/** Standard errors below the mean. With normal errors and many runs, one in forty batches takes less. */
const STANDARD_ERRORS = 2;

/**
 * Decayed sums over the runs of batches: their number, their rows x, their milliseconds y, and the products.
 */
export interface RunSums {
  readonly count: number;
  readonly rows: number;
  readonly ms: number;
  readonly rowsRows: number;
  readonly rowsMs: number;
  readonly msMs: number;
}

const mostMs = ({ count, rows: sumRows, ms }: RunSums, rows: number): number =>
  MAX_TIMES_MEAN * ms * Math.max(1 / count, rows / sumRows);

/** The sums after one more run. */
export function addRun(sums: RunSums | undefined, rows: number, tookMs: number): RunSums {
  const old = sums ?? { count: 0, rows: 0, ms: 0, rowsRows: 0, rowsMs: 0, msMs: 0 };
  const ms = sums ? Math.min(tookMs, mostMs(sums, rows)) : tookMs;
  return {
    count: old.count * RUN_DECAY + 1,
    rows: old.rows * RUN_DECAY + rows,
    ms: old.ms * RUN_DECAY + ms,
    rowsRows: old.rowsRows * RUN_DECAY + rows * rows,
    rowsMs: old.rowsMs * RUN_DECAY + rows * ms,
    msMs: old.msMs * RUN_DECAY + ms * ms,
  };
}

/**
 * The least-squares line through recent runs. It has no slope where all had one size, which says nothing
 * about others.
 */
function line({ count, rows, ms, rowsRows, rowsMs, msMs }: RunSums) {
  const meanRows = rows / count;
  const meanMs = ms / count;
  const variance = rowsRows / count - meanRows * meanRows;
  const varianceMs = Math.max(0, msMs / count - meanMs * meanMs);
  // Rounding always leaves a trace of variance.
  if (variance < 1e-6 * meanRows * meanRows) return { meanRows, meanMs, variance: 0, slope: 0, varianceMs };
  const slope = Math.max(0, (rowsMs / count - meanRows * meanMs) / variance);
  return { meanRows, meanMs, variance, slope, varianceMs };
}

/**
 * How long a batch of `rows` rows takes, by the least-squares line a + b * rows through recent runs. A run
 * has a fixed cost: counting time in rows alone would make a full queue of small batches look far too long.
 */
export function runMs(sums: RunSums, rows: number): number {
  const { meanRows, meanMs, slope } = line(sums);
  return Math.max(0, meanMs + slope * (rows - meanRows));
}

/**
 * How long such a batch takes at least, as far as recent runs can tell: the lower end of the line's
 * confidence interval. It is 0 after a few runs, and far below the line for sizes far from those that ran.
 * Where all runs had one size, a smaller batch may take less in proportion.
 */
export function leastRunMs(sums: RunSums, rows: number): number {
  const { meanRows, meanMs, variance, slope, varianceMs } = line(sums);
  const degrees = sums.count - (variance > 0 ? 2 : 1);
  if (degrees <= FEWEST_DEGREES) return 0;
  // The part that the line does not explain. With few degrees of freedom the interval is wider, like
  // Student's.
  const residual = Math.max(0, varianceMs - slope * slope * variance) * (sums.count / degrees);
  const width = STANDARD_ERRORS * Math.sqrt(degrees / (degrees - FEWEST_DEGREES));
  const distance = variance > 0 ? (rows - meanRows) ** 2 / variance : 0;
  const least =
    meanMs + slope * (rows - meanRows) - width * Math.sqrt((residual * (1 + distance)) / sums.count);
  const share = variance > 0 ? 1 : Math.min(1, rows / meanRows);
  return Math.max(0, least * share);
}
