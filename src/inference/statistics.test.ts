import { expect, it } from 'vitest';
import type { Delivery } from '../batching/batch-queue.ts';
import type { DescribedVersion } from '../models/model.ts';
import { createStatistics, sumStatistics } from './statistics.ts';

const version = { name: 'm', version: 3 } as DescribedVersion;

const delivery = (batch: string, size: number, queueMs: number, runMs: number): Delivery => ({
  answer: {} as Delivery['answer'],
  batch: { id: batch, size },
  queueMs,
  runMs,
});
const times = { inputMs: 0.5, outputMs: 0.25, totalMs: 20 };

it('starts from nothing', () => {
  const none = { count: 0, ns: 0 };
  expect(createStatistics().of(version)).toEqual({
    name: 'm',
    version: 3,
    lastInferenceMs: 0,
    rows: 0,
    batches: 0,
    success: none,
    fail: none,
    queue: none,
    computeInput: none,
    computeInfer: none,
    computeOutput: none,
    batchesBySize: [],
  });
});

it('counts a request by its slowest row, and a shared batch once', () => {
  const statistics = createStatistics();
  const before = Date.now();
  // A batch with three rows, two of one request and one of another, and a batch with one row.
  statistics.answered(version, {
    deliveries: [delivery('a', 3, 4, 6), delivery('a', 3, 5, 6), delivery('b', 1, 9, 2)],
    ...times,
  });
  statistics.answered(version, { deliveries: [delivery('a', 3, 1, 6)], ...times });
  statistics.failed(version, 7);
  const seen = statistics.of(version);
  expect(seen.lastInferenceMs).toBeGreaterThanOrEqual(before);
  expect(seen).toMatchObject({
    rows: 4,
    batches: 2,
    success: { count: 2, ns: 40_000_000 },
    fail: { count: 1, ns: 7_000_000 },
    queue: { count: 2, ns: 10_000_000 },
    computeInput: { count: 2, ns: 1_000_000 },
    computeInfer: { count: 2, ns: 12_000_000 },
    computeOutput: { count: 2, ns: 500_000 },
    batchesBySize: [
      { size: 1, count: 1, ns: 2_000_000 },
      { size: 3, count: 1, ns: 6_000_000 },
    ],
  });
});

it('starts anew for a version that is loaded anew', () => {
  const statistics = createStatistics();
  statistics.answered(version, { deliveries: [delivery('a', 1, 1, 1)], ...times });
  expect(statistics.of({ ...version }).rows).toBe(0);
  expect(statistics.of(version).rows).toBe(1);
});

it('adds up over processes', () => {
  const zero = { count: 0, ns: 0 };
  const one = {
    name: 'digits',
    version: 3,
    lastInferenceMs: 5,
    rows: 4,
    batches: 2,
    success: { count: 3, ns: 30 },
    fail: { count: 1, ns: 7 },
    queue: { count: 3, ns: 9 },
    computeInput: zero,
    computeInfer: { count: 3, ns: 11 },
    computeOutput: zero,
    batchesBySize: [
      { size: 1, count: 1, ns: 4 },
      { size: 3, count: 1, ns: 7 },
    ],
  };
  const other = { ...one, lastInferenceMs: 9, rows: 8, batchesBySize: [{ size: 2, count: 4, ns: 1 }] };
  expect(sumStatistics([one, other])).toEqual({
    name: 'digits',
    version: 3,
    lastInferenceMs: 9,
    rows: 12,
    batches: 4,
    success: { count: 6, ns: 60 },
    fail: { count: 2, ns: 14 },
    queue: { count: 6, ns: 18 },
    computeInput: zero,
    computeInfer: { count: 6, ns: 22 },
    computeOutput: zero,
    batchesBySize: [
      { size: 1, count: 1, ns: 4 },
      { size: 2, count: 4, ns: 1 },
      { size: 3, count: 1, ns: 7 },
    ],
  });
});
