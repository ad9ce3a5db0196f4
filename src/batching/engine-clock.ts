/**
 * Says how long each batch has the engine, which works on `concurrency` of them at a time. A batch that is
 * handed over ahead of time begins when an earlier one ends.
 */
export interface EngineClock {
  /** Batches that were handed over and have not ended. */
  readonly handed: number;
  /**
   * Hands a batch over. `onBegin` hears when it has the engine; the result ends it, and says for how many
   * milliseconds it had the engine.
   */
  start(onBegin?: () => void): () => number;
}

export function createEngineClock(
  concurrency: number,
  now: () => number = () => performance.now(),
): EngineClock {
  interface Run {
    readonly onBegin: () => void;
    readonly handedMs: number;
    beganMs?: number;
  }
  const working = new Set<Run>();
  const waiting = new Set<Run>();

  function begin(run: Run): void {
    run.beganMs = now();
    working.add(run);
    run.onBegin();
  }

  return {
    get handed() {
      return working.size + waiting.size;
    },
    start(onBegin = () => {}) {
      const run: Run = { onBegin, handedMs: now() };
      if (working.size < concurrency) begin(run);
      else waiting.add(run);
      return () => {
        // It failed, or idle processes did it all beside the earlier one.
        if (waiting.delete(run)) return now() - run.handedMs;
        working.delete(run);
        const [next] = waiting;
        if (next !== undefined) {
          waiting.delete(next);
          begin(next);
        }
        return now() - run.beganMs!;
      };
    },
  };
}
