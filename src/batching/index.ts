export { isolateFailures } from './isolate-failures.ts';
export { createMemoryQueue } from './memory/memory-queue.ts';
