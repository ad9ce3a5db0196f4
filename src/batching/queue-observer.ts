import type { BatchReason, Lane } from './batch-queue.ts';

/** Why the queue gave a row up before it had an answer. */
export type RowRejection = 'queue_full' | 'queue_unavailable' | 'draining' | 'timeout' | 'cancelled';

/** What a queue tells whoever counts. Calls are made in the middle of the queue's work, so they must not throw. */
export interface QueueObserver {
  /** A batch is handed to the handler. `waitSeconds` has one entry for each of its rows. */
  batchStarted(batch: {
    readonly lane: Lane;
    readonly reason: BatchReason;
    readonly waitSeconds: readonly number[];
  }): void;
  /** Once for each row that was refused, or that nobody waits for any longer. Rows that the handler failed are not meant. */
  rejected(lane: Lane, reason: RowRejection): void;
}
