export { isolateFailures } from './isolate-failures.ts';
export { createMemoryQueue, type MemoryQueueOptions } from './memory/memory-queue.ts';
export type { QueueObserver, RowRejection } from './queue-observer.ts';
