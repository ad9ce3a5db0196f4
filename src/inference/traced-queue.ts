import type { BatchProducer, RowRequest } from '../batching/batch-queue.ts';
import { inQueueSpan } from '../spans.ts';

type RowTaker = Pick<BatchProducer, 'submit' | 'enqueue'>;

/** The trace's context travels with the row, so that its batch finds it in whichever process it runs. */
const carry = <R extends RowRequest>(row: R, traceparent: string | undefined): R =>
  traceparent === undefined ? row : { ...row, traceparent };

/** The queue, with a span for each row that it takes. */
export const traceQueue = (queue: RowTaker): RowTaker => ({
  submit: (row, signal) => inQueueSpan((traceparent) => queue.submit(carry(row, traceparent), signal)),
  enqueue: (row) =>
    inQueueSpan(async (traceparent) => {
      await queue.enqueue(carry(row, traceparent));
      return undefined;
    }),
});
