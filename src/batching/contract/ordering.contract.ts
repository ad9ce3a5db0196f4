import { describe, expect, test, vi } from 'vitest';
import type { Lane, Priority, RowRequest } from '../batch-queue.ts';
import { PRIORITY_STEP_MS } from '../policy.ts';
import {
  answerOf,
  type CreateSubject,
  idsOf,
  lane,
  makeRequests,
  open,
  pause,
  request,
  startWorker,
} from './fixtures.contract.ts';

const urgent = (priority: Priority, of: Lane = lane()): RowRequest => ({
  ...request({ lane: of }),
  priority,
});

/** Who goes first, and who is not let in because it would come too late. */
export function describeOrdering(create: CreateSubject): void {
  describe('priorities', () => {
    test('a more urgent row goes first, in its lane and among lanes; without one a row counts as 2', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 2, maxDelayMs: 5 });
      const worker = startWorker(consumer, { held: true });
      const deliveries = [producer.submit(request({ lane: lane({ recipe: 'blocker' }) }))];
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      const calm = urgent(3);
      const plain = request();
      const other = urgent(3, lane({ recipe: 'dent' }));
      const first = urgent(1);
      const second = urgent(1);
      for (const each of [calm, plain, other, first, second]) deliveries.push(producer.submit(each));
      await pause(30);
      worker.release();
      await Promise.all(deliveries);
      expect(worker.batches.slice(1).map(idsOf)).toEqual([
        [first.id, second.id],
        [plain.id, calm.id],
        [other.id],
      ]);
    });

    test('urgent rows do not keep others waiting for ever', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 1, maxDelayMs: 5 });
      const worker = startWorker(consumer, { held: true });
      const deliveries = [producer.submit(request())];
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      const patient = request();
      deliveries.push(producer.submit(patient));
      await pause(PRIORITY_STEP_MS + 50);
      const late = urgent(1);
      deliveries.push(producer.submit(late));
      await pause(30);
      worker.release();
      await Promise.all(deliveries);
      expect(worker.batches.slice(1).flatMap(idsOf)).toEqual([patient.id, late.id]);
    });
  });

  test('a row that cannot be answered in time is refused at once, with the time after which it could be', async () => {
    const runMs = 200;
    const { producer, consumer } = await open(create, { maxBatchSize: 1, maxDelayMs: 5 });
    consumer.consume(
      async ({ rows }) => {
        await pause(runMs);
        return rows.map(answerOf);
      },
      { concurrency: 2 },
    );
    // Fewer runs say too little to refuse a row.
    for (const each of makeRequests(6)) await producer.submit(each);
    const deliveries = makeRequests(24).map((each) => producer.submit(each));
    // Two at a time, 24 batches take 2.4 seconds.
    await pause(400);
    const startMs = performance.now();
    const hasty = producer.submit(request({ timeoutMs: 1_000 }));
    await expect(hasty).rejects.toMatchObject({ code: 'queue_full' });
    expect(performance.now() - startMs).toBeLessThan(500);
    const { retryAfterSeconds } = await hasty.catch((error) => error);
    expect([1, 2, 3]).toContain(retryAfterSeconds);
    deliveries.push(producer.submit(request({ timeoutMs: 8_000 })));
    await Promise.all(deliveries);
    await expect(producer.submit(request({ timeoutMs: 500 }))).resolves.toBeDefined();
  });
}
