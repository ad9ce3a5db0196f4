import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { createMemoryQueue } from './batching/index.ts';
import type { Config } from './config.ts';
import { compile } from './dent/index.ts';
import { createEngine, type Engine } from './engine/index.ts';
import { InputError } from './errors.ts';
import { buildApp, type Phase } from './http/index.ts';
import { createImageDecoder } from './images/index.ts';
import { createBatchHandler, createInference } from './inference/index.ts';
import { createMetrics, type Metrics } from './metrics/index.ts';
import { createArtifactCache, type ModelRepository, openModelRepository } from './models/index.ts';
import { VERSION } from './version.ts';

export interface RunningServer {
  /** Where it listens, such as http://127.0.0.1:8080. */
  readonly url: string;
  /**
   * Turns readiness to 503, goes on serving for `drainDelayMs`, then refuses what is new and answers what is under way.
   * Idempotent.
   */
  close(drainDelayMs: number): Promise<void>;
}

function startEngine({ threads, runTimeoutMs }: Config, log: FastifyBaseLogger): Engine {
  return createEngine({
    device: 'cpu',
    threads,
    runTimeoutMs,
    log: {
      onChildStart: ({ pid }) => log.debug({ pid }, 'an engine process has started'),
      onChildExit: ({ pid, reason }) =>
        log[reason === 'was closed' ? 'debug' : 'warn']({ pid, reason }, 'an engine process has ended'),
    },
  });
}

function openRepository(
  { models: root, defaultModel, cacheDir }: Config,
  engine: Engine,
  metrics: Metrics,
  log: FastifyBaseLogger,
): Promise<ModelRepository> {
  const cache = createArtifactCache({ compile, runner: engine }, { dir: cacheDir, device: 'cpu' });
  const observer = {
    ready: metrics.models.loaded,
    failed(model: string, version: number, error: unknown) {
      // A person mends an InputError by reading its sentence; anything else needs its stack.
      if (error instanceof InputError) log.error(error.message);
      else log.error({ err: error, model, version }, 'a model could not be loaded');
    },
  };
  return openModelRepository(
    { engine, cache, observer },
    { root, ...(defaultModel !== undefined && { defaultModel }) },
  );
}

/** Connects the rooms. Nothing listens yet, and no model is loaded. */
async function assemble(config: Config, engine: Engine, log: FastifyBaseLogger) {
  const metrics = createMetrics();
  const models = await openRepository(config, engine, metrics, log);
  const queue = createMemoryQueue({
    limitsOf: ({ model }) => models.model(model)!.manifest.batching,
    observer: metrics.queue,
  });
  const observer = metrics.inference;
  // One batch at a time keeps every core busy already, and whoever comes meanwhile gathers for a larger next one.
  queue.consume(createBatchHandler({ models, observer }), { concurrency: 1 });
  const decoder = createImageDecoder({ maxPixels: config.maxPixels });
  const inference = createInference({ models, queue, decoder, observer });
  let phase: Phase = 'serving';
  const isReady = (): boolean => phase === 'serving' && inference.unreadyReasons().length === 0;
  metrics.watch({ queueStatus: () => queue.status(), isReady });
  const app = await buildApp(
    {
      inference,
      lifecycle: { phase: () => phase },
      metrics,
      observer: {
        requestStarted: metrics.http.started,
        requestFinished({ error, ...response }) {
          metrics.http.finished(response);
          if (error !== undefined) metrics.http.rejected(error);
        },
      },
      logger: log,
    },
    {
      version: VERSION,
      limits: { bodyBytes: config.maxBodyBytes, requestTimeoutMs: config.requestTimeoutMs },
    },
  );
  const enter = (next: Phase): void => {
    phase = next;
  };
  return { app, queue, models, inference, isServing: () => phase === 'serving', enter };
}
type House = Awaited<ReturnType<typeof assemble>>;

async function listen({ app }: House, { host, port }: Config): Promise<string> {
  try {
    const listenTextResolver = (address: string): string => `listening at ${address}, loading models`;
    await app.listen({ host, port, listenTextResolver });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'the port is in use' : `${code}`;
    throw new InputError(`Cannot listen on ${host}, port ${port}: ${reason}.`, { cause });
  }
  const { address, family, port: actual } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`;
}

/** Compiles, opens and warms the models, and tells the operator when requests can be answered. */
async function loadModels(house: House, url: string, log: FastifyBaseLogger): Promise<void> {
  const { models, inference, isServing } = house;
  await models.load();
  if (!isServing()) return;
  const reasons = inference.unreadyReasons();
  if (reasons.length > 0) {
    log.error({ reasons }, `not ready at ${url}`);
    return;
  }
  const served = models
    .models()
    .flatMap(({ name, versions }) =>
      versions.filter(({ state }) => state === 'ready').map(({ version }) => `${name}:${version}`),
    );
  log.info({ url, models: served }, `ready at ${url}, serving ${served.join(', ')}`);
}

/**
 * Starts the server. It listens when this resolves, and is alive; it is ready once its models are loaded and warm. Rejects
 * with `InputError` where the repository is at fault or the port is taken.
 */
export async function startServer(config: Config, log: FastifyBaseLogger): Promise<RunningServer> {
  const engine = startEngine(config, log);
  let house: House;
  let url: string;
  try {
    house = await assemble(config, engine, log);
    url = await listen(house, config);
  } catch (error) {
    await engine.close();
    throw error;
  }
  const { app, queue, models, inference, enter } = house;
  const loaded = loadModels(house, url, log);
  let closing: Promise<void> | undefined;

  async function close(drainDelayMs: number): Promise<void> {
    log.info(`closing ${url}`);
    enter('draining');
    await pause(drainDelayMs);
    enter('refusing');
    // Whoever comes while the last predictions are made gets an answer that says so, not a connection that is reset.
    await inference.idle();
    await app.close();
    await queue.close();
    await models.close();
    await engine.close();
    await loaded;
    log.info('closed');
  }

  return {
    url,
    close(drainDelayMs) {
      closing ??= close(drainDelayMs);
      return closing;
    },
  };
}
