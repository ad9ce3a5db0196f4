import type { Lane } from '../batch-queue.ts';
import { type LaneDepth, laneKey } from '../collector.ts';
import { type Backlog, tooLateBySeconds } from '../forecast.ts';

/** How long what Redis said of the queue is taken for true. */
const FRESH_MS = 200;

/** The backlog as this process knows it: what Redis said lately, and what it has added since. */
export interface BacklogView {
  /** What is known, or undefined before the first answer. */
  current(): Backlog | undefined;
  /** As the function of `forecast.ts`; undefined also while nothing is known. Asks Redis now and then. */
  tooLateBySeconds(lane: Lane, leftMs: number): number | undefined;
  added(lane: Lane, maxBatchSize: number): void;
  /** Resolves when Redis has answered, or failed to. */
  refresh(): Promise<void>;
}

export function createBacklogView(survey: () => Promise<{ readonly backlog: Backlog }>): BacklogView {
  let known: Backlog | undefined;
  let askedMs = Number.NEGATIVE_INFINITY;
  /** Lanes with the rows added since Redis was asked. */
  let lanes = new Map<string, LaneDepth>();

  async function refresh(): Promise<void> {
    askedMs = performance.now();
    try {
      const { backlog } = await survey();
      known = backlog;
      lanes = new Map(backlog.lanes.map((each) => [laneKey(each.lane), each]));
    } catch {
      // An old view would refuse rows for a load that is long gone.
      known = undefined;
    }
  }

  const current = (): Backlog | undefined => known && { ...known, lanes: [...lanes.values()] };

  return {
    current,
    refresh,
    tooLateBySeconds(lane, leftMs) {
      if (performance.now() - askedMs > FRESH_MS) void refresh();
      const backlog = current();
      return backlog && tooLateBySeconds(backlog, lane, leftMs);
    },
    added(lane, maxBatchSize) {
      const key = laneKey(lane);
      lanes.set(key, { lane, maxBatchSize, depth: (lanes.get(key)?.depth ?? 0) + 1 });
    },
  };
}
