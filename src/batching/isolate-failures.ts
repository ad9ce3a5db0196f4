import { ServiceError } from '../errors.ts';
import type { Batch, BatchHandler, RowAnswer } from './batch-queue.ts';

type Answers = readonly (RowAnswer | Error)[];

/**
 * Where `handler` fails a batch for an internal reason, this handler finds the row to blame. That row fails
 * alone, with `internal`, and the others are answered. The row may have killed its engine, or met an operator
 * that rejects its numbers. A rejection with a `ServiceError` is meant for all rows, and is passed on.
 *
 * It tries parts of the size of the root of the batch first, then single rows, because each failure may cost
 * a process: one row among 128 costs three, where halves would cost eight.
 */
export function isolateFailures(handler: BatchHandler): BatchHandler {
  async function tryParts(batch: Batch, partSize: number): Promise<Answers> {
    const answers: (RowAnswer | Error)[] = [];
    // One after the other, so that the death of another part's engine does not strike an innocent part.
    for (let from = 0; from < batch.rows.length; from += partSize) {
      answers.push(...(await tryPart({ ...batch, rows: batch.rows.slice(from, from + partSize) })));
    }
    return answers;
  }

  async function tryPart(part: Batch): Promise<Answers> {
    try {
      return await handler(part);
    } catch (error) {
      if (error instanceof ServiceError) return part.rows.map(() => error);
      if (part.rows.length > 1) return tryParts(part, 1);
      return [new ServiceError('internal', 'The row failed.', { cause: error })];
    }
  }

  return async (batch) => {
    try {
      return await handler(batch);
    } catch (error) {
      const { length } = batch.rows;
      if (error instanceof ServiceError || length === 1) throw error;
      return tryParts(batch, Math.floor(Math.sqrt(length)));
    }
  };
}
