import type { BatchReason, Lane, LaneLimits, LaneStatus } from './batch-queue.ts';
import { type LaneView, startReason, startsAtMs } from './policy.ts';

/** What the collector must know of a row. Times are milliseconds of the one clock that its caller uses throughout. */
export interface WaitingRow {
  readonly lane: Lane;
  readonly acceptedMs: number;
  /** From then on the row is dropped instead of started. */
  readonly expiresMs: number;
}

export interface Collected<Row> {
  readonly lane: Lane;
  /** Oldest first, at least one. */
  readonly rows: readonly Row[];
  readonly reason: BatchReason;
}

/** The rows that wait, sorted into lanes, and the decision which batch starts next. Has no clock, timer or promise. */
export interface Collector<Row extends WaitingRow> {
  /** False where `queueLimit` rows of the lane's model and version wait already. */
  hasRoom(lane: Lane, limits: LaneLimits): boolean;
  add(row: Row, limits: LaneLimits): void;
  /** No-op where the row does not wait any more. */
  remove(row: Row): void;
  /** Whether the lane's next batch is full, so that it need not wait for company. */
  isFull(lane: Lane): boolean;
  /** Takes out the batch that is to start at `nowMs`: of the lanes that may start, the one with the oldest row. */
  take(nowMs: number, draining: boolean): Collected<Row> | undefined;
  /** When the next batch may start if no further row arrives; undefined where nothing waits. */
  nextStartMs(): number | undefined;
  /** How many batches the waiting rows make. */
  batchCount(): number;
  status(nowMs: number): LaneStatus[];
}

interface LaneRows<Row> {
  readonly key: string;
  readonly lane: Lane;
  /** In the order of acceptance. A set, because rows also leave from the middle. */
  readonly rows: Set<Row>;
  /** Those of the latest row: manifests change while lanes live. */
  limits: LaneLimits;
  /** No row expires before; rows that have left may make it too early. */
  expiryBoundMs: number;
}

const laneKey = (lane: Lane): string => JSON.stringify([lane.model, lane.version, lane.recipe, lane.caller]);
const modelKey = (lane: Lane): string => `${lane.model}:${lane.version}`;

function view<Row extends WaitingRow>({ rows, limits }: LaneRows<Row>): LaneView {
  const oldest = rows.values().next().value!;
  return { depth: rows.size, oldestMs: oldest.acceptedMs, limits };
}

function firstOf<Row>(rows: Iterable<Row>, count: number): Row[] {
  const first: Row[] = [];
  for (const row of rows) {
    if (first.length === count) break;
    first.push(row);
  }
  return first;
}

/** An empty collector. Adding and removing cost the same however many rows wait; taking costs a look at each lane. */
export function createCollector<Row extends WaitingRow>(): Collector<Row> {
  // Neither map holds an entry without rows, so idle callers and unloaded models leave nothing behind.
  const lanes = new Map<string, LaneRows<Row>>();
  const waitingOfModel = new Map<string, number>();

  function drop(entry: LaneRows<Row>, row: Row): void {
    if (!entry.rows.delete(row)) return;
    if (entry.rows.size === 0) lanes.delete(entry.key);
    const model = modelKey(entry.lane);
    const left = waitingOfModel.get(model)! - 1;
    if (left === 0) waitingOfModel.delete(model);
    else waitingOfModel.set(model, left);
  }

  function dropExpired(nowMs: number): void {
    for (const entry of lanes.values()) {
      if (nowMs < entry.expiryBoundMs) continue;
      entry.expiryBoundMs = Number.POSITIVE_INFINITY;
      for (const row of entry.rows) {
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
        entry = { key, lane: row.lane, rows: new Set(), limits, expiryBoundMs: row.expiresMs };
        lanes.set(key, entry);
      }
      entry.rows.add(row);
      entry.limits = limits;
      entry.expiryBoundMs = Math.min(entry.expiryBoundMs, row.expiresMs);
      const model = modelKey(row.lane);
      waitingOfModel.set(model, (waitingOfModel.get(model) ?? 0) + 1);
    },

    remove(row) {
      const entry = lanes.get(laneKey(row.lane));
      if (entry) drop(entry, row);
    },

    isFull(lane) {
      const entry = lanes.get(laneKey(lane));
      return entry !== undefined && entry.rows.size >= entry.limits.maxBatchSize;
    },

    take(nowMs, draining) {
      dropExpired(nowMs);
      let next: { entry: LaneRows<Row>; oldestMs: number; reason: BatchReason } | undefined;
      for (const entry of lanes.values()) {
        const lane = view(entry);
        const reason = startReason(lane, nowMs, draining);
        if (reason && (!next || lane.oldestMs < next.oldestMs)) {
          next = { entry, oldestMs: lane.oldestMs, reason };
        }
      }
      if (!next) return undefined;
      const { entry, reason } = next;
      const rows = firstOf(entry.rows, entry.limits.maxBatchSize);
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

    batchCount() {
      let count = 0;
      for (const { rows, limits } of lanes.values()) count += Math.ceil(rows.size / limits.maxBatchSize);
      return count;
    },

    status: (nowMs) =>
      Array.from(lanes.values(), (entry) => ({
        lane: entry.lane,
        depth: entry.rows.size,
        oldestAgeMs: nowMs - view(entry).oldestMs,
      })),
  };
}
