// The room's second door, for the driver over Redis: its libraries take a sixth of a second to load, which who queues in memory is spared.
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
