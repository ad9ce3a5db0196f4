import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.ts';
import { createMetrics, type Metrics } from '../metrics/index.ts';
import { VERSION } from '../version.ts';
import { assemble, type House } from './assemble.ts';
import { type Backend, openBackend } from './backend.ts';
import { listen } from './listen.ts';
import { logDelivery } from './observers/delivery-log.ts';
import { countRequests } from './observers/http-observer.ts';
import { logReadiness } from './observers/readiness-log.ts';
import { watchStates } from './observers/watch-states.ts';
import { openAccess, warnWhereOpen } from './open-access.ts';
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

/** Health and metrics on a port of their own, where the settings give one. */
async function openOperations(
  { metricsPort, requestTimeoutMs }: Config,
  { inference, lifecycle }: House,
  metrics: Metrics,
  logger: FastifyBaseLogger,
) {
  if (metricsPort === undefined) return undefined;
  const { buildOperationsApp } = await import('../http/index.ts');
  const deps = { lifecycle, observer: countRequests(metrics), logger, health: inference, metrics };
  return buildOperationsApp(deps, { requestTimeoutMs });
}
type Operations = Awaited<ReturnType<typeof openOperations>>;

type Urls = Pick<RunningServer, 'url' | 'metricsUrl'>;

/** Metrics first: when the API can be reached, its metrics can be too. */
async function listenAll(
  { app }: House,
  operations: Operations,
  { host, port, metricsPort }: Config,
): Promise<Urls> {
  if (!operations) return { url: await listen(app, { host, port }, 'loading models') };
  const metricsUrl = await listen(
    operations,
    { host, port: metricsPort!, portSetting: 'metricsPort' },
    'for metrics',
  );
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
  { models }: Backend,
  { inference, isServing }: House,
  url: string,
  log: FastifyBaseLogger,
) {
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
  const tracing = await startTracing(config, 'dent-serve', logDelivery(log));
  const metrics = createMetrics(VERSION);
  warnWhereOpen(config, log);
  const access = await openAccess(config, log);
  const backend = await openBackend(config, metrics, log);
  // The engine's processes open the models while this process builds the HTTP interface.
  const loading = backend.models.load();
  let house: House | undefined;
  let operations: Operations;
  let urls: Urls;
  try {
    const { engine } = backend;
    house = await assemble(
      config,
      {
        backend,
        access,
        metrics,
        metricsPage: config.metricsPort === undefined ? metrics : undefined,
        playground: (parts) =>
          engine && isPlayground(config) ? createPlayground({ engine, ...parts }, config.models) : undefined,
      },
      log,
    );
    watchStates(metrics, backend, house.isReady);
    operations = await openOperations(config, house, metrics, log);
    urls = await listenAll(house, operations, config);
  } catch (error) {
    await house?.app.close();
    await backend.close();
    access?.close();
    throw error;
  }
  const { url } = urls;
  const { drain } = house;
  const loaded = awaitModels(loading, backend, house, url, log);
  let closing: Promise<void> | undefined;

  async function close(drainDelayMs: number): Promise<void> {
    log.info(`closing ${url}`);
    await drain(drainDelayMs);
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
