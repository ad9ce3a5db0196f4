import { parse } from 'node:querystring';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import type { Inference } from '../inference/inference.ts';
import type { App } from './app-instance.ts';
import { parseBodies } from './body.ts';
import { answerClientError } from './client-error.ts';
import { closeConnections } from './connection-close.ts';
import { handleErrors, sendError } from './errors.ts';
import { endWithApp, type Lifecycle } from './lifecycle.ts';
import { refuseOtherMethods } from './method-not-allowed.ts';
import { type HttpObserver, observe } from './observation.ts';
import { documentApi } from './openapi.ts';
import { requestId } from './request-id.ts';
import { docsPage, documentRoutes } from './routes/documents.ts';
import { healthRoutes } from './routes/health.ts';
import { type MetricsPage, metricsRoute } from './routes/metrics.ts';
import { modelRoutes } from './routes/models.ts';
import { predictRoutes } from './routes/predict.ts';
import { validationError } from './validation.ts';

export interface AppDeps {
  readonly inference: Inference;
  readonly lifecycle: Lifecycle;
  readonly metrics: MetricsPage;
  readonly observer: HttpObserver;
  readonly logger: FastifyBaseLogger;
}

export interface HttpLimits {
  /** Bytes of a request's body; more are answered with 413. */
  readonly bodyBytes: number;
  /** How long a request may take to arrive in full. */
  readonly requestTimeoutMs: number;
}

export interface AppOptions {
  /** Of the project, for the OpenAPI document. */
  readonly version: string;
  readonly limits: HttpLimits;
}

const HEADERS_TIMEOUT_MS = 15_000;
/** How often Node looks for requests that take too long. */
const TIMEOUT_CHECK_MS = 1000;

/**
 * The HTTP interface as a Fastify app that is ready for `inject`. It does not listen, and it closes nothing but itself: the
 * composition root starts, drains and stops it.
 */
export async function buildApp(deps: AppDeps, { version, limits }: AppOptions): Promise<App> {
  const { inference, metrics, observer, logger } = deps;
  const app: App = Fastify({
    loggerInstance: logger,
    // One line a request, written by `observe`, which also sees clients that hang up.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    requestIdHeader: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    http: {
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, limits.requestTimeoutMs),
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.requestTimeoutMs),
    },
    // While it closes, the app itself says so, in the words of its other errors.
    return503OnClosing: false,
    routerOptions: {
      maxParamLength: 128,
      // A plus is a plus, as in a path (RFC 3986), and recipes have it in their names. Only forms mean a space by it.
      querystringParser: (query) => parse(query.replaceAll('+', '%2B')),
    },
    ajv: { customOptions: { removeAdditional: false, useDefaults: false, coerceTypes: true } },
    schemaErrorFormatter: validationError,
    frameworkErrors: (error, request, reply) => {
      // Fastify runs no hooks for these.
      observe(observer, request, reply);
      return sendError(error, request, reply);
    },
    clientErrorHandler: answerClientError,
  });

  const lifecycle = endWithApp(app, deps.lifecycle);
  app.addHook('onRequest', async (request, reply) => observe(observer, request, reply));
  closeConnections(app, lifecycle);
  handleErrors(app);
  parseBodies(app);
  await documentApi(app, version);
  refuseOtherMethods(app, () => {
    predictRoutes(app, inference, lifecycle);
    modelRoutes(app, inference);
    healthRoutes(app, inference, lifecycle);
    metricsRoute(app, metrics);
    documentRoutes(app);
  });
  await docsPage(app);
  await app.ready();
  return app;
}
