import type { BatchReason, Lane } from './batch-queue.ts';

/** Why the queue gave up a row before it had an answer. */
export type RowRejection = 'queue_full' | 'queue_unavailable' | 'draining' | 'timeout' | 'cancelled';

/**
 * The events that a queue reports to be counted. Calls come in the middle of the queue's work, so they must
 * not throw.
 */
export interface QueueObserver {
  /** A batch is handed to the handler. `waitSeconds` has one entry for each of its rows. */
  batchStarted(batch: {
    readonly lane: Lane;
    readonly reason: BatchReason;
    readonly waitSeconds: readonly number[];
  }): void;
  /**
   * Once for each row that was refused, or that nobody waits for any longer. Not for rows that the handler
   * failed.
   */
  rejected(lane: Lane, reason: RowRejection): void;
}
