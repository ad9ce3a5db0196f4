import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../connection/connect.ts';
import type { OnFault } from '../connection/link.ts';
import { type BatchJob, type BatchJobs, createBatchJobs } from './batch-jobs.ts';
import type { HeldBatch } from './held-batch.ts';
import type { WorkerStore } from './worker-store.ts';

/** How often a worker looks for jobs that no call announced. */
const LOOK_MS = 1_000;

/** The source of this worker's batches: waiting rows, and jobs of batches that were formed before. */
export interface BatchSource {
  /** The batch that an engine is to run now. Without one, `onDue` is called when there may be one. */
  take(): Promise<HeldBatch | undefined>;
  /** A full batch for the next free engine, where even more rows would remain waiting. */
  takeAhead(): Promise<HeldBatch | undefined>;
  /** Leaves a batch to the other workers. */
  release(held: HeldBatch): Promise<void>;
  /** Gives a formed batch a job, and calls the workers. */
  addJob(content: string, batch: string): Promise<void>;
  /** Records that a job of this content waits, now or in a while. */
  jobWaits(content: string, inMs?: number): void;
  /** Releases contents that are not served any more. */
  tidy(): Promise<void>;
  close(): Promise<void>;
}

export interface BatchSourceOptions {
  readonly client: RedisClient;
  readonly store: WorkerStore;
  readonly contents: () => readonly string[];
  readonly prefix: string;
  readonly lockMs: number;
  readonly onDue: (inMs: number) => void;
  readonly onFault: OnFault;
}

export function createBatchSource(options: BatchSourceOptions): BatchSource {
  const { client, store, contents, prefix, lockMs, onDue, onFault } = options;
  const jobs = new Map<string, BatchJobs>();
  /**
   * Contents whose jobs may wait, and from when on: those of dead workers, of halves, or to be tried again.
   */
  const waiting = new Map<string, number>();
  let lookedMs = Number.NEGATIVE_INFINITY;
  /** Batches that other workers had at Redis' last answer. Without any, there is nothing to look for. */
  let others = Number.POSITIVE_INFINITY;

  function jobsOf(content: string): BatchJobs {
    const known = jobs.get(content);
    if (known) return known;
    const onRecovered = (): void => announce(content);
    const created = createBatchJobs(client, { content, prefix, lockMs, onRecovered, onFault });
    jobs.set(content, created);
    return created;
  }

  /** Tells this worker and all others that a job waits. Without it they would find the job later. */
  function announce(content: string): void {
    store.announce(content).catch((error) => onFault(error, 'announcing a job'));
  }

  function jobWaits(content: string, inMs = 0): void {
    const atMs = performance.now() + inMs;
    waiting.set(content, Math.min(atMs, waiting.get(content) ?? atMs));
  }

  /**
   * A job whose batch cannot be loaded in full is given back. Held without being run, no other worker would
   * run it.
   */
  async function hold(job: BatchJob, load: () => Promise<HeldBatch>): Promise<HeldBatch> {
    try {
      return await load();
    } catch (error) {
      await job.giveBack();
      throw error;
    }
  }

  const load = (content: string, job: BatchJob): Promise<HeldBatch> =>
    hold(job, async () => {
      const batch = await store.read(job.batch);
      return { content, job, batch, loaded: batch ? await store.load(batch) : [] };
    });

  async function takeWaiting(): Promise<HeldBatch | undefined> {
    const served = contents();
    for (const [content, atMs] of waiting) {
      if (!served.includes(content)) {
        waiting.delete(content);
        continue;
      }
      const inMs = atMs - performance.now();
      if (inMs > 0) {
        onDue(inMs);
        continue;
      }
      const job = await jobsOf(content).next();
      if (job) return load(content, job);
      waiting.delete(content);
    }
    return undefined;
  }

  /**
   * Gives the batch a job, and takes one: its own, unless another worker was quicker or an older job waits.
   * Both commands go out at once. If the second overtakes the first, it is sent again.
   */
  async function exchange(content: string, batch: string): Promise<BatchJob | undefined> {
    const each = jobsOf(content);
    const [added, taken] = await Promise.allSettled([each.add(batch), each.next()]);
    if (taken.status === 'rejected') throw taken.reason;
    if (added.status === 'fulfilled') return taken.value ?? each.next();
    await taken.value?.giveBack();
    throw added.reason;
  }

  async function form(ahead: boolean): Promise<HeldBatch | undefined> {
    const served = contents();
    if (served.length === 0) return undefined;
    const id = randomUUID();
    const claim = await store.claim(id, served, ahead);
    const formed = 'batch' in claim;
    others = claim.batches - holding() - (formed ? 1 : 0);
    if (!formed) {
      if (claim.dueInMs !== undefined) onDue(claim.dueInMs);
      return undefined;
    }
    const { content, batch, redisNowMs } = claim;
    const loading = store.load(batch);
    // It may fail before anybody waits for it.
    loading.catch(() => {});
    const job = await exchange(content, id);
    if (!job) return form(ahead);
    if (job.batch === id) {
      return hold(job, async () => ({ content, job, batch, loaded: await loading, redisNowMs }));
    }
    announce(content);
    return load(content, job);
  }

  const holding = (): number => Array.from(jobs.values(), (each) => each.held()).reduce((a, b) => a + b, 0);

  return {
    async take() {
      if (others > 0 && performance.now() - lookedMs > LOOK_MS) {
        lookedMs = performance.now();
        for (const content of contents()) jobWaits(content);
      }
      const held = (await takeWaiting()) ?? (await form(false));
      if (!held) onDue(LOOK_MS);
      return held;
    },

    takeAhead: () => form(true),

    async release({ content, job }) {
      await job.giveBack();
      announce(content);
    },

    async addJob(content, batch) {
      await jobsOf(content).add(batch);
      announce(content);
    },

    jobWaits,

    async tidy() {
      const served = contents();
      for (const [content, each] of jobs) {
        if (served.includes(content) || each.held() > 0) continue;
        jobs.delete(content);
        waiting.delete(content);
        await each.close();
      }
    },

    async close() {
      await Promise.all(Array.from(jobs.values(), (each) => each.close()));
    },
  };
}
