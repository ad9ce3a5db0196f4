import { setMaxListeners } from 'node:events';
import type { BatchProducer, Delivery, RowRequest } from '../batching/batch-queue.ts';

/**
 * Submits the rows of one request. Where one fails, or the signal aborts, the others are withdrawn and the
 * request fails with that first error: an incomplete answer is of no use.
 */
export async function submitRows(
  queue: Pick<BatchProducer, 'submit'>,
  rows: readonly RowRequest[],
  signal?: AbortSignal,
): Promise<readonly Delivery[]> {
  if (rows.length === 1) return [await queue.submit(rows[0]!, signal)];
  const withdrawal = new AbortController();
  // Each row listens until it is settled.
  setMaxListeners(rows.length, withdrawal.signal);
  const withdraw = () => withdrawal.abort();
  signal?.addEventListener('abort', withdraw, { once: true });
  if (signal?.aborted) withdraw();
  try {
    return await Promise.all(rows.map((row) => queue.submit(row, withdrawal.signal)));
  } catch (error) {
    withdraw();
    throw error;
  } finally {
    signal?.removeEventListener('abort', withdraw);
  }
}
