import { expect, test, vi } from 'vitest';
import { channelPair } from '../../../test/fixtures/processes/channel-pair.ts';
import { createLimiter } from '../../access/index.ts';
import { describeBatchQueue } from '../../batching/batch-queue.contract.ts';
import type { BatchQueue } from '../../batching/batch-queue.ts';
import { LIMITS, makeRequests, request, startWorker } from '../../batching/contract/fixtures.contract.ts';
import { createMemoryQueue } from '../../batching/index.ts';
import { attend, type Common } from './attend.ts';
import { connectCalls } from './calls.ts';
import type { ApiCalls, PrimaryCalls } from './protocol.ts';
import { remoteLimiter, remoteQueue } from './remote-backend.ts';
import { watchPrimary } from './watch-primary.ts';

/** The end of the queue travels as its rows do, so that it does not overtake them. */
type Calls = PrimaryCalls & { drain(): void };

/** One API process over a queue, in this process. */
function connect(queue: BatchQueue, limiter = createLimiter()) {
  const common = {
    backend: { queue, models: {} },
    limiter,
    feed: { unfollow() {} },
    page: { join() {}, leave() {} },
    statistics: { join() {}, leave() {} },
    spread: { leave() {} },
  } as unknown as Common;
  const { ends, close } = channelPair();
  connectCalls<ApiCalls, Calls>(ends[0], (ask) => {
    const attended = attend(common, { process: 1, ask, onListening() {}, onFailed() {} });
    ends[0].onClosed(attended.gone);
    return { ...attended.handlers, drain: () => queue.close() };
  });
  const ask = connectCalls<Calls, ApiCalls>(ends[1], () => ({}) as never);
  return { ask, close };
}

describeBatchQueue({
  name: 'queue of the primary process',
  create: async (options) => {
    const queue = createMemoryQueue(options);
    const { ask, close } = connect(queue);
    const remote = remoteQueue(ask);
    // The primary process drains its queue, and the API process waits for its own rows.
    const drain = () => Promise.all([ask('drain', undefined), remote.close()]).then(() => {});
    return {
      producer: { ...remote, close: drain },
      consumer: queue,
      async close() {
        await queue.close();
        close();
      },
    };
  },
});

test('rows of a process that is gone are withdrawn, and those of others are answered', async () => {
  const queue = createMemoryQueue({ limitsOf: () => ({ ...LIMITS, maxBatchSize: 6, maxDelayMs: 200 }) });
  const [lost, living] = [connect(queue), connect(queue)];
  const given = Promise.allSettled(makeRequests(3).map((each) => remoteQueue(lost.ask).submit(each)));
  const answers = makeRequests(2).map((each) => remoteQueue(living.ask).submit(each));
  await vi.waitFor(async () => expect(await queue.status()).toMatchObject([{ depth: 5 }]));
  lost.close();
  await vi.waitFor(async () => expect(await queue.status()).toMatchObject([{ depth: 2 }]));
  const worker = startWorker(queue);
  await Promise.all(answers);
  expect(worker.batches.map(({ rows }) => rows.length)).toEqual([2]);
  for (const { status } of await given) expect(status).toBe('rejected');
  await expect(remoteQueue(lost.ask).submit(request())).rejects.toThrow('The other process is gone.');
  living.close();
});

test('the limits of a key hold over processes, and a process that is gone gives its places back', async () => {
  const queue = createMemoryQueue({ limitsOf: () => LIMITS });
  const limiter = createLimiter();
  const [lost, living] = [connect(queue, limiter), connect(queue, limiter)];
  const limits = { concurrency: 2 };
  const refusal = { code: 'rate_limited', retryAfterSeconds: 1 };
  await remoteLimiter(lost.ask, watchPrimary()).enter('ann', limits);
  const leave = await remoteLimiter(living.ask, watchPrimary()).enter('ann', limits);
  await expect(remoteLimiter(lost.ask, watchPrimary()).enter('ann', limits)).rejects.toMatchObject(refusal);
  leave();
  const again = await remoteLimiter(living.ask, watchPrimary()).enter('ann', limits);
  await expect(remoteLimiter(living.ask, watchPrimary()).enter('ann', limits)).rejects.toMatchObject(refusal);
  lost.close();
  await vi.waitFor(() => remoteLimiter(living.ask, watchPrimary()).enter('ann', limits));
  again();
  living.close();
});
