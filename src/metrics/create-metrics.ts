import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { createCatalogue } from './catalogue.ts';
import { createEngineMetrics, ENGINE_LOSSES, type EngineMetrics } from './engine-metrics.ts';
import { createHttpMetrics, type HttpMetrics } from './http-metrics.ts';
import { createInferenceMetrics, type InferenceMetrics } from './inference-metrics.ts';
import { createModelMetrics, type ModelMetrics } from './model-metrics.ts';
import { createQueueMetrics, type LaneDepth, type QueueMetrics, setQueueGauges } from './queue-metrics.ts';
import { REJECTION_REASONS } from './rejection-reasons.ts';
import { residentMemoryBytes } from './resident-memory.ts';
import type { MetricsSnapshot } from './sum-metrics.ts';

/** Values that are read at each scrape, because they are states and not events. */
export interface MetricSources {
  /** The rows that wait; the queue's `status`. Absent in processes without rows. */
  readonly queueStatus?: () => Promise<readonly LaneDepth[]>;
  /** Whether this process can do its work. */
  readonly isReady: () => boolean;
  /** Whether batches are taken and run. Absent in processes that run none; they have no such metric. */
  readonly isWorkerUp?: () => boolean;
  /** The engine's processes. Absent in processes that run no batches. */
  readonly enginePids?: () => readonly number[];
  /** How many API processes live. Absent where this process answers requests itself. */
  readonly apiProcesses?: () => number;
  /** Whether Redis can be reached, where it is used. */
  readonly isRedisUp?: () => boolean;
}

export interface ApiMetrics {
  /** An API process has ended that nobody closed. Another takes its place. */
  lost(): void;
}

/** The metrics of one process. Each room gets the observer with its name. */
export interface Metrics {
  readonly http: HttpMetrics;
  readonly inference: InferenceMetrics;
  readonly queue: QueueMetrics;
  readonly models: ModelMetrics;
  readonly engine: EngineMetrics;
  readonly api: ApiMetrics;
  /**
   * Sets the sources, which exist only after the rooms that got the observers. Until then: not ready, no
   * queue.
   */
  watch(sources: MetricSources): void;
  /** The text for Prometheus. Where the queue cannot say what waits, its gauges are left out. */
  text(): Promise<string>;
  /** The same, to be added to that of other processes. */
  snapshot(): Promise<MetricsSnapshot>;
  /** What only ever grows of it. To read this does not begin a new interval of measures of recent times. */
  counts(): Promise<MetricsSnapshot>;
  readonly contentType: string;
}

/**
 * Metrics in a registry of their own, with those of Node.js beside them. `version` is that of the project.
 */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  const catalogue = createCatalogue(registry);
  collectDefaultMetrics({ register: registry });
  // Gauges with counters' names, which Prometheus' own check rejects. Each is the sum of a gauge that stays.
  for (const what of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${what}_total`);
  }
  catalogue.buildInfo.set({ version }, 1);
  for (const reason of ENGINE_LOSSES) catalogue.engineRestarts.inc({ reason }, 0);
  for (const reason of REJECTION_REASONS) catalogue.rejected.inc({ reason }, 0);
  for (const stage of ['decode', 'preprocess', 'queue', 'adapt', 'postprocess']) {
    catalogue.stageDuration.zero({ stage });
  }
  const models = createModelMetrics(catalogue);
  let sources: MetricSources | undefined;

  async function sampleQueue({ queueStatus }: MetricSources): Promise<void> {
    if (!queueStatus) return;
    try {
      setQueueGauges(catalogue, await queueStatus(), models.recipes());
    } catch {
      // The other metrics matter most while the queue is out of reach, and an old depth would be wrong.
      setQueueGauges(catalogue, [], []);
    }
  }

  function sampleStates({ isReady, isWorkerUp, isRedisUp, apiProcesses }: MetricSources): void {
    catalogue.ready.set(isReady() ? 1 : 0);
    if (isWorkerUp) catalogue.workerUp.set(isWorkerUp() ? 1 : 0);
    if (isRedisUp) catalogue.redisUp.set(isRedisUp() ? 1 : 0);
    if (apiProcesses) catalogue.apiProcesses.set(apiProcesses());
  }

  async function sampleEngine({ enginePids }: MetricSources): Promise<void> {
    if (!enginePids) return;
    const pids = enginePids();
    catalogue.engineProcesses.set(pids.length);
    catalogue.engineMemory.set(await residentMemoryBytes(pids));
  }

  async function sample(): Promise<void> {
    if (!sources) return;
    sampleStates(sources);
    await Promise.all([sampleQueue(sources), sampleEngine(sources)]);
  }

  return {
    http: createHttpMetrics(catalogue),
    inference: createInferenceMetrics(catalogue),
    queue: createQueueMetrics(catalogue),
    models,
    engine: createEngineMetrics(catalogue),
    api: { lost: () => catalogue.apiRestarts.inc() },
    watch: (given) => {
      sources = given;
      // A gauge of something that does not exist would look like its failure.
      if (!given.isWorkerUp) registry.removeSingleMetric('dent_worker_up');
      if (!given.isRedisUp) registry.removeSingleMetric('dent_redis_up');
      if (!given.apiProcesses) {
        for (const name of ['processes', 'restarts_total']) registry.removeSingleMetric(`dent_api_${name}`);
      }
      if (!given.enginePids) {
        for (const name of ['processes', 'resident_memory_bytes', 'restarts_total']) {
          registry.removeSingleMetric(`dent_engine_${name}`);
        }
      }
    },
    async text() {
      await sample();
      return registry.metrics();
    },
    async snapshot() {
      await sample();
      return registry.getMetricsAsJSON();
    },
    counts: () =>
      Promise.all(
        registry
          .getMetricsAsArray()
          .filter((metric) => metric instanceof Counter || metric instanceof Histogram)
          .map((metric) => metric.get()),
      ),
    contentType: registry.contentType,
  };
}
