import type { FastifyBaseLogger } from 'fastify';
import type { Access } from '../../access/access.ts';
import type { Inference } from '../../inference/inference.ts';
import type { ModelControl } from '../../models/index.ts';
import { parseBodies } from '../v1/body.ts';
import { modelRoutes } from '../v1/models.ts';
import { type Playground, playgroundRoutes } from '../v1/playground.ts';
import { predictRoutes } from '../v1/predict.ts';
import { predictionRoutes } from '../v1/predictions.ts';
import { openInferenceRoutes } from '../v2/index.ts';
import type { App } from './app-instance.ts';
import { closeConnections } from './connection-close.ts';
import { allowOrigins } from './cross-origin.ts';
import { handleErrors } from './errors.ts';
import { createFastify, type HttpLimits } from './fastify.ts';
import { guard } from './guard.ts';
import { endWithApp, type Lifecycle } from './lifecycle.ts';
import { refuseOtherMethods } from './method-not-allowed.ts';
import { type HttpObserver, observeApp } from './observation.ts';
import { documentApi } from './openapi.ts';
import { refuseOtherOrigins } from './origins.ts';
import { docsPage, documentRoutes } from './routes/documents.ts';
import { healthRoutes } from './routes/health.ts';
import { type MetricsPage, metricsRoute } from './routes/metrics.ts';
import { type PageFile, pageRoutes } from './routes/page.ts';
import { securityHeaders } from './security-headers.ts';

export interface AppDeps {
  readonly inference: Inference;
  /** Loads and unloads models. */
  readonly control: ModelControl;
  /** Who may come in. Without it no key is needed. */
  readonly access?: Access;
  readonly lifecycle: Lifecycle;
  /** What has pictures attacked; nobody may where it is not set. */
  readonly playground?: Playground;
  /** Absent where metrics are served elsewhere. */
  readonly metrics?: MetricsPage;
  readonly observer: HttpObserver;
  readonly logger: FastifyBaseLogger;
}

export interface AppOptions {
  /** The project's version, for the OpenAPI document. */
  readonly version: string;
  /** The origins whose pages may call. None where it is not set. */
  readonly origins?: readonly string[];
  /** What is at `/`; the way to the page under /docs where there is none. */
  readonly page?: readonly PageFile[];
  readonly limits: HttpLimits;
}

/**
 * The HTTP interface as a Fastify app that is ready for `inject`. It does not listen, and it closes only
 * itself: the composition root starts, drains and stops it.
 */
export async function buildApp(
  deps: AppDeps,
  { version, origins = [], page = [], limits }: AppOptions,
): Promise<App> {
  const { inference, metrics, observer, logger } = deps;
  const app = createFastify({ observer, logger }, limits);
  const lifecycle = endWithApp(app, deps.lifecycle);
  observeApp(app, observer);
  await securityHeaders(app);
  closeConnections(app, lifecycle);
  allowOrigins(app, origins);
  handleErrors(app);
  refuseOtherOrigins(app);
  guard(app, deps.access);
  parseBodies(app);
  await documentApi(app, version);
  refuseOtherMethods(app, () => {
    predictRoutes(app, { ...deps, lifecycle });
    predictionRoutes(app, inference);
    modelRoutes(app, inference);
    healthRoutes(app, inference, lifecycle);
    if (metrics) metricsRoute(app, metrics);
    documentRoutes(app);
    pageRoutes(app, page);
    playgroundRoutes(app, { ...deps, lifecycle });
  });
  await openInferenceRoutes(app, { ...deps, lifecycle, version });
  await docsPage(app, () => (deps.access === undefined ? inference.models() : []));
  await app.ready();
  return app;
}
