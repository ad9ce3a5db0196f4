import type { BatchReason, Lane, LaneLimits, LaneStatus, Priority } from './batch-queue.ts';
import { laneKey } from './lane-key.ts';
import { type LaneView, rankMs, startReason, startsAtMs } from './policy.ts';

/** What the collector must know about a row. Times are milliseconds on its caller's one clock. */
export interface WaitingRow {
  readonly lane: Lane;
  readonly priority: Priority;
  readonly acceptedMs: number;
  /** From then on the row is dropped, not started. */
  readonly expiresMs: number;
}

export interface Collected<Row> {
  readonly lane: Lane;
  /** By rank, at least one. */
  readonly rows: readonly Row[];
  readonly reason: BatchReason;
}

export interface LaneDepth {
  readonly lane: Lane;
  readonly depth: number;
  readonly maxBatchSize: number;
}

/**
 * The waiting rows, sorted into lanes, and the decision which batch starts next. It has no clock, timer or
 * promise.
 */
export interface Collector<Row extends WaitingRow> {
  /** False where `queueLimit` rows of the lane's model and version wait already. */
  hasRoom(lane: Lane, limits: LaneLimits): boolean;
  add(row: Row, limits: LaneLimits): void;
  /** No-op where the row does not wait any more. */
  remove(row: Row): void;
  /**
   * Whether the lane's next batches, as many as `batches`, are full, so that they need not wait for company.
   */
  isFull(lane: Lane, batches?: number): boolean;
  /**
   * Removes and returns the batch to start at `nowMs`: of the lanes that may start, the one with the row of
   * lowest rank. `ahead` takes one only where another full batch stays behind.
   */
  take(nowMs: number, draining: boolean, ahead?: boolean): Collected<Row> | undefined;
  /** When the next batch may start if no further row arrives. Undefined where nothing waits. */
  nextStartMs(): number | undefined;
  depths(): LaneDepth[];
  status(nowMs: number): LaneStatus[];
}

interface LaneRows<Row> {
  readonly key: string;
  readonly lane: Lane;
  /** For each priority the rows in the order of acceptance. Sets, because rows also leave from the middle. */
  readonly levels: readonly [Set<Row>, Set<Row>, Set<Row>];
  /** The limits of the latest row: manifests change while lanes live. */
  limits: LaneLimits;
  /** No row expires earlier. After rows have left it may be too early. */
  expiryBoundMs: number;
}

const modelKey = (lane: Lane): string => `${lane.model}:${lane.version}`;
const rankOf = (row: WaitingRow): number => rankMs(row.acceptedMs, row.priority);

const depthOf = <Row>({ levels }: LaneRows<Row>): number => levels[0].size + levels[1].size + levels[2].size;

/** The first row of each priority that has any. */
function heads<Row extends WaitingRow>({ levels }: LaneRows<Row>): Row[] {
  return levels.flatMap((rows) => {
    const first = rows.values().next();
    return first.done ? [] : [first.value];
  });
}

function view<Row extends WaitingRow>(entry: LaneRows<Row>): LaneView {
  const oldestMs = Math.min(...heads(entry).map((row) => row.acceptedMs));
  return { depth: depthOf(entry), oldestMs, limits: entry.limits };
}

function firstOf<Row extends WaitingRow>({ levels }: LaneRows<Row>, count: number): Row[] {
  const first: Row[] = [];
  for (const rows of levels) {
    let taken = 0;
    for (const row of rows) {
      if (taken++ === count) break;
      first.push(row);
    }
  }
  // Sorting is stable, and each level is in order already.
  return first.sort((a, b) => rankOf(a) - rankOf(b)).slice(0, count);
}

/**
 * An empty collector. The cost of adding and removing does not depend on how many rows wait. Taking looks at
 * each lane.
 */
export function createCollector<Row extends WaitingRow>(): Collector<Row> {
  // Neither map holds an entry without rows, so idle callers and unloaded models leave nothing behind.
  const lanes = new Map<string, LaneRows<Row>>();
  const waitingOfModel = new Map<string, number>();

  function drop(entry: LaneRows<Row>, row: Row): void {
    if (!entry.levels[row.priority - 1]!.delete(row)) return;
    if (depthOf(entry) === 0) lanes.delete(entry.key);
    const model = modelKey(entry.lane);
    const left = waitingOfModel.get(model)! - 1;
    if (left === 0) waitingOfModel.delete(model);
    else waitingOfModel.set(model, left);
  }

  function dropExpired(nowMs: number): void {
    for (const entry of lanes.values()) {
      if (nowMs < entry.expiryBoundMs) continue;
      entry.expiryBoundMs = Number.POSITIVE_INFINITY;
      for (const row of entry.levels.flatMap((rows) => [...rows])) {
        if (row.expiresMs <= nowMs) drop(entry, row);
        else entry.expiryBoundMs = Math.min(entry.expiryBoundMs, row.expiresMs);
      }
    }
  }

  return {
    hasRoom: (lane, limits) => (waitingOfModel.get(modelKey(lane)) ?? 0) < limits.queueLimit,

    add(row, limits) {
      const key = laneKey(row.lane);
      let entry = lanes.get(key);
      if (!entry) {
        const levels = [new Set<Row>(), new Set<Row>(), new Set<Row>()] as const;
        entry = { key, lane: row.lane, levels, limits, expiryBoundMs: row.expiresMs };
        lanes.set(key, entry);
      }
      entry.levels[row.priority - 1]!.add(row);
      entry.limits = limits;
      entry.expiryBoundMs = Math.min(entry.expiryBoundMs, row.expiresMs);
      const model = modelKey(row.lane);
      waitingOfModel.set(model, (waitingOfModel.get(model) ?? 0) + 1);
    },

    remove(row) {
      const entry = lanes.get(laneKey(row.lane));
      if (entry) drop(entry, row);
    },

    isFull(lane, batches = 1) {
      const entry = lanes.get(laneKey(lane));
      return entry !== undefined && depthOf(entry) >= batches * entry.limits.maxBatchSize;
    },

    take(nowMs, draining, ahead = false) {
      dropExpired(nowMs);
      let next: { entry: LaneRows<Row>; rank: number; reason: BatchReason } | undefined;
      for (const entry of lanes.values()) {
        const reason = startReason(view(entry), nowMs, draining);
        if (!reason || (ahead && depthOf(entry) < 2 * entry.limits.maxBatchSize)) continue;
        const rank = Math.min(...heads(entry).map(rankOf));
        if (!next || rank < next.rank) next = { entry, rank, reason };
      }
      if (!next) return undefined;
      const { entry, reason } = next;
      const rows = firstOf(entry, entry.limits.maxBatchSize);
      for (const row of rows) drop(entry, row);
      return { lane: entry.lane, rows, reason };
    },

    nextStartMs() {
      let earliest: number | undefined;
      for (const entry of lanes.values()) {
        const at = startsAtMs(view(entry));
        if (earliest === undefined || at < earliest) earliest = at;
      }
      return earliest;
    },

    depths: () =>
      Array.from(lanes.values(), (entry) => ({
        lane: entry.lane,
        depth: depthOf(entry),
        maxBatchSize: entry.limits.maxBatchSize,
      })),

    status: (nowMs) =>
      Array.from(lanes.values(), (entry) => ({
        lane: entry.lane,
        depth: depthOf(entry),
        oldestAgeMs: nowMs - view(entry).oldestMs,
      })),
  };
}
