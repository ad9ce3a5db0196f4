import { describe, expect, test, vi } from 'vitest';
import {
  answerOf,
  type CreateSubject,
  LONG_MS,
  lane,
  makeRequests,
  open,
  pause,
  request,
  startWorker,
} from './fixtures.contract.ts';

/** What an operator sees, and how the queue ends. */
export function describeClosing(create: CreateSubject): void {
  test('status lists the lanes whose rows wait, with their depth and the age of the oldest row', async () => {
    const { producer, consumer } = await open(create);
    expect(await producer.status()).toEqual([]);
    const other = lane({ recipe: 'dent', caller: 'ann' });
    const deliveries = makeRequests(3).map((each) => producer.submit(each));
    await pause(50);
    deliveries.push(producer.submit(request({ lane: other })));
    await vi.waitFor(async () => expect(await producer.status()).toHaveLength(2));
    const [first, second] = (await producer.status()).toSorted((a, b) => b.depth - a.depth);
    expect(first).toMatchObject({ lane: lane(), depth: 3 });
    expect(second).toMatchObject({ lane: other, depth: 1 });
    expect(first!.oldestAgeMs).toBeGreaterThan(second!.oldestAgeMs);
    expect(first!.oldestAgeMs).toBeGreaterThan(40);
    expect(second!.oldestAgeMs).toBeGreaterThanOrEqual(0);
    startWorker(consumer);
    await Promise.all(deliveries);
    expect(await producer.status()).toEqual([]);
  });

  describe('close', () => {
    test('refuses new rows, starts what waits at once, and resolves when all of it is answered', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: LONG_MS });
      startWorker(consumer);
      const requests = [...makeRequests(3), ...makeRequests(2, { lane: lane({ recipe: 'dent' }) })];
      let answered = 0;
      const deliveries = requests.map(async (each) => {
        const { answer } = await producer.submit(each);
        answered += 1;
        return answer;
      });
      await vi.waitFor(async () => expect(await producer.status()).toHaveLength(2));
      const closed = producer.close();
      await expect(producer.submit(request())).rejects.toMatchObject({
        code: 'draining',
        retryAfterSeconds: 1,
      });
      await closed;
      expect(answered).toBe(5);
      expect(await Promise.all(deliveries)).toEqual(requests.map(answerOf));
    });

    test('waits for the batch that runs, and may be called again', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 1 });
      const worker = startWorker(consumer, { held: true });
      const events: string[] = [];
      const answered = producer.submit(request()).then(() => events.push('answered'));
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      const closed = [producer.close(), producer.close()].map((each) =>
        each.then(() => events.push('closed')),
      );
      await pause(30);
      expect(events).toEqual([]);
      worker.release();
      await Promise.all([answered, ...closed]);
      expect(events).toEqual(['answered', 'closed', 'closed']);
      await producer.close();
      await consumer.close();
    });

    test('of the consumer waits for the batch that runs', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 1 });
      const worker = startWorker(consumer, { held: true });
      // The caller leaves, so only the batch is left to wait for. Not earlier: a row that nobody waits for
      // does not run.
      const caller = new AbortController();
      const left = producer.submit(request(), caller.signal).catch(() => {});
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      caller.abort();
      await left;
      let closed = false;
      const closing = consumer.close().then(() => {
        closed = true;
      });
      await pause(30);
      expect(closed).toBe(false);
      worker.release();
      await closing;
    });

    test('gives rows that nobody consumes until their deadlines', async () => {
      const { producer } = await open(create);
      let code = '';
      producer.submit(request({ timeoutMs: 60 })).catch((error) => {
        code = error.code;
      });
      await producer.close();
      expect(code).toBe('timeout');
    });
  });
}
