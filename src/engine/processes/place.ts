import { setTimeout as pause } from 'node:timers/promises';
import { type ChildEnd, ChildLost, type EngineChild, type ForkOptions, forkChild } from './engine-child.ts';

/** Hears of the engine's processes as they come and go. */
export interface EngineObserver {
  onChildStart(child: { readonly pid: number }): void;
  /**
   * `reason` completes the sentence "the process …": "was killed by SIGKILL", "took longer than 5000 ms",
   * "was closed". There is no pid where the system refused to start the process.
   */
  onChildExit(child: ChildEnd & { readonly pid: number | undefined }): void;
}

/** After this many failed starts in a row, callers get an error instead of waiting. */
const FAILED_STARTS_LIMIT = 5;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** A place in the pool. It holds one child, and soon after its death a new one. */
export interface Place {
  readonly pid: number | undefined;
  /** A child is ready and takes another job. */
  readonly free: boolean;
  /** Why the last start failed, when too many have failed in a row. The place keeps trying. */
  readonly startFailure: string | undefined;
  /** Lets the child of a free place do `job`. Returns or throws what the job does. */
  give<T>(job: (child: EngineChild) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface PlaceOptions extends ForkOptions {
  /** The place has become free with a new child, or cannot start one. */
  readonly onChange: () => void;
  readonly log?: EngineObserver;
}

function startChild(options: ForkOptions): EngineChild | ChildLost {
  try {
    return forkChild(options);
  } catch (error) {
    // Where memory is short the system may refuse a new process now and allow one later.
    return new ChildLost(`could not be started (${error instanceof Error ? error.message : error})`);
  }
}

/** Starts the place's first child at once. */
export function createPlace(options: PlaceOptions): Place {
  const { onChange, log } = options;
  const closing = new AbortController();
  let child: EngineChild | undefined;
  let ready = false;
  let jobs = 0;
  /** Deaths since a job last finished here. */
  let deaths = 0;
  let failedStarts = 0;
  let startFailure: string | undefined;

  /** Resolves with the reason for the child's end. */
  async function oneLife(): Promise<string> {
    const started = startChild(options);
    if (started instanceof ChildLost) {
      const { reason } = started;
      log?.onChildExit({ pid: undefined, reason, kind: 'crash' });
      return reason;
    }
    child = started;
    const { pid } = started;
    if (pid !== undefined) log?.onChildStart({ pid });
    const began = started.ready.then(
      () => true,
      () => false,
    );
    if (await began) {
      ready = true;
      failedStarts = 0;
      startFailure = undefined;
      onChange();
    }
    const end = await started.ended;
    child = undefined;
    log?.onChildExit({ pid, ...end });
    return end.reason;
  }

  async function keepFilled(): Promise<void> {
    while (!closing.signal.aborted) {
      ready = false;
      failedStarts += 1;
      const reason = await oneLife();
      deaths += 1;
      if (failedStarts >= FAILED_STARTS_LIMIT && !closing.signal.aborted) {
        startFailure = reason;
        onChange();
      }
      // After the first death the next child starts at once, because the next call should not wait. Then ever
      // more slowly.
      const wait = deaths === 1 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (deaths - 2), LONGEST_PAUSE_MS);
      await pause(wait, undefined, { signal: closing.signal }).catch(() => {});
    }
  }
  const filled = keepFilled();

  return {
    get pid() {
      return child?.pid;
    },
    get free() {
      return ready && jobs < options.requests && child?.alive === true;
    },
    get startFailure() {
      return startFailure;
    },
    async give(job) {
      jobs += 1;
      try {
        const result = await job(child!);
        deaths = 0;
        return result;
      } finally {
        jobs -= 1;
      }
    },
    async close() {
      closing.abort();
      await child?.end();
      await filled;
    },
  };
}
