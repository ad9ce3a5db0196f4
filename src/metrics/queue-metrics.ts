import type { Catalogue } from './catalogue.ts';

/** The part of a lane that becomes labels. Callers are left out, because there may be any number of them. */
interface LaneLabels {
  readonly model: string;
  readonly version: number;
  readonly recipe: string;
}

export interface QueueMetrics {
  batchStarted(batch: {
    readonly lane: LaneLabels;
    readonly reason: 'full' | 'window' | 'drain';
    /** One entry for each row. */
    readonly waitSeconds: readonly number[];
  }): void;
  rejected(
    lane: LaneLabels,
    reason: 'queue_full' | 'queue_unavailable' | 'draining' | 'timeout' | 'cancelled',
  ): void;
}

export function createQueueMetrics(catalogue: Catalogue): QueueMetrics {
  return {
    batchStarted({ lane, reason, waitSeconds }) {
      const labels = { model: `${lane.model}:${lane.version}`, recipe: lane.recipe };
      catalogue.batches.inc({ ...labels, reason });
      catalogue.batchSize.observe(labels, waitSeconds.length);
      for (const seconds of waitSeconds) {
        catalogue.queueWait.observe(labels, seconds);
        catalogue.stageDuration.observe({ stage: 'queue' }, seconds);
      }
    },
    rejected: (_lane, reason) => catalogue.rejected.inc({ reason }),
  };
}

/** How many rows wait in a lane, and since when. */
export interface LaneDepth {
  readonly lane: LaneLabels;
  readonly depth: number;
  readonly oldestAgeMs: number;
}

/**
 * Sets the queue's gauges to `lanes`, summed over callers. The pairs in `idle` that have no lane are set to
 * 0.
 */
export function setQueueGauges(
  { queueDepth, queueOldestAge }: Catalogue,
  lanes: readonly LaneDepth[],
  idle: Iterable<{ readonly model: string; readonly recipe: string }>,
): void {
  const totals = new Map<string, { model: string; recipe: string; depth: number; ageMs: number }>();
  const totalOf = (model: string, recipe: string) => {
    const key = JSON.stringify([model, recipe]);
    const total = totals.get(key) ?? { model, recipe, depth: 0, ageMs: 0 };
    totals.set(key, total);
    return total;
  };
  for (const { model, recipe } of idle) totalOf(model, recipe);
  for (const { lane, depth, oldestAgeMs } of lanes) {
    const total = totalOf(`${lane.model}:${lane.version}`, lane.recipe);
    total.depth += depth;
    total.ageMs = Math.max(total.ageMs, oldestAgeMs);
  }
  queueDepth.reset();
  queueOldestAge.reset();
  for (const { model, recipe, depth, ageMs } of totals.values()) {
    queueDepth.set({ model, recipe }, depth);
    queueOldestAge.set({ model, recipe }, ageMs / 1000);
  }
}
