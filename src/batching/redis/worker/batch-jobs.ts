import { createRedisBackend, type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import type { RedisClient } from '../connection/connect.ts';
import type { OnFault } from '../connection/link.ts';

/** How often a batch is tried whose handler says that another worker may have more luck. */
export const ATTEMPTS = 3;
const BACKOFF = { type: 'exponential', delay: 250 } as const;
/** Jobs that are to be tried again are found when their time has surely come. */
const MARGIN_MS = 10;
/** The dead-letter set of a content: its latest poisonous rows, for a week. */
const DEAD = { age: 7 * 86_400, count: 100 };
/** What BullMQ keeps of a content goes so long after the last worker that had it, and is renewed so often until then. */
const LIFE_MS = 14 * 86_400_000;
const RENEWAL_MS = 3_600_000;
/** BullMQ's events are for people who look; nothing here reads them. */
const EVENTS = 100;
/** Stalls are counted by ourselves, because a batch that waits in a worker that dies is not to blame for it. */
const NO_LIMIT = 1_000_000;

/** What is left of a row that killed whoever ran it, for a person to look at. */
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
  /** Ends the job; it is no matter if somebody else has it by now. */
  complete(): Promise<void>;
  /** Leaves it to whoever asks next. */
  giveBack(): Promise<void>;
  /** Leaves it to whoever asks after a growing delay, and says after how many milliseconds. */
  retry(error: Error): Promise<number>;
  /** Puts it into the dead-letter set, with what killed. */
  bury(rows: readonly DeadRow[]): Promise<void>;
}

/** The batches of one content as jobs of BullMQ: one job for each, so that a batch outlives the worker that has it. */
export interface BatchJobs {
  /** Makes sure that the batch has a job. */
  add(batch: string): Promise<void>;
  /** A job that waits, if one does. It is held until it ends, or this process dies. */
  next(): Promise<BatchJob | undefined>;
  /** How many jobs that were taken have not ended. */
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
  // One connection for all: waiting for jobs would take one for each content, and we are told when there are any.
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
      // Where the lock was lost, somebody else has the job and will end it.
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
      // While Redis is away there is nothing to be done.
      await renewLife().catch(() => {});
      await worker.close(true);
      await queue.close();
    },
  };
}
