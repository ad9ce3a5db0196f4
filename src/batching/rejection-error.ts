import { ServiceError } from '../errors.ts';
import type { RowRejection } from './queue-observer.ts';

const MESSAGES: Readonly<Record<RowRejection, string>> = {
  queue_full: 'Too many images wait for this model already.',
  queue_unavailable: 'The queue cannot be reached.',
  draining: 'The service is shutting down.',
  timeout: 'The deadline passed before the answer was ready.',
  cancelled: 'The request was cancelled before the answer was ready.',
};

/** The error of a row that the queue gave up for `reason`. */
export function rejectionError(reason: RowRejection, retryAfterSeconds?: number): ServiceError {
  return new ServiceError(
    reason,
    MESSAGES[reason],
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  );
}
