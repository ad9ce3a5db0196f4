export { createMemoryQueue, type MemoryQueueOptions } from './memory-queue.ts';
export type { QueueObserver, RowRejection } from './queue-observer.ts';
