import type { TravellingRow } from '../wire.ts';
import type { BatchJob } from './batch-jobs.ts';
import type { ClaimedBatch } from './worker-store.ts';

/** A batch in the hands of this worker, its rows in memory. */
export interface HeldBatch {
  readonly content: string;
  readonly job: BatchJob;
  /** Undefined where it is settled or of no use any more. */
  readonly batch: ClaimedBatch | undefined;
  /** Undefined in the place of a row that nobody waits for any more. */
  readonly loaded: readonly (TravellingRow | undefined)[];
  /**
   * Redis's clock as this worker reckons it, where it formed the batch itself. Then nobody has started the batch before, and
   * it need not ask for leave. Undefined where the batch may have a past.
   */
  readonly redisNowMs?: (() => number) | undefined;
}
