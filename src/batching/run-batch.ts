import { ServiceError } from '../errors.ts';
import type { Batch, BatchHandler, RowAnswer } from './batch-queue.ts';

function rowOutcome(answer: RowAnswer | Error): RowAnswer | ServiceError {
  if (answer instanceof ServiceError || !(answer instanceof Error)) return answer;
  return new ServiceError('internal', 'The row failed.', { cause: answer });
}

/** The outcome of each row of the batch, in order. Never rejects: where the handler fails, each row fails. */
export async function runBatch(
  handler: BatchHandler,
  batch: Batch,
): Promise<readonly (RowAnswer | ServiceError)[]> {
  try {
    const answers = await handler(batch);
    if (answers.length !== batch.rows.length) {
      throw new Error(
        `The handler gave ${answers.length} answers for ${batch.rows.length} rows. This is a bug.`,
      );
    }
    return answers.map(rowOutcome);
  } catch (cause) {
    if (cause instanceof ServiceError) return batch.rows.map(() => cause);
    return batch.rows.map(() => new ServiceError('internal', 'The batch failed.', { cause }));
  }
}
