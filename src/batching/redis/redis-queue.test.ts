import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { asRestrictedUser, CONTENTS, untilUp } from '../../../test/fixtures/redis/queue.ts';
import { sharedRedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import { describeBatchQueue } from '../batch-queue.contract.ts';
import { createRedisProducer } from './producer/redis-producer.ts';
import { createRedisConsumer } from './worker/redis-consumer.ts';

const server = await sharedRedisServer();
/** With the fewest rights, so that the suite shows when more are needed. */
const place = await asRestrictedUser(server);

describeBatchQueue({
  name: 'Redis queue',
  create: async ({ limitsOf, observer, keptLimit }) => {
    const faults: unknown[] = [];
    // A handler's error does not travel. It is for the worker's log.
    const onFault = (error: unknown, doing: string) => doing !== 'running a row' && faults.push(error);
    const common = {
      redis: { ...place, prefix: randomUUID() },
      onFault,
      ...(observer && { observer }),
    };
    const producer = createRedisProducer({
      ...common,
      limitsOf,
      ...(keptLimit !== undefined && { keptLimit }),
    });
    const consumer = createRedisConsumer({ ...common, contents: () => CONTENTS });
    await Promise.all([producer, consumer].map(untilUp));
    return {
      producer,
      consumer,
      close: async () => {
        await producer.close();
        await consumer.close();
        expect(faults).toEqual([]);
      },
    };
  },
});
