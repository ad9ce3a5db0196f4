import type { Lane } from '../../batch-queue.ts';
import type { LaneDepth } from '../../collector.ts';
import { type Backlog, tooLateBySeconds } from '../../forecast.ts';
import { laneKey } from '../../lane-key.ts';

/** After this time Redis is asked again. */
const FRESH_MS = 200;
/** For this answer Redis looks at every lane. Where there are thousands, it is asked less often. */
const FRESH_TIMES_COST = 20;
/** An answer older than this many times is not believed any more. */
const STALE_TIMES_FRESH = 2.5;

/** The backlog as this process knows it: Redis's last answer, and what this process has added since. */
export interface BacklogView {
  /** Undefined where nothing known can still be believed. */
  current(): Backlog | undefined;
  /** Like the function in `forecast.ts`. Undefined also where nothing is known. Asks Redis now and then. */
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
      // Redis cannot be reached, and rows are refused for that.
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
