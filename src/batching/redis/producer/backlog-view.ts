import type { Lane } from '../../batch-queue.ts';
import type { LaneDepth } from '../../collector.ts';
import { type Backlog, tooLateBySeconds } from '../../forecast.ts';
import { laneKey } from '../../lane-key.ts';

/** After which what Redis said of the queue is asked for again. */
const FRESH_MS = 200;
/** Redis looks at every lane for it, so where there are thousands it is asked less often. */
const FRESH_TIMES_COST = 20;
/** So many times as old, what it said is not believed any more. */
const STALE_TIMES_FRESH = 2.5;

/** The backlog as this process knows it: what Redis said lately, and what it has added since. */
export interface BacklogView {
  /** Undefined where nothing is known that can still be believed. */
  current(): Backlog | undefined;
  /** As the function of `forecast.ts`; undefined also where nothing is known. Asks Redis now and then. */
  tooLateBySeconds(lane: Lane, leftMs: number): number | undefined;
  added(lane: Lane, maxBatchSize: number): void;
  /** Resolves when Redis has answered, or failed to. */
  refresh(): Promise<void>;
}

export function createBacklogView(survey: () => Promise<{ readonly backlog: Backlog }>): BacklogView {
  let known: Backlog | undefined;
  let askedMs = Number.NEGATIVE_INFINITY;
  let knownMs = Number.NEGATIVE_INFINITY;
  let freshMs = FRESH_MS;
  /** Lanes with the rows added since Redis was asked. */
  let lanes = new Map<string, LaneDepth>();

  async function refresh(): Promise<void> {
    askedMs = performance.now();
    try {
      const { backlog } = await survey();
      known = backlog;
      knownMs = askedMs;
      freshMs = Math.max(FRESH_MS, FRESH_TIMES_COST * (performance.now() - askedMs));
      lanes = new Map(backlog.lanes.map((each) => [laneKey(each.lane), each]));
    } catch {
      // Redis is away, and rows are refused for that.
    }
  }

  function current(): Backlog | undefined {
    // An old view would refuse rows for a load that is long gone.
    if (!known || performance.now() - knownMs > STALE_TIMES_FRESH * freshMs) return undefined;
    return { ...known, lanes: [...lanes.values()] };
  }

  return {
    current,
    refresh,
    tooLateBySeconds(lane, leftMs) {
      if (performance.now() - askedMs > freshMs) void refresh();
      const backlog = current();
      return backlog && tooLateBySeconds(backlog, lane, leftMs);
    },
    added(lane, maxBatchSize) {
      const key = laneKey(lane);
      lanes.set(key, { lane, maxBatchSize, depth: (lanes.get(key)?.depth ?? 0) + 1 });
    },
  };
}
