import { randomUUID } from 'node:crypto';
import { setTimeout as pause, setImmediate as yieldToEngine } from 'node:timers/promises';
import { ServiceError } from '../../../errors.ts';
import type { BatchHandler, Lane, RowRequest } from '../../batch-queue.ts';
import { runKey } from '../../forecast.ts';
import { laneKey } from '../../lane-key.ts';
import type { QueueObserver } from '../../queue-observer.ts';
import { runBatch } from '../../run-batch.ts';
import type { OnFault } from '../connection/link.ts';
import type { TravellingRow } from '../wire.ts';
import { ATTEMPTS, type BatchJob } from './batch-jobs.ts';
import type { BatchSource } from './batch-source.ts';
import type { HeldBatch } from './held-batch.ts';
import type { ClaimedBatch, ClaimedRow, SettledRow, Start, WorkerStore } from './worker-store.ts';

/**
 * After this many starts without an end, the batch counts as the cause of its workers' deaths, and its parts
 * are tried. A row alone has no parts, and those deaths may have other causes, so it gets more chances.
 */
const MAX_RUNS = 2;
const MAX_RUNS_ALONE = 4;
const SETTLE_RETRY_MS = 100;

interface LiveRow {
  readonly row: ClaimedRow;
  readonly travelling: TravellingRow;
}

export interface RunJobDeps {
  readonly store: WorkerStore;
  readonly handler: BatchHandler;
  readonly observer?: QueueObserver | undefined;
  readonly onFault: OnFault;
  readonly source: Pick<BatchSource, 'addJob' | 'jobWaits'>;
  /** Resolves when the batch has the engine. Never, where it ends before. */
  readonly begun: Promise<void>;
  /** The handler is done with the batch. Returns for how many milliseconds the batch had the engine. */
  readonly onRun: () => number;
  /** Whether the row was withdrawn since its batch was loaded. */
  readonly isWithdrawn: (id: string) => boolean;
}

const requestOf = (lane: Lane, { row, travelling }: LiveRow): RowRequest => ({
  id: row.id,
  lane,
  row: travelling.row,
  deadlineMs: row.deadlineMs,
  ...(travelling.keep && { keep: travelling.keep }),
  ...(travelling.traceparent !== undefined && { traceparent: travelling.traceparent }),
});

/**
 * Counts a start of the batch, and says which rows are still needed. Where this worker formed the batch it
 * knows the answer, and the engine need not wait for Redis. A batch that was handed over ahead of time starts
 * when it has the engine: it is not to blame for a worker that dies before.
 */
async function begin(deps: RunJobDeps, { job, batch, redisNowMs }: HeldBatch): Promise<Start | undefined> {
  const { store, begun, isWithdrawn, onFault } = deps;
  if (!batch || !redisNowMs) return batch && store.start(job.batch);
  begun.then(() => store.start(job.batch)).catch((error) => onFault(error, 'counting a start'));
  const nowMs = redisNowMs();
  const alive = batch.rows.map(({ id, deadlineMs }) => deadlineMs > nowMs && !isWithdrawn(id));
  return { runs: 1, nowMs, alive };
}

/** Runs a held batch once and settles its rows. Rejects where Redis failed. The batch then runs again. */
export async function runJob(deps: RunJobDeps, held: HeldBatch): Promise<void> {
  const { content, job, batch, loaded } = held;
  const { store } = deps;
  const start = await begin(deps, held);
  if (!batch || !start) return job.complete();
  const live = batch.rows.flatMap((row, i) => {
    const travelling = loaded[i];
    return travelling && start.alive[i] ? [{ row, travelling }] : [];
  });
  if (live.length === 0) {
    await store.settle({ id: job.batch, lane: batch.lane }, []);
    return job.complete();
  }
  if (start.runs <= (live.length === 1 ? MAX_RUNS_ALONE : MAX_RUNS))
    return runLive(deps, { content, job, batch, live, start });
  if (live.length === 1) return bury(deps, job, batch.lane, live[0]!);
  return split(deps, content, job);
}

async function runLive(
  { store, source, handler, observer, onFault, onRun }: RunJobDeps,
  held: { content: string; job: BatchJob; batch: ClaimedBatch; live: readonly LiveRow[]; start: Start },
): Promise<void> {
  const { content, job, live, start } = held;
  const { lane, reason } = held.batch;
  const waitMs = live.map(({ row }) => start.nowMs - row.acceptedMs);
  observer?.batchStarted({ lane, reason, waitSeconds: waitMs.map((ms) => ms / 1000) });
  const rows = live.map((each) => requestOf(lane, each));
  const handedMs = performance.now();
  const outcomes = await runBatch(handler, { id: job.batch, lane, rows, reason });
  const runMs = onRun();
  const aheadMs = Math.max(0, performance.now() - handedMs - runMs);
  // The engine gets its next batch before time goes into writing the answers of this one.
  await yieldToEngine();

  const elsewhere = outcomes.find((each) => each instanceof ServiceError && each.code === 'not_ready');
  if (elsewhere instanceof ServiceError && outcomes.every((each) => each === elsewhere)) {
    if (job.attempts + 1 < ATTEMPTS) {
      await store.unstart(job.batch);
      return source.jobWaits(content, await job.retry(elsewhere));
    }
  }
  const settled = live.map(({ row, travelling: { keep } }, i): SettledRow => {
    const answer = outcomes[i]!;
    const result =
      answer instanceof ServiceError
        ? answer
        : { answer, batch: { id: job.batch, size: live.length }, queueMs: waitMs[i]! + aheadMs, runMs };
    if (answer instanceof ServiceError && answer.cause !== undefined) onFault(answer.cause, 'running a row');
    return { row, outcome: { id: row.id, result, memo: keep?.memo }, keepMs: keep?.ms };
  });
  const lastDeadlineMs = Math.max(...live.map(({ row }) => row.deadlineMs));
  const giveUpMs = performance.now() + lastDeadlineMs - start.nowMs;
  await settle({ store, onFault }, giveUpMs, { id: job.batch, lane }, settled, {
    key: runKey(lane),
    rows: live.length,
    ms: runMs,
  });
  await job.complete();
}

/** Keeps trying, because the work is done: Redis may come back while callers still wait. */
async function settle(
  { store, onFault }: Pick<RunJobDeps, 'store' | 'onFault'>,
  giveUpMs: number,
  ...args: Parameters<WorkerStore['settle']>
): Promise<void> {
  for (let reported = false; ; reported = true) {
    try {
      return await store.settle(...args);
    } catch (error) {
      if (!reported) onFault(error, 'settling a batch');
      if (performance.now() > giveUpMs) throw error;
      await pause(SETTLE_RETRY_MS);
    }
  }
}

/** Tests each half, so that the killing row is found and the others are answered. */
async function split({ store, source, onFault }: RunJobDeps, content: string, job: BatchJob): Promise<void> {
  onFault(new Error('A batch has killed its workers twice. Its halves are tried.'), 'running a batch');
  const halves = [randomUUID(), randomUUID()] as const;
  await store.split(job.batch, ...halves);
  for (const half of halves) await source.addJob(content, half);
  await job.complete();
}

async function bury(
  { store, onFault }: RunJobDeps,
  job: BatchJob,
  lane: Lane,
  { row, travelling: { row: payload, keep } }: LiveRow,
): Promise<void> {
  onFault(new Error(`The row ${row.id} has killed every worker that ran it.`), 'running a row');
  const { buffer, byteOffset, byteLength } = payload.data;
  const pixels = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  const result = new ServiceError('internal', 'The row failed.');
  await store.settle({ id: job.batch, lane }, [
    { row, outcome: { id: row.id, result, memo: keep?.memo }, keepMs: keep?.ms },
  ]);
  await job.bury([{ id: row.id, lane: laneKey(lane), type: payload.type, pixels }]);
}
