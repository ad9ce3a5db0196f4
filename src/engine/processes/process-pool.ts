import { EngineCrashError } from '../engine-crash-error.ts';
import { ChildLost, type EngineChild } from './engine-child.ts';
import { createPlace, type EngineObserver, type Place } from './place.ts';

/** Work for one child, as a whole and from the start: another child may do it again. */
export interface Job<T> {
  /** The job's name in errors, as a sentence begins. */
  readonly name: string;
  /** The place that must do it; any place where absent. */
  readonly place?: number;
  /** When it aborts, a job that has not begun rejects with the signal's reason when its turn comes. */
  readonly signal?: AbortSignal;
  /** When the work began that it is a part of, by `performance.now()`; when it was submitted where absent. */
  readonly sinceMs?: number;
  work(child: EngineChild, place: number): Promise<T>;
}

export interface PoolOptions {
  /** How many children. */
  readonly size: number;
  /** What the children run. */
  readonly module: URL;
  /** What their environment has beside ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** How many jobs each child is given at a time: with 2, the next one's feeds are there when it is free. */
  readonly jobsEach?: 1 | 2;
  readonly log?: EngineObserver;
}

/**
 * Children that share one queue. Each idle child takes the oldest job that it may do, so no job is overtaken
 * for long. A job is as old as the work that it is a part of: work that goes on in rounds keeps its place.
 */
export interface ProcessPool {
  readonly size: number;
  readonly pids: readonly number[];
  /**
   * Rejects with the job's own error, or with `EngineCrashError` where two children died during it or none
   * start.
   */
  submit<T>(job: Job<T>): Promise<T>;
  /** Ends the children; jobs waiting or under way reject. Idempotent. */
  close(): Promise<void>;
}

/**
 * A job whose child died may be innocent: a neighbour may have caused it. A job that loses two children is
 * probably the cause.
 */
const ATTEMPTS = 2;

interface QueuedJob {
  readonly job: Job<void>;
  readonly sinceMs: number;
  readonly reject: (error: unknown) => void;
  losses: number;
}

const closedError = () => new Error('The engine is closed.');

/** Starts `size` children at once. Callers bound the queue's length: each call waits for its answer. */
export function createProcessPool(options: PoolOptions): ProcessPool {
  const { size, module, env = {}, jobsEach = 1, log } = options;
  let queue: QueuedJob[] = [];
  let closing: Promise<void> | undefined;
  const places: Place[] = Array.from({ length: size }, () =>
    createPlace({ module, env, requests: jobsEach, onChange: dispatch, ...(log && { log }) }),
  );

  /** Puts a job in its place: `first` or last of those that are as old. */
  function enqueue(queued: QueuedJob, first: boolean): void {
    const { sinceMs } = queued;
    const behind = queue.findIndex((other) => (first ? other.sinceMs >= sinceMs : other.sinceMs > sinceMs));
    queue.splice(behind < 0 ? queue.length : behind, 0, queued);
  }

  const mayTake = ({ job }: QueuedJob, place: number) => job.place === undefined || job.place === place;

  function dispatch(): void {
    queue = queue.filter(({ job: { signal }, reject }) => {
      if (signal?.aborted) reject(signal.reason);
      return !signal?.aborted;
    });
    // A free place may take two. Each gets one before any gets another.
    while (giveEachOne());
    refuseStuck();
  }

  /** Gives each free place the oldest job that it may do. Whether there was one. */
  function giveEachOne(): boolean {
    let gave = false;
    // The first place comes last, because it alone may take whole batches.
    for (const [index, place] of [...places.entries()].reverse()) {
      if (!place.free) continue;
      const next = queue.findIndex((queued) => mayTake(queued, index));
      if (next < 0) continue;
      void perform(place, index, queue.splice(next, 1)[0]!);
      gave = true;
    }
    return gave;
  }

  async function perform(place: Place, index: number, queued: QueuedJob): Promise<void> {
    try {
      await place.give((child) => queued.job.work(child, index));
    } catch (error) {
      if (error instanceof ChildLost) recover(queued, error);
      else queued.reject(error);
    }
    dispatch();
  }

  function recover(queued: QueuedJob, { reason, begun }: ChildLost): void {
    if (begun) queued.losses += 1;
    if (closing !== undefined) queued.reject(closedError());
    else if (queued.losses < ATTEMPTS) enqueue(queued, true);
    else {
      const { name } = queued.job;
      queued.reject(
        new EngineCrashError(`${name} was given up after ${ATTEMPTS} attempts: its process ${reason}.`),
      );
    }
  }

  /** Refuses jobs that no place can start a child for. They would wait for ever. */
  function refuseStuck(): void {
    queue = queue.filter((queued) => {
      const able = places.filter((_, index) => mayTake(queued, index));
      if (able.some(({ startFailure }) => startFailure === undefined)) return true;
      const { name } = queued.job;
      queued.reject(new EngineCrashError(`${name} cannot run: each new process ${able[0]!.startFailure}.`));
      return false;
    });
  }

  async function end(): Promise<void> {
    for (const { reject } of queue) reject(closedError());
    queue = [];
    await Promise.all(places.map((place) => place.close()));
  }

  return {
    size,
    get pids() {
      return places.flatMap(({ pid }) => pid ?? []);
    },
    async submit<T>(job: Job<T>) {
      if (closing !== undefined) throw closedError();
      return new Promise<T>((resolve, reject) => {
        const work = async (child: EngineChild, place: number) => resolve(await job.work(child, place));
        const { sinceMs = performance.now() } = job;
        enqueue({ job: { ...job, work }, sinceMs, reject, losses: 0 }, false);
        dispatch();
      });
    },
    close() {
      closing ??= end();
      return closing;
    },
  };
}
