import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ServiceError } from '../../errors.ts';
import { describeBatchQueue } from '../batch-queue.contract.ts';
import type { Batch, BatchQueue } from '../batch-queue.ts';
import { answerOf, idsOf, LIMITS, makeRequests, pause, request } from '../contract/fixtures.contract.ts';
import { createMemoryQueue } from './memory-queue.ts';

describeBatchQueue({
  name: 'memory queue',
  create: async (options) => {
    const queue = createMemoryQueue(options);
    return { producer: queue, consumer: queue, close: () => queue.close() };
  },
});

/** A queue whose handler takes `runMs` and records what it was given. */
function openQueue(limits: Partial<typeof LIMITS> = {}, runMs = 0): { queue: BatchQueue; batches: Batch[] } {
  const queue = createMemoryQueue({ limitsOf: () => ({ ...LIMITS, ...limits }) });
  const batches: Batch[] = [];
  queue.consume(
    async (batch) => {
      batches.push(batch);
      if (runMs > 0) await pause(runMs);
      return batch.rows.map(answerOf);
    },
    { concurrency: 1 },
  );
  return { queue, batches };
}

describe('to the millisecond', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  test('a window ends when it ends, counted from its oldest row', async () => {
    const { queue, batches } = openQueue({ maxDelayMs: 30 });
    const first = queue.submit(request());
    await vi.advanceTimersByTimeAsync(20);
    void queue.submit(request());
    await vi.advanceTimersByTimeAsync(9);
    expect(batches).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches.map(({ rows, reason }) => [rows.length, reason])).toEqual([[2, 'window']]);
    expect(await first).toMatchObject({ queueMs: 30, runMs: 0 });
  });

  test('a shorter window that opens later ends first', async () => {
    const queue = createMemoryQueue({
      limitsOf: ({ recipe }) => ({ ...LIMITS, maxDelayMs: recipe === 'dent' ? 10 : 100 }),
    });
    const started: string[] = [];
    queue.consume(
      async ({ lane, rows }) => {
        started.push(`${lane.recipe} ${performance.now() - startMs}`);
        return rows.map(answerOf);
      },
      { concurrency: 1 },
    );
    const startMs = performance.now();
    void queue.submit(request());
    await vi.advanceTimersByTimeAsync(50);
    void queue.submit(request({ lane: { ...request().lane, recipe: 'dent' } }));
    await vi.advanceTimersByTimeAsync(50);
    expect(started).toEqual(['dent 60', 'isolated 100']);
  });

  test('a deadline passes when it passes, waiting or running', async () => {
    const { queue, batches } = openQueue({ maxDelayMs: 10 }, 1_000);
    const settled: string[] = [];
    const startMs = Date.now();
    const follow = (name: string, timeoutMs: number) =>
      void queue.submit(request({ timeoutMs })).then(
        () => settled.push(`${name} answered at ${Date.now() - startMs}`),
        (error) => settled.push(`${name} ${error.code} at ${Date.now() - startMs}`),
      );
    follow('runs', 200);
    follow('stays', 5_000);
    await vi.advanceTimersByTimeAsync(50);
    follow('waits', 300);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(settled).toEqual(['runs timeout at 200', 'waits timeout at 350', 'stays answered at 1010']);
    expect(batches).toHaveLength(1);
  });

  test('a row and the caller who waits for it share a deadline, though the wall clock ticks in between', async () => {
    const startMs = Date.now();
    let ticks = 0;
    vi.spyOn(Date, 'now').mockImplementation(() => startMs + performance.now() + ticks++);
    const { queue, batches } = openQueue({ maxDelayMs: 100 });
    let code = '';
    const row = { ...request(), deadlineMs: Date.now() + 100, keep: { ms: 5_000, memo: '' } };
    void queue.submit(row).catch((error: ServiceError) => {
      code = error.code;
    });
    while (code === '') await vi.advanceTimersByTimeAsync(1);
    expect(await queue.result(row.id)).toMatchObject({ outcome: { code: 'timeout' } });
    await vi.advanceTimersByTimeAsync(100);
    expect(batches).toEqual([]);
  });

  test('a deadline in the past needs no timer to pass', async () => {
    const { queue } = openQueue();
    await expect(queue.submit(request({ timeoutMs: 0 }))).rejects.toMatchObject({ code: 'timeout' });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a deadline beyond the range of timers is kept', async () => {
    const monthMs = 30 * 24 * 3_600_000;
    const queue = createMemoryQueue({ limitsOf: () => LIMITS });
    let code = '';
    void queue.submit(request({ timeoutMs: monthMs })).catch((error) => {
      code = error.code;
    });
    await vi.advanceTimersByTimeAsync(monthMs - 1);
    expect(code).toBe('');
    await vi.advanceTimersByTimeAsync(1);
    expect(code).toBe('timeout');
  });

  test('no window: rows of one turn still share a batch', async () => {
    const { queue, batches } = openQueue({ maxDelayMs: 0 });
    const deliveries = makeRequests(3).map((each) => queue.submit(each));
    await vi.advanceTimersByTimeAsync(1);
    await Promise.all(deliveries);
    expect(batches.map(({ rows }) => rows.length)).toEqual([3]);
  });

  test('a full queue says how long the batches ahead will take, judged by recent ones', async () => {
    const { queue } = openQueue({ queueLimit: 8, maxDelayMs: 10 }, 3_000);
    const refusal = () => queue.submit(request()).catch((error: ServiceError) => error.retryAfterSeconds);
    const submitAll = (count: number) => {
      for (const each of makeRequests(count, { timeoutMs: 60_000 })) void queue.submit(each);
    };
    submitAll(12);
    expect(await refusal()).toBe(1);
    await vi.advanceTimersByTimeAsync(3_000);
    submitAll(4);
    // One batch runs and two wait; the one that is done took three seconds.
    expect(await refusal()).toBe(9);
    await vi.advanceTimersByTimeAsync(20_000);
    await queue.close();
  });

  test('a burst is not refused for its first batches, which ran while the rest of it was decoded', async () => {
    const posts = 500;
    const queue = createMemoryQueue({
      limitsOf: () => ({ maxBatchSize: 64, maxDelayMs: 5, queueLimit: 1_000 }),
    });
    let posted = 0;
    queue.consume(
      async ({ rows }) => {
        await pause(200 + rows.length * (posted < posts ? 60 : 10));
        return rows.map(answerOf);
      },
      { concurrency: 1 },
    );
    const startMs = Date.now();
    const codes: string[] = [];
    let lastMs = 0;
    for (; posted < posts; posted += 1) {
      void queue.submit(request({ timeoutMs: 30_000 })).then(
        () => {
          lastMs = Date.now() - startMs;
        },
        (error: ServiceError) => codes.push(error.code),
      );
      await vi.advanceTimersByTimeAsync(12);
    }
    await vi.advanceTimersByTimeAsync(60_000);
    expect(codes).toEqual([]);
    expect(lastMs).toBeLessThan(15_000);
    await queue.close();
  });

  test('nothing is left behind: no timer, no listener on the signal', async () => {
    const { queue } = openQueue({ maxDelayMs: 10 });
    const { signal } = new AbortController();
    const leaving = new AbortController();
    const answered = queue.submit(request(), signal);
    const cancelled = queue.submit(request(), leaving.signal).catch(() => {});
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    leaving.abort();
    await vi.advanceTimersByTimeAsync(10);
    await Promise.all([answered, cancelled]);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(getEventListeners(leaving.signal, 'abort')).toHaveLength(0);
    expect(await queue.status()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('what waits when the queue closes starts with the reason drain', async () => {
    const { queue, batches } = openQueue();
    const delivery = queue.submit(request());
    await queue.close();
    await delivery;
    expect(batches.map(({ reason }) => reason)).toEqual(['drain']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('a row that expired while the event loop was blocked is not run', async () => {
  const { queue, batches } = openQueue({ maxDelayMs: 10 });
  const expired = expect(queue.submit(request({ timeoutMs: 25 }))).rejects.toMatchObject({ code: 'timeout' });
  const patient = request();
  const delivery = queue.submit(patient);
  const endMs = performance.now() + 60;
  while (performance.now() < endMs);
  await Promise.all([expired, delivery]);
  expect(batches.map(idsOf)).toEqual([[patient.id]]);
});

test('the cause of a failure stays with its error, for the log', async () => {
  const fault = new Error('out of memory');
  const queue = createMemoryQueue({ limitsOf: () => ({ ...LIMITS, maxBatchSize: 2 }) });
  let batches = 0;
  queue.consume(
    async ({ rows }) => {
      batches += 1;
      if (batches === 1) throw fault;
      return [fault, answerOf(rows[1]!)];
    },
    { concurrency: 1 },
  );
  const outcomes = await Promise.allSettled(makeRequests(4).map((each) => queue.submit(each)));
  const failed = (message: string) => ({
    status: 'rejected',
    reason: expect.objectContaining({ message, cause: fault }),
  });
  expect(outcomes.slice(0, 3)).toEqual([
    failed('The batch failed.'),
    failed('The batch failed.'),
    failed('The row failed.'),
  ]);
  expect(outcomes[3]!.status).toBe('fulfilled');
});

test('a lane that has no limits refuses its rows', async () => {
  const unknown = new ServiceError('unknown_model', 'There is no model digits:1.');
  const queue = createMemoryQueue({
    limitsOf: () => {
      throw unknown;
    },
  });
  await expect(queue.submit(request())).rejects.toBe(unknown);
  await queue.close();
});

test('a second consumer is a bug', () => {
  const { queue } = openQueue();
  expect(() => queue.consume(async () => [], { concurrency: 1 })).toThrow('This is a bug.');
});
