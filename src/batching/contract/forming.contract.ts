import { describe, expect, test, vi } from 'vitest';
import type { Lane } from '../batch-queue.ts';
import {
  answerOf,
  type CreateSubject,
  EARLY_MS,
  idsOf,
  LATE_MS,
  LONG_MS,
  lane,
  makeRequests,
  open,
  pause,
  request,
  startWorker,
} from './fixtures.contract.ts';

/** When a batch starts and which rows it holds. */
export function describeForming(create: CreateSubject): void {
  describe('forms batches', () => {
    test('a full batch starts without waiting for its window, its rows in the order of submission', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: LONG_MS });
      const worker = startWorker(consumer);
      const requests = makeRequests(4);
      const deliveries = await Promise.all(requests.map((each) => producer.submit(each)));
      expect(worker.batches).toHaveLength(1);
      expect(idsOf(worker.batches[0]!)).toEqual(requests.map(({ id }) => id));
      expect(worker.batches[0]).toMatchObject({ reason: 'full', lane: lane() });
      expect(deliveries.map(({ answer }) => answer)).toEqual(requests.map(answerOf));
      for (const { batch } of deliveries) expect(batch).toEqual({ id: worker.batches[0]!.id, size: 4 });
    });

    test('a batch that is not full starts when its oldest row has waited maxDelayMs', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 1_000 });
      const worker = startWorker(consumer);
      const first = producer.submit(request());
      await pause(20);
      const second = producer.submit(request());
      const [oldest, youngest] = await Promise.all([first, second]);
      expect(worker.batches).toHaveLength(1);
      expect(worker.batches[0]).toMatchObject({ reason: 'window' });
      expect(oldest.queueMs).toBeGreaterThanOrEqual(1_000 - EARLY_MS);
      expect(oldest.queueMs).toBeLessThan(1_000 + LATE_MS);
      expect(youngest.queueMs).toBeLessThan(oldest.queueMs);
    });

    test('no batch is larger than maxBatchSize', async () => {
      const { producer, consumer } = await open(create);
      const worker = startWorker(consumer);
      const requests = makeRequests(10);
      await Promise.all(requests.map((each) => producer.submit(each)));
      expect(worker.batches.map((batch) => batch.rows.length)).toEqual([4, 4, 2]);
      expect(worker.batches.flatMap(idsOf)).toEqual(requests.map(({ id }) => id));
    });

    test('rows of another model, version, content, recipe or caller never share a batch', async () => {
      const { producer, consumer } = await open(create);
      const worker = startWorker(consumer, { concurrency: 2 });
      const lanes: Lane[] = [
        lane(),
        lane({ model: 'letters' }),
        lane({ version: 2 }),
        lane({ content: 'letters-1' }),
        lane({ recipe: 'dent' }),
        lane({ caller: 'ann' }),
        lane({ caller: 'bob' }),
      ];
      const requests = [...lanes, ...lanes].map((each) => request({ lane: each }));
      const deliveries = await Promise.all(requests.map((each) => producer.submit(each)));
      expect(deliveries.map(({ answer }) => answer)).toEqual(requests.map(answerOf));
      expect(worker.batches).toHaveLength(lanes.length);
      for (const batch of worker.batches) {
        expect(batch.rows.map((row) => row.lane)).toEqual([batch.lane, batch.lane]);
      }
    });

    test('pixels of either type arrive as they were sent', async () => {
      const { producer, consumer } = await open(create);
      const worker = startWorker(consumer);
      const float = {
        ...request(),
        row: { type: 'float32', data: Float32Array.of(-0.5, 1e-30, 3e38) },
      } as const;
      const bytes = { ...request(), row: { type: 'uint8', data: Uint8Array.of(0, 127, 255) } } as const;
      await Promise.all([producer.submit(float), producer.submit(bytes)]);
      const [first, second] = worker.batches[0]!.rows;
      expect(first!.row.type).toBe('float32');
      expect([...first!.row.data]).toEqual([...float.row.data]);
      expect(second!.row.type).toBe('uint8');
      expect([...second!.row.data]).toEqual([0, 127, 255]);
    });

    test('batches have ids of their own', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 1 });
      const worker = startWorker(consumer);
      await Promise.all(makeRequests(20).map((each) => producer.submit(each)));
      expect(new Set(worker.batches.map(({ id }) => id)).size).toBe(20);
    });
  });

  describe('under load', () => {
    test('no batch starts before the consumer is free; the next one takes what has gathered', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 10 });
      const worker = startWorker(consumer, { held: true });
      const blocker = producer.submit(request());
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      const requests = makeRequests(6);
      const deliveries = requests.map((each) => producer.submit(each));
      await pause(60);
      expect(worker.batches).toHaveLength(1);
      worker.release();
      await Promise.all([blocker, ...deliveries]);
      expect(worker.batches.map((batch) => batch.rows.length)).toEqual([1, 4, 2]);
      expect(worker.peak).toBe(1);
    });

    test('as many batches run side by side as concurrency allows', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 1 });
      const worker = startWorker(consumer, { concurrency: 2, held: true });
      const deliveries = makeRequests(5).map((each) => producer.submit(each));
      await vi.waitFor(() => expect(worker.batches).toHaveLength(2));
      await pause(30);
      expect(worker.batches).toHaveLength(2);
      worker.release();
      await Promise.all(deliveries);
      expect(worker.peak).toBe(2);
    });

    test('of the lanes that may start, the one with the oldest row goes first, full or not', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 10 });
      const worker = startWorker(consumer, { held: true });
      const deliveries = [producer.submit(request({ lane: lane({ recipe: 'blocker' }) }))];
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      for (const [recipe, count] of [
        ['first', 1],
        ['second', 4],
        ['third', 2],
      ] as const) {
        const requests = makeRequests(count, { lane: lane({ recipe }) });
        deliveries.push(...requests.map((each) => producer.submit(each)));
        await pause(15);
      }
      worker.release();
      await Promise.all(deliveries);
      expect(worker.batches.map((batch) => batch.lane.recipe)).toEqual([
        'blocker',
        'first',
        'second',
        'third',
      ]);
    });

    test('an older lane that still waits for company does not hold a full one', async () => {
      const { producer, consumer } = await open(create, ({ recipe }) => ({
        maxDelayMs: recipe === 'patient' ? 400 : 30,
      }));
      const worker = startWorker(consumer);
      const patient = producer.submit(request({ lane: lane({ recipe: 'patient' }) }));
      await pause(15);
      await Promise.all(makeRequests(4).map((each) => producer.submit(each)));
      expect(worker.batches.map((batch) => batch.lane.recipe)).toEqual(['isolated']);
      await patient;
      expect(worker.batches.map((batch) => batch.lane.recipe)).toEqual(['isolated', 'patient']);
    });
  });
}
