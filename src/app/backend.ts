import type { FastifyBaseLogger } from 'fastify';
import type { BatchProducer, Lane, LaneLimits } from '../batching/batch-queue.ts';
import { createMemoryQueue } from '../batching/index.ts';
import type { Config } from '../config.ts';
import type { Engine } from '../engine/index.ts';
import type { ServiceError } from '../errors.ts';
import type { Metrics } from '../metrics/index.ts';
import { type ModelRepository, openModelDescriptions } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import { openBatchRunner, repositoryOptions } from './batch-runner.ts';
import { observeModels } from './observers/observe-models.ts';
import { logQueueFaults, redisSettings } from './redis-settings.ts';
import { watchWorkers } from './worker-watch.ts';

/** The parts behind the HTTP interface: models to take requests for, and a queue that gets them answered. */
export interface Backend {
  readonly models: ModelRepository<DescribedVersion>;
  readonly queue: BatchProducer & {
    unreadyReasons?(): readonly string[];
    refusal?(): ServiceError | undefined;
    warnings?(): readonly string[];
  };
  /** Present where batches run in this process: whether they do. */
  readonly isWorkerUp?: () => boolean;
  /** Present where batches run in this process. */
  readonly engine?: Engine;
  /** Present where the queue is in Redis: whether it can be reached. */
  readonly isRedisUp?: () => boolean;
  /** Answers all accepted requests, then releases everything. Idempotent. */
  close(): Promise<void>;
}

const limitsOf =
  (models: ModelRepository<DescribedVersion>) =>
  ({ content }: Lane): LaneLimits =>
    models.describe(content)!.manifest.batching;

/** Whether another process may still send rows of a content that is not served any more. */
type IsHeld = (content: string) => Promise<boolean>;

/** Batches form and run in this process. */
async function openMemoryBackend(
  config: Config,
  metrics: Metrics,
  log: FastifyBaseLogger,
  isHeld: IsHeld,
): Promise<Backend> {
  const runner = await openBatchRunner(config, metrics, log, {
    isAwaited: async (content) =>
      (await isHeld(content)) || (await queue.status()).some(({ lane }) => lane.content === content),
  });
  const { models, handler } = runner;
  const queue = createMemoryQueue({ limitsOf: limitsOf(models), observer: metrics.queue });
  queue.consume(handler, runner.consuming);
  let closing = false;
  return {
    models,
    queue,
    isWorkerUp: () => !closing,
    engine: runner.engine,
    async close() {
      closing = true;
      await queue.close();
      await runner.close();
    },
  };
}

/** Rows go to Redis, and workers take them from there. No engine starts and nothing is compiled here. */
async function openRedisBackend(config: Config, metrics: Metrics, log: FastifyBaseLogger): Promise<Backend> {
  const { createRedisProducer } = await import('../batching/redis/index.ts');
  const observer = observeModels(metrics, log);
  const redis = redisSettings(config);
  const models = await openModelDescriptions(
    { observer, isRunnable: (content) => queue.hasWorker(content) },
    repositoryOptions(config),
  );
  const queue = createRedisProducer({
    redis,
    limitsOf: limitsOf(models),
    observer: metrics.queue,
    onFault: logQueueFaults(log),
  });
  const watch = watchWorkers({ models, hasWorker: queue.hasWorker, log }, config);
  return {
    models,
    queue: {
      ...queue,
      unreadyReasons: () => [...queue.unreadyReasons(), ...watch.reasons()],
      refusal: () => queue.refusal() ?? watch.refusal(),
      warnings: watch.warnings,
    },
    isRedisUp: queue.isUp,
    async close() {
      watch.close();
      await queue.close();
      await models.close();
    },
  };
}

/** Rejects with `InputError` where the repository or the settings are at fault. No model is loaded yet. */
export const openBackend = (
  config: Config,
  metrics: Metrics,
  log: FastifyBaseLogger,
  isHeld: IsHeld = async () => false,
): Promise<Backend> =>
  config.queue === 'redis'
    ? openRedisBackend(config, metrics, log)
    : openMemoryBackend(config, metrics, log, isHeld);
