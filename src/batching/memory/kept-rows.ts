import { ServiceError } from '../../errors.ts';
import type { Delivery, KeptRequest, KeptResult } from '../batch-queue.ts';
import { createKeptResults } from './kept-results.ts';

/** The rows of one process whose outcome may be asked for, under way or settled. */
export interface KeptRows {
  /** The answer of the row with that id, known or to come. Undefined where the id is free. */
  answer(id: string): Promise<Delivery> | undefined;
  /** Records a row whose id was free and that `delivery` will settle. */
  add(request: KeptRequest, delivery: Promise<Delivery>): void;
  result(id: string): KeptResult | undefined;
}

/** Keeps at most `limit` outcomes, of all owners. */
export function createKeptRows(limit: number): KeptRows {
  const underWay = new Map<string, { memo: string; delivery: Promise<Delivery> }>();
  const settled = createKeptResults(limit);

  return {
    answer(id) {
      const outcome = settled.get(id)?.outcome;
      if (outcome && !(outcome instanceof ServiceError)) return Promise.resolve(outcome);
      return underWay.get(id)?.delivery;
    },

    add({ id, keep }, delivery) {
      const { memo } = keep;
      underWay.set(id, { memo, delivery });
      const settle = (outcome: Delivery | ServiceError): void => {
        underWay.delete(id);
        settled.set(id, { memo, outcome }, keep);
      };
      delivery.then(settle, settle);
    },

    result(id) {
      const row = underWay.get(id);
      return row ? { memo: row.memo } : settled.get(id);
    },
  };
}
