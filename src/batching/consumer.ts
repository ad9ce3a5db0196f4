import type { BatchHandler, ConsumeOptions } from './batch-queue.ts';
import { createEngineClock, type EngineClock } from './engine-clock.ts';

/** The handler of a queue's batches, and how it wants them. */
export interface Consumer {
  readonly handler: BatchHandler;
  readonly concurrency: number;
  readonly ahead: number;
  readonly clock: EngineClock;
}

export const createConsumer = (
  handler: BatchHandler,
  { concurrency, ahead = 0 }: ConsumeOptions,
): Consumer => ({ handler, concurrency, ahead, clock: createEngineClock(concurrency) });
