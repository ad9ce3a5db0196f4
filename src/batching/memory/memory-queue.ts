import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ServiceError } from '../../errors.ts';
import type { BatchQueue, Delivery, KeptRequest, Lane, LaneLimits, RowRequest } from '../batch-queue.ts';
import { type Collected, createCollector, type WaitingRow } from '../collector.ts';
import { type Consumer, createConsumer } from '../consumer.ts';
import { type Backlog, roomInSeconds, runKey, tooLateBySeconds } from '../forecast.ts';
import { createPending, type Pending } from '../pending.ts';
import { DEFAULT_PRIORITY } from '../policy.ts';
import type { QueueObserver, RowRejection } from '../queue-observer.ts';
import { rejectionError } from '../rejection-error.ts';
import { runBatch } from '../run-batch.ts';
import { addRun, type RunSums } from '../run-time.ts';
import { createKeptNotes } from './kept-notes.ts';
import { createKeptRows } from './kept-rows.ts';

/** Outcomes that are kept at a time: up to 80 MB for a model of a thousand classes. */
const KEPT_LIMIT = 10_000;

export interface MemoryQueueOptions {
  /**
   * Called for each row, so that a changed manifest takes effect at once. An error that it throws rejects the
   * row.
   */
  readonly limitsOf: (lane: Lane) => LaneLimits;
  readonly observer?: QueueObserver;
  /** Outcomes that are kept at a time. */
  readonly keptLimit?: number;
}

/**
 * A row and every caller who waits for it measure their wait against one number: two readings of the clocks
 * differ by a millisecond, in which a batch would run the row of a caller who has left.
 */
interface TimedRequest extends RowRequest {
  /** The deadline on the clock of `performance.now()`. */
  readonly expiresMs: number;
}
type TimedKeptRequest = TimedRequest & KeptRequest;

interface Row extends WaitingRow {
  readonly request: RowRequest;
  readonly pending: Pending<Delivery>;
}

/** A queue for the producers and the consumer of one process. Waiting rows are lost with the process. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: small functions around one state they share.
export function createMemoryQueue(options: MemoryQueueOptions): BatchQueue {
  const { limitsOf, observer, keptLimit = KEPT_LIMIT } = options;
  // Waits are measured with the monotonic clock, so that a corrected wall clock neither hurries nor delays a
  // batch.
  const now = (): number => performance.now();
  const collector = createCollector<Row>();
  const kept = createKeptRows(keptLimit);
  const notes = createKeptNotes();
  const runs = new Map<string, RunSums>();
  let consumer: Consumer | undefined;
  /** Rows accepted and not settled. */
  let open = 0;
  /** Batches that the handler was given. */
  const running = (): number => consumer?.clock.handed ?? 0;
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
    while (consumer && running() < consumer.concurrency) {
      const collected = collector.take(now(), closing !== undefined);
      if (!collected) {
        const nextMs = collector.nextStartMs();
        if (nextMs !== undefined) armBy(nextMs);
        return;
      }
      void run(collected, consumer);
    }
    startAhead();
  }

  /** Hands full batches over while the engine is busy, where other full ones stay behind. */
  function startAhead(): void {
    while (consumer && running() < consumer.concurrency + consumer.ahead) {
      const collected = collector.take(now(), closing !== undefined, true);
      if (!collected) return;
      void run(collected, consumer);
    }
  }

  async function run({ lane, rows, reason }: Collected<Row>, { handler, clock }: Consumer): Promise<void> {
    const startMs = now();
    const end = clock.start();
    const id = randomUUID();
    const queueMs = rows.map((row) => startMs - row.acceptedMs);
    observer?.batchStarted({ lane, reason, waitSeconds: queueMs.map((ms) => ms / 1000) });
    const outcomes = await runBatch(handler, { id, lane, rows: rows.map((row) => row.request), reason });
    const runMs = end();
    const aheadMs = now() - startMs - runMs;
    runs.set(runKey(lane), addRun(runs.get(runKey(lane)), rows.length, runMs));
    for (const [i, { pending, request }] of rows.entries()) {
      const answer = outcomes[i]!;
      const memo = request.keep && { memo: request.keep.memo };
      const batch = { id, size: rows.length };
      if (answer instanceof ServiceError) pending.reject(answer);
      else pending.resolve({ answer, batch, queueMs: queueMs[i]! + aheadMs, runMs, ...memo });
    }
    startDue();
    endIfDone();
  }

  function endIfDone(): void {
    if (open === 0 && running() === 0) onDone?.();
  }

  function refused(lane: Lane, reason: RowRejection, retryAfterSeconds?: number): ServiceError {
    observer?.rejected(lane, reason);
    return rejectionError(reason, retryAfterSeconds);
  }

  /** A promise that counts as open until it is settled. */
  function promise(
    { lane, expiresMs }: TimedRequest,
    signal: AbortSignal | undefined,
    onGivenUp?: () => void,
  ): Pending<Delivery> {
    open += 1;
    return createPending<Delivery>({
      expiresMs,
      signal,
      onGivenUp(reason) {
        onGivenUp?.();
        observer?.rejected(lane, reason);
      },
      onSettled() {
        open -= 1;
        endIfDone();
      },
    });
  }

  function accept(request: TimedRequest, limits: LaneLimits, signal?: AbortSignal): Row {
    const { lane, priority = DEFAULT_PRIORITY, expiresMs } = request;
    const pending = promise(request, signal, () => collector.remove(row));
    const row = { lane, priority, acceptedMs: now(), expiresMs, request, pending };
    collector.add(row, limits);
    return row;
  }

  /** The request with its deadline on the queue's clock, read once. Throws where it is of no use. */
  function timed<R extends RowRequest>(request: R, signal?: AbortSignal): R & TimedRequest {
    const { lane, deadlineMs } = request;
    if (closing) throw refused(lane, 'draining', 1);
    if (signal?.aborted) throw refused(lane, 'cancelled');
    const leftMs = deadlineMs - Date.now();
    if (leftMs <= 0) throw refused(lane, 'timeout');
    return { ...request, expiresMs: now() + leftMs };
  }

  function admit(request: TimedRequest, signal?: AbortSignal): Promise<Delivery> {
    const { lane, expiresMs } = request;
    const limits = limitsOf(lane);
    const backlog: Backlog = {
      lanes: collector.depths(),
      running: running(),
      engines: consumer?.concurrency ?? 1,
      runs,
    };
    if (!collector.hasRoom(lane, limits)) throw refused(lane, 'queue_full', roomInSeconds(backlog, lane));
    const lateSeconds = tooLateBySeconds(backlog, lane, expiresMs - now());
    if (lateSeconds !== undefined) throw refused(lane, 'queue_full', lateSeconds);
    const row = accept(request, limits, signal);
    if (consumer && running() < consumer.concurrency) {
      if (collector.isFull(lane)) startDue();
      else armBy(row.acceptedMs + limits.maxDelayMs);
    } else if (collector.isFull(lane, 2)) startAhead();
    return row.pending.promise;
  }

  /** The answer of the row with this id, which is accepted now unless it was before. No signal drops it. */
  function admitOnce(request: TimedKeptRequest): Promise<Delivery> {
    const earlier = kept.answer(request.id);
    if (earlier) return earlier;
    const delivery = admit(request);
    kept.add(request, delivery);
    return delivery;
  }

  function submit(request: RowRequest, signal?: AbortSignal): Promise<Delivery> {
    const row = timed(request, signal);
    const { keep } = row;
    if (!keep) return admit(row, signal);
    const first = admitOnce({ ...row, keep });
    const pending = promise(row, signal);
    follow(first, { ...row, keep }, pending);
    return pending.promise;
  }

  /**
   * Settles with the answer of the row with that id. If that was an earlier row and met its own deadline, the
   * row runs now.
   */
  function follow(answer: Promise<Delivery>, request: TimedKeptRequest, pending: Pending<Delivery>): void {
    answer.then(pending.resolve, (error: ServiceError) => {
      if (error.code !== 'timeout' || request.expiresMs <= now()) return pending.reject(error);
      try {
        follow(admitOnce(request), request, pending);
      } catch (refusal) {
        pending.reject(refusal as ServiceError);
      }
    });
  }

  return {
    submit(request, signal) {
      try {
        // The same promise that is settled. An async function would settle its own promise later, after
        // `close` resolved.
        return submit(request, signal);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async enqueue(request) {
      admitOnce(timed(request)).catch(() => {});
    },

    result: async (id) => kept.result(id),

    async leaveNote(name, text, ms) {
      notes.set(name, text, ms);
    },

    note: async (name) => notes.get(name),

    consume(handler, how) {
      assert(!consumer, 'The queue has a consumer already. This is a bug.');
      consumer = createConsumer(handler, how);
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
