import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { Access } from '../access/access.ts';
import type { Config } from '../config.ts';
import type { MetricsPage, Phase, Playground } from '../http/index.ts';
import { createImageDecoder, type ImageDecoder } from '../images/index.ts';
import { createInference } from '../inference/index.ts';
import type { Inference, VersionStatistics } from '../inference/inference.ts';
import type { Metrics } from '../metrics/index.ts';
import { VERSION } from '../version.ts';
import type { Backend } from './backend.ts';
import { corsOrigins } from './cors-origins.ts';
import { httpLimits } from './http-limits.ts';
import { countRequests } from './observers/http-observer.ts';
import { openPage } from './open-page.ts';

export interface AssembleDeps {
  readonly backend: Backend;
  readonly access: Access | undefined;
  readonly metrics: Metrics;
  /** What `/metrics` shows; no such route where it is not set. */
  readonly metricsPage?: MetricsPage | undefined;
  /** What has pictures attacked, where somebody may. */
  readonly playground?: (parts: { decoder: ImageDecoder; inference: Inference }) => Playground | undefined;
  /** Where several processes answer: what all of them have counted of a content, if anything. */
  readonly statistics?: (content: string) => Promise<VersionStatistics | undefined>;
  /** Where this process serves nothing without another: why it cannot go on, should that hang. */
  readonly hungReason?: () => string | undefined;
}

/** The HTTP interface with everything behind it. */
export type House = Awaited<ReturnType<typeof assemble>>;

/** Connects the rooms. Nothing listens yet. */
export async function assemble(
  config: Config,
  { backend, access, metrics, metricsPage, playground: openPlayground, statistics, hungReason }: AssembleDeps,
  log: FastifyBaseLogger,
) {
  // Loaded here and not at the top: meanwhile the engine's processes have models to open.
  const { buildApp } = await import('../http/index.ts');
  const { models, queue } = backend;
  const decoder = createImageDecoder({ maxPixels: config.maxPixels });
  const own = createInference(
    { models, queue, decoder, observer: metrics.inference },
    { keepMs: config.keepResultsMs },
  );
  const ofAll: Inference['statistics'] = async (version) =>
    (await statistics?.(version.content)) ?? own.statistics(version);
  const inference = { ...own, statistics: ofAll };
  let phase: Phase = 'serving';
  const lifecycle = { phase: () => phase, ...(hungReason && { hungReason }) };
  const page = await openPage(config, log);
  const playground = openPlayground?.({ decoder, inference });
  const app = await buildApp(
    {
      lifecycle,
      observer: countRequests(metrics),
      logger: log,
      inference,
      control: models,
      ...(access && { access }),
      ...(metricsPage && { metrics: metricsPage }),
      ...(playground && { playground }),
    },
    { version: VERSION, origins: corsOrigins(config), page, limits: await httpLimits(config, log) },
  );
  const isServing = (): boolean => phase === 'serving';

  return {
    app,
    inference,
    ownStatistics: own.statistics,
    lifecycle,
    isServing,
    isReady: () => isServing() && inference.unreadyReasons().length === 0,
    /**
     * Turns readiness to 503 and goes on serving for `drainDelayMs`. Then refuses new requests and answers
     * those under way.
     */
    async drain(drainDelayMs: number): Promise<void> {
      phase = 'draining';
      await pause(drainDelayMs);
      phase = 'refusing';
      // A client that comes while the last predictions are made gets a refusal with a reason, not a reset
      // connection.
      await own.idle();
      await app.close();
    },
  };
}
