import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { Access } from '../access/access.ts';
import type { Config } from '../config.ts';
import type { Phase } from '../http/index.ts';
import { createImageDecoder } from '../images/index.ts';
import { createInference } from '../inference/index.ts';
import { createMetrics, type Metrics } from '../metrics/index.ts';
import { VERSION } from '../version.ts';
import { type Backend, openBackend } from './backend.ts';
import { corsOrigins } from './cors-origins.ts';
import { httpLimits } from './http-limits.ts';
import { listen } from './listen.ts';
import { countRequests } from './observers/http-observer.ts';
import { logReadiness } from './observers/readiness-log.ts';
import { openAccess } from './open-access.ts';
import { openPage } from './open-page.ts';
import { createPlayground, isPlayground } from './playground.ts';
import { startTracing } from './tracing.ts';

export interface RunningServer {
  /** Where it listens, such as http://127.0.0.1:8080. */
  readonly url: string;
  /** Where its metrics are, if they have a port of their own. */
  readonly metricsUrl?: string;
  /**
   * Turns readiness to 503 and goes on serving for `drainDelayMs`. Then refuses new requests and answers
   * those under way. Idempotent.
   */
  close(drainDelayMs: number): Promise<void>;
}

/** Connects the rooms. Nothing listens yet. */
async function assemble(
  config: Config,
  { backend, access, metrics }: { backend: Backend; access: Access | undefined; metrics: Metrics },
  log: FastifyBaseLogger,
) {
  // Loaded here and not at the top: meanwhile the engine's processes have models to open.
  const { buildApp, buildOperationsApp } = await import('../http/index.ts');
  const { models, queue, isWorkerUp, engine, isRedisUp } = backend;
  const decoder = createImageDecoder({ maxPixels: config.maxPixels });
  const inference = createInference(
    { models, queue, decoder, observer: metrics.inference },
    { keepMs: config.keepResultsMs },
  );
  let phase: Phase = 'serving';
  const isReady = (): boolean => phase === 'serving' && inference.unreadyReasons().length === 0;
  metrics.watch({
    queueStatus: () => queue.status(),
    isReady,
    ...(isWorkerUp && { isWorkerUp: () => isReady() && isWorkerUp() }),
    ...(engine && { enginePids: () => engine.pids }),
    ...(isRedisUp && { isRedisUp }),
  });
  const { metricsPort, requestTimeoutMs } = config;
  const deps = { lifecycle: { phase: () => phase }, observer: countRequests(metrics), logger: log };
  const ownPort = metricsPort !== undefined;
  const page = await openPage(config, log);
  const playground =
    engine && isPlayground(config)
      ? createPlayground({ engine, decoder, inference }, config.models)
      : undefined;
  const app = await buildApp(
    {
      ...deps,
      inference,
      control: models,
      ...(access && { access }),
      ...(!ownPort && { metrics }),
      ...(playground && { playground }),
    },
    { version: VERSION, origins: corsOrigins(config), page, limits: await httpLimits(config, log) },
  );
  const operations = ownPort
    ? await buildOperationsApp({ ...deps, health: inference, metrics }, { requestTimeoutMs })
    : undefined;
  const enter = (next: Phase): void => {
    phase = next;
  };
  return { app, operations, backend, inference, isServing: () => phase === 'serving', enter };
}
type House = Awaited<ReturnType<typeof assemble>>;

type Urls = Pick<RunningServer, 'url' | 'metricsUrl'>;

/** Metrics first: when the API can be reached, its metrics can be too. */
async function listenAll({ app, operations }: House, { host, port, metricsPort }: Config): Promise<Urls> {
  if (!operations) return { url: await listen(app, { host, port }, 'loading models') };
  const metricsUrl = await listen(operations, { host, port: metricsPort! }, 'for metrics');
  try {
    return { url: await listen(app, { host, port }, 'loading models'), metricsUrl };
  } catch (error) {
    await operations.close();
    throw error;
  }
}

/** Tells the operator when the models are loaded and requests can be answered. */
async function awaitModels(
  loading: Promise<void>,
  { backend, inference, isServing }: House,
  url: string,
  log: FastifyBaseLogger,
) {
  const { models } = backend;
  await loading;
  const { unreadyReasons } = inference;
  await logReadiness({ url, models, unreadyReasons, isOver: () => !isServing() }, log);
}

/**
 * Starts the server. When this resolves it listens and is alive. It is ready once its models are loaded and
 * its queue can be reached. Rejects with `InputError` where the repository or a setting is at fault, or the
 * port is taken.
 */
export async function startServer(config: Config, log: FastifyBaseLogger): Promise<RunningServer> {
  const tracing = await startTracing(config, 'dent-serve', log);
  const metrics = createMetrics(VERSION);
  const access = await openAccess(config, log);
  const backend = await openBackend(config, metrics, log);
  // The engine's processes open the models while this process builds the HTTP interface.
  const loading = backend.models.load();
  let house: House | undefined;
  let urls: Urls;
  try {
    house = await assemble(config, { backend, access, metrics }, log);
    urls = await listenAll(house, config);
  } catch (error) {
    await house?.app.close();
    await backend.close();
    access?.close();
    throw error;
  }
  const { app, operations, inference, enter } = house;
  const { url } = urls;
  const loaded = awaitModels(loading, house, url, log);
  let closing: Promise<void> | undefined;

  async function close(drainDelayMs: number): Promise<void> {
    log.info(`closing ${url}`);
    enter('draining');
    await pause(drainDelayMs);
    enter('refusing');
    // A client that comes while the last predictions are made gets a refusal with a reason, not a reset
    // connection.
    await inference.idle();
    await app.close();
    await backend.close();
    await loaded;
    await operations?.close();
    access?.close();
    await tracing.close();
    log.info('closed');
  }

  return {
    ...urls,
    close(drainDelayMs) {
      closing ??= close(drainDelayMs);
      return closing;
    },
  };
}
