import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import type { BatchHandler, Lane, RowAnswer, RowRequest } from '../batching/batch-queue.ts';
import { createMemoryQueue } from '../batching/index.ts';
import { ServiceError } from '../errors.ts';
import { submitRows } from './submit-rows.ts';

const LANE: Lane = { model: 'm', version: 1, content: 'a', recipe: 'static', caller: '' };

function queueOf(handler: BatchHandler, queueLimit = 100) {
  const queue = createMemoryQueue({ limitsOf: () => ({ maxBatchSize: 4, maxDelayMs: 0, queueLimit }) });
  queue.consume(handler, { concurrency: 1 });
  return queue;
}

const rowsOf = (count: number): RowRequest[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `row-${i}`,
    lane: LANE,
    row: { type: 'uint8', data: Uint8Array.of(i) },
    deadlineMs: Date.now() + 10_000,
  }));

const answerOf = ({ row }: RowRequest): RowAnswer => ({
  logits: Float32Array.from(row.data),
  staticLogits: Float32Array.of(0),
  entropy: Float32Array.of(0),
  applied: 'static',
  steps: 0,
});

it('answers rows in their order, however they were batched', async () => {
  const sizes: number[] = [];
  const queue = queueOf(async ({ rows }) => {
    sizes.push(rows.length);
    return rows.map(answerOf);
  });
  const deliveries = await submitRows(queue, rowsOf(10));
  expect(deliveries.map(({ answer }) => answer.logits[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(sizes).toEqual([4, 4, 2]);
  await queue.close();
});

it('fails with the first row that fails, and withdraws those that wait', async () => {
  const ran: string[] = [];
  const queue = queueOf(async ({ rows }) => {
    ran.push(...rows.map(({ id }) => id));
    await pause(5);
    return rows.map((row) =>
      row.id === 'row-2' ? new ServiceError('invalid_request', 'No finite answer.') : answerOf(row),
    );
  });
  await expect(submitRows(queue, rowsOf(12))).rejects.toMatchObject({
    code: 'invalid_request',
    message: 'No finite answer.',
  });
  await queue.close();
  // The second batch may have started before the first one failed.
  expect(ran.length).toBeLessThanOrEqual(8);
});

it('leaves nothing behind of a request that the queue has no room for', async () => {
  let go!: () => void;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const ran: string[] = [];
  const queue = queueOf(async ({ rows }) => {
    await gate;
    ran.push(...rows.map(({ id }) => id));
    return rows.map(answerOf);
  }, 6);
  const first = submitRows(queue, rowsOf(4));
  await expect(submitRows(queue, rowsOf(8))).rejects.toMatchObject({ code: 'queue_full' });
  expect(await queue.status()).toEqual([]);
  go();
  await first;
  await queue.close();
  expect(ran).toHaveLength(4);
});

it('withdraws all rows when the caller leaves, and warns of no leak', async () => {
  const warn = vi.spyOn(process, 'emitWarning');
  const queue = createMemoryQueue({
    limitsOf: () => ({ maxBatchSize: 128, maxDelayMs: 60_000, queueLimit: 1000 }),
  });
  queue.consume(async ({ rows }) => rows.map(answerOf), { concurrency: 1 });
  const controller = new AbortController();
  const answer = submitRows(queue, rowsOf(100), controller.signal);
  expect((await queue.status())[0]!.depth).toBe(100);
  controller.abort();
  await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
  expect(await queue.status()).toEqual([]);
  await expect(submitRows(queue, rowsOf(2), controller.signal)).rejects.toMatchObject({ code: 'cancelled' });
  await queue.close();
  await pause(0);
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});
