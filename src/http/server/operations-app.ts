import type { FastifyBaseLogger } from 'fastify';
import type { App } from './app-instance.ts';
import { closeConnections } from './connection-close.ts';
import { handleErrors } from './errors.ts';
import { createFastify, type HttpLimits } from './fastify.ts';
import { guard } from './guard.ts';
import { endWithApp, type Lifecycle } from './lifecycle.ts';
import { refuseOtherMethods } from './method-not-allowed.ts';
import { type HttpObserver, observeApp } from './observation.ts';
import { ProblemSchema } from './problem.ts';
import { type Health, healthRoutes } from './routes/health.ts';
import { type MetricsPage, metricsRoute } from './routes/metrics.ts';
import { securityHeaders } from './security-headers.ts';

export interface OperationsAppDeps {
  readonly health: Health;
  readonly lifecycle: Lifecycle;
  readonly metrics: MetricsPage;
  readonly observer: HttpObserver;
  readonly logger: FastifyBaseLogger;
}

/** These requests have no body, and few clients send them. */
const LIMITS = { bodyBytes: 1024, uploadBytes: 1024 ** 2, connections: 256 };

/**
 * Health and metrics on a port of their own, ready for `inject`. It does not listen. It asks for no keys:
 * such a port must not be public.
 */
export async function buildOperationsApp(
  { health, lifecycle, metrics, observer, logger }: OperationsAppDeps,
  limits: Pick<HttpLimits, 'requestTimeoutMs'>,
): Promise<App> {
  const app = createFastify({ observer, logger }, { ...limits, ...LIMITS });
  const ending = endWithApp(app, lifecycle);
  observeApp(app, observer);
  await securityHeaders(app);
  closeConnections(app, ending);
  handleErrors(app);
  guard(app, undefined);
  app.addSchema(ProblemSchema);
  refuseOtherMethods(app, () => {
    healthRoutes(app, health, ending);
    metricsRoute(app, metrics);
  });
  await app.ready();
  return app;
}
