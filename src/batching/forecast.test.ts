import { describe, expect, test } from 'vitest';
import type { Lane } from './batch-queue.ts';
import { type Backlog, roomInSeconds, runKey, tooLateBySeconds } from './forecast.ts';
import { addRun, leastRunMs, type RunSums, runMs } from './run-time.ts';

const lane = (recipe = 'isolated'): Lane => ({
  model: 'digits',
  version: 1,
  content: 'a',
  recipe,
  caller: '',
});

function sumsOf(runs: readonly (readonly [rows: number, ms: number])[]): RunSums {
  return runs.reduce<RunSums | undefined>((sums, [rows, ms]) => addRun(sums, rows, ms), undefined)!;
}

describe('the time of a run', () => {
  test('is a fixed cost and one for each row, found from runs of different sizes', () => {
    const sums = sumsOf([1, 100, 20, 64, 7, 128].map((rows) => [rows, 40 + 3 * rows]));
    for (const rows of [1, 50, 128]) expect(runMs(sums, rows)).toBeCloseTo(40 + 3 * rows, 6);
  });

  test('is the mean where all runs had one size', () => {
    const sums = sumsOf(Array.from({ length: 50 }, (_, i) => [37, 99 + 2 * (i % 2)]));
    expect(runMs(sums, 1)).toBeCloseTo(100, 0);
    expect(runMs(sums, 128)).toBeCloseTo(100, 0);
  });

  test('follows an engine that has become slower, within some twenty runs', () => {
    const sums = sumsOf([...Array(50).fill([16, 100]), ...Array(25).fill([16, 500])]);
    expect(runMs(sums, 16)).toBeGreaterThan(450);
  });

  test('hardly changes for one run that was held up', () => {
    const sums = sumsOf([...Array(20).fill([128, 200]), [128, 60_000]]);
    expect(runMs(sums, 128)).toBeLessThan(250);
  });

  test('is believed for the first large batch after many small ones', () => {
    const sums = sumsOf([...Array(20).fill([1, 50]), [128, 1_500]]);
    expect(runMs(sums, 128)).toBeCloseTo(1_500, 0);
  });

  test('is never less for more rows, nor negative', () => {
    const sums = sumsOf([
      [1, 100],
      [100, 1],
    ]);
    expect(runMs(sums, 200)).toBeCloseTo(runMs(sums, 1), 6);
    expect(
      runMs(
        sumsOf([
          [10, 100],
          [20, 300],
        ]),
        1,
      ),
    ).toBe(0);
  });
});

describe('the least time of a run', () => {
  const noisy = (runs: number) =>
    sumsOf(
      Array.from({ length: runs }, (_, i) => [10 + 10 * (i % 5), (40 + 30 * (i % 5)) * (i % 2 ? 0.8 : 1.2)]),
    );

  test('is not known after a few runs, and comes close to the mean as they agree', () => {
    expect(leastRunMs(sumsOf(Array(3).fill([16, 100])), 16)).toBe(0);
    expect(leastRunMs(sumsOf(Array(10).fill([16, 100])), 16)).toBeCloseTo(100, 6);
    expect(
      leastRunMs(sumsOf([1, 100, 20, 64, 7, 128].map((rows) => [rows, 40 + 3 * rows])), 128),
    ).toBeCloseTo(424, 3);
  });

  test('is the lower for sizes far from those that were run', () => {
    const sums = noisy(40);
    const share = (rows: number) => leastRunMs(sums, rows) / runMs(sums, rows);
    expect(share(30)).toBeLessThan(0.95);
    expect(share(30)).toBeGreaterThan(0.6);
    expect(share(300)).toBeLessThan(share(30));
  });

  test('of a smaller batch than all that were run may be less in proportion', () => {
    const sums = sumsOf(Array(20).fill([50, 100]));
    expect(leastRunMs(sums, 5)).toBeCloseTo(10, 6);
    expect(leastRunMs(sums, 500)).toBeCloseTo(100, 6);
  });
});

describe('the answer of a new row', () => {
  const backlog: Backlog = {
    lanes: [
      { lane: lane(), depth: 250, maxBatchSize: 100 },
      { lane: lane('dent'), depth: 10, maxBatchSize: 100 },
    ],
    running: 1,
    engines: 2,
    runs: new Map([
      [runKey(lane()), sumsOf(Array(20).fill([100, 1_000]))],
      [runKey(lane('dent')), sumsOf(Array(20).fill([10, 3_000]))],
    ]),
  };

  test('comes after what runs and what waits, shared by the engines', () => {
    // One batch of an average of 2 s, three of 1 s and one of 3 s, two at a time.
    expect(roomInSeconds(backlog, lane())).toBe(4);
    expect(tooLateBySeconds(backlog, lane(), 5_100)).toBeUndefined();
    expect(tooLateBySeconds(backlog, lane(), 4_000)).toBe(1);
    expect(tooLateBySeconds(backlog, lane(), 1_500)).toBe(4);
  });

  test('counts a small batch by its size, and one that runs by the mean', () => {
    const sums = sumsOf([10, 30, 20, 5, 45, 10, 30, 20].map((rows) => [rows, 1_000 + 100 * rows]));
    const runs = new Map([[runKey(lane()), sums]]);
    const idle = { lanes: [], running: 0, engines: 1, runs };
    const meanSeconds = sums.ms / sums.count / 1_000;
    expect(roomInSeconds({ ...idle, running: 10 }, lane())).toBe(Math.ceil(10 * meanSeconds));
    const waiting = { lane: lane(), depth: 20, maxBatchSize: 100 };
    expect(roomInSeconds({ ...idle, lanes: [waiting] }, lane())).toBe(3);
  });

  test('is not predicted before anything has run', () => {
    const fresh = { ...backlog, runs: new Map() };
    expect(tooLateBySeconds(fresh, lane(), 1)).toBeUndefined();
    expect(roomInSeconds(fresh, lane())).toBe(1);
  });

  test('is not refused for a deadline that no later time would meet', () => {
    expect(tooLateBySeconds(backlog, lane(), 900)).toBeUndefined();
  });

  test('is not refused while a few runs say little of the next', () => {
    const few = sumsOf([
      [1, 800],
      [20, 4_000],
      [60, 9_000],
    ]);
    const burst = { ...backlog, lanes: [{ lane: lane(), depth: 400, maxBatchSize: 128 }], engines: 1 };
    expect(
      tooLateBySeconds({ ...burst, runs: new Map([[runKey(lane()), few]]) }, lane(), 30_000),
    ).toBeUndefined();
    const many = sumsOf(Array.from({ length: 20 }, (_, i) => [20 + 5 * i, 1_000 + 700 * i]));
    expect(
      tooLateBySeconds({ ...burst, runs: new Map([[runKey(lane()), many]]) }, lane(), 30_000),
    ).toBeGreaterThan(0);
  });

  test('of a recipe that has not run is taken for an average one', () => {
    expect(tooLateBySeconds({ ...backlog, lanes: [], running: 0 }, lane('new'), 2_001)).toBeUndefined();
    expect(tooLateBySeconds({ ...backlog, lanes: [] }, lane('new'), 2_001)).toBe(1);
  });
});
