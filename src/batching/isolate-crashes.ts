import { ServiceError } from '../errors.ts';
import type { Batch, BatchHandler, RowAnswer } from './batch-queue.ts';

type Answers = readonly (RowAnswer | Error)[];

/**
 * A handler that, where `handler` rejects with what `isCrash` knows as the death of an engine, tries the halves of the
 * batch, and theirs: the row that kills engines fails alone, with `internal`, and the others are answered. Any other
 * rejection is passed on.
 */
export function isolateCrashes(handler: BatchHandler, isCrash: (error: unknown) => boolean): BatchHandler {
  async function tryHalves(batch: Batch, crash: unknown): Promise<Answers> {
    const { rows } = batch;
    if (rows.length === 1) return [new ServiceError('internal', 'The row failed.', { cause: crash })];
    const middle = Math.ceil(rows.length / 2);
    // One after the other, so that an innocent half is not struck by the death of the other's engine.
    const first = await tryPart({ ...batch, rows: rows.slice(0, middle) });
    return [...first, ...(await tryPart({ ...batch, rows: rows.slice(middle) }))];
  }

  async function tryPart(part: Batch): Promise<Answers> {
    try {
      return await handler(part);
    } catch (error) {
      if (isCrash(error)) return tryHalves(part, error);
      return part.rows.map(() => (error instanceof Error ? error : new Error(String(error))));
    }
  }

  return async (batch) => {
    try {
      return await handler(batch);
    } catch (error) {
      if (isCrash(error)) return tryHalves(batch, error);
      throw error;
    }
  };
}
