/** Share of the latest run in the average: about the last five runs count. */
const LATEST_SHARE = 0.3;

/** How long a caller that a full queue refused had better stay away. */
export interface RetryEstimate {
  /** Tells that a batch took `runMs`. */
  ran(runMs: number): void;
  /**
   * Whole seconds, at least 1, until `batches` will have run, `concurrency` at a time and each as long as recent ones.
   * Counted in batches, not rows: a run has a fixed cost, so small batches would make a full queue look far too long.
   */
  seconds(batches: number, concurrency: number): number;
}

/** An estimate that knows nothing until the first batch has run, and says 1 second until then. */
export function createRetryEstimate(): RetryEstimate {
  let averageMs: number | undefined;
  return {
    ran(runMs) {
      averageMs = averageMs === undefined ? runMs : averageMs + LATEST_SHARE * (runMs - averageMs);
    },
    seconds(batches, concurrency) {
      const waitMs = Math.ceil(batches / concurrency) * (averageMs ?? 0);
      return Math.max(1, Math.ceil(waitMs / 1000));
    },
  };
}
