import { describe, expect, test, vi } from 'vitest';
import {
  answerOf,
  type CreateSubject,
  EARLY_MS,
  makeRequests,
  open,
  pause,
  request,
  startWorker,
} from './fixtures.contract.ts';

/** Batches that are handed over while the engine works on others. */
export function describeAhead(create: CreateSubject): void {
  describe('hands batches over ahead', () => {
    test('a batch is handed over ahead where it is full and another full one stays behind', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 10 });
      const worker = startWorker(consumer, { ahead: 1, held: true });
      const blocker = producer.submit(request());
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      const deliveries = makeRequests(7).map((each) => producer.submit(each));
      await pause(60);
      // A row that comes now may be more urgent than those of the batch.
      expect(worker.batches).toHaveLength(1);
      deliveries.push(...makeRequests(7).map((each) => producer.submit(each)));
      await vi.waitFor(() => expect(worker.batches).toHaveLength(2));
      await pause(60);
      expect(worker.batches.map(({ rows, reason }) => [rows.length, reason])).toEqual([
        [1, 'window'],
        [4, 'full'],
      ]);
      worker.release();
      await Promise.all([blocker, ...deliveries]);
      expect(worker.batches.map(({ rows }) => rows.length)).toEqual([1, 4, 4, 4, 2]);
      expect(worker.peak).toBe(2);
    });

    test('the time of a batch that was handed over ahead counts from the end of the one before', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 1 });
      let running = Promise.resolve();
      let answered = 0;
      consumer.consume(
        async (batch) => {
          // As an engine does, one after the other.
          running = running.then(() => pause(100));
          await running;
          answered += 1;
          return batch.rows.map(answerOf);
        },
        { concurrency: 1, ahead: 1 },
      );
      const startMs = performance.now();
      const deliveries = await Promise.all(makeRequests(5).map((each) => producer.submit(each)));
      const tookMs = performance.now() - startMs;
      expect(answered).toBe(5);
      const all = deliveries.reduce((sum, { runMs }) => sum + runMs, 0);
      expect(all).toBeGreaterThan(5 * 100 - 5 * EARLY_MS);
      // Nearly twice that where each batch counted from its hand-over.
      expect(all).toBeLessThan(tookMs + 5 * EARLY_MS);
      // The time that a batch was there ahead counts as waiting.
      expect(Math.max(...deliveries.map(({ queueMs }) => queueMs))).toBeGreaterThan(4 * (100 - EARLY_MS));
    });
  });
}
