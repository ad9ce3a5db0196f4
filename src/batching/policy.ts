import type { BatchReason, LaneLimits, Priority } from './batch-queue.ts';

/** How much younger each level below the first makes a row count: the head start of urgent rows. */
export const PRIORITY_STEP_MS = 2_000;
export const DEFAULT_PRIORITY: Priority = 2;

/** Orders rows and lanes: the smallest goes first. Lua repeats it (redis/scripts/shared/lanes.lua). */
export const rankMs = (acceptedMs: number, priority: Priority): number =>
  acceptedMs + (priority - 1) * PRIORITY_STEP_MS;

/**
 * The facts about a lane's waiting rows that the decision to start needs. Times are milliseconds of any one
 * clock.
 */
export interface LaneView {
  /** Rows that wait, at least 1. */
  readonly depth: number;
  /** When the row that waits longest was accepted. */
  readonly oldestMs: number;
  readonly limits: LaneLimits;
}

/**
 * When the lane's next batch may start if no further row arrives. Lua repeats it
 * (redis/scripts/shared/lanes.lua).
 */
export function startsAtMs({ depth, oldestMs, limits }: LaneView): number {
  return depth >= limits.maxBatchSize ? oldestMs : oldestMs + limits.maxDelayMs;
}

/**
 * Why the lane's next batch may start at `nowMs`. Undefined where it has to wait. `draining` ends all waiting
 * for more rows.
 */
export function startReason(view: LaneView, nowMs: number, draining: boolean): BatchReason | undefined {
  if (view.depth >= view.limits.maxBatchSize) return 'full';
  if (startsAtMs(view) <= nowMs) return 'window';
  return draining ? 'drain' : undefined;
}
