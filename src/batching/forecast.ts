import type { Lane } from './batch-queue.ts';
import type { LaneDepth } from './collector.ts';
import { leastRunMs, type RunSums, runMs } from './run-time.ts';

/** The work ahead of a new row. */
export interface Backlog {
  /** The lanes whose rows wait. */
  readonly lanes: readonly LaneDepth[];
  /** Batches that run or are about to. */
  readonly running: number;
  /** Batches that can run at the same time, at least 1. */
  readonly engines: number;
  /** The runs so far of each model, version and recipe, by `runKey`. Empty until the first. */
  readonly runs: ReadonlyMap<string, RunSums>;
}

/** Rows of one model, version and recipe take the same time, from every caller. */
export const runKey = ({ model, version, recipe }: Lane): string => JSON.stringify([model, version, recipe]);

/**
 * How long batches like recent ones take to run all waiting rows, and then one row of `lane`. `time` is the
 * time of a batch.
 */
function forecast(
  { lanes, running, engines, runs }: Backlog,
  lane: Lane,
  time: typeof runMs,
): { aheadMs: number; ownMs: number } {
  if (runs.size === 0) return { aheadMs: 0, ownMs: 0 };
  // A recipe that has not run yet counts as an average one.
  const averageMs =
    Array.from(runs.values(), (sums) => time(sums, sums.rows / sums.count)).reduce((a, b) => a + b) /
    runs.size;
  let sumMs = running * averageMs;
  for (const { lane: of, depth, maxBatchSize } of lanes) {
    const sums = runs.get(runKey(of));
    const batchMs = sums ? time(sums, Math.min(depth, maxBatchSize)) : averageMs;
    sumMs += Math.ceil(depth / maxBatchSize) * batchMs;
  }
  const own = runs.get(runKey(lane));
  return { aheadMs: sumMs / engines, ownMs: own ? time(own, 1) : averageMs };
}

const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(Math.round(ms) / 1000));

/** Seconds until all waiting rows will have run. By then a queue without room has some again. */
export const roomInSeconds = (backlog: Backlog, lane: Lane): number =>
  wholeSeconds(forecast(backlog, lane, runMs).aheadMs);

/**
 * Undefined where a new row of `lane` may be answered within `leftMs`. Otherwise the seconds after which it
 * could be, if no other row comes. A row is refused only if it would miss its deadline even at the shortest
 * possible batch times: waiting in vain costs its caller a wait, but refusing in vain costs the answer. The
 * seconds are expected ones. Waiting for more rows is not counted, because they may come at once. A deadline
 * shorter than a run on idle engines is not refused: no later time would be better.
 */
export function tooLateBySeconds(backlog: Backlog, lane: Lane, leftMs: number): number | undefined {
  const least = forecast(backlog, lane, leastRunMs);
  const { aheadMs, ownMs } = forecast(backlog, lane, runMs);
  if (least.aheadMs + least.ownMs <= leftMs || ownMs > leftMs) return undefined;
  return wholeSeconds(aheadMs + ownMs - leftMs);
}
