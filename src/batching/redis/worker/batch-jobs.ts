import { createRedisBackend, type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import type { RedisClient } from '../connection/connect.ts';
import type { OnFault } from '../connection/link.ts';

/** How many times a batch is tried whose handler says that another worker may succeed. */
export const ATTEMPTS = 3;
const BACKOFF = { type: 'exponential', delay: 250 } as const;
/** Jobs to retry are searched for this long after their time, when they are surely due. */
const MARGIN_MS = 10;
/** The dead-letter set of a content: its latest poisonous rows, for a week. */
const DEAD = { age: 7 * 86_400, count: 100 };
/** BullMQ's keys of a content expire this long after its last worker, and are renewed until then. */
const LIFE_MS = 14 * 86_400_000;
const RENEWAL_MS = 3_600_000;
/** BullMQ's events are for people. No code here reads them. */
const EVENTS = 100;
/** We count stalls ourselves, because a batch that waits in a dying worker is not to blame. */
const NO_LIMIT = 1_000_000;

/** What is left, for a person to look at, of a row that killed its workers. */
export interface DeadRow {
  readonly id: string;
  readonly lane: string;
  readonly type: string;
  /** Base64. */
  readonly pixels: string;
}

/** The job of a batch while this process holds it. */
export interface BatchJob {
  readonly batch: string;
  /** How often its handler has asked for another try. */
  readonly attempts: number;
  /** Ends the job. It does not matter if another worker has it by now. */
  complete(): Promise<void>;
  /** Leaves it to the next worker that asks. */
  giveBack(): Promise<void>;
  /** Leaves it to a worker that asks after a growing delay. Resolves with that delay in milliseconds. */
  retry(error: Error): Promise<number>;
  /** Moves it to the dead-letter set, with the rows that killed. */
  bury(rows: readonly DeadRow[]): Promise<void>;
}

/** The batches of one content as jobs of BullMQ: one job for each, so that a batch outlives its worker. */
export interface BatchJobs {
  /** Makes sure that the batch has a job. */
  add(batch: string): Promise<void>;
  /** A waiting job, if there is one. It is held until it ends, or this process dies. */
  next(): Promise<BatchJob | undefined>;
  /** How many taken jobs have not ended. */
  held(): number;
  close(): Promise<void>;
}

export interface BatchJobsOptions {
  readonly content: string;
  readonly prefix: string;
  /** How long after its death a worker still holds its jobs. */
  readonly lockMs: number;
  /** Jobs of dead workers wait again. */
  readonly onRecovered: () => void;
  readonly onFault: OnFault;
}

export function createBatchJobs(client: RedisClient, options: BatchJobsOptions): BatchJobs {
  const { content, prefix, lockMs, onRecovered, onFault } = options;
  // One connection for all: waiting for jobs would need one for each content, and the scripts wake us when
  // there are any.
  const shared = { connection: client, prefix, skipVersionCheck: true };
  const queue = new Queue(content, { ...shared, streams: { events: { maxLen: EVENTS } } });
  const worker = new Worker(
    content,
    null,
    {
      ...shared,
      autorun: false,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      maxStalledCount: NO_LIMIT,
    },
    (name, opts) => createRedisBackend(name, opts),
  );
  const held = new Map<string, Job>();
  const report = (error: unknown): void => onFault(error, `keeping the jobs of ${content}`);
  queue.on('error', report);
  worker.on('error', report);
  worker.on('stalled', onRecovered);
  worker.startStalledCheckTimer().catch(report);
  const renewal = setInterval(renew, lockMs / 3);
  const lifeRenewal = setInterval(() => renewLife().catch(report), RENEWAL_MS);
  let tokens = 0;

  function renew(): void {
    const jobs = [...held.values()];
    if (jobs.length === 0) return;
    const ids = jobs.map((job) => job.id!);
    worker
      .extendJobLocks(
        ids,
        jobs.map((job) => job.token!),
        lockMs,
      )
      .catch(report);
  }

  async function renewLife(): Promise<void> {
    const names = ['meta', 'id', 'events', 'marker', 'failed'] as const;
    await Promise.all(names.map((name) => client.pexpire(queue.toKey(name), LIFE_MS)));
  }

  function hold(job: Job): BatchJob {
    const { id, token } = job;
    held.set(token!, job);
    const end = async (ending: Promise<unknown>): Promise<void> => {
      held.delete(token!);
      // If the lock was lost, another worker has the job and will end it.
      await ending.catch(() => {});
    };
    return {
      batch: id!,
      attempts: job.attemptsMade,
      complete: () => end(job.moveToCompleted(null, token!, false)),
      giveBack: () => end(job.moveToWait(token)),
      async retry(error) {
        await end(job.moveToFailed(error, token!, false));
        return BACKOFF.delay * 2 ** (job.attemptsMade - 1) + MARGIN_MS;
      },
      async bury(rows) {
        await job.updateData({ rows }).catch(report);
        await end(
          job.moveToFailed(new UnrecoverableError('Killed every worker that ran it.'), token!, false),
        );
        await client.pexpire(queue.toKey(id!), DEAD.age * 1000).catch(report);
      },
    };
  }

  return {
    async add(batch) {
      await queue.add(
        'batch',
        {},
        {
          jobId: batch,
          attempts: ATTEMPTS,
          backoff: BACKOFF,
          removeOnComplete: true,
          removeOnFail: DEAD,
        },
      );
    },

    async next() {
      tokens += 1;
      const job = await worker.getNextJob(`${worker.id}:${tokens}`, { block: false });
      return job && hold(job);
    },

    held: () => held.size,

    async close() {
      clearInterval(renewal);
      clearInterval(lifeRenewal);
      // While Redis cannot be reached there is nothing to do.
      await renewLife().catch(() => {});
      await worker.close(true);
      await queue.close();
    },
  };
}
