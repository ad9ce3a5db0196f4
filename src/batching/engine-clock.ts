/**
 * Says how long each batch has the engine, which works on `concurrency` of them at a time. A batch that is
 * handed over ahead of time begins when an earlier one ends.
 */
export interface EngineClock {
  /** Batches that were handed over and have not ended. */
  readonly handed: number;
  /** Hands a batch over. The result ends it, and says for how many milliseconds it had the engine. */
  start(): () => number;
}

export function createEngineClock(
  concurrency: number,
  now: () => number = () => performance.now(),
): EngineClock {
  interface Run {
    beganMs?: number;
  }
  const working = new Set<Run>();
  const waiting = new Set<Run>();

  function begin(run: Run): void {
    run.beganMs = now();
    working.add(run);
  }

  return {
    get handed() {
      return working.size + waiting.size;
    },
    start() {
      const run: Run = {};
      if (working.size < concurrency) begin(run);
      else waiting.add(run);
      return () => {
        if (waiting.delete(run)) return 0;
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
