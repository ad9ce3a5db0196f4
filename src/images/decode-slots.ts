import { ServiceError } from '../errors.ts';

export interface DecodeSlots {
  /**
   * Runs `work` when a slot is free, first come first served. Rejects with `queue_full` where too many bytes
   * wait already, and with the signal's reason where it aborts before the work begins.
   */
  run<T>(bytes: number, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/**
 * Lets `slots` pieces of work run at a time. A waiting piece holds its encoded image in memory, so the wait
 * is bounded in bytes and not in images: thousands of thumbnails may wait where a few dozen large photos may
 * not.
 */
export function createDecodeSlots(slots: number, maxWaitingBytes: number): DecodeSlots {
  /** In the order of arrival. */
  const waiting = new Set<() => void>();
  let free = slots;
  let waitingBytes = 0;

  async function acquire(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (free > 0) {
      free--;
      return;
    }
    if (waitingBytes + bytes > maxWaitingBytes) {
      throw new ServiceError('queue_full', 'Too many images wait to be decoded.', { retryAfterSeconds: 1 });
    }
    waitingBytes += bytes;
    try {
      await turn(signal);
    } finally {
      waitingBytes -= bytes;
    }
  }

  /**
   * A finished piece hands its slot on, so that a newcomer cannot take it first. Work that was given up gets
   * no slot.
   */
  function turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        waiting.delete(start);
        reject(signal!.reason);
      };
      const start = () => {
        waiting.delete(start);
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      waiting.add(start);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  function release(): void {
    const [next] = waiting;
    if (next === undefined) free++;
    else next();
  }

  return {
    async run(bytes, work, signal) {
      await acquire(bytes, signal);
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
