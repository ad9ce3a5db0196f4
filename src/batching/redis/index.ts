// The second door of the room, for the driver over Redis. Its libraries take a sixth of a second to load, and
// a process that queues in memory does not need them.
export {
  createRedisProducer,
  type RedisProducer,
} from './producer/redis-producer.ts';
export {
  createRedisConsumer,
  type RedisConsumer,
} from './worker/redis-consumer.ts';
