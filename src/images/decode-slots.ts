import { ServiceError } from '../errors.ts';

export interface DecodeSlots {
  /** Runs `work` when a slot is free, first come first served. Rejects with `queue_full` where too many bytes wait already. */
  run<T>(bytes: number, work: () => Promise<T>): Promise<T>;
}

/**
 * Lets `slots` pieces of work run at a time. What waits holds its encoded image in memory, so the wait is bounded in
 * bytes rather than in images: thousands of thumbnails may wait where a few dozen large photos may not.
 */
export function createDecodeSlots(slots: number, maxWaitingBytes: number): DecodeSlots {
  const waiting: (() => void)[] = [];
  let free = slots;
  let waitingBytes = 0;

  async function acquire(bytes: number): Promise<void> {
    if (free > 0) {
      free--;
      return;
    }
    if (waitingBytes + bytes > maxWaitingBytes) {
      throw new ServiceError('queue_full', 'Too many images wait to be decoded.', { retryAfterSeconds: 1 });
    }
    waitingBytes += bytes;
    // Whoever releases hands the slot over, so a newcomer cannot take it first.
    await new Promise<void>((resolve) => waiting.push(resolve));
    waitingBytes -= bytes;
  }

  function release(): void {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }

  return {
    async run(bytes, work) {
      await acquire(bytes);
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
