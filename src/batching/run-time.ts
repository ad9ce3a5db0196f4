/** Weight of each run relative to the next: about the last ten count. */
export const RUN_DECAY = 0.9;

/**
 * A run counts as at most so many times the mean one, or, where it has more rows than the mean one, as so many times that in
 * proportion. One that was held up by a busy machine or a hung engine says little of the next, and would refuse rows.
 */
export const MAX_SURPRISE = 3;

/** Decayed sums over the runs of batches: how many, their rows x, their milliseconds y, and the products. */
export interface RunSums {
  readonly count: number;
  readonly rows: number;
  readonly ms: number;
  readonly rowsRows: number;
  readonly rowsMs: number;
}

const mostMs = ({ count, rows: sumRows, ms }: RunSums, rows: number): number =>
  MAX_SURPRISE * ms * Math.max(1 / count, rows / sumRows);

/** The sums after one more run. */
export function addRun(sums: RunSums | undefined, rows: number, tookMs: number): RunSums {
  const old = sums ?? { count: 0, rows: 0, ms: 0, rowsRows: 0, rowsMs: 0 };
  const ms = sums ? Math.min(tookMs, mostMs(sums, rows)) : tookMs;
  return {
    count: old.count * RUN_DECAY + 1,
    rows: old.rows * RUN_DECAY + rows,
    ms: old.ms * RUN_DECAY + ms,
    rowsRows: old.rowsRows * RUN_DECAY + rows * rows,
    rowsMs: old.rowsMs * RUN_DECAY + rows * ms,
  };
}

/**
 * How long a batch of `rows` rows takes, by the least-squares line a + b * rows through recent runs. A run has a fixed
 * cost, so small batches would make a full queue look far too long if time were counted in rows alone.
 */
export function runMs({ count, rows: sumRows, ms, rowsRows, rowsMs }: RunSums, rows: number): number {
  const meanRows = sumRows / count;
  const meanMs = ms / count;
  const variance = rowsRows / count - meanRows * meanRows;
  // Runs of one size say nothing of other sizes; rounding leaves a trace of variance even then.
  if (variance < 1e-6 * meanRows * meanRows) return meanMs;
  const slope = Math.max(0, (rowsMs / count - meanRows * meanMs) / variance);
  return Math.max(0, meanMs + slope * (rows - meanRows));
}
