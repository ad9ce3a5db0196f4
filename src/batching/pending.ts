import type { ServiceError } from '../errors.ts';
import { rejectionError } from './rejection-error.ts';

/** The largest delay that `setTimeout` takes. With a longer one it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * An answer that a caller waits for. The first of answer, failure, deadline and abort settles it; the others
 * do nothing.
 */
export interface Pending<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: ServiceError): void;
}

export interface PendingOptions {
  /** When the wait ends, on the clock of `performance.now()`; not yet reached. */
  readonly expiresMs: number;
  /** Not yet aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the promise rejects with `timeout` or `cancelled`. */
  readonly onGivenUp: (reason: 'timeout' | 'cancelled') => void;
  /** Called once, whatever settled the promise. */
  readonly onSettled: () => void;
}

/**
 * A promise that its deadline or its signal may reject. It holds a timer and a listener until it is settled.
 */
export function createPending<T>(options: PendingOptions): Pending<T> {
  const { expiresMs, signal, onGivenUp, onSettled } = options;
  let settled = false;
  let timer: NodeJS.Timeout;
  let resolvePromise!: (value: T) => void;
  let rejectPromise!: (error: ServiceError) => void;
  const promise = new Promise<T>((resolve, reject) => {
    resolvePromise = resolve;
    rejectPromise = reject;
  });

  function settle(complete: () => void): void {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    complete();
    onSettled();
  }

  function giveUp(reason: 'timeout' | 'cancelled'): void {
    settle(() => {
      onGivenUp(reason);
      rejectPromise(rejectionError(reason));
    });
  }

  function onAbort(): void {
    giveUp('cancelled');
  }

  function onTimer(): void {
    // A timer may fire a fraction of a millisecond early, and a far deadline needs several of them.
    if (performance.now() < expiresMs) arm();
    else giveUp('timeout');
  }

  function arm(): void {
    timer = setTimeout(onTimer, Math.min(Math.ceil(expiresMs - performance.now()), MAX_TIMER_MS));
  }

  arm();
  signal?.addEventListener('abort', onAbort, { once: true });

  return {
    promise,
    resolve: (value) => settle(() => resolvePromise(value)),
    reject: (error) => settle(() => rejectPromise(error)),
  };
}
