/** A run that takes longer is given up when something newer is asked. */
const PATIENCE_MS = 1500;

/**
 * Runs `work` for one thing at a time and then for the latest that was asked: a slider that moves asks for
 * more than a server can answer, and only the last counts.
 */
export function latestOnly<T>(work: (job: T, signal: AbortSignal) => Promise<void>): (job: T) => void {
  let running: { readonly abort: AbortController; readonly startedMs: number } | undefined;
  let waiting: { readonly job: T } | undefined;

  async function run(job: T): Promise<void> {
    const abort = new AbortController();
    running = { abort, startedMs: performance.now() };
    await work(job, abort.signal).catch(() => {});
    running = undefined;
    const next = waiting;
    waiting = undefined;
    if (next) await run(next.job);
  }

  return (job) => {
    if (running === undefined) {
      void run(job);
      return;
    }
    waiting = { job };
    if (performance.now() - running.startedMs > PATIENCE_MS) running.abort.abort();
  };
}
