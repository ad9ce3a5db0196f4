import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ModelEntry } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import { watchWorkers } from './worker-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const entry = (name: string) =>
  ({
    name,
    isUnloaded: false,
    versions: [{ version: 1, state: 'ready', serving: { name, version: 1, content: name } }],
  }) as unknown as ModelEntry<DescribedVersion>;

function open(noWorkerMs: number) {
  const workers = new Set<string>();
  const log = { warn: vi.fn(), info: vi.fn() };
  const watch = watchWorkers(
    {
      models: { models: () => [entry('cats'), entry('dogs')] },
      hasWorker: async (content) => {
        if (workers.has('away')) throw new Error('Redis is away.');
        return workers.has(content);
      },
      log,
    },
    { noWorkerMs },
  );
  return { workers, log, watch };
}

test('a model without a worker is warned of after a while, once in the log, until it has one', async () => {
  const { workers, log, watch } = open(60_000);
  workers.add('cats').add('dogs');
  await vi.advanceTimersByTimeAsync(2_000);
  workers.delete('dogs');
  await vi.advanceTimersByTimeAsync(4_000);
  expect(watch.warnings()).toEqual([]);
  await vi.advanceTimersByTimeAsync(300_000);
  expect(watch.warnings()).toEqual([expect.stringContaining('"dogs:1"')]);
  expect(log.warn).toHaveBeenCalledTimes(1);
  expect([watch.reasons(), watch.refusal()]).toEqual([[], undefined]);
  workers.add('dogs');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(watch.warnings()).toEqual([]);
  expect(log.info).toHaveBeenCalledTimes(1);
  watch.close();
});

test('without any worker for too long nothing is ready, and images are refused, until there is one', async () => {
  const { workers, watch } = open(60_000);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(watch.reasons()).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(watch.reasons()).toEqual([expect.stringContaining('60 s')]);
  expect(watch.refusal()).toMatchObject({ code: 'not_ready', retryAfterSeconds: 5 });
  workers.add('cats');
  await vi.advanceTimersByTimeAsync(1_000);
  expect([watch.reasons(), watch.refusal()]).toEqual([[], undefined]);
  watch.close();
});

test('0 waits for ever, and a Redis that is away is no missing worker', async () => {
  const patient = open(0);
  const { workers, watch } = open(60_000);
  workers.add('away');
  await vi.advanceTimersByTimeAsync(600_000);
  expect(patient.watch.reasons()).toEqual([]);
  expect(patient.watch.warnings()).toHaveLength(2);
  expect([watch.warnings(), watch.reasons()]).toEqual([[], []]);
  patient.watch.close();
  watch.close();
});
