// The second door of the room, for the driver over Redis. Its libraries take a sixth of a second to load, and
// a process that queues in memory does not need them.
export type { RedisSettings } from './connection/connect.ts';
export type { OnFault } from './connection/link.ts';
export {
  createRedisProducer,
  type RedisProducer,
  type RedisProducerOptions,
} from './producer/redis-producer.ts';
export {
  createRedisConsumer,
  type RedisConsumer,
  type RedisConsumerOptions,
} from './worker/redis-consumer.ts';
