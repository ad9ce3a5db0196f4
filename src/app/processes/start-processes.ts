import type { FastifyBaseLogger } from 'fastify';
import { createLimiter } from '../../access/index.ts';
import type { Config } from '../../config.ts';
import { buildOperationsApp, type MetricsPage, type Phase, type Playground } from '../../http/index.ts';
import { createImageDecoder, type ImageDecoder } from '../../images/index.ts';
import { createInference } from '../../inference/index.ts';
import type { Inference } from '../../inference/inference.ts';
import { createMetrics, type Metrics } from '../../metrics/index.ts';
import { VERSION } from '../../version.ts';
import { type Backend, openBackend } from '../backend.ts';
import { listen } from '../listen.ts';
import { logDelivery } from '../observers/delivery-log.ts';
import { countRequests } from '../observers/http-observer.ts';
import { logReadiness } from '../observers/readiness-log.ts';
import { watchStates } from '../observers/watch-states.ts';
import { warnWhereOpen } from '../open-access.ts';
import { createPlayground, isPlayground } from '../playground.ts';
import type { RunningServer } from '../server.ts';
import { startTracing } from '../tracing.ts';
import { startApiProcesses } from './api-processes.ts';
import { attend } from './attend.ts';
import { createCommonMetrics } from './common-metrics.ts';
import { createCommonStatistics } from './common-statistics.ts';
import { createConnectionSpread } from './spread-connections.ts';
import { createStateFeed, type StateFeed } from './state-feed.ts';

/** What the primary process is. It answers no predictions itself. */
interface Primary {
  readonly backend: Backend;
  readonly feed: StateFeed;
  readonly metrics: Metrics;
  readonly decoder: ImageDecoder;
  /** For what it says of the models. */
  readonly inference: Inference;
  phase: Phase;
}

async function openPrimary(config: Config, log: FastifyBaseLogger): Promise<Primary> {
  const metrics = createMetrics(VERSION);
  let feed: StateFeed | undefined;
  const backend = await openBackend(config, metrics, log, async (content) => feed!.isHeld(content));
  feed = createStateFeed(backend);
  const { models, queue } = backend;
  const decoder = createImageDecoder({ maxPixels: config.maxPixels });
  const observer = metrics.inference;
  const inference = createInference({ models, queue, decoder, observer }, { keepMs: config.keepResultsMs });
  return { backend, feed, metrics, decoder, inference, phase: 'serving' };
}

function openPlayground(config: Config, primary: Primary): Playground | undefined {
  const { engine } = primary.backend;
  if (!engine || !isPlayground(config)) return undefined;
  return createPlayground({ engine, ...primary }, config.models);
}

/** Health and metrics on a port of their own, where the settings give one. */
async function openOperations(
  { host, metricsPort, requestTimeoutMs }: Config,
  primary: Primary,
  page: MetricsPage,
  logger: FastifyBaseLogger,
) {
  if (metricsPort === undefined) return undefined;
  const { metrics, inference: health } = primary;
  const lifecycle = { phase: () => primary.phase };
  const deps = { lifecycle, observer: countRequests(metrics), logger, health, metrics: page };
  const app = await buildOperationsApp(deps, { requestTimeoutMs });
  const url = await listen(app, { host, port: metricsPort, portSetting: 'metricsPort' }, 'for metrics');
  return { app, url };
}

/**
 * Starts API processes that share a port, over the models and the queue of this one. Otherwise as
 * `startServer`.
 */
export async function startProcesses(config: Config, log: FastifyBaseLogger): Promise<RunningServer> {
  const delivery = logDelivery(log);
  const tracing = await startTracing(config, 'dent-serve', delivery);
  warnWhereOpen(config, log);
  const primary = await openPrimary(config, log);
  const { backend, feed, metrics } = primary;
  const { unreadyReasons } = primary.inference;
  const loading = backend.models.load();
  const page = createCommonMetrics(metrics);
  const limiter = createLimiter();
  const playground = openPlayground(config, primary);
  const statistics = createCommonStatistics(backend.models);
  const spread = createConnectionSpread();
  const common = { config, backend, limiter, feed, page, playground, statistics, spread, delivery };
  const processes = startApiProcesses(
    { attend: (one) => attend(common, one), log, onLost: metrics.api.lost },
    config.processes,
  );
  const isReady = () => primary.phase === 'serving' && unreadyReasons().length === 0;
  watchStates(metrics, backend, isReady, processes.count);
  let operations: Awaited<ReturnType<typeof openOperations>>;
  let closing: Promise<void> | undefined;

  async function close(drainDelayMs: number): Promise<void> {
    primary.phase = 'draining';
    await processes.close(drainDelayMs);
    feed.close();
    await backend.close();
    await operations?.app.close();
    await tracing.close();
  }

  let url: string;
  try {
    operations = await openOperations(config, primary, page, log);
    url = await processes.listening;
  } catch (error) {
    await close(0);
    throw error;
  }
  const { models } = backend;
  const isOver = () => primary.phase !== 'serving';
  const loaded = loading
    .then(() => feed.settle())
    .then(() => logReadiness({ url, models, unreadyReasons, isOver }, log));

  async function end(drainDelayMs: number): Promise<void> {
    log.info(`closing ${url}`);
    await close(drainDelayMs);
    await loaded;
    log.info('closed');
  }

  return {
    url,
    ...(operations && { metricsUrl: operations.url }),
    close(drainDelayMs) {
      closing ??= end(drainDelayMs);
      return closing;
    },
  };
}
