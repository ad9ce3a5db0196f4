import { setMaxListeners } from 'node:events';
import type { BatchProducer, Delivery, KeptRequest, RowRequest } from '../batching/batch-queue.ts';
import { inQueueSpan } from '../spans.ts';

/** The trace's place travels with the row, so that its batch finds it, in whichever process that runs. */
const carry = <R extends RowRequest>(row: R, traceparent: string | undefined): R =>
  traceparent === undefined ? row : { ...row, traceparent };

/** Submits a row, with a span for as long as it waits. */
export const submitRow = (
  queue: Pick<BatchProducer, 'submit'>,
  row: RowRequest,
  signal?: AbortSignal,
): Promise<Delivery> => inQueueSpan((traceparent) => queue.submit(carry(row, traceparent), signal));

/** Has a row run that nobody waits for, with a span for its acceptance. */
export const enqueueRow = (queue: Pick<BatchProducer, 'enqueue'>, row: KeptRequest): Promise<undefined> =>
  inQueueSpan(async (traceparent) => {
    await queue.enqueue(carry(row, traceparent));
    return undefined;
  });

/**
 * Submits the rows of one request. Where one fails, or the signal aborts, the others are withdrawn and the
 * request fails with that first error: an incomplete answer is of no use.
 */
export async function submitRows(
  queue: Pick<BatchProducer, 'submit'>,
  rows: readonly RowRequest[],
  signal?: AbortSignal,
): Promise<readonly Delivery[]> {
  if (rows.length === 1) return [await submitRow(queue, rows[0]!, signal)];
  const withdrawal = new AbortController();
  // Each row listens until it is settled.
  setMaxListeners(rows.length, withdrawal.signal);
  const withdraw = () => withdrawal.abort();
  signal?.addEventListener('abort', withdraw, { once: true });
  if (signal?.aborted) withdraw();
  try {
    return await Promise.all(rows.map((row) => submitRow(queue, row, withdrawal.signal)));
  } catch (error) {
    withdraw();
    throw error;
  } finally {
    signal?.removeEventListener('abort', withdraw);
  }
}
