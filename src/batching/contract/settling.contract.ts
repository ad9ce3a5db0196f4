import { describe, expect, test, vi } from 'vitest';
import { ServiceError } from '../../errors.ts';
import type { Batch } from '../batch-queue.ts';
import type { RowRejection } from '../queue-observer.ts';
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

const failure = (code: string) => expect.objectContaining({ name: 'ServiceError', code });

/** What a caller gets instead of an answer. */
export function describeSettling(create: CreateSubject): void {
  describe('refuses', () => {
    test('with queue_full where queueLimit rows of the model and version wait, whatever their lanes', async () => {
      const { producer, consumer } = await open(create, { queueLimit: 3 });
      const lanes = ['ann', 'bob', 'cid'].map((caller) => lane({ caller }));
      const waiting = lanes.map((each) => producer.submit(request({ lane: each })));
      await vi.waitFor(async () => expect(await producer.status()).toHaveLength(3));
      const refused = await producer.submit(request()).catch((error: unknown) => error);
      expect(refused).toEqual(failure('queue_full'));
      expect((refused as ServiceError).retryAfterSeconds).toBeGreaterThanOrEqual(1);
      const otherVersion = producer.submit(request({ lane: lane({ version: 2 }) }));
      startWorker(consumer);
      await Promise.all([...waiting, otherVersion]);
      await expect(producer.submit(request())).resolves.toBeDefined();
    });

    test('with timeout at once where the deadline has passed', async () => {
      const { producer, consumer } = await open(create);
      const worker = startWorker(consumer);
      const startMs = performance.now();
      await expect(producer.submit(request({ timeoutMs: -1 }))).rejects.toEqual(failure('timeout'));
      expect(performance.now() - startMs).toBeLessThan(LATE_MS);
      await producer.submit(request());
      expect(worker.batches).toHaveLength(1);
      expect(worker.batches[0]!.rows).toHaveLength(1);
    });

    test('with cancelled at once where the signal has aborted', async () => {
      const { producer, consumer } = await open(create);
      const worker = startWorker(consumer);
      await expect(producer.submit(request(), AbortSignal.abort())).rejects.toEqual(failure('cancelled'));
      await producer.submit(request());
      expect(worker.batches[0]!.rows).toHaveLength(1);
    });
  });

  describe('gives a row up', () => {
    test('at its deadline while it waits, and never runs it', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 5 });
      const worker = startWorker(consumer, { held: true });
      const blocker = producer.submit(request());
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      const startMs = performance.now();
      const expired = request({ timeoutMs: 80 });
      const patient = request();
      const answer = producer.submit(patient);
      await expect(producer.submit(expired)).rejects.toEqual(failure('timeout'));
      expect(performance.now() - startMs).toBeGreaterThanOrEqual(80 - EARLY_MS);
      expect(performance.now() - startMs).toBeLessThan(80 + LATE_MS);
      worker.release();
      await Promise.all([blocker, answer]);
      expect(worker.batches.slice(1).map(idsOf)).toEqual([[patient.id]]);
    });

    test('at its deadline while it runs; the batch goes on for the others', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 2 });
      const worker = startWorker(consumer, { held: true });
      const patient = request();
      const answer = producer.submit(patient);
      const startMs = performance.now();
      await expect(producer.submit(request({ timeoutMs: 1_000 }))).rejects.toEqual(failure('timeout'));
      expect(performance.now() - startMs).toBeLessThan(1_000 + LATE_MS);
      expect(worker.batches).toHaveLength(1);
      worker.release();
      expect(await answer).toMatchObject({ answer: answerOf(patient), batch: { size: 2 } });
    });

    test('when its signal aborts while it waits, and never runs it', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 5 });
      const worker = startWorker(consumer, { held: true });
      const blocker = producer.submit(request());
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      const patient = request();
      const answer = producer.submit(patient);
      const controller = new AbortController();
      const cancelled = producer.submit(request(), controller.signal);
      await vi.waitFor(async () => expect(await producer.status()).toMatchObject([{ depth: 2 }]));
      controller.abort();
      await expect(cancelled).rejects.toEqual(failure('cancelled'));
      await vi.waitFor(async () => expect(await producer.status()).toMatchObject([{ depth: 1 }]));
      worker.release();
      await Promise.all([blocker, answer]);
      expect(worker.batches.slice(1).map(idsOf)).toEqual([[patient.id]]);
    });

    test('when its signal aborts while more rows come than can be sent at once, and never runs it', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 64, maxDelayMs: 1_000 });
      const worker = startWorker(consumer);
      const controller = new AbortController();
      // Twenty megabytes.
      const cancelled = makeRequests(40).map((each) => {
        const row = { type: 'uint8', data: new Uint8Array(2 ** 19) } as const;
        return producer.submit({ ...each, row }, controller.signal);
      });
      controller.abort();
      for (const each of await Promise.allSettled(cancelled))
        expect(each).toMatchObject({ status: 'rejected', reason: failure('cancelled') });
      const patient = request();
      await producer.submit(patient);
      expect(worker.batches.map(idsOf)).toEqual([[patient.id]]);
    });

    test('when its signal aborts while it runs; the batch goes on for the others', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 2 });
      const worker = startWorker(consumer, { held: true });
      const patient = request();
      const answer = producer.submit(patient);
      const controller = new AbortController();
      const cancelled = producer.submit(request(), controller.signal);
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      controller.abort();
      await expect(cancelled).rejects.toEqual(failure('cancelled'));
      worker.release();
      expect((await answer).answer).toEqual(answerOf(patient));
    });

    test('and its place is free again: the rows after it form their batch as ever', async () => {
      const { producer, consumer } = await open(create, {
        queueLimit: 1,
        maxDelayMs: LONG_MS,
        maxBatchSize: 2,
      });
      const controller = new AbortController();
      const cancelled = producer.submit(request(), controller.signal);
      await vi.waitFor(async () => expect(await producer.status()).toHaveLength(1));
      controller.abort();
      await expect(cancelled).rejects.toEqual(failure('cancelled'));
      await vi.waitFor(async () => expect(await producer.status()).toEqual([]));
      await expect(producer.submit(request({ timeoutMs: 40 }))).rejects.toEqual(failure('timeout'));
      await vi.waitFor(async () => expect(await producer.status()).toEqual([]));
      startWorker(consumer);
      const last = producer.submit(request());
      await producer.close();
      expect((await last).batch.size).toBe(1);
    });
  });

  describeFailing(create);

  test('the observer hears of each batch and each row that was given up', async () => {
    const batches: { recipe: string; reason: string; waitSeconds: readonly number[] }[] = [];
    const rejected: RowRejection[] = [];
    const { producer, consumer } = await open(
      create,
      { queueLimit: 3, maxBatchSize: 2, maxDelayMs: LONG_MS },
      {
        batchStarted: ({ lane: { recipe }, ...batch }) => void batches.push({ recipe, ...batch }),
        rejected: (_lane, reason) => void rejected.push(reason),
      },
    );
    const running = makeRequests(2).map((each) => producer.submit(each));
    await vi.waitFor(async () => expect(await producer.status()).toMatchObject([{ depth: 2 }]));
    await pause(20);
    startWorker(consumer);
    await Promise.all(running);
    expect(batches).toMatchObject([{ recipe: 'isolated', reason: 'full' }]);
    expect(batches[0]!.waitSeconds).toHaveLength(2);
    for (const seconds of batches[0]!.waitSeconds)
      expect(seconds).toBeGreaterThanOrEqual((20 - EARLY_MS) / 1000);

    await producer.submit(request({ timeoutMs: 30 })).catch(() => {});
    const controller = new AbortController();
    const cancelled = producer.submit(request(), controller.signal);
    controller.abort();
    await cancelled.catch(() => {});
    await producer.close();
    await producer.submit(request()).catch(() => {});
    expect(rejected).toEqual(['timeout', 'cancelled', 'draining']);
  });
}

/** What becomes of the rows of a batch whose handler fails. */
function describeFailing(create: CreateSubject): void {
  describe('a failing handler', () => {
    test('that throws fails the rows of that batch and no others', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 2 });
      const respond = ({ lane: { recipe }, rows }: Batch) => {
        if (recipe === 'broken') throw new Error('out of memory at 0xdeadbeef');
        return rows.map(answerOf);
      };
      startWorker(consumer, { respond });
      const broken = makeRequests(2, { lane: lane({ recipe: 'broken' }) });
      const sound = makeRequests(2);
      const outcomes = await Promise.allSettled([...broken, ...sound].map((each) => producer.submit(each)));
      for (const outcome of outcomes.slice(0, 2)) {
        expect(outcome).toEqual({ status: 'rejected', reason: failure('internal') });
        expect((outcome as PromiseRejectedResult).reason.message).not.toContain('0xdeadbeef');
      }
      const answers = sound.map((each) => expect.objectContaining({ answer: answerOf(each) }));
      expect(outcomes.slice(2)).toEqual(answers.map((value) => ({ status: 'fulfilled', value })));
    });

    test.each([1, 3])('that gives %i answers for two rows fails them both', async (count) => {
      const { producer, consumer } = await open(create, { maxBatchSize: 2 });
      const respond = () => makeRequests(count).map(answerOf);
      startWorker(consumer, { respond });
      const outcomes = await Promise.allSettled(makeRequests(2).map((each) => producer.submit(each)));
      expect(outcomes).toEqual([1, 2].map(() => ({ status: 'rejected', reason: failure('internal') })));
    });

    test('that answers a row with an error fails that row alone', async () => {
      const { producer, consumer } = await open(create, { maxBatchSize: 3 });
      startWorker(consumer, {
        respond: ({ rows }) => [
          new ServiceError('not_ready', 'The model is being replaced.', { retryAfterSeconds: 7 }),
          answerOf(rows[1]!),
          new Error('row 2 has no pixels at 0xdeadbeef'),
        ],
      });
      const requests = makeRequests(3);
      const [own, fine, other] = await Promise.allSettled(requests.map((each) => producer.submit(each)));
      const message = 'The model is being replaced.';
      expect(own).toMatchObject({ reason: { code: 'not_ready', message, retryAfterSeconds: 7 } });
      expect(fine).toMatchObject({ value: { answer: answerOf(requests[1]!), batch: { size: 3 } } });
      expect(other).toEqual({ status: 'rejected', reason: failure('internal') });
      expect((other as PromiseRejectedResult).reason.message).not.toContain('0xdeadbeef');
    });
  });
}
