import type { FastifyBaseLogger } from 'fastify';
import { createRedisConsumer, type RedisConsumer } from '../batching/redis/index.ts';
import type { Config } from '../config.ts';
import { buildOperationsApp, type Phase } from '../http/index.ts';
import { modelReasons } from '../inference/index.ts';
import { createMetrics, type Metrics } from '../metrics/index.ts';
import { VERSION } from '../version.ts';
import { type BatchRunner, openBatchRunner } from './batch-runner.ts';
import { createLinger } from './linger.ts';
import { listen } from './listen.ts';
import { logDelivery } from './observers/delivery-log.ts';
import { countRequests } from './observers/http-observer.ts';
import { logReadiness } from './observers/readiness-log.ts';
import { logQueueFaults, redisSettings } from './redis-settings.ts';
import { startTracing } from './tracing.ts';

export interface RunningWorker {
  /** Where its health and metrics are. */
  readonly url: string;
  /** Takes no more batches, answers the one under way, and releases everything. Idempotent. */
  close(): Promise<void>;
}

interface Parts {
  readonly runner: BatchRunner;
  readonly consumer: RedisConsumer;
  readonly metrics: Metrics;
}

async function openParts(config: Config, log: FastifyBaseLogger): Promise<Parts> {
  const metrics = createMetrics(VERSION);
  const redis = redisSettings(config);
  let consumer: RedisConsumer | undefined;
  const runner = await openBatchRunner(config, metrics, log, {
    isAwaited: createLinger((content) => consumer!.isAwaited(content), config.repositoryPollMs),
    onReady: () => consumer?.announce(),
  });
  try {
    consumer = createRedisConsumer({
      redis,
      contents: runner.models.contents,
      observer: metrics.queue,
      onFault: logQueueFaults(log),
    });
    return { runner, consumer, metrics };
  } catch (error) {
    await runner.close();
    throw error;
  }
}

/**
 * Starts a worker. When this resolves it is alive. It takes batches once its models are loaded and warm. It
 * connects to Redis by itself, and again after every loss. Rejects with `InputError` where the repository or
 * a setting is at fault, or the port is taken.
 */
export async function startWorker(config: Config, log: FastifyBaseLogger): Promise<RunningWorker> {
  const tracing = await startTracing(config, 'dent-worker', logDelivery(log));
  const { runner, consumer, metrics } = await openParts(config, log);
  const { models, handler } = runner;
  let consuming = false;
  let closing: Promise<void> | undefined;
  const unreadyReasons = (): string[] => [...modelReasons(models), ...consumer.unreadyReasons()];
  metrics.watch({
    isReady: () => !closing && unreadyReasons().length === 0,
    isWorkerUp: () => consuming && !closing && consumer.isUp(),
    isRedisUp: consumer.isUp,
    enginePids: () => runner.engine.pids,
  });
  const deps = {
    health: { unreadyReasons },
    lifecycle: { phase: (): Phase => (closing ? 'draining' : 'serving') },
    metrics,
    observer: countRequests(metrics),
    logger: log,
  };
  const limits = { requestTimeoutMs: config.requestTimeoutMs };
  let app: Awaited<ReturnType<typeof buildOperationsApp>> | undefined;

  async function letGo(): Promise<void> {
    await consumer.close();
    await runner.close();
    await app?.close();
  }

  async function load(url: string): Promise<void> {
    await models.load();
    if (closing) return;
    // Not earlier: a worker that consumes counts as one that can take its share.
    consumer.consume(handler, runner.consuming);
    consuming = true;
    await logReadiness({ url, models, unreadyReasons, isOver: () => closing !== undefined }, log);
  }

  let url: string;
  try {
    app = await buildOperationsApp(deps, limits);
    url = await listen(app, config, 'loading models');
  } catch (error) {
    await letGo();
    throw error;
  }
  const loaded = load(url);

  async function close(): Promise<void> {
    log.info('closing: no more batches are taken');
    await letGo();
    await loaded;
    await tracing.close();
    log.info('closed');
  }

  return {
    url,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
