import { describe, expect, test } from 'vitest';
import { eventually, newPlace, openConsumer, openProducer } from '../../../test/fixtures/redis/queue.ts';
import { sharedRedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import { ServiceError } from '../../errors.ts';
import {
  answerOf,
  kept,
  LONG_MS,
  lane,
  makeRequests,
  pause,
  request,
  startWorker,
} from '../contract/fixtures.contract.ts';

const server = await sharedRedisServer();

describe('a batch whose handler is not ready', () => {
  const unready = new ServiceError('not_ready', 'The model is loading.', { retryAfterSeconds: 5 });

  test('is tried again a little later', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    let tries = 0;
    const worker = startWorker(await openConsumer(place), {
      respond: ({ rows }) => {
        tries += 1;
        if (tries < 3) throw unready;
        return rows.map(answerOf);
      },
    });
    const sent = request();
    expect((await producer.submit(sent)).answer).toEqual(answerOf(sent));
    expect(new Set(worker.batches.map(({ id }) => id)).size).toBe(1);
  });

  test('fails its rows with what the handler said when no try is left', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const worker = startWorker(await openConsumer(place), {
      respond: () => {
        throw unready;
      },
    });
    await expect(producer.submit(request())).rejects.toMatchObject({
      code: 'not_ready',
      retryAfterSeconds: 5,
    });
    expect(worker.batches).toHaveLength(3);
  });
});

test('a worker whose event loop was blocked has its batch run twice and answered once', async () => {
  const place = newPlace(server);
  const producer = await openProducer(place);
  const second = await openConsumer(place);
  const slow = startWorker(await openConsumer(place), { held: true });
  const sent = kept({ memo: 'memo' });
  const delivery = producer.submit(sent);
  await eventually(() => expect(slow.batches).toHaveLength(1));
  const lock = (await server.client.keys(`{${place.redis.prefix}}:jobs:*:lock`))[0]!;
  const taking = setInterval(() => void server.client.del(lock), 20);
  const fast = startWorker(second);
  const answer = await delivery;
  clearInterval(taking);
  slow.release();
  expect(fast.batches.map(({ id }) => id)).toEqual(slow.batches.map(({ id }) => id));
  await pause(50);
  expect(await producer.result(sent.id)).toEqual({ memo: 'memo', outcome: answer });
});

test('rows of half a megabyte arrive whole, though not all fit the connection at once', async () => {
  const place = newPlace(server);
  const producer = await openProducer(place, { limits: { maxBatchSize: 48, maxDelayMs: LONG_MS } });
  startWorker(await openConsumer(place), {
    respond: ({ rows }) =>
      rows.map((each) => {
        const data = each.row.data as Float32Array;
        const [first, last] = [data.slice(0, 3), data.slice(-3)];
        return { logits: last, staticLogits: first, entropy: first, applied: 'isolated', steps: 2 };
      }),
  });
  const pixels = 3 * 224 * 224;
  const requests = makeRequests(48, { timeoutMs: 20_000 }).map((each, i) => ({
    ...each,
    row: {
      type: 'float32' as const,
      data: Float32Array.from({ length: pixels }, (_, at) => i + at / pixels),
    },
  }));
  const deliveries = await Promise.all(requests.map((each) => producer.submit(each)));
  for (const [i, { answer, batch }] of deliveries.entries()) {
    expect(batch.size).toBe(48);
    expect(answer.logits).toEqual(requests[i]!.row.data.subarray(-3));
    expect(answer.staticLogits).toEqual(requests[i]!.row.data.subarray(0, 3));
  }
});

test('what Redis keeps does not grow', async () => {
  const place = newPlace(server);
  const producer = await openProducer(place);
  const consumer = await openConsumer(place);
  startWorker(consumer, { respond: ({ rows }) => rows.map(answerOf) });
  const callers = Array.from({ length: 30 }, (_, i) => lane({ caller: `caller ${i}` }));
  const round = () =>
    Promise.allSettled(
      callers.flatMap((of) => [
        producer.submit(request({ lane: of, timeoutMs: 600 })),
        producer.submit(request({ lane: of, timeoutMs: 5 })),
        producer.submit(request({ lane: of, timeoutMs: 600 }), AbortSignal.timeout(3)),
        producer.submit({ ...request({ lane: of, timeoutMs: 600 }), keep: { ms: 300, memo: '' } }),
      ]),
    );
  await round();
  await round();
  const keys = () => server.client.keys(`*${place.redis.prefix}*`);
  const base = `{${place.redis.prefix}}:`;
  const lasting = /^(engines|contents|times|jobs:[^:]+:(events|id|marker|meta|stalled-check))$/;
  await eventually(async () => {
    const left = (await keys()).filter((key) => !lasting.test(key.slice(base.length)));
    expect(left).toEqual([]);
  });
  expect(await server.client.xlen(`${base}jobs:digits-1:events`)).toBeLessThan(300);
  // The rest of a content disappears some time after its last worker.
  await consumer.close();
  for (const key of (await keys()).filter((each) => each.includes(':jobs:'))) {
    expect([key, await server.client.pttl(key)]).not.toEqual([key, -1]);
  }
});
