import type { TravellingRow } from '../wire.ts';
import type { BatchJob } from './batch-jobs.ts';
import type { ClaimedBatch } from './worker-store.ts';

/** A batch in the hands of this worker, its rows in memory. */
export interface HeldBatch {
  readonly content: string;
  readonly job: BatchJob;
  /** Undefined where it is settled or not needed any more. */
  readonly batch: ClaimedBatch | undefined;
  /** Undefined in the place of a row that nobody waits for any more. */
  readonly loaded: readonly (TravellingRow | undefined)[];
  /**
   * This worker's estimate of Redis's clock, where it formed the batch itself. Nobody has started the batch
   * before, so it need not ask. Undefined where the batch may have been started before.
   */
  readonly redisNowMs?: (() => number) | undefined;
}
