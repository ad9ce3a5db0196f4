import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ServiceError } from '../errors.ts';
import type { BatchHandler, BatchQueue, Delivery, Lane, LaneLimits, RowRequest } from './batch-queue.ts';
import { type Collected, createCollector, type WaitingRow } from './collector.ts';
import { createPending, type Pending } from './pending.ts';
import type { QueueObserver, RowRejection } from './queue-observer.ts';
import { rejectionError } from './rejection-error.ts';
import { createRetryEstimate } from './retry-estimate.ts';
import { runBatch } from './run-batch.ts';

export interface MemoryQueueOptions {
  /** Asked for each row, so that a changed manifest takes effect at once. What it throws rejects the row. */
  readonly limitsOf: (lane: Lane) => LaneLimits;
  readonly observer?: QueueObserver;
}

interface Row extends WaitingRow {
  readonly request: RowRequest;
  readonly pending: Pending<Delivery>;
}

interface Consumer {
  readonly handler: BatchHandler;
  readonly concurrency: number;
}

/** A queue for the producers and the consumer of one process. What waits is lost with the process. */
export function createMemoryQueue({ limitsOf, observer }: MemoryQueueOptions): BatchQueue {
  // Waits are measured with the monotonic clock, so that a corrected wall clock neither hastens nor holds a batch.
  const now = (): number => performance.now();
  const collector = createCollector<Row>();
  const estimate = createRetryEstimate();
  let consumer: Consumer | undefined;
  /** Rows accepted and not settled. */
  let open = 0;
  /** Batches that the handler works on. */
  let running = 0;
  let closing: Promise<void> | undefined;
  let onDone: (() => void) | undefined;
  /** One timer for the windows of all lanes, armed only while the consumer is free. */
  let timer: NodeJS.Timeout | undefined;
  let timerMs = Number.POSITIVE_INFINITY;

  function disarm(): void {
    clearTimeout(timer);
    timerMs = Number.POSITIVE_INFINITY;
  }

  function armBy(atMs: number): void {
    if (atMs >= timerMs) return;
    disarm();
    timerMs = atMs;
    timer = setTimeout(startDue, Math.ceil(atMs - now()));
  }

  /** Starts every batch that may start now, and sets the timer for the next one. */
  function startDue(): void {
    disarm();
    while (consumer && running < consumer.concurrency) {
      const collected = collector.take(now(), closing !== undefined);
      if (!collected) {
        const nextMs = collector.nextStartMs();
        if (nextMs !== undefined) armBy(nextMs);
        return;
      }
      void run(collected, consumer.handler);
    }
  }

  async function run({ lane, rows, reason }: Collected<Row>, handler: BatchHandler): Promise<void> {
    running += 1;
    const startMs = now();
    const id = randomUUID();
    const queueMs = rows.map((row) => startMs - row.acceptedMs);
    observer?.batchStarted({ lane, reason, waitSeconds: queueMs.map((ms) => ms / 1000) });
    const outcomes = await runBatch(handler, { id, lane, rows: rows.map((row) => row.request), reason });
    const runMs = now() - startMs;
    running -= 1;
    estimate.ran(runMs);
    for (const [i, { pending }] of rows.entries()) {
      const answer = outcomes[i]!;
      if (answer instanceof ServiceError) pending.reject(answer);
      else pending.resolve({ answer, batch: { id, size: rows.length }, queueMs: queueMs[i]!, runMs });
    }
    startDue();
    endIfDone();
  }

  function endIfDone(): void {
    if (open === 0 && running === 0) onDone?.();
  }

  function refused(lane: Lane, reason: RowRejection, retryAfterSeconds?: number): ServiceError {
    observer?.rejected(lane, reason);
    return rejectionError(reason, retryAfterSeconds);
  }

  function accept(request: RowRequest, limits: LaneLimits, expiresMs: number, signal?: AbortSignal): Row {
    const { lane } = request;
    const pending = createPending<Delivery>({
      expiresMs,
      signal,
      onGivenUp(reason) {
        collector.remove(row);
        observer?.rejected(lane, reason);
      },
      onSettled() {
        open -= 1;
        endIfDone();
      },
    });
    const row = { lane, acceptedMs: now(), expiresMs, request, pending };
    open += 1;
    collector.add(row, limits);
    return row;
  }

  function admit(request: RowRequest, signal?: AbortSignal): Promise<Delivery> {
    const { lane } = request;
    if (closing) throw refused(lane, 'draining', 1);
    if (signal?.aborted) throw refused(lane, 'cancelled');
    const leftMs = request.deadlineMs - Date.now();
    if (leftMs <= 0) throw refused(lane, 'timeout');
    const limits = limitsOf(lane);
    if (!collector.hasRoom(lane, limits)) {
      const ahead = collector.batchCount() + running;
      throw refused(lane, 'queue_full', estimate.seconds(ahead, consumer?.concurrency ?? 1));
    }
    const row = accept(request, limits, now() + leftMs, signal);
    if (consumer && running < consumer.concurrency) {
      if (collector.isFull(lane)) startDue();
      else armBy(row.acceptedMs + limits.maxDelayMs);
    }
    return row.pending.promise;
  }

  return {
    submit(request, signal) {
      try {
        // The very promise that is settled: an async function would settle its own later, after `close` resolved.
        return admit(request, signal);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    consume(handler, { concurrency }) {
      assert(!consumer, 'The queue has a consumer already. This is a bug.');
      consumer = { handler, concurrency };
      startDue();
    },

    status: async () => collector.status(now()),

    close() {
      if (!closing) {
        closing = new Promise((resolve) => {
          onDone = resolve;
        });
        startDue();
        endIfDone();
      }
      return closing;
    },
  };
}
