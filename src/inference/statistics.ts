import type { Delivery } from '../batching/batch-queue.ts';
import type { DescribedVersion } from '../models/model.ts';
import type { DurationSum, VersionStatistics } from './inference.ts';

/** An answered request, with the times that only its own process knows, milliseconds. */
export interface AnsweredRequest {
  /** One for each row. */
  readonly deliveries: readonly Delivery[];
  /** The time to make rows of the request, and an answer of the deliveries. */
  readonly inputMs: number;
  readonly outputMs: number;
  readonly totalMs: number;
}

export interface Statistics {
  answered(version: DescribedVersion, request: AnsweredRequest): void;
  /** A request failed after its version was chosen. */
  failed(version: DescribedVersion, totalMs: number): void;
  of(version: DescribedVersion): VersionStatistics;
}

interface Sum {
  count: number;
  ms: number;
}

interface Sums {
  lastInferenceMs: number;
  rows: number;
  readonly success: Sum;
  readonly fail: Sum;
  readonly queue: Sum;
  readonly computeInput: Sum;
  readonly computeInfer: Sum;
  readonly computeOutput: Sum;
  /** By rows of the batch. At most as many entries as a batch may have rows. */
  readonly batches: Map<number, Sum>;
}

const zero = (): Sum => ({ count: 0, ms: 0 });

const createSums = (): Sums => ({
  lastInferenceMs: 0,
  rows: 0,
  success: zero(),
  fail: zero(),
  queue: zero(),
  computeInput: zero(),
  computeInfer: zero(),
  computeOutput: zero(),
  batches: new Map(),
});

function add(sum: Sum, ms: number, count = 1): void {
  sum.count += count;
  sum.ms += ms;
}

const duration = ({ count, ms }: Sum): DurationSum => ({
  count: Math.round(count),
  ns: Math.round(ms * 1e6),
});

/**
 * A batch may hold rows of other requests and other processes, which this process does not see. So each row
 * counts as its share of its batch: over all processes the shares add up to one run.
 */
function addShares(batches: Map<number, Sum>, deliveries: readonly Delivery[]): void {
  for (const { batch, runMs } of deliveries) {
    let sum = batches.get(batch.size);
    if (sum === undefined) {
      sum = zero();
      batches.set(batch.size, sum);
    }
    add(sum, runMs / batch.size, 1 / batch.size);
  }
}

const longest = (deliveries: readonly Delivery[], of: (delivery: Delivery) => number): number =>
  deliveries.reduce((most, delivery) => Math.max(most, of(delivery)), 0);

/**
 * This process's answers of each version since it was loaded. A version that is loaded again starts again.
 */
export function createStatistics(): Statistics {
  const sumsByVersion = new WeakMap<DescribedVersion, Sums>();

  function sumsOf(version: DescribedVersion): Sums {
    let sums = sumsByVersion.get(version);
    if (sums === undefined) {
      sums = createSums();
      sumsByVersion.set(version, sums);
    }
    return sums;
  }

  return {
    answered(version, { deliveries, inputMs, outputMs, totalMs }) {
      const sums = sumsOf(version);
      sums.lastInferenceMs = Date.now();
      sums.rows += deliveries.length;
      add(sums.success, totalMs);
      add(
        sums.queue,
        longest(deliveries, ({ queueMs }) => queueMs),
      );
      add(sums.computeInput, inputMs);
      add(
        sums.computeInfer,
        longest(deliveries, ({ runMs }) => runMs),
      );
      add(sums.computeOutput, outputMs);
      addShares(sums.batches, deliveries);
    },
    failed: (version, totalMs) => add(sumsOf(version).fail, totalMs),
    of(version) {
      const sums = sumsOf(version);
      const { success, fail, queue, computeInput, computeInfer, computeOutput } = sums;
      const batches = [...sums.batches].sort(([a], [b]) => a - b);
      return {
        name: version.name,
        version: version.version,
        lastInferenceMs: sums.lastInferenceMs,
        rows: sums.rows,
        batches: Math.round(batches.reduce((total, [, { count }]) => total + count, 0)),
        success: duration(success),
        fail: duration(fail),
        queue: duration(queue),
        computeInput: duration(computeInput),
        computeInfer: duration(computeInfer),
        computeOutput: duration(computeOutput),
        batchesBySize: batches.map(([size, sum]) => ({ size, ...duration(sum) })),
      };
    },
  };
}

const sumOf = (durations: readonly DurationSum[]): DurationSum => ({
  count: durations.reduce((sum, { count }) => sum + count, 0),
  ns: durations.reduce((sum, { ns }) => sum + ns, 0),
});

/** The answers of several processes, at least one, as those of one. */
export function sumStatistics(each: readonly VersionStatistics[]): VersionStatistics {
  const sizes = new Set(each.flatMap(({ batchesBySize }) => batchesBySize.map(({ size }) => size)));
  const ofSize = (size: number): DurationSum =>
    sumOf(each.flatMap(({ batchesBySize }) => batchesBySize.filter((batches) => batches.size === size)));
  return {
    name: each[0]!.name,
    version: each[0]!.version,
    lastInferenceMs: Math.max(...each.map(({ lastInferenceMs }) => lastInferenceMs)),
    rows: each.reduce((sum, { rows }) => sum + rows, 0),
    batches: each.reduce((sum, { batches }) => sum + batches, 0),
    success: sumOf(each.map(({ success }) => success)),
    fail: sumOf(each.map(({ fail }) => fail)),
    queue: sumOf(each.map(({ queue }) => queue)),
    computeInput: sumOf(each.map(({ computeInput }) => computeInput)),
    computeInfer: sumOf(each.map(({ computeInfer }) => computeInfer)),
    computeOutput: sumOf(each.map(({ computeOutput }) => computeOutput)),
    batchesBySize: [...sizes].sort((a, b) => a - b).map((size) => ({ size, ...ofSize(size) })),
  };
}
