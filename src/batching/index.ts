export type { RedisSettings } from './bullmq/connection.ts';
export type { OnFault } from './bullmq/link.ts';
export {
  createRedisConsumer,
  type RedisConsumer,
  type RedisConsumerOptions,
} from './bullmq/redis-consumer.ts';
export {
  createRedisProducer,
  type RedisProducer,
  type RedisProducerOptions,
} from './bullmq/redis-producer.ts';
export { isolateFailures } from './isolate-failures.ts';
export { createMemoryQueue, type MemoryQueueOptions } from './memory-queue.ts';
export type { QueueObserver, RowRejection } from './queue-observer.ts';
