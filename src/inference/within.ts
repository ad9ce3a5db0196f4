import { ServiceError } from '../errors.ts';

/** How long to wait: to a deadline, milliseconds since the epoch, or until a signal aborts. */
interface Patience {
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The result of `work`; `timeout` at the deadline, and `cancelled` when the signal aborts. The work gets a
 * signal that tells it so. Parts of it that have begun by then go on, and their result is dropped.
 */
export async function within<T>(
  { deadlineMs, signal }: Patience,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw cancelled();
  if (Date.now() >= deadlineMs) throw late();
  const over = new AbortController();
  const ended = new Promise<never>((_resolve, reject) => {
    over.signal.addEventListener('abort', () => reject(over.signal.reason), { once: true });
  });
  const timer = setTimeout(() => over.abort(late()), Math.max(0, deadlineMs - Date.now()));
  const cancel = () => over.abort(cancelled());
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await Promise.race([work(over.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  }
}

const late = () => new ServiceError('timeout', 'The deadline passed before the image was decoded.');
const cancelled = () => new ServiceError('cancelled', 'The request was cancelled.');
