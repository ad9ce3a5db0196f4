import { describe, expect, test, vi } from 'vitest';
import { ServiceError } from '../../errors.ts';
import type { KeptRequest } from '../batch-queue.ts';
import {
  answerOf,
  type CreateSubject,
  idsOf,
  kept,
  LONG_MS,
  lane,
  open,
  pause,
  request,
  startWorker,
} from './fixtures.contract.ts';

/** Rows whose outcome may be asked for, and asked for again. */
export function describeKeeping(create: CreateSubject): void {
  describe('a kept row', () => {
    test('is found while it waits and while it runs, then with its answer, and not after its time', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 30 });
      const row = kept({ keepMs: 400 });
      const delivery = producer.submit(row);
      await vi.waitFor(async () => expect(await producer.status()).toHaveLength(1));
      expect(await producer.result(row.id)).toEqual({ memo: row.keep.memo });
      const worker = startWorker(consumer, { held: true });
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      expect(await producer.result(row.id)).toEqual({ memo: row.keep.memo });
      worker.release();
      const answered = await delivery;
      expect(answered).toMatchObject({ answer: answerOf(row), memo: row.keep.memo });
      expect(await producer.result(row.id)).toEqual({ memo: row.keep.memo, outcome: answered });
      await pause(450);
      expect(await producer.result(row.id)).toBeUndefined();
    });

    test('that nobody waits for is found when it is answered', async () => {
      const { producer, consumer } = await open(create);
      const row = kept();
      await producer.enqueue(row);
      expect(await producer.result(row.id)).toEqual({ memo: row.keep.memo });
      startWorker(consumer);
      await vi.waitFor(async () =>
        expect(await producer.result(row.id)).toMatchObject({ outcome: { answer: answerOf(row) } }),
      );
    });

    test('that nobody waits for is refused where there is no room, and leaves no trace', async () => {
      const { producer } = await open(create, { queueLimit: 1, maxDelayMs: LONG_MS });
      await producer.enqueue(kept({ timeoutMs: 300 }));
      const refused = kept();
      await expect(producer.enqueue(refused)).rejects.toMatchObject({ code: 'queue_full' });
      expect(await producer.result(refused.id)).toBeUndefined();
    });

    test('is run once, however often it is submitted, and answers all alike', async () => {
      const { producer, consumer } = await open(create);
      const row = kept();
      const worker = startWorker(consumer, { held: true });
      const first = producer.submit(row);
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      const second = producer.submit(kept({ id: row.id, memo: 'another' }));
      await producer.enqueue(kept({ id: row.id, memo: 'a third' }));
      await pause(30);
      worker.release();
      const answer = await first;
      expect(await second).toEqual(answer);
      expect(await producer.submit(kept({ id: row.id, memo: 'late' }))).toEqual(answer);
      expect(answer.memo).toBe(row.keep.memo);
      expect(worker.batches).toHaveLength(1);
      expect(worker.batches[0]!.rows).toHaveLength(1);
    });

    test('goes on when its caller leaves, and answers the one who comes back', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 60 });
      const worker = startWorker(consumer);
      const controller = new AbortController();
      const row = kept();
      const left = producer.submit(row, controller.signal);
      controller.abort();
      await expect(left).rejects.toMatchObject({ code: 'cancelled' });
      expect((await producer.submit(kept({ id: row.id }))).answer).toEqual(answerOf(row));
      expect(worker.batches.map(idsOf)).toEqual([[row.id]]);
    });

    test('that failed is found with its failure, and its id is free again', async () => {
      const { producer, consumer } = await open(create);
      let calls = 0;
      startWorker(consumer, {
        respond: ({ rows }) => {
          calls += 1;
          if (calls === 1) return [new ServiceError('internal', 'The row failed.')];
          return rows.map(answerOf);
        },
      });
      const row = kept();
      await expect(producer.submit(row)).rejects.toMatchObject({ code: 'internal' });
      expect(await producer.result(row.id)).toMatchObject({
        memo: row.keep.memo,
        outcome: { code: 'internal', message: 'The row failed.' },
      });
      expect((await producer.submit(row)).answer).toEqual(answerOf(row));
      expect(calls).toBe(2);
    });

    test('that was not run in time is found with its failure, and is not run later', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 5 });
      const row = kept({ timeoutMs: 50 });
      await producer.enqueue(row);
      await pause(80);
      expect(await producer.result(row.id)).toMatchObject({ outcome: { code: 'timeout' } });
      const worker = startWorker(consumer);
      await producer.submit(request());
      expect(worker.batches.flatMap(idsOf)).not.toContain(row.id);
      expect((await producer.submit(kept({ id: row.id }))).batch.size).toBe(1);
    });

    test('that was not run in time is run for a caller who still waits for the same id', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: 5 });
      const row = kept({ timeoutMs: 150 });
      const first = producer.submit(row);
      const again = producer.submit(kept({ id: row.id, memo: 'again' }));
      await expect(first).rejects.toMatchObject({ code: 'timeout' });
      const worker = startWorker(consumer);
      expect(await again).toMatchObject({ memo: 'again', batch: { size: 1 } });
      expect(worker.batches.map(idsOf)).toEqual([[row.id]]);
    });

    test('that was not run in time leaves its id to a row of another lane', async () => {
      const { producer, consumer } = await open(create, { maxDelayMs: LONG_MS });
      const row = kept({ timeoutMs: 50 });
      await expect(producer.submit(row)).rejects.toMatchObject({ code: 'timeout' });
      const again = kept({ id: row.id, lane: lane({ recipe: 'blend' }), memo: 'again' });
      const delivery = producer.submit(again);
      await vi.waitFor(async () => expect(await producer.status()).toHaveLength(1));
      const worker = startWorker(consumer);
      await producer.close();
      expect(await delivery).toMatchObject({ answer: answerOf(again), memo: 'again' });
      expect(worker.batches.map(idsOf)).toEqual([[row.id]]);
    });

    test('that was run too late is not the answer of a row of another lane', async () => {
      const { producer, consumer } = await open(create);
      const worker = startWorker(consumer, { held: true });
      const row = kept({ timeoutMs: 1_500 });
      const late = producer.submit(row);
      await vi.waitFor(() => expect(worker.batches).toHaveLength(1));
      await expect(late).rejects.toMatchObject({ code: 'timeout' });
      const again = kept({ id: row.id, lane: lane({ recipe: 'blend' }), memo: 'again' });
      const delivery = producer.submit(again);
      await vi.waitFor(async () => expect(await producer.status()).toHaveLength(1));
      worker.release();
      expect(await delivery).toMatchObject({ answer: answerOf(again), memo: 'again' });
    });
  });

  test('many outcomes of one owner push out nobody else’s', async () => {
    const { producer, consumer } = await open(create, {}, undefined, { keptLimit: 3 });
    startWorker(consumer);
    const of = (owner: string): KeptRequest => {
      const row = kept();
      return { ...row, keep: { ...row.keep, owner } };
    };
    const quiet = of('ann');
    const loud = Array.from({ length: 6 }, () => of('bob'));
    await producer.submit(quiet);
    for (const each of loud) await producer.submit(each);
    const found = await Promise.all([quiet, ...loud].map(({ id }) => producer.result(id)));
    expect(found[0]).toMatchObject({ outcome: { answer: answerOf(quiet) } });
    expect(found.slice(1, 4)).toEqual([undefined, undefined, undefined]);
    expect(found.at(-1)).toMatchObject({ outcome: { answer: answerOf(loud.at(-1)!) } });
  });

  test('a note is found by its name, for its time', async () => {
    const { producer } = await open(create);
    await producer.leaveNote('labels', '["ä","b"]', 300);
    expect(await producer.note('labels')).toBe('["ä","b"]');
    expect(await producer.note('others')).toBeUndefined();
    await pause(350);
    expect(await producer.note('labels')).toBeUndefined();
  });

  test('a row that is not kept cannot be asked for', async () => {
    const { producer, consumer } = await open(create);
    const row = request();
    const delivery = producer.submit(row);
    await vi.waitFor(async () => expect(await producer.status()).toHaveLength(1));
    expect(await producer.result(row.id)).toBeUndefined();
    startWorker(consumer);
    expect(await delivery).not.toHaveProperty('memo');
    expect(await producer.result(row.id)).toBeUndefined();
  });
}
